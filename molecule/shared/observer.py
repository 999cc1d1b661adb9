"""What is true of a scenario's hosts, asked where it happens: Consul, the process tables, the chain, the signatures.

Nothing here asks Ansible, and nothing believes what a supervisor says of itself, but for `ready` in Consul.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "plugins" / "module_utils")]

from neard_sim.verdict import Referee  # noqa: E402 - found by the line above

EXEC_TIMEOUT_S = 20

# Run inside of a host, by its own python3: an image need have no curl and no procps.
PROCESSES = """
import json, os
found = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        words = open(f"/proc/{pid}/cmdline").read().split(chr(0))[:-1]
        found.append([int(pid), os.stat(f"/proc/{pid}").st_uid, words])
    except OSError:
        pass
print(json.dumps(found))
"""
FETCH = """
import os, ssl, sys, urllib.request
request = urllib.request.Request(sys.argv[1])
if len(sys.argv) > 3 and sys.argv[3]:
    request.add_header("X-Consul-Token", open(sys.argv[3]).read().strip())
context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else None
print(urllib.request.urlopen(request, timeout=5, context=context).read().decode())
"""

ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=5).read().decode())
"""


@dataclass(frozen=True)
class ConsulAccess:
    """How one asks the Consul agent of a host; the files are on that host."""

    url: str = "http://127.0.0.1:8500"
    ca_file: str = ""
    token_file: str = ""


@dataclass(frozen=True)
class Host:
    """One container. Its methods raise OSError when it does not answer."""

    name: str

    def python(self, program: str, *arguments: str) -> str:
        """What this program prints in the container."""
        return self.run("python3", "-c", program, *arguments)

    def run(self, *command: str) -> str:
        """Standard output of a command in the container, run by root."""
        return docker("exec", self.name, *command)

    def fetch(self, url: str, access: ConsulAccess | None = None) -> Any:
        """A JSON document, asked for from within."""
        extra = [access.ca_file, access.token_file] if access else []
        return json.loads(self.python(FETCH, url, *extra))

    def processes(self) -> list[tuple[int, int, list[str]]]:
        """Pid, uid and words of every process."""
        return [(pid, uid, words) for pid, uid, words in json.loads(self.python(PROCESSES))]

    def neards(self, home: str) -> list[int]:
        """Pids of the neards that run on this home."""
        return [pid for pid, _uid, words in self.processes() if is_neard(words, home)]

    def has(self, path: str) -> bool:
        """Whether there is such a file, seen by root."""
        return self.run("sh", "-c", f"test -e '{path}' && echo yes || echo no").strip() == "yes"

    def height(self, port: int = 3030) -> int:
        """The newest block of the neard on this port."""
        return int(self.fetch(f"http://127.0.0.1:{port}/status")["sync_info"]["latest_block_height"])

    def missed_blocks(self, account: str, port: int = 3030) -> int:
        """Blocks of this epoch that the account was to make and has not, as the neard on this port counts them."""
        question = {"jsonrpc": "2.0", "id": "", "method": "validators", "params": [None]}
        answer = json.loads(self.python(ASK, f"http://127.0.0.1:{port}", json.dumps(question)))
        (mine,) = (it for it in answer["result"]["current_validators"] if it["account_id"] == account)
        return int(mine["num_expected_blocks"]) - int(mine["num_produced_blocks"])

    def kv(self, key: str, access: ConsulAccess) -> dict[str, Any]:
        """A JSON value of Consul's, with `Session`: by whom the key is locked. {} if there is no such key."""
        try:
            (entry,) = self.fetch(f"{access.url}/v1/kv/{key}", access)
            value = self.fetch(f"{access.url}/v1/kv/{key}?raw", access)
        except OSError as error:
            if "404" in str(error):
                return {}
            raise
        return {**value, "Session": entry.get("Session", "")}

    def lease(self, account: str, access: ConsulAccess) -> dict[str, Any]:
        """The lease record of an account, as this host's agent reads it."""
        return self.kv(f"kuutamod-leader/{account}", access)

    def member(self, account: str, node: str, access: ConsulAccess) -> dict[str, Any]:
        """What Consul holds of one supervisor, while its session lives."""
        return self.kv(f"near-supervisor/{account}/members/{node}", access)

    def voters(self, access: ConsulAccess) -> int:
        """How many of Consul's servers are well and have a vote, as this host's agent knows."""
        servers = self.fetch(f"{access.url}/v1/operator/autopilot/health", access)["Servers"]
        return sum(server["Healthy"] and server["Voter"] for server in servers)

    def history(self, account: str, access: ConsulAccess) -> list[dict[str, Any]]:
        """The changes of validator that the supervisors have noted, oldest first."""
        return list(self.kv(f"near-supervisor/{account}/history", access)["changes"])


