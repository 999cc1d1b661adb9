#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Module near_key: one NEAR key file, made once, whose secret never leaves the host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_key
short_description: Create or check the key file of a NEAR validator or node
version_added: 0.1.0
description:
  - Creates an Ed25519 key in a file as neard reads it, C(validator_key.json) or C(node_key.json), and returns its
    public part. The secret is created on the host and stays there. It appears in no result, log, diff or error.
  - An existing file is checked and kept. It is an error if the file is not a key, or not the requested key.
  - The file gets its name only when it is complete, on the disk, and has its owner and mode. Nobody else can open it
    before.
options:
  path:
    description: The key file. Its directory must exist. A symbolic link is refused.
    type: path
    required: true
  kind:
    description:
      - V(validator) is the key that signs for an account.
      - V(node) is the key by which peers know a host. Every host has its own.
    type: str
    choices: [validator, node]
    required: true
  account_id:
    description:
      - The account that the validator key signs for. A file with a key of another account is never touched, not even
        with O(force).
      - Required for a validator key with O(state=present). A node key has no account.
    type: str
  state:
    description: Whether the file must exist.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Discard the key that is in the file. With O(state=present), the key is replaced by the given secret if there is
        one, or else by a new key B(on every run). With O(state=absent), this option also removes a validator key, or a
        file that cannot be read as a key.
      - The network knows a new validator key only after the account has staked with it.
    type: bool
    default: false
  backup:
    description: >-
      Keep a copy of a file that is replaced or removed, with the time in its name. The copy contains the secret, too.
    type: bool
    default: false
  secret_key_content:
    description:
      - The key to write to the file instead of a new one. It is the text of a key file, or only its secret key, which
        is C(ed25519:) and 64 bytes in base58. The public key is derived from it.
      - Keep it encrypted, and set C(no_log) on a task that loops over it.
    type: str
  secret_key_path:
    description: >-
      The same as O(secret_key_content), read from a file on the host that nobody except its owner may read or write.
    type: path
  owner:
    description: The user that owns the file. By default, it stays unchanged, or is the user that the module runs as.
    type: str
  group:
    description: The group of the file. By default, it stays unchanged, or is that of the user that the module runs as.
    type: str
  mode:
    description: The mode of the file.
    type: str
    choices: ['0400', '0600']
    default: '0600'
requirements:
  - The Python package C(cryptography) on the host (on Debian and Ubuntu C(python3-cryptography)), to create a key.
    Without it, an existing key is kept, a given key is written, and both are checked.
attributes:
  check_mode:
    description: >-
      Reports what would be created, replaced, removed or refused. A key that is not created yet has no public key.
    support: full
  diff_mode:
    description: Shows account, public key, owner, group and mode. The secret is omitted.
    support: partial
seealso:
  - module: validator_ha.near.near_key_info
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Create the validator key of an account
  validator_ha.near.near_key:
    path: /etc/near/validator_key.json
    kind: validator
    account_id: my.pool.near
    owner: near
    group: near
    mode: '0400'
  register: validator_key

- name: Show the key that the account must stake with
  ansible.builtin.debug:
    msg: "{{ validator_key.public_key }}"

- name: Create the node key of a host
  validator_ha.near.near_key:
    path: /etc/near/voter_node_key.json
    kind: node
    owner: near
    group: near

- name: Put a key from the vault on a host
  validator_ha.near.near_key:
    path: /etc/near/validator_key.json
    kind: validator
    account_id: my.pool.near
    secret_key_content: "{{ vaulted_validator_key }}"

- name: Remove the key of a validator that has moved, and keep a copy
  validator_ha.near.near_key:
    path: /etc/near/validator_key.json
    kind: validator
    account_id: my.pool.near
    state: absent
    force: true
    backup: true
"""

RETURN = r"""
path:
  description: The key file.
  returned: always
  type: str
  sample: /etc/near/validator_key.json
account_id:
  description: The account in the file. With O(state=absent), the account of the removed key.
  returned: always
  type: str
  sample: my.pool.near
public_key:
  description:
    - The public key in the file. With O(state=absent), the public key of the removed key.
    - Empty in check mode if the key would only be created, and if there was nothing that could be read.
  returned: always
  type: str
  sample: ed25519:6DSjZ8mvsRZDvFqFxo8tCKePG96omXW7eVYVSySmDk8e
backup_file:
  description: The copy of the original file.
  returned: when O(backup) is true and a file was replaced or removed
  type: str
  sample: /etc/near/validator_key.json.2210.2026-11-25@06:12:01~
