"""Finds the `consul` program, or fetches the distribution's own package of it without root and without installing it.

Current Debian and Ubuntu releases carry no package `consul`; an older release of each does, and its program runs
unchanged.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from near_localnet import private_apt
from near_localnet.problem import Problem

USE_YOUR_OWN = "Install Consul 1.8 or later by other means and name it: CONSUL=/path/to/consul"


@dataclass(frozen=True)
class Donor:
    """The release of a distribution that still carries a package `consul`."""

    suite: str
    component: str
    keyring: str


DONORS = {
    "debian": Donor("bullseye", "main", private_apt.KEYRINGS["debian"]),
    "ubuntu": Donor("jammy", "universe", private_apt.KEYRINGS["ubuntu"]),
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
    donor = donor_of(private_apt.release())
    wanted = private_apt.Wanted("consul", donor.suite, donor.component, donor.keyring)
    try:
        unpacked = private_apt.fetch(wanted, tools / "apt", lambda text: say(f"consul: {text}"))
    except private_apt.NotFetched as error:
        raise Problem(f"Consul is not installed, and {error}", USE_YOUR_OWN) from None
    target = tools / "bin" / "consul"
    target.parent.mkdir(parents=True, exist_ok=True)
    (unpacked / "usr" / "bin" / "consul").replace(target)
    return target.absolute()


def donor_of(release: Mapping[str, str]) -> Donor:
    """Where this distribution can get consul from; derivatives count as what they are like. Raises Problem."""
    names = private_apt.names(release)
    for name in names:
        if name in DONORS:
            return DONORS[name]
    raise Problem(
        f"Consul is not installed, and it can only be fetched on Debian or Ubuntu, not {names[0]!r}.", USE_YOUR_OWN
    )


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
