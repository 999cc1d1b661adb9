"""A module of the collection as Ansible runs it on a target: one file with all that it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from near_localnet.problem import Problem
from near_measure.clock import boot_ns, seconds

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 60


def payload(module: str, arguments: dict[str, str], directory: Path) -> Path:
    """What Ansible would copy to a target, kept below ``directory``; Problem when it makes none."""
    words = " ".join(f"{name}={value}" for name, value in arguments.items())
    environ = {**os.environ, "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TEMP": str(directory)}
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-i", "localhost,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}", "-m", module, "-a", words]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S
    )
    found = sorted(directory.rglob(f"AnsiballZ_{module}.py"), key=lambda path: path.stat().st_mtime)
    if done.returncode or not found:
        raise Problem(f"Ansible could not run {module}: {done.stdout}{done.stderr}")
    return found[-1]


def run(path: Path) -> tuple[float, dict[str, Any]]:
    """How long a payload takes, in seconds, from the start of Python to its end; and its result."""
    since = boot_ns()
    done = subprocess.run([sys.executable, str(path)], check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    took = seconds(since, boot_ns())
    try:
        result = json.loads(done.stdout)
    except ValueError:
        raise Problem(f"{path.name} printed no result: {done.stdout}{done.stderr}") from None
    if result.get("failed"):
        raise Problem(f"{path.name} failed: {result.get('msg')}")
    return took, result
