#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: the home of a neard, and the node keys of its host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_home
short_description: Create a home for neard without a validator key
version_added: 0.1.0
description:
  - Creates C(config.json), C(genesis.json) and C(node_key.json) in the home of neard if they are missing. Also creates
    two node keys for the roles that a host of a failover pair may have.
  - C(neard init) runs in a temporary directory, never in the home, because it also writes a C(validator_key.json)
    whenever that file is missing. Everything that it creates is discarded except the files that are needed.
  - The module fails if the home contains a validator key as a file. The file is neither removed nor set aside, because
    only a person can know whether something signs with it. A symbolic link is made by the guard and is left alone.
options:
  path:
    description: The home directory of neard. It must exist.
    type: path
    required: true
  program:
    description: The neard program.
    type: path
    required: true
  chain_id:
    description: The chain. On every chain except C(mainnet), C(genesis.json) must already be in the home.
    type: str
    required: true
  boot_nodes:
    description: The first peers, for a new C(config.json). Each is C(ed25519:KEY@HOST:PORT).
    type: list
    elements: str
    default: []
  keys_dir:
    description: The directory of C(voter_node_key.json) and C(validator_node_key.json). It must exist.
    type: path
    required: true
  validator_node_key:
    description: The text that C(validator_node_key.json) must contain. Without it, a key is created, once.
    type: str
  leave_key:
    description: >-
      Whether a validator key in the home is left there, instead of an error. This is for a neard that signs and is not
      yet supervised.
    type: bool
    default: false
  data_dirs:
    description:
      - Directories outside of the home that neard fills. Those that O(path) contains are known from its C(config.json).
      - What is in these directories, or in the home and is neard's, is given to O(owner) if it belongs to another user,
        as after a C(cp) by root. No link is followed. It is not looked at for longer than a minute.
    type: list
    elements: path
    default: []
  owner:
    description: The user that runs neard and owns all files created here.
    type: str
    required: true
  group:
    description: The group of all files created here.
    type: str
    required: true
attributes:
  check_mode:
    description: Reports what would be created without creating it.
    support: full
  diff_mode:
    description: Names the files. Their content is not shown, because it is secret or large.
    support: partial
seealso:
  - module: validator_ha.near.near_config
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Create neard's home
  validator_ha.near.near_home:
    path: /var/lib/near/neard
    program: /usr/local/bin/neard
    chain_id: mainnet
    keys_dir: /etc/near/neard
    owner: near
    group: near
"""

RETURN = r"""
created:
  description: The files that were created, or would be.
  returned: always
  type: list
  elements: str
  sample: [/var/lib/near/neard/config.json]
given:
  description: How many files and directories that were there were given to O(owner), or would be.
  returned: always
  type: int
  sample: 0
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import BadConfig, BadKey
from ..module_utils.near_ha.host import atomic_file, neard_home, neard_paths, tree_owner
from ..module_utils.near_ha.keys import key_file, key_place
from ..module_utils.near_ha.module_end import run_module

VOTER = "voter_node_key.json"
VALIDATOR = "validator_node_key.json"
# The last one is where NixOS has programs.
PATH = f"{os.defpath}:/run/current-system/sw/bin"
INIT_TIMEOUT_S = 900
SHOWN = 20