"""

import dataclasses
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _ed25519
from ..module_utils.near_ha.errors import BadConfig, BadKey, NearError
from ..module_utils.near_ha.host import atomic_file
from ..module_utils.near_ha.keys import key_file, key_place
from ..module_utils.near_ha.keys.key_file import KeyFile


class Keeper:
    """What is at the path, what is wanted there, and the way from the one to the other."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.path, self.mode = Path(module.params["path"]), int(module.params["mode"], 8)
        self.kind = key_file.Kind.NODE if module.params["kind"] == "node" else key_file.Kind.VALIDATOR
        self.force, self.check = module.params["force"], module.check_mode
        self.account = account(module.params)
        self.owner = (key_place.user_id(self.params["owner"]), key_place.group_id(self.params["group"]))
        self.before = key_place.status(self.path, self.params["state"] == "present")
        self.result: dict[str, Any] = {"changed": False, "path": str(self.path), "account_id": "", "public_key": ""}

    def present(self) -> dict[str, Any]:
        """Keep the key that is there, or put one there; the result."""
        wanted = self.given()
        found = self.found()
        if found is not None and not self.replaces(found, wanted):
            return self.kept(found)
        if wanted is None and not _ed25519.AVAILABLE:
            raise BadKey(*_ed25519.missing())
        if wanted is None and not self.check:
            seed = secrets.token_bytes(32)
            wanted = key_file.made(self.path, self.account, seed, _ed25519.public_key(seed))
        if not self.check:
            self.keep_copy()
            self.write(wanted)
        return self.changed(found, wanted or KeyFile(self.path, self.account, "", ""))

    def absent(self) -> dict[str, Any]:
        """Remove the key, if that is allowed; the result."""
        if self.before is None:
            return self.result
        found = self.found()
        if self.params["kind"] == "validator" and not self.force:
            raise BadKey(
                f"{self.path} holds a validator key ({public_part(found)}), which may be the only copy",
                "Make sure that nothing signs with it and that you have what you need of it, then give force: true",
            )
        if not self.check:
            self.keep_copy()
            self.path.unlink()
            atomic_file.sync_directory(self.path.parent)
        return self.changed(found, None)

    def found(self) -> KeyFile | None:
        """The key at the path; None if nothing is, or with ``force`` something unreadable. Else BadKey."""
        if self.before is None:
            return None
        try:
            key = self.whole(key_file.read(self.path, self.kind))
        except BadKey as error:
            if self.force:
                return None
            if self.params["state"] == "absent":
                hint = "It may be a validator key all the same. If nobody needs it, give force: true"
                raise BadKey(error.message, hint) from None
            raise
        self.refuse_other_account(key, str(self.path), "Nothing was changed. Check path, kind and account_id")
        return key

    def given(self) -> KeyFile | None:
        """The key that the parameters bring, None if they bring none; BadKey if it cannot be the one for this file."""
        text, name = self.params["secret_key_content"], "secret_key_content"
        if self.params["secret_key_path"] is not None:
            name = self.params["secret_key_path"]
            text = key_place.read_secret(Path(name))
        if text is None:
            return None
        key = self.whole(key_file.given(text, name))
        if key.account_id:
            self.refuse_other_account(key, name, "Give the key of that account, or mend account_id")
        return dataclasses.replace(key, account_id=self.account)

    def whole(self, key: KeyFile) -> KeyFile:
        """The key, whose secret no output of this module can hold any more; BadKey if its halves are two keys'."""
        self.module.no_log_values.add(key.secret_key)
        return key_file.whole(key)

    def refuse_other_account(self, key: KeyFile, name: str, hint: str) -> None:
        """BadKey if the key belongs to another account, or is of the other kind."""
        has = key.account_id or (key_file.NODE_ACCOUNT if self.params["kind"] == "node" else "")
        if has != self.account if self.account else has == key_file.NODE_ACCOUNT:
            asked = "a node key" if self.params["kind"] == "node" else f"that of {self.account or 'a validator'}"
            raise BadKey(f"{name} holds the key of {has!r} ({key.public_key}), not {asked}", hint)

    def replaces(self, found: KeyFile, wanted: KeyFile | None) -> bool:
        """Whether another key comes into the place of the file; BadKey if that is asked for without ``force``."""
        if wanted is None:
            return bool(self.force)
        if found.secret_key == wanted.secret_key:
            return False
        if not self.force:
            raise BadKey(
                f"{self.path} holds another key ({found.public_key}) than the given one ({wanted.public_key}), and a"
                " key that is overwritten is lost",
                "Nothing was changed. If the given one is right, give force: true, and backup: true to keep both",
            )
        return True

    def kept(self, key: KeyFile) -> dict[str, Any]:
        """The result for a key that stays; its owner and mode are set."""
        after = self.described(key, changed=True)
        self.result.update(account_id=self.account, public_key=key.public_key)
        wanted = {"path": str(self.path), "owner": self.params["owner"], "group": self.params["group"]}
        wanted |= {"mode": self.mode, "attributes": None, "secontext": [None, None, None]}
        self.warn_of_others()
        self.result["changed"] = self.module.set_fs_attributes_if_different(wanted, False)
        return self.with_diff(self.described(key), after)

    def changed(self, found: KeyFile | None, wanted: KeyFile | None) -> dict[str, Any]:
        """The result for a file that was made, replaced or removed, or would be."""
        shown = wanted or found
        self.result["changed"] = True
        if shown is not None:
            self.result.update(account_id=shown.account_id, public_key=shown.public_key)
        before = "" if self.before is None else self.described(found)
        return self.with_diff(before, self.described(wanted, changed=True) if wanted else "")

    def warn_of_others(self) -> None:
        """A secret that others could read may be known already, whatever its mode is from now on."""
        mode = stat.S_IMODE(self.before.st_mode) if self.before else 0
        if mode & key_place.OTHERS:
            done = "would be" if self.check else "is now"
            self.module.warn(
                f"{self.path} had mode {mode:04o}, so that others than its owner could use the secret key in it; the"
                f" mode {done} {self.mode:04o}. Make a new key unless you trust everyone who had access to this host."
            )

    def keep_copy(self) -> None:
        """The file as it is, under a name with the time."""
        if not (self.params["backup"] and self.before):
            return
        copy = self.path.with_name(f"{self.path.name}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}")
        owner = (self.before.st_uid, self.before.st_gid)
        atomic_file.place(copy, self.path.read_bytes(), self.mode, owner, replace=False)
        self.result["backup_file"] = str(copy)

    def write(self, key: KeyFile) -> None:
        """Put the key at the path, as owner and group have it now if none is asked for."""
        owner = self.owner
        if self.before is not None:
            now = (self.before.st_uid, self.before.st_gid)
            owner = (now[0] if owner[0] < 0 else owner[0], now[1] if owner[1] < 0 else owner[1])
        try:
            atomic_file.place(self.path, key.text().encode(), self.mode, owner, replace=self.before is not None)
        except FileExistsError:
            raise BadKey(f"{self.path} was made by something else meanwhile", "It was kept; run this again") from None

    def described(self, key: KeyFile | None, *, changed: bool = False) -> str:
        """The public part of the file for a diff: as it is, or as it is to be."""
        uid, gid, mode = os.geteuid(), os.getegid(), self.mode
        if self.before is not None:
            uid, gid, mode = self.before.st_uid, self.before.st_gid, stat.S_IMODE(self.before.st_mode)
        if changed:
            uid, gid, mode = (uid if self.owner[0] < 0 else self.owner[0], gid if self.owner[1] < 0 else self.owner[1],
                              self.mode)  # fmt: skip
        return f"{public_part(key)}\nowner {uid}, group {gid}, mode {mode:04o}\n"

    def with_diff(self, before: str, after: str) -> dict[str, Any]:
        """The result with a diff."""
        header = str(self.path)
        diff = {"before_header": header, "after_header": header, "before": before, "after": after}
        return {**self.result, "diff": diff}


