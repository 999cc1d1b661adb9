#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: brings a NixOS host to the settings of a role, and never ends a neard that signs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_nixos_system
short_description: Build and activate the NixOS of a host with the settings of a role
version_added: 0.1.0
description:
  - Builds the host's NixOS with O(files) and O(settings) beside its F(configuration.nix), from a copy. Nothing happens
    if the result is the system that already runs.
  - Otherwise asks the new system what its activation would do. It stops at any line that it does not know.
  - If a neard on this host may sign, and the activation would stop, restart or reload the guard, the supervisor, Consul
    or the network, the system is only built, and RV(left) says so.
  - Otherwise activates the system with V(test), so that a reboot would bring the old one back, and has systemd activate
    the old one after O(confirm_within) seconds.
  - A second call with O(state=kept), over a connection of its own, checks the host, writes O(files) and O(settings) to
    F(/etc/nixos) and makes the system the one that boots. If the check fails, the old system is activated again.
options:
  state:
    description:
      - V(tested) builds and activates, V(kept) keeps what an earlier call has activated.
      - V(checked) only compares the running system with O(settings) and O(expected), for a host whose system somebody
        else deploys.
    type: str
    choices: [tested, kept, checked]
    default: tested
  directory:
    description: The directory with the host's F(configuration.nix), which is never changed.
    type: path
    default: /etc/nixos
  name:
    description: The directory below O(directory) that belongs to this collection.
    type: str
    default: validator-ha
  files:
    description: The files of that directory, beside its settings. Other versions of the packed daemon are removed.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The name of the file.
        type: str
        required: true
      src:
        description: The file on the controller.
        type: str
      sha256:
        description: For internal use. The SHA-256 of O(files[].src).
        type: str
      staged:
        description: For internal use. The path that O(files[].src) was sent to.
        type: path
  settings:
    description:
      - Options of C(services.near-validator), merged into those that are set there already. Null takes one out.
      - They must not contain secrets, because everyone on the host can read them.
    type: dict
    default: {}
  expected:
    description: With O(state=checked), the settings of each account, as variables of its supervisor.
    type: dict
    default: {}
  signers:
    description: Whether to go on if a neard on this host may sign. Otherwise RV(deferred) is true and nothing is done.
    type: bool
    default: true
  known_lines:
    description: Regular expressions for lines that the activation script of this host prints, and that mean no harm.
    type: list
    elements: str
    default: []
  confirm_within:
    description: How many seconds later the old system comes back unless the new one is kept.
    type: int
    default: 300
  wait:
    description: How many seconds to wait for the supervisor and Consul after the activation.
    type: int
    default: 60
attributes:
  check_mode:
    description: Builds and asks, and writes nothing to F(/etc/nixos).
    support: full
  diff_mode:
    description: Shows how the settings would change.
    support: partial
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Try the system
  validator_ha.near.near_nixos_system:
    settings: {enable: true, tuneKernel: true}
  register: tried

- name: Keep it
  validator_ha.near.near_nixos_system:
    state: kept
  when: tried.pending
"""

RETURN = r"""
actions:
  description: Descriptions of what was done, or would be done.
  returned: always
  type: list
  elements: str
left:
  description: Why the system was built and not activated, each with its unit.
  returned: always
  type: list
  elements: str
  sample: ["consul.service would be stopped"]
armed:
  description: The accounts whose neard on this host may sign.
  returned: always
  type: list
  elements: str
pending:
  description: Whether a call with O(state=kept) has to follow.
  returned: always
  type: bool
deferred:
  description: Whether nothing was done because of O(signers=false).
  returned: always
  type: bool
system:
  description: The path of the system in the store; empty if nothing was built.
  returned: always
  type: str
needed:
  description: For internal use. Files that must be sent first.
  returned: when files have to be sent
  type: list
  elements: str
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import BadConfig
from ..module_utils.near_ha.host import host_files, nixos_activation, nixos_directory, nixos_system
from ..module_utils.near_ha.module_end import run_module

PENDING = "pending.json"
SETTLED = "settled.json"
MARKS = ("etc/systemd/system/near-supervisor@.service", nixos_system.CONSUL)


