"""Collects what one host of a scenario has to say: ``evidence.py OUT HOST [--referee DIR]``.

Writes OUT/HOST/: units and their journals, the process table, Consul's members and the lease records, and, once for
all hosts, a copy of the logs of signatures. Secrets are not read. What cannot be had is left out: a host that is down,
or was never made, is no error.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 20
OURS = "near-* consul* kuutamod*"
# Consul's own variables, where a scenario sets them for root, make these work with TLS and ACLs.
PROFILE = "[ -r /root/.consul_environment ] && . /root/.consul_environment; "
QUESTIONS = {
    "units.txt": f"systemctl list-units --all --no-pager --plain {OURS}; systemctl --failed --no-pager --plain",
    "status.txt": f"systemctl status --no-pager --lines=0 {OURS}",
    "processes.txt": "ps -eo pid,ppid,user:12,lstart,stat,args --forest",
    "sockets.txt": "ss -lntp",
    "consul-members.txt": PROFILE + "command -v consul >/dev/null && consul members && consul operator raft list-peers",
    "lease.txt": PROFILE + "command -v consul >/dev/null && consul kv get -detailed -recurse kuutamod-leader/",
    "members.txt": PROFILE + "command -v consul >/dev/null && consul kv get -recurse near-supervisor/",
}
UNIT_NAMES = f"systemctl list-units --all --no-pager --plain --no-legend {OURS}"


def main() -> int:
    """Exit status 0, whatever the host says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("host")
    parser.add_argument("--referee", type=Path, help="directory of the logs of signatures")
    given = parser.parse_args()
    if ask(given.host, "true") is None:
        return 0  # before the step create, at the beginning of a test: what the last run left stays there
    out: Path = given.out / given.host
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, question in QUESTIONS.items():
        (out / name).write_text(ask(given.host, question) or "", encoding="utf-8")
    for unit in units(ask(given.host, UNIT_NAMES) or ""):
        journal = ask(given.host, f"journalctl --no-pager --output=short-precise --unit='{unit}'")
        (out / f"{unit}.journal").write_text(journal or "", encoding="utf-8")
    if given.referee and given.referee.is_dir():
        for log in given.referee.glob(f"{given.host}-*.log"):
            shutil.copy(log, out)
    return 0


def units(listing: str) -> list[str]:
    """The names in an output of `systemctl list-units`."""
    return [line.split()[0] for line in listing.splitlines() if line.strip()]


def ask(host: str, question: str) -> str | None:
    """What a shell on the host prints; None if there is no such host, or it does not answer."""
    command = ["docker", "exec", host, "sh", "-c", f"{{ {question}; }} 2>&1 || true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
