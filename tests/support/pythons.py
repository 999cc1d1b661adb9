"""The Pythons of this machine that the packed file has to run on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_ASK = "import sys, zipimport, ssl; print(sys.version_info >= (3, 10), '%d.%d' % sys.version_info[:2], sys.executable)"


def pythons() -> list[str]:
    """One interpreter for each version from 3.10 on, and Debian's own."""
    names = ["python3", *(f"python3.{minor}" for minor in range(10, 20))]
    candidates = [path for name in names if (path := shutil.which(name))]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += [str(path) for path in sorted(root.glob("versions/3.*/bin/python3"))]
    versions: dict[str, str] = {}
    for candidate in candidates:
        asked = subprocess.run([candidate, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.startswith("True "):
            _new, version, path = asked.stdout.split()
            versions.setdefault(version, path)
    if Path("/usr/bin/python3").exists():
        versions.setdefault("Debian's", "/usr/bin/python3")
    return list(versions.values())
