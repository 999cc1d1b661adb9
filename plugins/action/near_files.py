# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Sends files of the controller to a host, only those that it lacks, and has module near_files put them in place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

_BLOCK = 1 << 20


def digest(path: str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    found = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


class ActionModule(ActionBase):
    """One call of the module where nothing has to be sent, else two."""

    MODULE = "validator_ha.near.near_files"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module."""
        super().run(tmp, task_vars)
        given = self._task.args.get("files")
        if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
            raise AnsibleActionFail("near_files: files must be a list of mappings, each with a path.")
        sources: dict[str, str] = {}
        files: list[dict[str, Any]] = []
        for entry in given:
            if entry.get("src"):
                local = self._loader.get_real_file(self._find_needle("files", entry["src"]))
                sources[str(entry["path"])] = local
                files.append({**{name: entry[name] for name in entry if name != "src"}, "sha256": digest(local)})
            else:
                files.append(dict(entry))
        try:
            result = self._module(files, task_vars)
            if needed := result.get("needed"):
                staged = self._send({path: sources[path] for path in needed})
                files = [{**entry, "staged": staged.get(str(entry["path"]))} for entry in files]
                result = self._module(files, task_vars)
        finally:
            for local in sources.values():
                self._loader.cleanup_tmp_file(local)
        return result

    def _send(self, sources: dict[str, str]) -> dict[str, str]:
        """The files on the host, where only the user that puts them in place can read them."""
        shell = self._connection._shell
        directory = shell.tmpdir or self._make_tmp_path()
        staged = {path: shell.join_path(directory, f"file{number}") for number, path in enumerate(sources)}
        for path, remote in staged.items():
            self._transfer_file(sources[path], remote)
        self._fixup_perms2((directory, *staged.values()))
        return staged

    def _module(self, files: list[dict[str, Any]], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=self.MODULE,
            module_args={**self._task.args, "files": files},
            task_vars=task_vars,
        )
        return result
