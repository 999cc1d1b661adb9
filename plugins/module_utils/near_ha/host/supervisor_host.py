"""What runs on a host for one account, and what of it is older than the files that it was started with."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from ..errors import BadConfig, BadKey, NearError
from ..keys import key_file
from ..transport import control_client
from . import neard_home, neard_paths, neard_units, nixos_store, nixos_system, processes

# As AnsibleModule takes them; described in plugins/doc_fragments/processes.py.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "account_id": {"type": "str", "required": True},
    "home": {"type": "path", "required": True},
    "neard": {"type": "path"},
    "supervisor_files": {"type": "list", "elements": "path", "default": []},
    "run_dir": {"type": "path"},
    "link": {"type": "path"},
}
# Where programs are, but for a role's variables.
_PROGRAMS, _PROGRAMS_OF_NIXOS = "/usr/local/bin", "/etc/near/bin"
# What the settings of an account, and nothing else, put into the environment of its supervisor.
_OF_SETTINGS = "KUUTAMO_", "NEAR_SUPERVISOR_"
_SIGNERS = {"neard", "kuutamod", "kneard"}
# The second: of versions in which the guard was one file.
_GUARD_CODE = "near_guard/", "near_supervisor/guard.py"
_GUARD_PROGRAMS = "/near_guard/__main__.py", "/guard.py"


def installed(params: dict[str, Any], name: str) -> str:
    """Where a program is on this host: as the parameter says, else as the roles put it."""
    return str(params.get(name) or f"{_PROGRAMS_OF_NIXOS if nixos_system.is_here() else _PROGRAMS}/{_NAMES[name]}")


_NAMES = {"neard": "neard", "link": "near-supervisor"}


def units(*names: str) -> list[dict[str, str]]:
    """What systemd knows of each unit; nothing where there is no systemd."""
    wanted = "ActiveState,MainPID,FragmentPath,DropInPaths,EnvironmentFiles,LoadState,UnitFileState,NeedDaemonReload"
    wanted += ",Environment"
    try:
        shown = subprocess.run(["systemctl", "show", "-p", wanted, *names], capture_output=True, text=True, check=False)
    except OSError:
        return [{} for _name in names]
    found = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.stdout.split("\n\n")
    ]
    return (found + [{} for _name in names])[: len(names)]


def newer(files: list[str], than: float | None) -> list[str]:
    """Those of `files` that were changed after `than`."""
    found = []
    for name in files:
        try:
            changed = Path(name).stat().st_mtime
        except OSError:
            continue
        if than is not None and changed > than:
            found.append(f"{name} has changed")
    return found


def program_of(pid: int, library: Path) -> str:
    """The version of the daemon that a process runs; empty when it runs none."""
    words = processes.words(pid)
    mine = next((word for word in words if word.startswith(f"{library}/")), "")
    # In the store, each version has a directory of its own.
    return mine or nixos_store.program_in(words, "near-supervisor")


def guard_code(program: str) -> dict[str, int] | None:
    """What tells one version of the guard from another; None when there is none that can be read."""
    try:
        with zipfile.ZipFile(program) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile):
        return None
    return {entry.filename: entry.CRC for entry in entries if entry.filename.startswith(_GUARD_CODE)} or None


def look(params: dict[str, Any]) -> dict[str, Any]:
    """Everything that is returned."""
    account, home = params["account_id"], Path(params["home"])
    program = os.path.realpath(installed(params, "link"))
    library = Path(program).parent
    run_dir = Path(params["run_dir"] or f"/run/near-supervisor/{account}")
    try:
        status: dict[str, Any] | None = control_client.call(run_dir / "control.sock", "GET", "/status")
    except NearError:
        status = None
    settings = Path(f"/etc/near/supervisor/{account}.env")
    names = f"near-supervisor@{account}.service", f"near-guard@{account}.service"
    supervisor, guard = (process(*known, library) for known in zip(names, units(*names), strict=True))
    # The units are templates: they are there as soon as any account is.
    supervisor["installed"] = guard["installed"] = settings.is_file()
    supervisor["consul_url"] = setting(settings, "KUUTAMO_CONSUL_URL")
    neard = (status or {}).get("neard") or {}
    pid = neard.get("pid") or processes.child_of(guard["pid"])
    # Without a supervisor to ask, a neard that is there may sign.
    neard = {
        "pid": pid,
        "armed": bool(pid) if status is None else bool(neard.get("armed")),
        "configured": (home / "config.json").is_file(),
        "config_changed": False,
        "elsewhere": elsewhere(home),
    }
    if supervisor["pid"]:
        if supervisor["program"] != program:
            supervisor["outdated"].append("there is another version of the program")
        supervisor["outdated"] += newer(params["supervisor_files"], supervisor["started_at"])
    if guard["pid"]:
        if guard["program"] != program and guard_code(guard["program"]) != guard_code(program):
            guard["outdated"].append("there is another version of the guard")
        since = processes.started_at(pid) if pid else None
        changed = newer([str(home / "config.json")], since)
        neard["config_changed"] = bool(changed)
        neard_file = installed(params, "neard")
        guard["outdated"] += newer([neard_file], since) + another(pid, neard_file) + changed
    return {
        "status": status,
        "supervisor": supervisor,
        "guard": guard,
        "neard": neard,
        "foreign_processes": foreign_processes(),
        "unused_programs": unused(library, program),
    }


def elsewhere(home: Path) -> dict[str, dict[str, Any]]:
    """Where neard writes outside of its home, by its config.json; nothing if that cannot be read."""
    try:
        return neard_paths.outside(home, neard_home.read_config(home))
    except BadConfig:
        return {}


def another(pid: int, neard: str) -> list[str]:
    """Why a neard from the store is not the one that is installed. A script cannot be told from its interpreter."""
    try:
        runs = str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return []
    same = nixos_store.entry(runs) in ("", nixos_store.entry(neard)) or "neard" not in Path(runs).name
    return [] if same else [f"{neard} has changed"]


def differing(shown: dict[str, str], files: list[str], pid: int) -> list[str]:
    """As `newer`, for a unit from the store: by the variables that its process was started with."""
    has = nixos_store.started_with(pid) if pid else None
    if has is None:
        return []
    found = nixos_store.differences(nixos_store.environment_of(shown.get("Environment", "")), has, "the unit")
    for file in files:
        try:
            wanted = nixos_store.settings_of(Path(file).read_text(encoding="utf-8"))
        except OSError:
            continue
        found += nixos_store.differences(wanted, has, file)
        gone = sorted(name for name in has if name.startswith(_OF_SETTINGS) and name not in wanted)
        found += [f"{name} of {file} is gone" for name in gone]
    return found


def process(name: str, shown: dict[str, str], library: Path) -> dict[str, Any]:
    """A unit, its main process, and which of the unit's own files are newer than that."""
    pid = int(shown.get("MainPID") or 0)
    since = processes.started_at(pid) if pid else None
    # EnvironmentFiles=/path (ignore_errors=no)
    units = [shown.get("FragmentPath", ""), *shown.get("DropInPaths", "").split()]
    settings = [word for word in shown.get("EnvironmentFiles", "").split() if word.startswith("/")]
    files = [file for file in units + settings if file]
    outdated = newer(files, since)
    if any(nixos_store.holds(file) for file in files):
        outdated += differing(shown, [file for file in settings if nixos_store.holds(file)], pid)
    return {
        "unit": name,
        "active": shown.get("ActiveState", ""),
        "pid": pid,
        "started_at": since,
        "program": program_of(pid, library) if pid else "",
        "outdated": outdated,
    }


