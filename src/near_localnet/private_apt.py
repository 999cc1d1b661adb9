"""Fetches a package of the distribution through APT, without root, and without installing it or changing the system.

It comes from the archive that this machine already uses, is verified with the distribution's keyring, and all state of
APT is below a directory of our own.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from near_localnet.apt_sources import own_archives, read_sources

APT_TIMEOUT_S = 300
KEYRINGS = {
    "debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "ubuntu": "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
}


class NotFetched(Exception):
    """The package cannot be had; the text says what is missing, or what APT said."""


@dataclass(frozen=True)
class Wanted:
    """A package, and where the distribution has it."""

    package: str
    suite: str
    component: str
    keyring: str


def release() -> dict[str, str]:
    """What this machine says that it is; nothing where it does not."""
    try:
        return os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    except OSError:
        return {}


def os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file, quotes removed."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def names(release: Mapping[str, str]) -> list[str]:
    """The distribution, and those that it is like."""
    return [release.get("ID", ""), *release.get("ID_LIKE", "").split()]


def fetch(wanted: Wanted, apt: Path, say: Callable[[str], None]) -> Path:
    """The directory with the unpacked package. Raises NotFetched."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise NotFetched(f"fetching the package {wanted.package} needs {program}")
    codename = release().get("VERSION_CODENAME", "")
    uris = own_archives(read_sources(Path("/etc/apt")), codename)
    if not uris:
        raise NotFetched(f"no source in /etc/apt is the distribution's own archive ({codename} main)")
    if not Path(wanted.keyring).exists():
        raise NotFetched(f"the package {wanted.package} cannot be verified: {wanted.keyring} does not exist")
    failures: list[str] = []
    for uri in uris:
        say(f"downloading the package {wanted.package} of {wanted.suite} with apt into .tools, without installing it")
        try:
            return _fetch_from(uri, wanted, apt.absolute())
        except NotFetched as problem:
            failures.append(str(problem))
    raise NotFetched("\n".join(failures))


def private_apt_conf(apt: Path) -> str:
    """An apt.conf(5) that keeps every state of APT below `apt`; proxies and mirrors of the system stay in force."""
    lines = [
        f'Dir::State "{apt}/state/";',
        f'Dir::State::status "{apt}/state/status";',
        f'Dir::Cache "{apt}/cache/";',
        f'Dir::Etc::SourceList "{apt}/sources.list";',
        'Dir::Etc::SourceParts "-";',
        'Dir::Etc::Preferences "-";',
        'Dir::Etc::PreferencesParts "-";',
        # Hooks of the system clean the system's own caches: not for a private run.
        "#clear APT::Update::Pre-Invoke;",
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        'Acquire::Languages "none";',
        # As root, APT would download as a user of its own, who may not enter this directory.
        'APT::Sandbox::User "root";',
    ]
    return "\n".join(lines) + "\n"


def _fetch_from(uri: str, wanted: Wanted, apt: Path) -> Path:
    for directory in ("state/lists/partial", "cache/archives/partial", "download"):
        (apt / directory).mkdir(parents=True, exist_ok=True)
    (apt / "state" / "status").touch()
    source = f"deb [signed-by={wanted.keyring}] {uri} {wanted.suite} {wanted.component}\n"
    (apt / "sources.list").write_text(source, encoding="utf-8")
    conf = apt / "apt.conf"
    conf.write_text(private_apt_conf(apt), encoding="utf-8")
    _run(["apt-get", "-c", str(conf), "-qq", "--error-on=any", "update"], apt)
    _run(["apt-get", "-c", str(conf), "-qq", "download", wanted.package], apt / "download")
    package = max((apt / "download").glob(f"{wanted.package}_*.deb"), key=lambda file: file.stat().st_mtime)
    unpacked = apt / "unpacked" / wanted.package
    unpacked.parent.mkdir(exist_ok=True)
    _run(["dpkg-deb", "-x", str(package), str(unpacked)], apt)
    return unpacked


def _run(command: list[str], cwd: Path) -> None:
    """Runs `command`; raises NotFetched with its last words when it fails or does not end in time."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=APT_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise NotFetched(f"{command[0]} did not end within {APT_TIMEOUT_S} s") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-4:]
        raise NotFetched(f"{command[0]} ended with status {done.returncode}: " + "\n".join(words))
