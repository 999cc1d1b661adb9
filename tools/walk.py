"""Walks the first hour in containers of other distributions: as root and as a user, with a network and without.

usage: python3 tools/walk.py IMAGE ...

Each image has python3, apt and sh; nothing else is needed of it. What is committed here is put at `a b/ü/near` in a
container; there these are typed: `bin/localnet up`, `kill validator-a`, `demo`, `down`. Then all of it once more
without a network. A row of a table for each walk goes to standard output, what was said to .data/walk/. It needs a
Docker engine (`bin/containers up`); pip's own settings and certificates of this machine (PIP_*, SSL_CERT_FILE) hold in
the containers, too. Exit status 1 if a walk did not get to its end.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAID = ROOT / ".data" / "walk"
PLACE = "a b/ü"
USERS = {"root": ("0:0", "/root"), "a user": ("4711:4711", "/home/walker")}
COMMANDS = ("up", "kill validator-a", "demo", "down")
LONGEST_S = 900
SETTINGS = re.compile(r"PIP_\w+|SSL_CERT_FILE|REQUESTS_CA_BUNDLE")


def docker(*words: str) -> str:
    """What docker prints. Raises subprocess.CalledProcessError."""
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


def settings() -> list[str]:
    """What pip is told on this machine: variables, and the files and directories that they name."""
    found: list[str] = []
    for name, value in os.environ.items():
        if SETTINGS.fullmatch(name):
            found += ["--env", f"{name}={value}"]
            if value.startswith("/") and Path(value).exists():
                found += ["--volume", f"{value}:{value}:ro"]
    return found


def walked(image: str, network: str, user: str, name: str) -> tuple[str, str]:
    """The end of each command, and the container, which is left stopped."""
    number, home = USERS[user]
    checkout = f"{home}/{PLACE}/near"
    container = docker(
        "create", "--network", network, "--user", number, "--env", f"HOME={home}", "--init", *settings(), image,
        "sleep", "infinity",
    )  # fmt: skip
    docker("start", container)
    ends: list[str] = []
    for words in COMMANDS:
        began = time.monotonic()
        typed = f'cd "{checkout}" && bin/localnet {words}'
        done = subprocess.run(
            ["docker", "exec", container, "timeout", str(LONGEST_S), "sh", "-c", typed],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        (SAID / f"{name}-{words.split()[0]}.txt").write_text(done.stdout)
        took = f"{time.monotonic() - began:.0f} s"
        ends.append(took if done.returncode == 0 else f"status {done.returncode} after {took}")
        if done.returncode != 0:
            break
    docker("stop", "--time", "1", container)
    return " | ".join(ends), container


def prepared(image: str, user: str, bundle: Path) -> str:
    """An image with a clone in its place, owned by the user."""
    number, home = USERS[user]
    container = docker("create", "--network", "none", image, "sleep", "infinity")
    docker("start", container)
    docker("cp", str(bundle), f"{container}:/near.tar")
    place = f"{home}/{PLACE}/near"
    make = f'mkdir -p "{place}" && tar -xf /near.tar -C "{place}" && rm /near.tar && chown -R {number} {home}'
    docker("exec", container, "sh", "-c", make)
    docker("stop", "--time", "1", container)
    made = docker("commit", container)
    docker("rm", container)
    return made


def main() -> int:
    """A row for each walk."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):  # noqa: PLR2004 - the program's own name
        print(__doc__)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    SAID.mkdir(parents=True, exist_ok=True)
    bundle = SAID / "near.tar"
    with bundle.open("wb") as file:
        subprocess.run(["git", "-C", str(ROOT), "archive", "HEAD"], check=True, stdout=file)
    print("| image | user | network | up | kill | demo | down |\n|---|---|---|---|---|---|---|", flush=True)
    good = True
    for image in sys.argv[1:]:
        for user in USERS:
            name = re.sub(r"\W+", "-", f"{image}-{user}")
            first, container = walked(prepared(image, user, bundle), "bridge", user, f"{name}-1")
            print(f"| {image} | {user} | yes | {first} |", flush=True)
            second, again = walked(docker("commit", container), "none", user, f"{name}-2")
            print(f"| | | none, second time | {second} |", flush=True)
            docker("rm", container, again)
            good = good and "status" not in first + second
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
