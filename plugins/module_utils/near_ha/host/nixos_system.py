"""The NixOS of this host: its systems in the store, and how another one is built, tried, kept or taken back."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ..errors import BadConfig, NearError
from ..transport import control_client
from . import nixos_activation, nixos_settings, nixos_store, processes

MARK = Path("/etc/NIXOS")
RUNNING, BOOTED = Path("/run/current-system"), Path("/nix/var/nix/profiles/system")
CHANNELS = Path("/nix/var/nix/profiles/per-user/root/channels")
# As NixOS has it for a login of root.
NIX_PATH = f"nixpkgs={CHANNELS}/nixos:nixos-config=/etc/nixos/configuration.nix:{CHANNELS}"
# Lost at a boot, after which nothing is pending.
NOTES = Path("/run/near-nixos")
CONSUL = "etc/systemd/system/consul.service"
RUN_DIRECTORY = Path("/run/near-supervisor")
ROLLBACK, TRIAL = "near-nixos-rollback", "near-nixos-trial"
BUILD_TIMEOUT_S, ACTIVATE_TIMEOUT_S = 3600, 900
SHOWN_LINES = 12
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def is_here() -> bool:
    """Whether this host is a NixOS."""
    return MARK.exists()


def systems(built: str = "") -> nixos_activation.Systems:
    """The systems of this host; ``built`` is the new one."""
    return nixos_activation.Systems(built, os.path.realpath(RUNNING), os.path.realpath(BOOTED))


def build(configuration: Path, work: Path) -> str:
    """The path in the store of the system that this configuration.nix describes. Raises BadConfig.

    It is built, and nothing else: no profile and no unit is touched.
    """
    command = ["nixos-rebuild", "build", "-I", f"nixos-config={configuration}"]
    done = _run(command, BUILD_TIMEOUT_S, work)
    result = work / "result"
    if done.returncode != 0 or not result.exists():
        raise BadConfig(
            f"nixos-rebuild build ended with status {done.returncode}: {_end(done)}",
            "Nothing was changed on this host. Mend its configuration, or the variable that is wrong",
        )
    return os.path.realpath(result)


def dry_activate(system: str, known: list[str]) -> nixos_activation.Activation:
    """What an activation of ``system`` would do now. Raises BadConfig."""
    done = _run([f"{system}/bin/switch-to-configuration", "dry-activate"], ACTIVATE_TIMEOUT_S)
    if done.returncode != 0:
        raise BadConfig(
            f"dry-activate of {system} ended with status {done.returncode}: {_end(done)}",
            "Nothing was changed on this host. See what it says",
        )
    return nixos_activation.parse(done.stdout + done.stderr, known)


def activate(system: str) -> None:
    """Make ``system`` the one that runs, not the one that boots. Raises BadConfig.

    It is a unit of its own: a connection that the activation ends does not end the activation.
    """
    NOTES.mkdir(mode=0o700, exist_ok=True)
    log = NOTES / "activation.log"
    log.unlink(missing_ok=True)
    command = ["systemd-run", f"--unit={TRIAL}", "--collect", "--wait", "--quiet"]
    command += [f"--property=Standard{stream}=append:{log}" for stream in ("Output", "Error")]
    if archive := os.environ.get("LOCALE_ARCHIVE"):
        command += [f"--setenv=LOCALE_ARCHIVE={archive}"]
    done = _run([*command, f"{system}/bin/switch-to-configuration", "test"], ACTIVATE_TIMEOUT_S)
    if done.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else done.stderr
        lines = " / ".join(said.strip().splitlines()[-SHOWN_LINES:]) or "it said nothing"
        raise BadConfig(f"{system} was activated with status {done.returncode}: {lines}")


def keep(system: str) -> None:
    """Make ``system`` the one that boots, as a new generation. Raises BadConfig."""
    for command in (
        ["nix-env", "--profile", str(BOOTED), "--set", system],
        [f"{system}/bin/switch-to-configuration", "boot"],
    ):
        done = _run(command, ACTIVATE_TIMEOUT_S)
        if done.returncode != 0:
            raise BadConfig(
                f"{' '.join(command)} ended with status {done.returncode}: {_end(done)}",
                "The system runs, and would not be there after a reboot. Mend that, and run this again",
            )


def promise_rollback(system: str, after_s: int) -> None:
    """Have systemd activate ``system`` by itself after so many seconds: for a host that cannot be reached by then."""
    withdraw_rollback()
    command = ["systemd-run", f"--unit={ROLLBACK}", f"--on-active={after_s}", "--timer-property=AccuracySec=1s"]
    done = _run([*command, "--quiet", "--collect", f"{system}/bin/switch-to-configuration", "test"], 60)
    if done.returncode != 0:
        raise BadConfig(f"systemd-run could not promise the way back to {system}: {_end(done)}", "See its journal")


def withdraw_rollback() -> None:
    """Nothing is activated by itself any more."""
    _run(["systemctl", "stop", f"{ROLLBACK}.timer"], 60)


def armed() -> list[str]:
    """The accounts whose neard may sign on this host now. One whose supervisor does not answer counts, if it runs."""
    return [account for account, status in _statuses().items() if _may_sign(account, status)]


def accounts(system: str) -> list[str]:
    """The accounts that a system has settings for."""
    return sorted(file.stem for file in Path(system, "etc/near/supervisor").glob("*.env"))


def look() -> dict[str, Any]:
    """What has to be the same after an activation: pids of what validates, who answers, whether Consul runs."""
    statuses = _statuses()
    return {
        "answer": sorted(account for account, status in statuses.items() if status is not None),
        "signers": {account: guarded(account) for account, status in statuses.items() if _may_sign(account, status)},
        "consul": state("consul.service")["ActiveState"] == "active",
    }


def missing(before: dict[str, Any], system: str) -> str:
    """What of ``before`` is not there now, or what the system lacks; empty when all is."""
    now = look()
    for account, pid in before["signers"].items():
        if guarded(account) != pid:
            return f"neard {pid} of {account}, which validated, is gone"
    gone = sorted(set(before["answer"]) - set(now["answer"]))
    if gone:
        return f"the supervisor of {', '.join(gone)} does not answer"
    if before["consul"] and not now["consul"]:
        return "consul.service does not run"
    units = [f"{kind}@{account}.service" for account in accounts(system) for kind in ("near-guard", "near-supervisor")]
    unknown = [unit for unit in units if state(unit)["LoadState"] != "loaded"]
    return f"systemd does not know {', '.join(unknown)}" if unknown else ""


def wait_until_whole(before: dict[str, Any], system: str, timeout_s: float) -> str:
    """As `missing`, asked until nothing is; the last answer after so many seconds."""
    end = time.monotonic() + timeout_s
    while (lacking := missing(before, system)) and time.monotonic() < end:
        time.sleep(0.5)
    return lacking


def check(settings: dict[str, Any], expected: dict[str, dict[str, Any]]) -> None:
    """See that a system which somebody else deploys is as the inventory says. Raises BadConfig."""
    running = Path(systems().running)
    option = "services.near-validator"
    if (settings.get("consul") or {}).get("enable") and not (running / CONSUL).exists():
        raise BadConfig(
            "the system of this host has no consul.service", f"Set {option}.enable and .consul.enable, and deploy it"
        )
    for account, wanted in expected.items():
        file = running / f"etc/near/supervisor/{account}.env"
        if not file.is_file():
            raise BadConfig(
                f"the system of this host does not know {account}",
                f'Set {option}.validators."{account}", and deploy the system',
            )
        wrong = nixos_settings.disagreements(nixos_store.settings_of(file.read_text(encoding="utf-8")), wanted)
        if wrong:
            raise BadConfig(
                f"the system of this host and the inventory disagree about {account}: {'; '.join(wrong)}",
                f'Correct the inventory, or {option}.validators."{account}"',
            )


def guarded(account: str) -> int:
    """The pid of an account's neard; 0 when there is none."""
    guard = int(state(f"near-guard@{account}.service")["MainPID"] or 0)
    return processes.child_of(guard) if guard else 0


