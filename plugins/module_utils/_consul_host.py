# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules of role consul share: Consul's HTTP API, and the agent's unit as systemd sees it. Private."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STARTED_WITH = "/run/consul/started-with"
ASK_TIMEOUT_S = 10
OK, UNHEALTHY = 200, 429


class Unreachable(Exception):
    """The API gave no answer at all: nothing listens, or TLS failed, or it took too long."""


@dataclass(frozen=True)
class Api:
    """Consul's HTTP API at `url` (`http://` or `https://`)."""

    url: str
    ca_file: str = ""
    token: str = ""

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; an answer that is no JSON is given as text. Raises Unreachable."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Consul-Token": self.token} if self.token else {}
        try:
            request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310
            context = ssl.create_default_context(cafile=self.ca_file or None)
            # The agent is this host's own: a proxy of the environment has no part in it.
            handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
            with urllib.request.build_opener(*handlers).open(request, timeout=ASK_TIMEOUT_S) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read())
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error


def _decoded(raw: bytes) -> Any:
    text = raw.decode("utf-8", "replace").strip()
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def trouble(api: Api, voters: int) -> str:
    """Why the cluster is not well, seen through this agent; empty if it is. With no `voters`, a leader is enough."""
    try:
        status, leader = api.ask("GET", "/v1/status/leader")
        if status != OK or not leader:
            return "it knows no leader" + (f" ({leader})" if status != OK else "")
        if not voters:
            return ""
        # UNHEALTHY carries the same answer: not all servers are well.
        status, health = api.ask("GET", "/v1/operator/autopilot/health")
    except Unreachable as error:
        return str(error)
    if status not in (OK, UNHEALTHY) or not isinstance(health, dict):
        return f"{api.url} answers {status} when asked for the servers' health: {health}"
    servers = health.get("Servers") or []
    sick = [f"{s['Name']} ({s['Address']})" for s in servers if not (s["Healthy"] and s["Voter"])]
    if len(servers) < voters:
        known = ", ".join(sorted(s["Name"] for s in servers)) or "none"
        return f"{voters} voting servers are expected, and Consul knows {len(servers)}: {known}"
    return f"no healthy voter: {', '.join(sorted(sick))}" if sick else ""


def others_well(api: Api, voters: int, own_name: str) -> str:
    """As `trouble`, but what ails this server itself does not count: restarting it takes nothing from the others."""
    status, health = api.ask("GET", "/v1/operator/autopilot/health")
    servers = (health.get("Servers") or []) if status in (OK, UNHEALTHY) and isinstance(health, dict) else []
    well = [s for s in servers if s["Healthy"] and s["Voter"] and s["Name"] != own_name]
    if len(well) >= voters - 1:
        return ""
    return (
        f"of the {voters - 1} other servers, these are healthy voters: {', '.join(s['Name'] for s in well) or 'none'}"
    )


def wait_until_empty(ask: Callable[[], str], timeout_s: float) -> str:
    """Asks twice a second until the answer is empty; the last answer if it never was."""
    end = time.monotonic() + timeout_s
    while (answer := ask()) and time.monotonic() < end:
        time.sleep(0.5)
    return answer


def own_raft_trouble(api: Api) -> str:
    """Why this server has not caught up with the leader; empty if it has."""
    try:
        status, me = api.ask("GET", "/v1/agent/self")
    except Unreachable as error:
        return str(error)
    if status != OK:
        return f"{api.url} answers {status}: {me}"
    raft = me["Stats"].get("raft", {})
    if raft.get("state") not in ("Leader", "Follower"):
        return f"it is no voter yet (raft state {raft.get('state')})"
    behind = int(raft["commit_index"]) - int(raft["applied_index"])
    return f"it has {behind} entries to apply" if behind > 0 else ""


def systemctl(*words: str) -> str:
    """What systemctl prints. Raises subprocess.CalledProcessError, whose stderr says why."""
    command = ["systemctl", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def unit_state(unit: str) -> dict[str, str]:
    """The properties of the unit that decide what has to be done; empty values where there is no systemd."""
    names = ("ActiveState", "SubState", "MainPID", "UnitFileState", "NeedDaemonReload")
    try:
        printed = systemctl("show", unit, *[f"--property={name}" for name in names])
    except (OSError, subprocess.SubprocessError):
        printed = ""
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return {name: found.get(name, "") for name in names}


def runs(state: dict[str, str]) -> bool:
    """Whether the unit's program runs, or systemd is about to run it."""
    return state["ActiveState"] in ("active", "activating", "reloading")


def restart_reasons(state: dict[str, str]) -> list[str]:
    """Why the agent that runs is older than its files. No clock is asked: the unit notes marks of them at its start."""
    if not runs(state):
        return []
    try:
        noted = [line.split("  ", 1) for line in Path(STARTED_WITH).read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ["it was not started by the unit of this role"]
    return [
        f"{path} was changed" for mark, path in noted if mark not in (sha256(path), program_mark(path), unit_mark(path))
    ]


def program_mark(path: str) -> str:
    """As `stat -c %i-%Y-%s`: enough to tell a replaced program, and cheap at every start of the agent."""
    try:
        found = Path(path).stat()
    except OSError:
        return ""
    return f"{found.st_ino}-{int(found.st_mtime)}-{found.st_size}"


def unit_mark(path: str) -> str:
    """What a unit of NixOS says of itself: its text changes with each nixpkgs, and this does not."""
    try:
        found = re.search(r"NEAR_UNIT=(\w+)", Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
    return found.group(1) if found else ""


def sha256(path: str) -> str:
    """Hexadecimal digest of a file; empty if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
