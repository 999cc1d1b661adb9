"""``tools/pack.py`` as a program, and what it makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("daemon", "neard-sim")


def pack(target: str, out: Path | str, from_: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(from_ / "tools" / "pack.py"), target, "--out", str(out)]
    return subprocess.run(
        words, env={**os.environ, **environ}, cwd="/", capture_output=True, text=True, check=False, timeout=110
    )


def pack_all(directory: Path) -> dict[str, Path]:
    """Each target, packed into ``directory``."""
    for target in TARGETS:
        done = pack(target, directory / target)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{directory / target}\n"
    return {target: directory / target for target in TARGETS}


def cache_home() -> str:
    """Where the fetched packages are kept."""
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")


def run(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
