"""Gives a Debian root the shape of a NixOS: run once inside of it, by root, while the image is built.

What is where then, as on a NixOS: programs in the store only, with /bin/sh and /usr/bin/env as links into it; what
describes the system below /etc as links through /etc/static; a real Nix with its database, profiles and collector of
garbage. What stays Debian's: systemd and libraries, where their own files look for each other (/lib, /usr/lib).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHANNEL = Path("/nix/var/nix/profiles/per-user/root/channels/nixpkgs")
SYSTEM = Path("/nix/var/nix/profiles/system")
KEPT = {"sh": "dash", "env": "env"}
SW = "/run/current-system/sw/bin"
NIX_CONF = "build-users-group =\nsandbox = false\nsubstitute = false\n"
OS_RELEASE = 'ID=nixos\nNAME=NixOS\nPRETTY_NAME="shaped like NixOS"\nVERSION_ID="24.11"\n'
FIRST = "{ imports = [ ]; }\n"


def run(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def gather(into: Path) -> None:
    """All programs in one directory; links through /etc/alternatives become what they lead to."""
    into.mkdir(parents=True)
    for directory in (Path("/usr/bin"), Path("/usr/sbin")):
        for file in directory.iterdir():
            target, real = into / file.name, file.resolve()
            if target.is_symlink() or target.exists() or not real.is_file():
                continue
            if file.is_symlink() and real.parent in (Path("/usr/bin"), Path("/usr/sbin")) and real.name != file.name:
                target.symlink_to(real.name)
            else:
                shutil.copy2(real, target)


def point_units() -> None:
    """systemd's own units name programs by Debian's places, or by a path that is compiled in."""
    for file in Path("/usr/lib/systemd/system").rglob("*"):
        if file.is_file() and not file.is_symlink():
            text = file.read_text(encoding="utf-8")
            placed = re.sub(r"(?<![\w/.])(?:/usr)?/s?bin/(?=\w)", f"{SW}/", text)
            placed = re.sub(r"(?m)^(Exec\w+=[-@!+:]*)(?=\w[\w-]*( |$))", rf"\1{SW}/", placed)
            if placed != text:
                file.write_text(placed, encoding="utf-8")


def point_links(userland: str) -> None:
    """Programs that others start by a link, as Nix its own helpers."""
    for file in Path("/usr/libexec").rglob("*"):
        if file.is_symlink() and file.resolve().parent == Path("/usr/bin"):
            program = file.resolve().name
            file.unlink()
            file.symlink_to(f"{userland}/bin/{program}")


def main() -> None:
    """Everything; afterwards there is one generation, which knows nothing of validators."""
    gather(Path("/tmp/userland/bin"))
    Path("/etc/nix").mkdir(exist_ok=True)
    Path("/etc/nix/nix.conf").write_text(NIX_CONF, encoding="utf-8")
    userland = run("nix-store", "--add", "/tmp/userland")
    CHANNEL.mkdir(parents=True)
    for file in HERE.iterdir():
        shutil.copy(file, CHANNEL)
    (CHANNEL / "userland").write_text(userland, encoding="utf-8")
    Path("/etc/nixos").mkdir()
    Path("/etc/nixos/configuration.nix").write_text(FIRST, encoding="utf-8")
    Path("/etc/NIXOS").touch()
    for name in ("/etc/os-release", "/usr/lib/os-release"):
        Path(name).unlink(missing_ok=True)
        Path(name).write_text(OS_RELEASE, encoding="utf-8")
    built = run("nix-build", "--no-out-link", str(CHANNEL / "system.nix"))
    run("nix-env", "--profile", str(SYSTEM), "--set", built)
    point_units()
    point_links(userland)
    # systemd has the place of mount(8) compiled in; a container has these file systems already, or needs none.
    for file in Path("/usr/lib/systemd/system/sysinit.target.wants").glob("*.mount"):
        file.unlink()
    shutil.rmtree("/etc/systemd/system")
    Path("/etc/systemd/system").symlink_to("/etc/static/systemd/system")
    for name in ("/tmp/userland", str(HERE)):
        shutil.rmtree(name)
    for directory in (Path("/usr/bin"), Path("/usr/sbin"), Path("/usr/local/bin")):
        for file in directory.iterdir():
            file.unlink()
    for name, program in KEPT.items():
        Path("/usr/bin", name).symlink_to(f"{userland}/bin/{program}")


if __name__ == "__main__":
    main()
