#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: an account, directories, files and links of a role, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_files
short_description: Put a user account, directories, files and links on a host in one call
version_added: 0.1.0
description:
  - Does what separate tasks for a user account, directories, files and links would do, in the order of O(files).
    Separate calls would cost a host half a second of work each, every time, even if nothing has to be done.
  - A file is replaced atomically, and only if it differs. It gets its owner and mode before it gets its name. A running
    program keeps the old file until it is started again.
  - Calls on one machine take turns, so several inventory entries may be the same machine.
options:
  account:
    description: A system user to create first, if it is missing. An existing user is only added to the group.
    type: dict
    suboptions:
      user:
        description: The name of the user.
        type: str
        required: true
      group:
        description: The user's group, which is created as well.
        type: str
        required: true
      home:
        description: The user's home in the user database. The directory is not created.
        type: path
        default: /nonexistent
  files:
    description: What must exist. Missing parent directories are created, owned by root, with mode 0755.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The path.
        type: path
        required: true
      state:
        description:
          - The type that the path must have.
          - A link may stand in for a directory. A V(file) replaces a link.
          - A V(link) replaces a file, or a link to another directory, after this got a second name,
            C(PATH.set-aside-MILLISECONDS), which is said in a warning.
        type: str
        choices: [file, directory, link]
        default: file
      owner:
        description: The user that owns it.
        type: str
        default: root
      group:
        description: The group that owns it.
        type: str
        default: root
      mode:
        description: The mode, in octal digits. The default is V(0644), and V(0755) for a directory.
        type: str
      content:
        description: The text of a file. It is shown in a diff. The text of a secret belongs in O(secrets).
        type: str
      src:
        description: A file on the controller, encrypted with Ansible Vault or not. It is sent only if it is needed.
        type: str
      remote_src:
        description: A file on the host to copy.
        type: path
      target:
        description: The target of a V(link).
        type: str
      validate:
        description: A command that must succeed for the new content, with C(%s) in place of the file's name.
        type: str
      sha256:
        description: For internal use. The SHA-256 of O(files[].src).
        type: str
      staged:
        description: For internal use. The path that O(files[].src) was sent to.
        type: path
  secrets:
    description: The texts of files in O(files) that nobody may see, by path. They appear in neither logs nor diffs.
    type: dict
    default: {}
attributes:
  check_mode:
    description: >-
      Reports what would change without changing it. The commands in O(files[].validate) are not run. An owner that does
      not exist may be one that another task would have created.
    support: full
  diff_mode:
    description: Shows what O(files[].content) replaces. For all other files, only the name is shown.
    support: partial
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Install a program and its settings
  validator_ha.near.near_files:
    account: {user: near, group: near}
    files:
      - {path: /usr/local/bin/neard, src: files/neard, mode: "0755"}
      - {path: /etc/near, state: directory}
      - {path: /etc/near/settings.env, content: "LEASE=10\n", group: near, mode: "0640"}
      - {path: /etc/near/token, owner: near, group: near, mode: "0400"}
    secrets:
      /etc/near/token: "{{ token }}"
"""

RETURN = r"""
changed_paths:
  description: Those of O(files) that were changed or created, or would be.
  returned: always
  type: list
  elements: str
  sample: [/etc/near/settings.env]
needed:
  description: For internal use. Files that must be sent first.
  returned: when files have to be sent
  type: list
  elements: str
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import BadConfig
from ..module_utils.near_ha.host import atomic_file, host_account, host_files
from ..module_utils.near_ha.keys import key_place
from ..module_utils.near_ha.module_end import run_module

SOURCES = ("content", "remote_src", "sha256")


