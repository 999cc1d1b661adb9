"""The images of the tests in containers: systemd and little else, built from this machine's own APT sources.

The plain one is the distribution. `NIXOS` has its programs in a store of Nix and little of what Debian has elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bootstrap import ROOT, say
from engine import NoContainers, install
from near_localnet.apt_sources import DISTRIBUTION_KEYRINGS, AptSource, read_sources
from near_localnet.private_apt import os_release

REPOSITORY = "validator-ha-near"
USE_YOUR_OWN = "name an image with systemd and python3 by MOLECULE_IMAGE"
# The first lines make a host; the last one is what roles would install first, so that no test waits for a mirror.
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "sudo", "adduser", "procps", "kmod", "ca-certificates", "gpg",
    "python3", "python3-apt", "iproute2", "iputils-ping", "iptables", "nftables",
    "curl", "python3-cryptography",
)  # fmt: skip
NOT_NEEDED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
CHANGES = ('CMD ["/sbin/init"]', "ENV container=docker LANG=C.UTF-8")


@dataclass(frozen=True)
class Shape:
    """What one image is, beyond the packages that all have. ``files`` are copied into it for its last hook."""

    repository: str = REPOSITORY
    packages: tuple[str, ...] = ()
    changes: tuple[str, ...] = CHANGES
    hooks: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


PLAIN = Shape()
DOUBLE = ROOT / "molecule" / "nixos" / "double"
NIXOS = Shape(
    f"{REPOSITORY}-nixos",
    ("nix-bin",),
    (
        'CMD ["/nix/var/nix/profiles/system/init"]',
        "ENV container=docker LANG=C.UTF-8 PATH=/run/current-system/sw/bin:/usr/bin",
    ),
    ('cp -r "$NEAR_IMAGE_FILES" "$1/near-image" && chroot "$1" /usr/bin/python3 /near-image/shape.py',),
    (*sorted(path for path in DOUBLE.glob("*") if path.is_file()), ROOT / "tests" / "nix" / "lib.nix"),
)
SHAPES = {"plain": PLAIN, "nixos": NIXOS}


def ensure(shape: Shape = PLAIN) -> str:
    """The image's name; it is built unless it is there, and its predecessors are removed. Raises NoContainers."""
    release = os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    codename = release.get("VERSION_CODENAME", "")
    sources = source_lines(read_sources(Path("/etc/apt")), codename)
    if not sources:
        distribution = release.get("PRETTY_NAME", "this system")
        raise NoContainers(
            f"no APT source of the distribution itself was found ({distribution}) to build from: {USE_YOUR_OWN}"
        )
    recipe = arguments(shape)
    name = image_name(codename, recipe, shape)
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode != 0:
        _build(name, recipe, codename, sources, shape)
    _remove_others(name, shape.repository)
    return name


def source_lines(sources: Iterable[AptSource], codename: str) -> list[str]:
    """The distribution's own archives among `sources`, as lines of a sources.list."""
    lines = []
    for source in sources:
        own_key = not source.signed_by or Path(source.signed_by).name.startswith(DISTRIBUTION_KEYRINGS)
        suites = [suite for suite in source.suites if suite == codename or suite.startswith(f"{codename}-")]
        option = f"[signed-by={source.signed_by}] " if source.signed_by else ""
        if own_key and "main" in source.components:
            lines += [f"deb {option}{source.uri} {suite} {' '.join(source.components)}" for suite in suites]
    return list(dict.fromkeys(lines))


def arguments(shape: Shape = PLAIN) -> list[str]:
    """What mmdebstrap is told: the recipe, but for suite, target and sources, which follow it."""
    return [
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(PACKAGES + shape.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_NEEDED),
        # Each container makes an identity of its own at its first boot.
        '--customize-hook=: >"$1/etc/machine-id"',
        *(f"--customize-hook={hook}" for hook in shape.hooks),
    ]


def image_name(codename: str, recipe: list[str], shape: Shape = PLAIN) -> str:
    """A name that changes with the recipe. The archive's address is no part of it: mirrors hold the same packages."""
    parts: list[object] = [codename, recipe, shape.changes]
    parts += [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in shape.files]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"{shape.repository}:{codename}-{digest[:12]}"


def _build(name: str, recipe: list[str], codename: str, sources: list[str], shape: Shape) -> None:
    install([] if shutil.which("mmdebstrap") else ["mmdebstrap"])
    say(f"containers: building the image {name} from this machine's APT sources; half a minute to two")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="near-image-") as directory:
        archive, files = f"{directory}/image.tar", Path(directory, "files")
        files.mkdir()
        for file in shape.files:
            shutil.copy(file, files)
        _run(["mmdebstrap", *recipe, codename, archive, *sources], {"NEAR_IMAGE_FILES": str(files)})
        _run(["docker", "import", *(word for change in shape.changes for word in ("-c", change)), archive, name])
    say(f"containers: built in {time.monotonic() - began:.0f} s")


def _run(command: list[str], more: dict[str, str] | None = None) -> None:
    environ = {**os.environ, **(more or {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environ)
    if done.returncode != 0:
        words = "; ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise NoContainers(f"building the image failed, {command[0]} says: {words}. Or {USE_YOUR_OWN}")


def _remove_others(name: str, repository: str) -> None:
    """Images of older recipes; one that a container still uses stays."""
    command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    for other in listed:
        if other != name:
            subprocess.run(["docker", "image", "rm", other], capture_output=True, check=False)
