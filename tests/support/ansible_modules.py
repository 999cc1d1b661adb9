"""Modules of the collection, driven through their ``main()`` as Ansible does, without Ansible's controller."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    """Module ``name`` with the imports that it has in a collection."""
    return imported(f"plugins.modules.{name}")


def imported(name: str) -> Any:
    """Any file of the collection, as ``plugins.action.NAME``, with the imports that it has in a collection."""
    sys.path[:0] = [str(ROOT), str(ROOT / "playbooks" / "collections")]
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[:2]


def run(module: Any, arguments: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
    """The result of ``module`` with these arguments, at -vvv and with --diff.

    In ``said`` is all that it let out: both streams, which hold the result as Ansible shows it, and the host's log.
    """
    basic, testing, internal, warnings = (
        importlib.import_module(f"ansible.module_utils.{name}")
        for name in ("basic", "testing", "_internal", "common.warnings")
    )
    for known in ("_global_warnings", "_global_deprecations"):
        vars(warnings)[known].clear()
    logged: list[str] = []
    flags = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 3}
    out, err, status = io.StringIO(), io.StringIO(), None
    with (
        pytest.MonkeyPatch.context() as patch,
        testing.patch_module_args({**arguments, **flags}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(
            basic.AnsibleModule, "log", lambda _self, text, log_args=None: logged.append(f"{text} {log_args}")
        )
        # A test that ran before may have imported Ansible's controller, which shows warnings itself.
        patch.setattr(internal, "is_controller", False)
        try:
            module.main()
        except SystemExit as end:
            status = end.code
    result: dict[str, Any] = json.loads(out.getvalue())
    assert status == int(result.get("failed", False)), result
    assert "deprecations" not in result, "a later ansible-core takes that no more"
    result["warnings"] = [warning["event"]["msg"] for warning in result.get("warnings", [])]
    return {**result, "said": "\n".join([out.getvalue(), err.getvalue(), *logged])}
