"""Puts an executable ``neard`` into a directory."""

from __future__ import annotations

import sys
from pathlib import Path

import near_ha

_WRAPPER = """\
#!{python}
import os, sys
sys.path[:0] = {paths!r}
from neard_sim.cli import main
status = main()
sys.stdout.flush()
# The interpreter's own tear-down is no part of how long a neard takes to stop.
os._exit(status)
"""


def write(directory: Path) -> Path:
    """Write ``directory``/neard, a wrapper that runs this package with this interpreter, and return its path."""
    source = Path(__file__).resolve().parent.parent
    shared = Path(near_ha.__file__).resolve().parent.parent
    paths = [str(item) for item in dict.fromkeys((source, shared))]
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / "neard"
    temporary = directory / "neard.tmp"
    temporary.write_text(_WRAPPER.format(python=sys.executable, paths=paths))
    temporary.chmod(0o755)
    temporary.rename(target)
    return target