class Maker:
    """Makes the files of one home."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.home, self.keys = Path(module.params["path"]), Path(module.params["keys_dir"])
        self.config = neard_home.read_config(self.home)
        self.created: list[str] = []

    def missing(self) -> list[Path]:
        """What is not there yet, in the order in which it is made."""
        genesis = neard_home.named(self.home, self.config, "genesis_file", "genesis.json")
        node_key = neard_home.named(self.home, self.config, "node_key_file", "node_key.json")
        wanted = [self.keys / VOTER, self.keys / VALIDATOR, node_key, genesis, self.home / neard_home.CONFIG]
        return [path for path in wanted if not os.path.lexists(path)]

    def make(self) -> None:
        """Make what is missing; config.json last, because a home with it counts as made."""
        for path in self.missing():
            if path.name == neard_home.CONFIG:
                self._from_init("config.json", path, 0o640)
            elif path.parent == self.keys and not (path.name == VALIDATOR and self.params["validator_node_key"]):
                self._from_init("node_key.json", path, 0o600)
            elif path.parent == self.keys:
                continue
            elif "genesis" in path.name:
                self._genesis(path)
            else:
                # Until the supervisor puts the key of its role here.
                self._place((self.keys / VOTER).read_bytes(), path, 0o600)

    def given_key(self) -> None:
        """Put the given validator node key in place, if it is another one."""
        text, target = self.params["validator_node_key"], self.keys / VALIDATOR
        if not text:
            return
        with tempfile.TemporaryDirectory() as directory:
            candidate = Path(directory, "key.json")
            candidate.touch(0o600)
            candidate.write_text(text, encoding="utf-8")
            try:
                wanted = key_file.read(candidate, key_file.Kind.NODE)
            except BadKey as error:
                raise BadKey(str(error).replace(str(candidate), "validator_node_key")) from None
        try:
            present = key_file.read(target, key_file.Kind.NODE)
        except BadKey:
            present = None
        if present is not None and present.secret_key == wanted.secret_key:
            return
        if self.module.check_mode:
            self.created.append(str(target))
        else:
            self._place(text.strip().encode() + b"\n", target, 0o600)

    def refuse_left_key(self) -> None:
        """BadKey if a validator key lies in the home, and is not known to."""
        if self.params["leave_key"]:
            return
        left = neard_home.left_key(self.home, self.config)
        if left is not None:
            raise BadKey(
                f"a validator key lies in neard's home: {left}",
                "neard signs with it whenever it is started, whatever other hosts do. Find out whether something signs"
                " with it, stop that, move the file out of the home, and run this again",
            )

    def _genesis(self, path: Path) -> None:
        if self.params["chain_id"] != "mainnet":
            raise BadConfig(
                f"{path} does not exist, and neard has only mainnet's genesis built in",
                f"Give the genesis of {self.params['chain_id']!r} with neard_genesis_file or neard_genesis_url",
            )
        self._from_init("genesis.json", path, 0o640)

    def _from_init(self, name: str, target: Path, mode: int) -> None:
        with tempfile.TemporaryDirectory(dir=self.home, prefix=".init-") as directory:
            shutil.chown(directory, self.params["owner"], self.params["group"])
            self._init(Path(directory))
            made = Path(directory, name)
            if not made.is_file():
                raise BadConfig(f"{self.params['program']} init wrote no {name}", "Is this program neard?")
            self._place(made.read_bytes(), target, mode)

    def _init(self, directory: Path) -> None:
        program = self.params["program"]
        command = [program, "--home", str(directory), "init", "--chain-id", self.params["chain_id"]]
        if self.params["boot_nodes"]:
            command += ["--boot-nodes", ",".join(self.params["boot_nodes"])]
        genesis = neard_home.named(self.home, self.config, "genesis_file", "genesis.json")
        if genesis.exists():
            command += ["--genesis", str(genesis)]
        user = pwd.getpwnam(self.params["owner"])
        try:
            done = subprocess.run(
                command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd=str(directory),
                env={"PATH": PATH, "HOME": str(directory), "LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=INIT_TIMEOUT_S, check=False,
            )  # fmt: skip
        except OSError as error:
            raise BadConfig(
                f"{program} cannot be started: {error.strerror}", "Is it a neard for this kind of machine?"
            ) from None
        except subprocess.TimeoutExpired:
            raise BadConfig(f"{program} init did not end within {INIT_TIMEOUT_S} s", "Try it by hand") from None
        if done.returncode != 0:
            text = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise BadConfig(f"{program} init ended with status {done.returncode}: {text[-600:]}", "Try it by hand")

    def _place(self, content: bytes, target: Path, mode: int) -> None:
        """The content under its name in one step, as the owner's."""
        owner = (key_place.user_id(self.params["owner"]), key_place.group_id(self.params["group"]))
        atomic_file.place(target, content, mode, owner, replace=True)
        self.created.append(str(target))

    def secure_keys(self) -> bool:
        """Owner and mode of the node keys as they must be; whether something had to change."""
        changed = False
        if self._owner() is None:
            return False
        for path in (self.keys / VOTER, self.keys / VALIDATOR):
            wanted = {"path": str(path), "owner": self.params["owner"], "group": self.params["group"], "mode": 0o600}
            if path.exists():
                wanted |= {"attributes": None, "secontext": [None, None, None]}
                changed = self.module.set_fs_attributes_if_different(wanted, changed)
        return changed

    def own_all(self) -> tree_owner.Walk | None:
        """What is there already becomes the owner's; None if the owner would have been made by now."""
        owner = self._owner()
        if owner is None:
            return None
        walk = tree_owner.Walk(owner, changes=not self.module.check_mode)
        given = [Path(os.path.normpath(path)) for path in self.params["data_dirs"]]
        for top in dict.fromkeys([*neard_paths.trees(self.home, neard_home.read_config(self.home)), *given]):
            walk.tree(top)
            self._warn_of_link(top, owner[0])
        whose = f"{self.params['owner']}:{self.params['group']}"
        for reason in walk.left[:SHOWN]:
            self.module.warn(f"{reason}, so it was not given to {self.params['owner']}. Look what it is")
        if walk.unseen:
            self.module.warn(
                f"Not all of {walk.unseen} was looked at within {tree_owner.LONGEST_S:.0f} s. If neard cannot write"
                f" to it: chown --recursive --no-dereference {whose} {walk.unseen}"
            )
        return walk

    def _owner(self) -> tuple[int, int] | None:
        """Numbers of user and group; None in check mode, if they would have been made by now. Raises BadConfig."""
        try:
            return key_place.user_id(self.params["owner"]), key_place.group_id(self.params["group"])
        except BadConfig:
            if self.module.check_mode:
                return None
            raise

    def _warn_of_link(self, top: Path, user: int) -> None:
        if not top.is_symlink() or not top.is_dir() or top.stat().st_uid == user:
            return
        real = top.resolve()
        self.module.warn(
            f"{top} is a link to {real}, which is not {self.params['owner']}'s, and nothing is changed behind a link:"
            f" chown --recursive --no-dereference {self.params['owner']}:{self.params['group']} {real}"
        )