@dataclass(frozen=True)
class Scenario:
    """The hosts by group, and the variables of all of them, as molecule.yml has them."""

    groups: dict[str, list[Host]]
    variables: dict[str, Any]
    referee: Path

    @staticmethod
    def load() -> Scenario:
        """The scenario that Molecule runs these tests for."""
        document = yaml.safe_load(Path(os.environ["MOLECULE_FILE"]).read_text())
        groups: dict[str, list[Host]] = {}
        for platform in document["platforms"]:
            for group in platform.get("groups", []):
                groups.setdefault(group, []).append(Host(platform["name"]))
        variables = document["provisioner"]["inventory"]["group_vars"]["all"]
        own = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
        return Scenario(groups, variables, own.parent / variables.get("molecule_set_up", own.name) / "referee")

    def signatures(self) -> Referee:
        """All hosts' logs of signatures, judged together."""
        logs = {file.stem: file.read_text() for file in sorted(self.referee.glob("*.log"))}
        referee = Referee()
        referee.feed(merged(logs).encode())
        return referee


def is_neard(words: list[str], home: str) -> bool:
    """Whether a command line is that of a neard on this home, the program itself or run by an interpreter."""
    programs = [Path(word).name for word in words[:2]]
    return "neard" in programs and "run" in words and home in words


def merged(logs: dict[str, str]) -> str:
    """One log for the referee out of one of each host, in order of time; all hosts share CLOCK_BOOTTIME.

    Hosts use the same paths, so the home of each line gets the name of its log: two hosts stay two signers.
    """
    entries = []
    for name, text in logs.items():
        for line in text.splitlines(keepends=True):
            if line.endswith("\n"):  # a host that was killed may have left half a line
                entry = json.loads(line)
                entries.append({**entry, "home": f"{name}:{entry['home']}"})
    entries.sort(key=lambda entry: int(entry["boot_ns"]))
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def docker(*words: str) -> str:
    """Standard output of a docker command. Raises OSError with its last words."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=EXEC_TIMEOUT_S)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise OSError(f"docker {' '.join(words[:2])}: {last}")
    return done.stdout


def until(what: str, timeout_s: float, true: Callable[[], bool], state: Callable[[], object] = lambda: "") -> float:
    """Waits until `true()`; the seconds it took. Raises AssertionError with `state()` when it takes too long.

    An OSError of `true` means "not yet": a host that starts does not answer.
    """
    began = time.monotonic()
    error = ""
    while time.monotonic() - began < timeout_s:
        try:
            if true():
                return time.monotonic() - began
            error = ""
        except (OSError, KeyError, ValueError, subprocess.TimeoutExpired) as not_yet:
            error = f" ({not_yet})"
        time.sleep(0.5)
    try:
        now = state()
    except (OSError, KeyError, ValueError, subprocess.TimeoutExpired) as unknown:
        now = f"not known ({unknown})"
    raise AssertionError(f"not within {timeout_s:g} s: {what}{error}. What is: {now}")
