"""Stands in for NixOS's switch-to-configuration: the same words, and the same rules for what is stopped and restarted.

``switch_to_configuration.py SYSTEM (dry-activate | test | boot | init)``. The rules, as nixpkgs has them: a unit that
has changed is stopped and started again, unless it says X-StopIfChanged=false (restarted) or X-RestartIfChanged=false
(left alone); one that is gone is stopped, unless it says X-StopOnRemoval=false; all active targets are started at the
end, and with them what they want. A unit that fails then is status 4, a script that fails status 2.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

ETC, STATIC = Path("/etc"), Path("/etc/static")
IGNORED = ("Description", "Documentation", "X-Reload-Triggers", "SourcePath")
Unit = list[tuple[str, str, str]]


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """The systemd that runs."""
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def say(words: str) -> None:
    """As NixOS, on standard error."""
    print(words, file=sys.stderr, flush=True)


def active() -> dict[str, str]:
    """State by the name of each unit that is not inactive."""
    listed = systemctl("list-units", "--full", "--no-legend", "--plain").stdout
    return {words[0]: words[2] for words in map(str.split, listed.splitlines()) if len(words) > 2}


def parse(*files: Path) -> Unit:
    """Section, name and value of all lines."""
    found: Unit = []
    section = ""
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" in line and not line.startswith("#"):
                name, _sign, value = line.partition("=")
                found.append((section, name, value))
    return found


def unit_of(directory: Path, name: str) -> Unit | None:
    """A unit with its drop-ins; None where the directory has none. An instance is its template's."""
    template = re.sub(r"@[^.]*\.", "@.", name)
    base = next((directory / it for it in (name, template) if (directory / it).exists()), None)
    if base is None:
        return None
    places = dict.fromkeys([base.name, name])
    drop_ins = [file for it in places for file in sorted((directory / f"{it}.d").glob("*.conf"))]
    return parse(base, *drop_ins)


def says(unit: Unit, name: str, default: bool) -> bool:
    """The last value of a switch."""
    values = [value for _section, key, value in unit if key == name]
    return values[-1] in ("1", "yes", "true", "on") if values else default


def same(one: Unit, other: Unit) -> bool:
    """Whether nothing that counts has changed."""
    kept = [sorted(entry for entry in unit if entry[1] not in IGNORED) for unit in (one, other)]
    return kept[0] == kept[1]


class Switch:
    """From the system that runs to another one."""

    def __init__(self, system: Path) -> None:
        self.system = system
        self.stop: set[str] = set()
        self.restart: set[str] = set()
        self.start: set[str] = set()
        self.left: set[str] = set()
        self.targets: set[str] = set()

    def plan(self) -> None:
        """What becomes of each unit that is active now."""
        old, new = ETC / "systemd/system", self.system / "etc/systemd/system"
        for name, state in active().items():
            if name.endswith(".target"):
                self.targets.add(name)
                continue
            before = unit_of(old, name)
            if before is None or state not in ("active", "activating"):
                continue
            after = unit_of(new, name)
            if after is None:
                if says(before, "X-StopOnRemoval", True):
                    self.stop.add(name)
            elif not same(before, after):
                self._changed(name, after)

    def _changed(self, name: str, after: Unit) -> None:
        if not says(after, "X-RestartIfChanged", True):
            self.left.add(name)
        elif not says(after, "X-StopIfChanged", True):
            self.restart.add(name)
        else:
            self.stop.add(name)
            self.start.add(name)

    def dry(self) -> int:
        """Says what would be done."""
        self._list("would stop the following units", self.stop)
        self._list("would NOT stop the following changed units", self.left)
        say("would activate the configuration...")
        self._list("would restart the following units", self.restart)
        self._list("would start the following units", self.start)
        return 0

    def test(self) -> int:
        """Does it; the status."""
        self._list("stopping the following units", self.stop)
        if self.stop:
            systemctl("stop", "--", *sorted(self.stop))
        self._list("NOT restarting the following changed units", self.left)
        say("activating the configuration...")
        status = 0 if activate(self.system) else 2
        systemctl("reset-failed")
        systemctl("daemon-reload")
        say("setting up tmpfiles")
        tmpfiles(self.system)
        self._list("restarting the following units", self.restart)
        if self.restart and systemctl("restart", "--", *sorted(self.restart)).returncode:
            status = 4
        self._list("starting the following units", self.start)
        wanted = {name for name in self.targets if name not in ("initrd.target", "shutdown.target")}
        if systemctl("start", "--", *sorted(self.start | (wanted & {"multi-user.target", "basic.target"}))).returncode:
            status = 4
        failed = sorted(name for name, state in active().items() if state == "failed")
        if failed:
            self._list("warning: the following units failed", set(failed))
            status = 4
        return status

    @staticmethod
    def _list(words: str, units: set[str]) -> None:
        if units:
            say(f"{words}: {', '.join(sorted(units))}")


def activate(system: Path) -> bool:
    """Links, accounts and scripts of a system; whether the scripts went well."""
    link(STATIC, f"{system}/etc")
    etc()
    accounts(json.loads((system / "users.json").read_text(encoding="utf-8")))
    link(Path("/run/current-system"), str(system))
    return subprocess.run([f"{system}/activation-scripts"], check=False).returncode == 0


def link(path: Path, target: str) -> None:
    """A symbolic link in one step."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def etc() -> None:
    """A link below /etc for each file of the system, through /etc/static; those that lead nowhere go."""
    real = STATIC.resolve()
    for file in (file for file in real.rglob("*") if file.is_symlink() or file.is_file()):
        name = file.relative_to(real)
        if name.parts[:2] == ("systemd", "system"):
            continue
        (ETC / name).parent.mkdir(parents=True, exist_ok=True)
        target = str(STATIC / name)
        if not (ETC / name).is_symlink() or str((ETC / name).readlink()) != target:
            link(ETC / name, target)
    for file in (ETC / "near").rglob("*"):
        if file.is_symlink() and str(file.readlink()).startswith("/etc/static/") and not file.exists():
            file.unlink()


def accounts(spec: dict[str, object]) -> None:
    """Groups and users of the system, whose numbers stay as they are."""
    for group in spec["groups"]:  # type: ignore[attr-defined]
        try:
            grp.getgrnam(group)
        except KeyError:
            subprocess.run(["groupadd", "--system", group], check=True)
    for name, user in spec["users"].items():  # type: ignore[attr-defined]
        try:
            pwd.getpwnam(name)
        except KeyError:
            shell = "/run/current-system/sw/bin/nologin"
            words = ["--system", "--gid", user["group"], "--home-dir", user["home"], "--no-create-home"]
            subprocess.run(["useradd", *words, "--shell", shell, name], check=True)


def tmpfiles(system: Path) -> None:
    """Directories, with their owners."""
    subprocess.run(["systemd-tmpfiles", "--create", f"{system}/tmpfiles.conf"], check=False)


def main() -> int:
    """The status of the action."""
    system, action = Path(sys.argv[1]), sys.argv[2]
    if action == "init":
        activate(system)
        tmpfiles(system)
        subprocess.run(["mount", "--make-rshared", "/"], check=False)
        os.execv("/lib/systemd/systemd", ["/lib/systemd/systemd"])
    if action == "boot":
        Path("/boot").mkdir(exist_ok=True)
        Path("/boot/default").write_text(f"{system}\n", encoding="utf-8")
        return 0
    switch = Switch(system)
    switch.plan()
    return switch.dry() if action == "dry-activate" else switch.test()


if __name__ == "__main__":
    sys.exit(main())
