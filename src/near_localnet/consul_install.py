"""Finds the `consul` program, or fetches the distribution's own package of it without root and without installing it.

Current Debian and Ubuntu releases carry no package `consul`; an older release of each does, and its program runs
unchanged. It is taken from the archive this machine already uses, verified with the distribution's keyring, through
an APT configuration of our own below `.tools/`: nothing on the system changes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from near_localnet.apt_sources import own_archives, read_sources
from near_localnet.problem import Problem

USE_YOUR_OWN = "Install Consul 1.8 or later by other means and name it: CONSUL=/path/to/consul"
APT_TIMEOUT_S = 300


@dataclass(frozen=True)
class Donor:
    """The release of a distribution that still carries a package `consul`."""

    suite: str
    component: str
    keyring: str


DONORS = {
    "debian": Donor("bullseye", "main", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Donor("jammy", "universe", "/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}


def find_consul(tools: Path, environ: Mapping[str, str]) -> Path | None:
    """The consul to use: the one named by `CONSUL`, one in PATH, one fetched into `tools`; None if there is none.

    Raises Problem when `CONSUL` names something that cannot be run.
    """
    named = environ.get("CONSUL")
    if named:
        path = shutil.which(named, path=environ.get("PATH"))
        if path is None:
            raise Problem(
                f"CONSUL={named} does not name a program that can be run.",
                "Set CONSUL to the consul executable, or unset it to have one looked for.",
            )
        return Path(path).absolute()
    in_path = shutil.which("consul", path=environ.get("PATH"))
    if in_path:
        return Path(in_path).absolute()
    fetched = tools / "bin" / "consul"
    return fetched if os.access(fetched, os.X_OK) else None


def ensure_consul(tools: Path, say: Callable[[str], None] = lambda text: None) -> Path:
    """`find_consul`, else fetch it into `tools/bin/consul`. Raises Problem when neither is possible."""
    tools.mkdir(parents=True, exist_ok=True)
    with (tools / "consul.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find_consul(tools, os.environ) or _fetch(tools, say)


def _fetch(tools: Path, say: Callable[[str], None]) -> Path:
    release = os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    donor = donor_of(release)
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Problem(f"Consul is not installed, and fetching its package needs {program}.", USE_YOUR_OWN)
    codename = release.get("VERSION_CODENAME", "")
    uris = own_archives(read_sources(Path("/etc/apt")), codename)
    if not uris:
        raise Problem(
            f"Consul is not installed, and no source in /etc/apt is the distribution's own archive ({codename} main).",
            USE_YOUR_OWN,
        )
    if not Path(donor.keyring).exists():
        raise Problem(
            f"Consul is not installed, and its package cannot be verified: {donor.keyring} does not exist.",
            USE_YOUR_OWN,
        )
    failures: list[str] = []
    for uri in uris:
        say(f"consul: downloading Debian's package of {donor.suite} with apt into .tools, without installing it")
        try:
            return _fetch_from(uri, donor, tools)
        except Problem as problem:
            failures.append(problem.message)
    raise Problem("Consul is not installed, and fetching it failed:\n" + "\n".join(failures), USE_YOUR_OWN)


def os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file, quotes removed."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def donor_of(release: Mapping[str, str]) -> Donor:
    """Where this distribution can get consul from; derivatives count as what they are like. Raises Problem."""
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    for name in names:
        if name in DONORS:
            return DONORS[name]
    raise Problem(
        f"Consul is not installed, and it can only be fetched on Debian or Ubuntu, not {names[0]!r}.", USE_YOUR_OWN
    )


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


def _fetch_from(uri: str, donor: Donor, tools: Path) -> Path:
    apt = (tools / "apt").absolute()
    for directory in ("state/lists/partial", "cache/archives/partial", "download"):
        (apt / directory).mkdir(parents=True, exist_ok=True)
    (apt / "state" / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={donor.keyring}] {uri} {donor.suite} {donor.component}\n")
    conf = apt / "apt.conf"
    conf.write_text(private_apt_conf(apt))
    _run(["apt-get", "-c", str(conf), "-qq", "--error-on=any", "update"], apt)
    _run(["apt-get", "-c", str(conf), "-qq", "download", "consul"], apt / "download")
    package = max((apt / "download").glob("consul_*.deb"), key=lambda file: file.stat().st_mtime)
    unpacked = apt / "unpacked"
    _run(["dpkg-deb", "-x", str(package), str(unpacked)], apt)
    target = tools / "bin" / "consul"
    target.parent.mkdir(parents=True, exist_ok=True)
    (unpacked / "usr" / "bin" / "consul").replace(target)
    return target.absolute()


def _run(command: list[str], cwd: Path) -> None:
    """Runs `command`; raises Problem with its last words when it fails or does not end in time."""
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
        raise Problem(f"{command[0]} did not end within {APT_TIMEOUT_S} s", USE_YOUR_OWN) from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-4:]
        raise Problem(f"{command[0]} ended with status {done.returncode}: " + "\n".join(words), USE_YOUR_OWN)


def main() -> int:
    """`python -m near_localnet.consul_install TOOLS_DIR`: prints the path of a consul that can be run."""
    try:
        print(
            ensure_consul(
                Path(sys.argv[1] if len(sys.argv) > 1 else ".tools"), lambda text: print(text, file=sys.stderr)
            )
        )
    except Problem as problem:
        print(f"consul-install: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
