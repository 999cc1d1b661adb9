"""Puts an executable ``neard`` into a directory."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import near_ha

_WRAPPER = """\
{start}
import os, sys
sys.path[:0] = {paths!r}
from neard_sim.cli import main
status = main()
sys.stdout.flush()
# The interpreter's own tear-down is no part of how long a neard takes to stop.
os._exit(status)
"""


# A shell that becomes the interpreter, and text without a meaning to that: as pip starts what it installs.
_BY_SHELL = """\
#!/bin/sh
'''exec' {python} "$0" "$@"
' '''"""
# The kernel takes no more of a first line than this, and nothing after a space.
_LONGEST_START = 127


def _start(python: str) -> str:
    """The first lines of a program that this interpreter runs."""
    plain = f"#!{python}"
    if len(os.fsencode(plain)) <= _LONGEST_START and not any(map(str.isspace, python)):
        return plain
    return _BY_SHELL.format(python=shlex.quote(python))


def write(directory: Path) -> Path:
    """Write ``directory``/neard, a wrapper that runs this package with this interpreter, and return its path."""
    source = Path(__file__).resolve().parent.parent
    shared = Path(near_ha.__file__).resolve().parent.parent
    paths = [str(item) for item in dict.fromkeys((source, shared))]
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / "neard"
    temporary = directory / "neard.tmp"
    text = _WRAPPER.format(start=_start(sys.executable), paths=paths)
    temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    temporary.chmod(0o755)
    temporary.rename(target)
    return target
