"""The settings of a NixOS host that Ansible manages: settings.json beside the module, each role's part in its place."""

from __future__ import annotations

import json
from typing import Any

from ..errors import BadConfig

NAME = "settings.json"
# Merged account by account, and name by name; everything else is replaced as a whole.
_TABLES = ("validators", "consul")


def parse(text: str, where: str) -> dict[str, Any]:
    """What a host's file says. Raises BadConfig."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadConfig(f"{where} is no JSON: {error}", "Remove it; it is written anew") from None
    if not isinstance(found, dict):
        raise BadConfig(f"{where} is no table", "Remove it; it is written anew")
    return found


def merged(known: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """``known`` with the part that one role sets. What is null in the part is taken out."""
    found = {**known, **part}
    for name in _TABLES:
        if isinstance(known.get(name), dict) and isinstance(part.get(name), dict):
            found[name] = {**known[name], **part[name]}
    return _without_null(found)


def text(settings: dict[str, Any]) -> str:
    """The file, the same bytes for the same settings."""
    return json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


# What the hosts of an account have to agree on with the inventory, whoever deploys the system.
_AGREED = (
    "KUUTAMO_ACCOUNT_ID",
    "KUUTAMO_NODE_ID",
    "KUUTAMO_NEARD_HOME",
    "KUUTAMO_CONSUL_URL",
    "KUUTAMO_VALIDATOR_KEY",
    "KUUTAMO_VALIDATOR_NODE_KEY",
    "NEAR_SUPERVISOR_LEASE",
)


def disagreements(has: dict[str, str], wanted: dict[str, Any]) -> list[str]:
    """Where the settings of a system are not those of the inventory, in words. Numbers are compared as numbers."""
    return [
        f"{name} is {has.get(name, 'not set')} there, and {wanted[name]} in the inventory"
        for name in _AGREED
        if name in wanted and not _equal(has.get(name, ""), str(wanted[name]).strip())
    ]


def _equal(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def _without_null(table: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_null(value) if isinstance(value, dict) else value
        for name, value in table.items()
        if value is not None
    }