class System:
    """One call."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.p = module, module.params
        self.configuration = Path(self.p["directory"])
        self.own = self.configuration / self.p["name"]
        self.result: dict[str, Any] = {
            "changed": False, "actions": [], "left": [], "armed": [], "pending": False, "deferred": False, "system": "",
        }  # fmt: skip

    def needed(self) -> list[str]:
        """Files of the controller that differ and were not sent yet."""
        missing = [entry for entry in self.p["files"] if entry["sha256"] and not entry["staged"]]
        there = {entry["path"]: host_files.look(self.own / entry["path"], host_files.FILE).sha256 for entry in missing}
        return [entry["path"] for entry in missing if there[entry["path"]] != entry["sha256"]]

    def act(self, words: str) -> None:
        """Note a change."""
        self.result["changed"] = True
        self.result["actions"].append(words)

    def tested(self) -> None:
        """Build, ask and activate. Raises NearError."""
        self.refuse_flake()
        with tempfile.TemporaryDirectory(prefix="near-nixos-") as work:
            staged = Path(work, "nixos")
            nixos_system.stage(self.configuration, staged)
            copy = staged / self.p["name"]
            changed = nixos_directory.place(copy, self.own, self.p["files"], self.p["settings"])
            if changed:
                self.result["diff"] = nixos_directory.difference(self.own, copy)
            mark = nixos_system.fingerprint(staged)
            if not changed and nixos_system.noted(SETTLED) == mark and nixos_system.noted(PENDING) is None:
                return
            built = nixos_system.build(staged / "configuration.nix", Path(work))
            self.result["system"] = built
            if not any(Path(built, name).exists() for name in MARKS):
                self.refuse_unimported(copy)
            self.go_on(built, copy, changed)
            if not self.result["changed"] and not self.result["deferred"] and not self.result["left"]:
                nixos_system.note(SETTLED, mark)

    def go_on(self, built: str, ours: Path, changed: list[str]) -> None:
        """What has to be done with the system that was built. Raises NearError."""
        systems = nixos_system.systems(built)
        self.result["armed"] = nixos_system.armed()
        touches: list[str] = []
        if built != systems.running:
            activation = nixos_system.dry_activate(built, self.p["known_lines"])
            touches = nixos_activation.touched(activation)
        step = nixos_activation.step(systems, touches, self.result["armed"], signers=self.p["signers"])
        if step == nixos_activation.DEFER:
            self.result["deferred"] = True
            return
        if step == nixos_activation.HOLD:
            self.result["left"] = touches
            return
        for path in changed:
            self.act(f"write {path}")
        if step == nixos_activation.TEST:
            self.act(f"activate {built}")
        if step != nixos_activation.NOTHING:
            self.act(f"make {built} the system that boots")
        if self.module.check_mode or not self.result["changed"]:
            return
        self.try_out(step, systems, ours)

    def try_out(self, step: str, systems: nixos_activation.Systems, ours: Path) -> None:
        """Activate it, with the way back promised. Raises NearError."""
        kept = nixos_system.NOTES / "files"
        shutil.rmtree(kept, ignore_errors=True)
        nixos_system.NOTES.mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(ours, kept)
        before = nixos_system.look()
        nixos_system.forget(SETTLED)
        nixos_system.note(PENDING, {"built": systems.built, "old": systems.running, "before": before})
        if step == nixos_activation.TEST:
            nixos_system.promise_rollback(systems.running, self.p["confirm_within"])
            try:
                nixos_system.activate(systems.built)
            except BadConfig as error:
                self.take_back(systems.running, str(error))
        self.result["pending"] = True

    def kept(self) -> None:
        """See that all is as it was, and keep what was activated. Raises NearError."""
        pending = nixos_system.noted(PENDING)
        if pending is None:
            return
        if nixos_system.systems().running != pending["built"]:
            nixos_system.forget(PENDING)
            raise BadConfig(
                f"{pending['built']} was activated, and does not run any more: the host has its old system again",
                "It was not confirmed in time, or somebody has activated another one. Run this again",
            )
        self.result["system"] = pending["built"]
        if lacking := nixos_system.wait_until_whole(pending["before"], pending["built"], self.p["wait"]):
            self.take_back(pending["old"], f"After the activation of {pending['built']} {lacking}")
        nixos_system.withdraw_rollback()
        nixos_directory.write(self.own, nixos_system.NOTES / "files")
        nixos_system.keep(pending["built"])
        nixos_system.forget(PENDING)
        self.act(f"make {pending['built']} the system that boots")

    def take_back(self, old: str, why: str) -> None:
        """Activate the old system again, and stop. Raises BadConfig."""
        nixos_system.withdraw_rollback()
        nixos_system.forget(PENDING)
        try:
            nixos_system.activate(old)
        except BadConfig as error:
            raise BadConfig(f"{why}. Nor could the old system be activated: {error}", "Look at the host") from None
        raise BadConfig(
            f"{why}. The old system was activated again, and {self.configuration} is as it was",
            "journalctl -b on this host says more; mend it, and run this again",
        )

    def refuse_flake(self) -> None:
        """BadConfig where the host's system does not come from its configuration.nix."""
        file = self.configuration / "configuration.nix"
        if (self.configuration / "flake.nix").exists() or not file.is_file():
            raise BadConfig(
                f"the system of this host is not described by {file} alone",
                "Take the flake of this collection into yours, and set nixos_mode to external (docs/operate/nixos.md)",
            )

    def refuse_unimported(self, ours: Path) -> None:
        """BadConfig; the directory is there then, so that the line can be added. It does nothing by itself."""
        if not self.module.check_mode:
            nixos_directory.write(self.own, ours)
        raise BadConfig(
            f"{self.configuration}/configuration.nix does not import {self.own}, which this role has "
            f"{'not written, in check mode' if self.module.check_mode else 'written'}",
            f"Add the line: imports = [ ./{self.p['name']} ]; and run this again",
        )


def run(module: AnsibleModule) -> dict[str, Any]:
    """Do what the parameters ask for; the module's result."""
    system = System(module)
    if not nixos_system.is_here():
        raise BadConfig(f"this host is no NixOS: there is no {nixos_system.MARK}", "Use the module on NixOS only")
    if module.params["state"] == "checked":
        nixos_system.check(module.params["settings"], module.params["expected"])
    elif module.params["state"] == "tested":
        if needed := system.needed():
            return {**system.result, "needed": needed}
        system.tested()
    elif not module.check_mode:
        system.kept()
    return system.result


def main() -> None:
    """Entry point of the module."""
    entry: dict[str, Any] = {
        "path": {"type": "str", "required": True},
        "src": {"type": "str"},
        "sha256": {"type": "str"},
        "staged": {"type": "path"},
    }
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["tested", "kept", "checked"], "default": "tested"},
            "directory": {"type": "path", "default": "/etc/nixos"},
            "name": {"type": "str", "default": "validator-ha"},
            "files": {"type": "list", "elements": "dict", "default": [], "options": entry},
            "settings": {"type": "dict", "default": {}},
            "expected": {"type": "dict", "default": {}},
            "signers": {"type": "bool", "default": True},
            "known_lines": {"type": "list", "elements": "str", "default": []},
            "confirm_within": {"type": "int", "default": 300},
            "wait": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda: run(module))


if __name__ == "__main__":
    main()
