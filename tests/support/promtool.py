"""Prometheus's promtool: what is in PATH, or that of the distribution's package, fetched without installing it."""

from __future__ import annotations

import fcntl
import shutil
from functools import cache
from pathlib import Path

from near_localnet import private_apt

ROOT = Path(__file__).resolve().parents[2]


@cache
def promtool() -> Path | None:
    """None where it cannot be had."""
    if found := shutil.which("promtool"):
        return Path(found)
    fetched = ROOT / ".tools" / "bin" / "promtool"
    fetched.parent.mkdir(parents=True, exist_ok=True)
    with (ROOT / ".tools" / "promtool.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return fetched if fetched.exists() else _fetched(fetched)


def _fetched(fetched: Path) -> Path | None:
    release = private_apt.release()
    name = next((name for name in private_apt.names(release) if name in private_apt.KEYRINGS), "")
    if not name:
        return None
    component = "universe" if name == "ubuntu" else "main"
    wanted = private_apt.Wanted(
        "prometheus", release.get("VERSION_CODENAME", ""), component, private_apt.KEYRINGS[name]
    )
    try:
        unpacked = private_apt.fetch(wanted, ROOT / ".tools" / "apt-promtool", print)
    except private_apt.NotFetched:
        return None
    (unpacked / "usr" / "bin" / "promtool").replace(fetched)
    return fetched
