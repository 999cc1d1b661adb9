"""Packs a program of this collection into one executable file that runs with any python3 from 3.10 on.

targets:  daemon      near-supervisor with guard, kuutamod and kuutamoctl, and all that they import
          neard-sim   the simulated neard; `cryptography` comes from the host (python3-cryptography)

The same sources give the same bytes, on every machine and by every Python: compare, copy and name the file by its
hash. The daemon's pure-Python packages are those of tools/daemon-requirements.txt; pip fetches them by name once and
they are kept in ${XDG_CACHE_HOME:-~/.cache}/near-supervisor, so the next time needs no network. Without a network
at all, put the wheels into a directory and name it with PIP_FIND_LINKS.

The path of the file goes to standard output, everything else to standard error. Exit status 1: one sentence says why.

examples:
  python3 tools/pack.py daemon --out near-supervisor.pyz
  python3 tools/pack.py daemon --out build/       named by its contents: build/near-supervisor-3f9c....pyz
  ln -s near-supervisor.pyz kuutamoctl            called by this name it is kuutamoctl
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
REQUIREMENTS = TOOLS / "daemon-requirements.txt"
NEAR_HA = ROOT / "plugins" / "module_utils" / "near_ha"
SHEBANG = b"#!/usr/bin/env python3\n"
# Any fixed instant will do; this is the first that a zip file can hold.
STAMP = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644
PIP_TIMEOUT_S = 600
_LINE = re.compile(r"(?P<package>[\w.-]+==[\w.]+) --hash=sha256:(?P<digest>[0-9a-f]{64})")

# name of the file, the packages, the directory with its __main__, does it need the fetched packages
TARGETS = {
    "daemon": ("near-supervisor", ("near_supervisor", "near_guard"), "zip_daemon", True),
    "neard-sim": ("neard-sim", ("neard_sim",), "zip_neard_sim", False),
}


class PackError(Exception):
    """It cannot be packed; the text says what is missing and what to do."""


def pack(target: str) -> bytes:
    """The whole file, the same bytes for the same sources. Raises PackError."""
    _name, packages, start, fetched = TARGETS[target]
    members: dict[str, bytes] = {}
    own = [(ROOT / "src" / package, f"{package}/") for package in packages]
    for directory, prefix in ((TOOLS / start, ""), *own, (NEAR_HA, "near_ha/")):
        members.update(_sources(directory, prefix))
    for wheel in _wheels() if fetched else ():
        members.update(_wanted(wheel))
    buffer = io.BytesIO(SHEBANG)
    buffer.seek(0, io.SEEK_END)
    # Stored, not deflated: versions of zlib differ in what they make of the same bytes.
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(members.items()):
            entry = zipfile.ZipInfo(name, STAMP)
            entry.create_system, entry.external_attr = 3, MODE << 16
            archive.writestr(entry, data)
        # By this tools/zip_daemon/__main__.py tells versions apart at each start, without reading all of them.
        archive.comment = _digest_of(members).encode()
    return buffer.getvalue()


def write(content: bytes, target: str, out: str) -> Path:
    """Put the file at ``out``, or into the directory ``out`` under a name with its hash; nothing is half written."""
    path = Path(out)
    if out.endswith("/") or path.is_dir():
        path /= f"{TARGETS[target][0]}-{hashlib.sha256(content).hexdigest()[:12]}.pyz"
    path = path.absolute()
    try:
        if not (path.is_file() and path.read_bytes() == content):
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content)
        path.chmod(0o755)
    except OSError as error:
        raise PackError(f"--out {path} cannot be written: {error.strerror}. Name a place that can be") from None
    return path


def _digest_of(members: dict[str, bytes]) -> str:
    each = (f"{hashlib.sha256(data).hexdigest()} {name}\n" for name, data in sorted(members.items()))
    return hashlib.sha256("".join(each).encode()).hexdigest()


def _sources(directory: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    if not directory.is_dir():
        raise PackError(f"{directory} is missing: run tools/pack.py inside a checkout or an installed collection")
    for file in directory.rglob("*.py"):
        yield prefix + file.relative_to(directory).as_posix(), file.read_bytes()


def _wanted(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Of a wheel the modules, and what its licence asks to be passed on."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py") or re.search(r"\.dist-info/(licenses/)?(LICEN[CS]E|NOTICE)[^/]*$", name):
                yield name, archive.read(name)


# --- the fetched packages


def _wheels() -> list[Path]:
    """The pinned wheels, from the cache or through pip, each checked against its hash."""
    pinned = dict(_pinned())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "near-supervisor"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if missing := [digest for digest in pinned if not _holds(cache / f"{digest}.whl", digest)]:
            say(f"fetching {', '.join(pinned[digest] for digest in missing)}")
            _fetch(cache, pinned)
    except OSError as error:
        raise PackError(f"the cache {cache} cannot be used: {error.strerror}. Name another by XDG_CACHE_HOME") from None
    return [cache / f"{digest}.whl" for digest in pinned]


def _pinned() -> Iterator[tuple[str, str]]:
    for number, line in enumerate(REQUIREMENTS.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            found = _LINE.fullmatch(line)
            if found is None:
                raise PackError(f"{REQUIREMENTS}:{number} is not PACKAGE==VERSION --hash=sha256:DIGEST: {line}")
            yield found["digest"], found["package"]


def _fetch(cache: Path, pinned: dict[str, str]) -> None:
    command = [_python_with_pip(), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    # A wheel that is compiled for this machine must not be taken, though pip would prefer it.
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", "3.10"]
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        command += ["--dest", directory, "--requirement", str(REQUIREMENTS)]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PIP_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise PackError(f"pip did not end within {PIP_TIMEOUT_S} s: is a package index reachable?") from None
        for wheel in Path(directory).glob("*.whl"):
            wheel.replace(cache / f"{_digest(wheel)}.whl")
    if lacking := [name for digest, name in pinned.items() if not _holds(cache / f"{digest}.whl", digest)]:
        said = "\n".join(done.stderr.strip().splitlines()[-4:])
        raise PackError(
            f"pip could not fetch {', '.join(lacking)}: {said}\nA package index has to be reachable the first time (see"
            " PIP_INDEX_URL), or PIP_FIND_LINKS must name a directory that has the py3-none-any wheels"
        )


def _python_with_pip() -> str:
    """An interpreter that has pip; Debian's own, and some tools' environments, have none."""
    for python in (sys.executable, str(ROOT / ".venv/bin/python"), shutil.which("python3"), "/usr/bin/python3"):
        if python and Path(python).exists():
            asked = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
            if asked.returncode == 0:
                return python
    raise PackError("no python3 here has pip. On Debian and Ubuntu: apt-get install python3-pip")


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path) == digest


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as fresh:
        fresh.write(content)
    Path(fresh.name).replace(path)


# --- the command line


def say(text: str) -> None:
    """One line of progress, on standard error."""
    sys.stderr.write(f"pack: {text}\n")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 with the path on standard output, 1 with a sentence on standard error."""
    parser = argparse.ArgumentParser(
        prog="tools/pack.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=TARGETS, metavar="TARGET", help="daemon or neard-sim")
    parser.add_argument(
        "--out", required=True, metavar="FILE|DIR/", help="where to put it; in a directory it is named by its contents"
    )
    given = parser.parse_args(argv)
    try:
        content = pack(given.target)
        path = write(content, given.target, given.out)
    except PackError as error:
        sys.stderr.write(f"tools/pack.py: {error}\n")
        return 1
    say(f"{given.target}: {len(content) // 1024} KiB, sha256 {hashlib.sha256(content).hexdigest()}")
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(NEAR_HA.parent))
    from near_ha.program import status_of

    sys.exit(status_of(main, "tools/pack.py"))