def run(module: AnsibleModule) -> dict[str, Any]:
    """Do what the parameters ask for; the module's result."""
    maker = Maker(module)
    maker.refuse_left_key()
    if module.check_mode:
        maker.created = [str(path) for path in maker.missing()]
    else:
        maker.make()
    if not (module.check_mode and str(maker.keys / VALIDATOR) in maker.created):
        maker.given_key()
    secured = maker.secure_keys()
    walk = maker.own_all()
    maker.refuse_left_key()
    foreign = walk.foreign if walk is not None else []
    given = len(foreign) - (len(walk.left) if walk is not None else 0)
    more = [f"and {len(foreign) - SHOWN} more"] if len(foreign) > SHOWN else []
    after = [*maker.created, *(f"{path} becomes {module.params['owner']}'s" for path in foreign[:SHOWN]), *more]
    return {
        "changed": bool(maker.created) or secured or given > 0,
        "created": maker.created,
        "given": given,
        "diff": {"before": "", "after": "".join(f"{line}\n" for line in after)},
    }


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "program": {"type": "path", "required": True},
            "chain_id": {"type": "str", "required": True},
            "boot_nodes": {"type": "list", "elements": "str", "default": []},
            "keys_dir": {"type": "path", "required": True, "no_log": False},
            "validator_node_key": {"type": "str", "no_log": True},
            "leave_key": {"type": "bool", "default": False, "no_log": False},
            "data_dirs": {"type": "list", "elements": "path", "default": []},
            "owner": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda: run(module))


if __name__ == "__main__":
    main()