def state(unit: str) -> dict[str, str]:
    """Some properties of a unit; empty where systemd cannot be asked."""
    names = ("ActiveState", "LoadState", "MainPID")
    done = _run(["systemctl", "show", unit, *(f"--property={name}" for name in names)], 60)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return {name: found.get(name, "") for name in names}


def fingerprint(staged: Path) -> str:
    """Of all that a build here depends on, as far as it is known: configuration, channels, the system that runs."""
    found = hashlib.sha256(f"{os.path.realpath(CHANNELS)} {systems()}".encode())
    for file in sorted(path for path in staged.rglob("*") if path.is_file()):
        found.update(f"{file.relative_to(staged)} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def note(name: str, document: Any) -> None:
    """Remember something until the next boot."""
    NOTES.mkdir(mode=0o700, exist_ok=True)
    temporary = NOTES / f"{name}.new"
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace(NOTES / name)


def noted(name: str) -> Any:
    """What was remembered; None if nothing was."""
    try:
        return json.loads((NOTES / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def forget(name: str) -> None:
    """The opposite of `note`."""
    (NOTES / name).unlink(missing_ok=True)


def stage(source: Path, into: Path) -> None:
    """A copy of the configuration to build from. What is no file of it is left out. Raises BadConfig."""
    try:
        shutil.copytree(source, into, ignore=shutil.ignore_patterns(".git", "result"), ignore_dangling_symlinks=True)
    except (OSError, shutil.Error) as error:
        raise BadConfig(f"{source} cannot be copied: {error}", "Mend that first") from None


def _statuses() -> dict[str, dict[str, Any] | None]:
    found: dict[str, dict[str, Any] | None] = {}
    for directory in sorted(RUN_DIRECTORY.glob("*/")):
        try:
            found[directory.name] = control_client.call(directory / "control.sock", "GET", "/status")
        except NearError:
            found[directory.name] = None
    return found


def _may_sign(account: str, status: dict[str, Any] | None) -> bool:
    if status is None:
        return bool(guarded(account))
    return bool((status.get("neard") or {}).get("armed"))


def _run(command: list[str], timeout_s: float, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # A session without a login may lack both.
    path = f"{os.environ.get('PATH', os.defpath)}:{RUNNING}/sw/bin"
    environ = {**os.environ, "PATH": path, "NIX_PATH": os.environ.get("NIX_PATH") or NIX_PATH}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout_s, cwd=cwd, env=environ
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _end(done: subprocess.CompletedProcess[str]) -> str:
    lines = _COLOURS.sub("", done.stderr.strip() or done.stdout.strip()).splitlines()[-SHOWN_LINES:]
    return " / ".join(lines) or "it said nothing"
