"""Records what supervisors export during a failure, as the series of a `promtool test rules` file.

usage: python3 tools/record_series.py SECONDS NAME=HOST:PORT ... [-- COMMAND ...]

Each is scraped every five seconds, as a Prometheus of job near-supervisor would; after a quarter of that the command is
run. A target that does not answer has `up` 0, and no other series. To standard output.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request

EVERY_S = 5
KEPT = re.compile(r"near_supervisor_\w+")
SAMPLE = re.compile(r"^(?P<name>\w+)(\{(?P<labels>.*)\})? (?P<value>\S+)$")


def scraped(address: str) -> dict[str, str]:
    """Values by series; nothing where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        sample = SAMPLE.match(line)
        if sample and KEPT.fullmatch(sample["name"]):
            found[f"{sample['name']}{{{sample['labels'] or ''}"] = f"{float(sample['value']):g}"
    return found


def main() -> None:
    """Record, and print."""
    words = sys.argv[1:]
    command = words[words.index("--") + 1 :] if "--" in words else []
    seconds, *targets = words[: words.index("--")] if "--" in words else words
    places = dict(target.split("=", 1) for target in targets)
    turns = int(seconds) // EVERY_S
    series: dict[str, list[str]] = {}
    began = time.monotonic()
    for turn in range(turns):
        if turn == turns // 4 and command:
            subprocess.run(command, check=True, stdout=sys.stderr)
        for name, address in places.items():
            found = scraped(address)
            labels = f'instance="{name}",job="near-supervisor"}}'
            now = {f"up{{{labels}": "1" if found else "0"}
            for one, value in found.items():
                joined = "" if one.endswith("{") else ","
                now[f"{one}{joined}{labels}"] = value
            for one in now:
                series.setdefault(one, ["_"] * turn)
            for one, values in series.items():
                if f'instance="{name}"' in one:
                    values.append(now.get(one, "stale" if values and values[-1] not in ("_", "stale") else "_"))
        time.sleep(max(0, began + (turn + 1) * EVERY_S - time.monotonic()))
    print("input_series:")
    for one, values in sorted(series.items()):
        print(f"  - series: {json.dumps(one)}\n    values: {json.dumps(' '.join(shortened(values)))}")


def shortened(values: list[str]) -> list[str]:
    """Runs of one value as promtool writes them: `1x4` is that value five times."""
    found: list[list[str]] = []
    for value in values:
        if found and found[-1][0] == value:
            found[-1].append(value)
        else:
            found.append([value])
    return [
        run[0] if len(run) == 1 else f"{run[0]}x{len(run) - 1}" if run[0] != "stale" else " ".join(run) for run in found
    ]


if __name__ == "__main__":
    main()
