"""Starts a guard that outlives the supervisor: a session of its own, no shared terminal, no shared files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import near_guard
from near_ha.errors import GuardError

from . import neard_log

# neard inherits the guard's environment, and whatever it reports or crashes with.
SECRETS = ("CONSUL_HTTP_TOKEN",)
# How a guard is started from a checkout, or from where pip has put it.
FROM_FILES = str(Path(near_guard.__file__).with_name("__main__.py"))


def spawn(run_dir: Path, home: Path, key_link: Path) -> None:
    """Start a guard in the background; its output and neard's go to ``<run dir>/neard.log``."""
    # Packed into one file, the guard is a verb of that file.
    archive = getattr(near_guard.__loader__, "archive", None)
    program = [FROM_FILES] if archive is None else [str(archive), "guard"]
    command = [
        *(sys.executable, "-I", "-S", *program),
        *("--run-dir", str(run_dir), "--home", str(home), "--key-link", str(key_link)),
        *("--log", str(run_dir / neard_log.NAME)),
    ]
    try:
        subprocess.Popen(
            command,
            env={name: value for name, value in os.environ.items() if name not in SECRETS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise GuardError(f"near-guard could not be started: {error.strerror}") from None
