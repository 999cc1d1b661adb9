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
# Of Debian's package python3-pip-whl.
SYSTEM_WHEELS = Path("/usr/share/python-wheels")


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
        elif venv.is_symlink() and not home.exists():
            say(f"setting up anew: .venv leads to {venv.resolve()}, which was not made for this checkout")
            _make_venv(venv)
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
    if venv.is_symlink():
        # What it leads to is somebody else's, and would be emptied.
        venv.unlink()
    # Debian splits `ensurepip` off into a package of its own, and only root can install that.
    bundled = importlib.util.find_spec("ensurepip") is not None
    wheel = None if bundled else _pip_wheel(venv.parent / ".tools")
    say("setting up: making .venv")
    command = [sys.executable, "-m", "venv", "--clear", *([] if bundled else ["--without-pip"]), str(venv)]
    _must(command, f"python3 -m venv {venv}")
    if wheel is not None:
        python = str(venv / "bin" / "python")
        _must([python, f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)], f"installing {wheel.name}")


def _must(command: Sequence[str], words: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BootstrapError(f"{words} failed:\n{(done.stderr or done.stdout).strip()}")


def _pip_wheel(tools: Path) -> Path:
    """pip as the distribution has it for its own `ensurepip`: there already, or fetched without installing it."""
    if found := _newest_wheel(SYSTEM_WHEELS):
        return found
    sys.path.insert(0, str(ROOT / "src"))
    from near_localnet import private_apt  # noqa: PLC0415 - only where it is needed

    release = private_apt.release()
    name = next((name for name in private_apt.names(release) if name in private_apt.KEYRINGS), "")
    component = "universe" if name == "ubuntu" else "main"
    if not name:
        raise BootstrapError(
            _advice(f"a pip for it can only be fetched on Debian or Ubuntu, not {release.get('ID')!r}")
        )
    wanted = private_apt.Wanted(
        "python3-pip-whl", release.get("VERSION_CODENAME", ""), component, private_apt.KEYRINGS[name]
    )
    try:
        unpacked = private_apt.fetch(wanted, tools / "apt", lambda text: say(f"setting up: {text}"))
    except private_apt.NotFetched as error:
        raise BootstrapError(_advice(str(error))) from None
    found = _newest_wheel(unpacked / SYSTEM_WHEELS.relative_to("/"))
    if found is None:
        raise BootstrapError(_advice(f"the package {wanted.package} holds no pip"))
    return found


def _newest_wheel(directory: Path) -> Path | None:
    return max(directory.glob("pip-*.whl"), default=None)


def _advice(reason: str) -> str:
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    return (
        f"python3 lacks ensurepip, which makes virtual environments: {reason}.\n"
        f"Install it (as root: apt-get install {package}), or have a python3 with it first in PATH, and run this again."
    )


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
