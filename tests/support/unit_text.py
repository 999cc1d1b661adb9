"""Unit files of systemd: read, laid over one another, and written of what NixOS has of a service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# (section, key): its values, in their order
Unit = dict[tuple[str, str], list[str]]
# Where a later line adds to an earlier one; everywhere else it replaces it.
ADDING = {
    "After", "Wants", "ConditionPathExists", "Documentation", "Environment", "ReadWritePaths", "SystemCallFilter",
    "ExecStartPre", "ExecStartPost", "WantedBy",
}  # fmt: skip
SETS = {"After", "Wants", "ReadWritePaths", "RestrictAddressFamilies"}


def read(text: str) -> Unit:
    """The lines of a unit file; of a set of words each word is a value."""
    unit: Unit = {}
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.strip() and not line.startswith("#"):
            key, _is, value = line.partition("=")
            value = _in_one_line(value) if key.startswith("Exec") else value.strip()
            values = sorted(value.split()) if key in SETS else [value]
            unit.setdefault((section, key), []).extend(values)
    return unit


def over(unit: Unit, dropin: Unit) -> Unit:
    """A unit with a drop-in, as systemd sees it."""
    found = {key: list(values) for key, values in unit.items()}
    for (section, key), values in dropin.items():
        found[section, key] = [*(found.get((section, key), []) if key in ADDING else []), *values]
    return {
        (section, key): sorted(values) if key in ADDING else values[-1:] for (section, key), values in found.items()
    }


def of_service(service: Mapping[str, Any]) -> str:
    """What NixOS writes of an entry of systemd.services (nixos/lib/systemd-lib.nix: unitConfig, serviceToUnit)."""
    unit = dict(service.get("unitConfig", {}))
    for option, key in (("after", "After"), ("wants", "Wants"), ("documentation", "Documentation")):
        if service.get(option):
            unit[key] = " ".join(service[option])
    if service.get("description"):
        unit["Description"] = service["description"]
    environment = [
        f"Environment={json.dumps(f'{name}={value}', ensure_ascii=False)}"
        for name, value in sorted(service.get("environment", {}).items())
    ]
    changed = [] if service.get("restartIfChanged", True) else ["X-RestartIfChanged=false"]
    changed += [] if service.get("stopIfChanged", True) else ["X-StopIfChanged=false"]
    section = ["[Service]", *environment, *changed, *_lines(service.get("serviceConfig", {}))]
    return "\n".join(["[Unit]", *_lines(unit), "", *section, ""])


def _in_one_line(command: str) -> str:
    """A shell's command without the blanks at which a unit file goes on in its next line."""
    return " ".join(command.split()).replace("-c ' ", "-c '")


def _lines(attrs: Mapping[str, Any]) -> list[str]:
    words = {True: "true", False: "false"}
    return [
        f"{key}={words[value] if isinstance(value, bool) else value}"
        for key, found in sorted(attrs.items())
        for value in (found if isinstance(found, list) else [found])
    ]