def public_part(key: KeyFile | None) -> str:
    """Account and public key in words."""
    if key is None:
        return "not readable as a key"
    return f"account {key.account_id or key_file.NODE_ACCOUNT}, public key {key.public_key or '(made by the run)'}"


def account(params: dict[str, Any]) -> str:
    """The account that the file is to hold, empty if any will do; BadConfig if it cannot be one."""
    name = params["account_id"]
    if params["kind"] == "node":
        if name not in (None, key_file.NODE_ACCOUNT):
            raise BadConfig(f"account_id {name!r} was given, but a node key has no account", "Leave it out")
        return key_file.NODE_ACCOUNT
    if name is None and params["state"] == "present":
        raise BadConfig("account_id is missing, and a validator key is one account's", "Give the account it signs for")
    if name is not None and not key_file.ACCOUNT.match(name):
        raise BadConfig(
            f"account_id {name!r} is no NEAR account: {key_file.ACCOUNT_RULE}",
            "Give the account of the pool, such as my.pool.near",
        )
    return name or ""


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "kind": {"type": "str", "choices": ["validator", "node"], "required": True},
            "account_id": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "force": {"type": "bool", "default": False},
            "backup": {"type": "bool", "default": False},
            "secret_key_content": {"type": "str", "no_log": True},
            "secret_key_path": {"type": "path", "no_log": False},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "str", "choices": ["0400", "0600"], "default": "0600"},
        },
        mutually_exclusive=[("secret_key_content", "secret_key_path")],
        supports_check_mode=True,
    )
    try:
        keeper = Keeper(module)
        result = keeper.present() if module.params["state"] == "present" else keeper.absent()
    except NearError as error:
        module.fail_json(msg=str(error), code=error.code)
    except OSError as error:
        module.fail_json(msg=f"{module.params['path']} cannot be kept: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