class Files:
    """One call."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.secrets: dict[str, str] = self.params["secrets"]
        self.changed = False
        self.paths: list[str] = []
        self.diff: list[dict[str, str]] = []

    def needed(self) -> list[str]:
        """Files of the controller that differ and were not sent yet."""
        return [
            entry["path"]
            for entry in self.params["files"]
            if entry["sha256"] and not entry["staged"]
            and host_files.look(Path(entry["path"]), host_files.FILE).sha256 != entry["sha256"]
        ]  # fmt: skip

    def account(self) -> None:
        """The user and its group."""
        given = self.params["account"]
        for step in host_account.Account(**given).steps() if given else ():
            self.changed = True
            self.diff.append({"before": "", "after": f"{' '.join(step)}\n"})
            if not self.module.check_mode:
                host_account.take(step)

    def entry(self, entry: dict[str, Any]) -> None:
        """One of the files. Raises NearError and OSError."""
        path, kind = Path(entry["path"]), entry["state"]
        found = host_files.look(path, kind)
        host_files.refuse_kind(path, kind, found)
        if kind == host_files.LINK:
            if found.target != entry["target"]:
                self._link(entry, path, found)
            return
        mode = octal(entry)
        owner = self._owner(entry)
        text = self._text(entry) if kind == host_files.FILE else None
        owned = found.mode == mode and (found.uid, found.gid) == owner
        same = found.kind == kind and (kind == host_files.DIRECTORY or found.sha256 == self._wanted(entry, text))
        if same and owned:
            return
        before = f"{found.uid}:{found.gid} {found.mode:04o}" if found.mode is not None else ""
        after = f"{entry['owner']}:{entry['group']} {mode:04o}" if not owned else before
        if not same and kind == host_files.FILE and entry["content"] is not None:
            before, after = host_files.shown(path), entry["content"]
        self._note(entry, before, after)
        if self.module.check_mode or owner is None:
            return
        self._parent(path)
        if kind == host_files.DIRECTORY:
            host_files.make_directory(path, owner, mode)
        elif same:
            host_files.own(path, owner, mode)
        else:
            self._put(entry, path, text, owner, mode)

    def _link(self, entry: dict[str, Any], path: Path, found: host_files.Found) -> None:
        anothers = host_files.is_anothers(path, found, entry["target"])
        how = f" (the {found.kind} that is there is set aside)" if anothers else ""
        self._note(entry, found.target, f"{entry['target']}{how}")
        if self.module.check_mode:
            return
        self._parent(path)
        if anothers:
            aside = host_files.set_aside(path)
            self.module.warn(f"{path} was a {found.kind} that is not this collection's. It is kept as {aside}")
        host_files.make_link(path, entry["target"])

    def _put(self, entry: dict[str, Any], path: Path, text: bytes | None, owner: tuple[int, int], mode: int) -> None:
        if text is None:
            source = Path(entry["remote_src"] or entry["staged"])
            self._validate(entry, source)
            host_files.copy_file(path, source, owner, mode)
            return
        if entry["validate"]:
            with tempfile.NamedTemporaryFile(dir=self.module.tmpdir, prefix="near-files-") as candidate:
                candidate.write(text)
                candidate.flush()
                self._validate(entry, Path(candidate.name))
        atomic_file.place(path, text, mode, owner, replace=True)

    def _validate(self, entry: dict[str, Any], candidate: Path) -> None:
        if not entry["validate"]:
            return
        command = [str(candidate) if word == "%s" else word for word in shlex.split(entry["validate"])]
        status, out, err = self.module.run_command(command)
        if status != 0:
            said = (err or out).strip() or "it said nothing"
            raise BadConfig(
                f"{entry['path']} would not be valid, {command[0]} ended with status {status}: {said}",
                "The file was left as it was",
            )

    def _text(self, entry: dict[str, Any]) -> bytes | None:
        """The content as it was given; None if it is in a file. Raises BadConfig."""
        secret = self.secrets.get(entry["path"])
        given = [entry[name] for name in SOURCES if entry[name] is not None] + ([secret] if secret is not None else [])
        if len(given) != 1:
            raise BadConfig(
                f"{entry['path']} has {len(given)} sources", "Give one of content, src, remote_src and a secret"
            )
        text = secret if secret is not None else entry["content"]
        return None if text is None else text.encode()

    def _wanted(self, entry: dict[str, Any], text: bytes | None) -> str:
        """The SHA-256 that the file must have."""
        if text is not None:
            return hashlib.sha256(text).hexdigest()
        return str(entry["sha256"] or host_files.digest(Path(entry["remote_src"])))

    def _owner(self, entry: dict[str, Any]) -> tuple[int, int] | None:
        """Numbers of user and group; None in check mode, if they would have been made by now. Raises BadConfig."""
        try:
            return key_place.user_id(entry["owner"]), key_place.group_id(entry["group"])
        except BadConfig:
            if not self.module.check_mode:
                raise
        return None

    def _parent(self, path: Path) -> None:
        if not path.parent.is_dir():
            host_files.make_directory(path.parent, (-1, -1), 0o755)

    def _note(self, entry: dict[str, Any], before: str, after: str) -> None:
        self.changed = True
        self.paths.append(entry["path"])
        self.diff.append(
            {"before_header": entry["path"], "after_header": entry["path"], "before": before, "after": after}
        )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Other calls on this machine wait meanwhile. What is locked is a directory that every host has."""
    lock = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def octal(entry: dict[str, Any]) -> int:
    """The mode as a number. Raises BadConfig."""
    text = entry["mode"] or ("0755" if entry["state"] == host_files.DIRECTORY else "0644")
    try:
        return int(text, 8)
    except ValueError:
        raise BadConfig(f"mode {text!r} of {entry['path']} is no octal number", 'Write it like "0640"') from None


def run(module: AnsibleModule) -> dict[str, Any]:
    """Do what the parameters ask for; the module's result."""
    files = Files(module)
    if not module.check_mode and (needed := files.needed()):
        return {"changed": False, "needed": needed, "changed_paths": []}
    with one_at_a_time():
        files.account()
        for entry in module.params["files"]:
            try:
                files.entry(entry)
            except OSError as error:
                where = error.filename or entry["path"]
                raise BadConfig(
                    f"{entry['path']} could not be put in place: {where}: {host_files.plainly(error)}",
                    "Mend that first",
                ) from None
    return {"changed": files.changed, "changed_paths": files.paths, "diff": files.diff}


def main() -> None:
    """Entry point of the module."""
    entry: dict[str, Any] = {
        "path": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["file", "directory", "link"], "default": "file"},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
        "mode": {"type": "str"},
        "content": {"type": "str"},
        "src": {"type": "str"},
        "remote_src": {"type": "path"},
        "target": {"type": "str"},
        "validate": {"type": "str"},
        "sha256": {"type": "str"},
        "staged": {"type": "path"},
    }
    account = {
        "user": {"type": "str", "required": True},
        "group": {"type": "str", "required": True},
        "home": {"type": "path", "default": "/nonexistent"},
    }
    module = AnsibleModule(
        argument_spec={
            "account": {"type": "dict", "options": account},
            "files": {
                "type": "list", "elements": "dict", "required": True, "options": entry,
                "required_if": [("state", "link", ["target"])],
            },
            "secrets": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )  # fmt: skip
    run_module(module, lambda: run(module))


if __name__ == "__main__":
    main()
