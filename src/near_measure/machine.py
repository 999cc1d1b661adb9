"""The facts about a machine that decide how far its numbers say something about another."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

GIB = 2**20
"""/proc/meminfo counts in KiB."""


def facts(root: Path, neard: str = "") -> dict[str, Any]:
    """Cores, memory, kernel, distribution, versions; empty text for what cannot be found out. Names no path.

    ``root`` is the checkout, ``neard`` the program of a real one.
    """
    consul = _consul(root)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": _memory_gib(),
        "load_average": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "distribution": _distribution(),
        "python": platform.python_version(),
        "consul": _first_line([consul, "version"]) if consul else "",
        "neard": _first_line([neard, "--version"]) if neard else "simulated",
        "commit": _first_line(["git", "-C", str(root), "describe", "--always", "--dirty"]),
    }


def _consul(root: Path) -> str:
    """The program that localnets of the checkout use; "" when there is none."""
    own = root / ".tools" / "bin" / "consul"
    return str(own) if own.exists() else shutil.which("consul") or ""


def _memory_gib() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return round(int(fields["MemTotal"].split()[0]) / GIB)


def _distribution() -> str:
    try:
        return str(platform.freedesktop_os_release()["PRETTY_NAME"])
    except (OSError, KeyError):
        return ""


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.splitlines()), "")
