"""Makes the project's own Python environment, `.venv`, with nothing but the standard library. Used by `bin/*`."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 10)
PIP_TIMEOUT_S = 900


class BootstrapError(Exception):
    """The environment cannot be made; the text says what is missing and what to do."""


def ready(extras: Sequence[str], root: Path = ROOT) -> Path:
    """The interpreter of `.venv` with the project and `extras` installed; does nothing when they already are.

    A stamp holds the hash of pyproject.toml and what was installed by it. Raises BootstrapError.
    """
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise BootstrapError(
            f"python3 is {sys.version.split()[0]}; {wanted} or later is needed. Run me with a newer one."
        )
    try:
        return _ready(extras, root)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BootstrapError(
            f"{root} cannot be written: {error.strerror or error}{where}.\n"
            "What is missing on this machine is kept in .venv and .tools, in a checkout that you may write: clone it to"
            " a place of your own, or make this one yours."
        ) from None


def _ready(extras: Sequence[str], root: Path) -> Path:
    (root / ".tools").mkdir(exist_ok=True)
    with (root / ".tools" / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        venv = root / ".venv"
        python = venv / "bin" / "python"
        stamp, home = venv / ".near-stamp", venv / ".near-root"
        if not _runs(python):
            _make_venv(venv)
        elif home.exists() and home.read_text(encoding="utf-8") != str(root.resolve()):
            say(f"setting up anew: this checkout was {home.read_text(encoding='utf-8')}")
            _make_venv(venv)
            stamp.unlink(missing_ok=True)
        home.write_text(str(root.resolve()), encoding="utf-8")
        wanted_hash = hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()
        known_hash, _space, known_extras = stamp.read_text().partition(" ") if stamp.exists() else ("", "", "")
        have = set(known_extras.split()) if known_hash == wanted_hash else set()
        if not set(extras) <= have:
            have |= set(extras)
            _install(python, root, sorted(have))
            stamp.write_text(" ".join([wanted_hash, *sorted(have)]))
        return python


def run_module(extras: Sequence[str], module: str, arguments: Sequence[str]) -> None:
    """Replaces this process by `python -m module` of the environment. Returns only by raising BootstrapError."""
    python = str(ready(extras))
    os.execv(python, [python, "-m", module, *arguments])  # noqa: S606 - our own interpreter


def say(text: str) -> None:
    """One line of progress, on standard error, so that output for machines stays clean."""
    print(text, file=sys.stderr, flush=True)


def _runs(python: Path) -> bool:
    """Whether this interpreter is there and works (a moved or half-made environment does not)."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False).returncode == 0


def _make_venv(venv: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        _install_venv_package()
    say("setting up: making .venv")
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", venv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BootstrapError(f"python3 -m venv {venv} failed:\n{(done.stderr or done.stdout).strip()}")


def _install_venv_package() -> None:
    """Debian splits `ensurepip` off into a package of its own."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    advice = f"Install it (as root: apt-get install {package}) and run this again."
    if os.geteuid() != 0:
        raise BootstrapError(f"python3 lacks ensurepip, which makes virtual environments. {advice}")
    say(f"setting up: installing Debian's package {package}, as python3 lacks ensurepip")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (
            ["apt-get", "-qq", "update"],
            ["apt-get", "-qq", "install", "--no-install-recommends", package],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, env=environ, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise BootstrapError(f"python3 lacks ensurepip, and there is no apt-get here. {advice}") from None
    except subprocess.CalledProcessError as error:
        raise BootstrapError(f"{' '.join(error.cmd)} failed: {_last_lines(error.stderr)}\n{advice}") from None


def _install(python: Path, root: Path, extras: Sequence[str]) -> None:
    say(f"setting up: installing the pinned Python packages ({', '.join(extras)}); a minute at most")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--editable", f"{root}[{','.join(extras)}]"]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=PIP_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise BootstrapError(f"pip did not end within {PIP_TIMEOUT_S} s: is a package index reachable?") from None
    if done.returncode != 0:
        raise BootstrapError(
            f"pip could not install the project's packages:\n{_pips_reason(done.stderr)}\n"
            "A package index has to be reachable (see pip's PIP_INDEX_URL) the first time this runs."
        )


def _pips_reason(text: str) -> str:
    """What pip says of it, which it may have said long before its last words: each thing once, the newest last."""
    said = [line.strip() for line in text.splitlines()]
    told = [line for line in dict.fromkeys(said) if re.match(r"(ERROR|WARNING: Retrying)", line)]
    return "\n".join(f"  {line[:300]}" for line in told[-4:]) or _last_lines(text)


def _last_lines(text: str, count: int = 4) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