def setting(settings: Path, name: str) -> str:
    """The value of a variable in a file that role supervisor has written; empty if it is not there."""
    try:
        lines = settings.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith(f"{name}=")), "")


def other_units(params: dict[str, Any]) -> list[neard_units.Starter]:
    """Units that would start a neard beside the guard; a key of ``key_paths`` counts under any account's name."""
    account = params["account_id"]
    keys = (key(Path(path)) for path in (*params["key_paths"], f"/etc/near/supervisor/{account}/validator_key.json"))
    validator = neard_units.Validator(
        Path(params["home"]), account, {found["public_key"] for found in keys if found["public_key"]}
    )
    return neard_units.found(validator, params["known_units"])


def foreign_processes() -> list[str]:
    """Programs that may sign and are under no guard."""
    found = []
    for pid in processes.pids():
        # A script's name comes after that of its interpreter.
        called = [word for word in processes.words(pid) if word]
        signers = _SIGNERS & {Path(word).name for word in called[:2]}
        if signers and ("run" in called or "neard" not in signers) and not is_guard(processes.parent_of(pid)):
            found.append(f"pid {pid}: {' '.join(called)[:120]}")
    return found


def is_guard(pid: int) -> bool:
    """Is it a guard of ours, from the daemon's file or from a checkout?"""
    return any(word == "guard" or word.endswith(_GUARD_PROGRAMS) for word in processes.words(pid))


def unused(library: Path, program: str) -> list[str]:
    """Versions beside `program` that no process runs. Those in a store are its garbage collector's."""
    if nixos_store.holds(program):
        return []
    running = {program_of(pid, library) for pid in processes.pids()}
    versions = [file for file in library.glob("near-supervisor-*.pyz") if str(file) not in {program, *running}]
    compiled = [file for version in versions for file in library.glob(f"{version.name}.*.zip")]
    return sorted(str(file) for file in [*versions, *compiled])


def key(path: Path) -> dict[str, Any]:
    """What a key file is, without its secret."""
    found: dict[str, Any] = {
        "exists": _is_there(path),
        "link": path.is_symlink(),
        "account_id": "",
        "public_key": "",
        "error": "",
    }
    if found["exists"]:
        try:
            read = key_file.read(path)
        except BadKey as error:
            found["error"] = str(error)
        else:
            found.update(account_id=read.account_id, public_key=read.public_key)
    return found


def _is_there(path: Path) -> bool:
    """As neard would see it. The link to a key leads through its guard, into which not even every root may look."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
