"""What the roles put on a Debian host, rendered by Ansible from their own templates, defaults and variables."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.pages import ROOT

Templar = pytest.importorskip("ansible.template").Templar
DataLoader = pytest.importorskip("ansible.parsing.dataloader").DataLoader
init_plugin_loader = pytest.importorskip("ansible.plugins.loader").init_plugin_loader
# Releases before 2.19 ask for no word on what may be evaluated.
TRUSTED = getattr(pytest.importorskip("ansible.template"), "trust_as_template", str)

# Roles see each other's defaults in a playbook: supervisor's take neard's home, and the port of role consul's agent.
ROLES = ("consul", "neard", "supervisor")


class DebianHost:
    """A host of an inventory with these variables."""

    def __init__(self, **given: Any) -> None:
        load_plugins()
        self._loader = DataLoader()
        variables: dict[str, Any] = {
            "ansible_managed": "managed",
            "ansible_search_path": [str(ROOT / "roles" / role) for role in ROLES],
            "inventory_hostname": "nix-a",
            "groups": {},
        }
        for role in ROLES:
            for file in _files(role):
                variables |= self._load(file)
        self._templar = Templar(loader=self._loader, variables={**variables, **given})

    def rendered(self, role: str, template: str) -> str:
        """A template of a role."""
        path = ROOT / "roles" / role / "templates" / template
        return str(self.value(f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}"))

    def value(self, expression: str) -> Any:
        """What an expression is on this host."""
        return self._templar.template(TRUSTED(expression))

    def _load(self, file: Path) -> dict[str, Any]:
        trusts = "trusted_as_template" in inspect.signature(self._loader.load_from_file).parameters
        found: dict[str, Any] = self._loader.load_from_file(
            str(file), **({"trusted_as_template": True} if trusts else {})
        )
        return found


@cache
def load_plugins() -> None:
    """Before the first template of a process: a filter of the collection that was missed once is never found again."""
    init_plugin_loader([])


def _files(role: str) -> list[Path]:
    place = ROOT / "roles" / role
    variables = place / "vars" / "main"
    return [place / "defaults" / "main.yml", *(sorted(variables.glob("*.yml")) or [place / "vars" / "main.yml"])]
