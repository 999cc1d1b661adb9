"""Builds the directory of a system, as NixOS has it; run by Nix, which gives it all it knows as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

OUT = Path(os.environ["out"])


def put(path: Path, text: str, mode: int = 0o444) -> None:
    """A file with its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def lines(section: str, entries: dict[str, Any]) -> str:
    """A section of a unit. A list is a line for each of its values."""
    text = f"[{section}]\n"
    for name, value in sorted(entries.items()):
        for one in value if isinstance(value, list) else [value]:
            text += f"{name}={str(one).lower() if isinstance(one, bool) else one}\n"
    return text


def unit(service: dict[str, Any], path: str) -> str:
    """The text of a unit or drop-in, as NixOS writes it: each brings a PATH."""
    head = {**service.get("unitConfig", {})}
    for option, name in (("description", "Description"), ("documentation", "Documentation")):
        if service.get(option):
            head[name] = service[option]
    for option, name in (("after", "After"), ("wants", "Wants"), ("requires", "Requires"), ("before", "Before")):
        if service.get(option):
            head[name] = " ".join(service[option])
    body: dict[str, Any] = {}
    environment = {"PATH": path, **service.get("environment", {})}
    body["Environment"] = [json.dumps(f"{name}={value}") for name, value in sorted(environment.items())]
    if not service.get("restartIfChanged", True):
        body["X-RestartIfChanged"] = False
    if not service.get("stopIfChanged", True):
        body["X-StopIfChanged"] = False
    return lines("Unit", head) + "\n" + lines("Service", {**body, **service.get("serviceConfig", {})})


def main() -> None:
    """Everything below $out."""
    spec = json.loads(Path(os.environ["specPath"]).read_text(encoding="utf-8"))
    userland = spec["userland"]
    units = OUT / "etc/systemd/system"
    units.mkdir(parents=True)
    for name, service in spec["services"].items():
        text = unit(service, f"{userland}/bin")
        if service.get("overrideStrategy") == "asDropin":
            put(units / f"{name}.service.d/overrides.conf", text)
        else:
            put(units / f"{name}.service", text)
        for target in service.get("wantedBy", []):
            (units / f"{target}.wants").mkdir(exist_ok=True)
            (units / f"{target}.wants/{name}.service").symlink_to(f"../{name}.service")
    for name, file in spec["etc"].items():
        if "text" in file:
            put(OUT / "etc" / name, file["text"])
        else:
            (OUT / "etc" / name).parent.mkdir(parents=True, exist_ok=True)
            (OUT / "etc" / name).symlink_to(file["source"])
    put(OUT / "tmpfiles.conf", "\n".join(spec["tmpfiles"]) + "\n")
    put(OUT / "users.json", json.dumps({"users": spec["users"], "groups": spec["groups"]}))
    programs = OUT / "sw/bin"
    programs.mkdir(parents=True)
    for directory in [f"{package}/bin" for package in spec["packages"]] + [f"{userland}/bin"]:
        for file in Path(directory).iterdir():
            if not (programs / file.name).is_symlink():
                (programs / file.name).symlink_to(file)
    put(programs / "nixos-rebuild", Path(os.environ["rebuild"]).read_text(encoding="utf-8"), 0o555)
    scripts = "".join(f"{text}\n" for _name, text in sorted(spec["scripts"].items()))
    put(OUT / "activation-scripts", f"#!/bin/sh\nset -e\n{scripts}", 0o555)
    start = f"#!/bin/sh\nexport PATH={programs}\nexec {userland}/bin/python3 {os.environ['switch']} {OUT}"
    put(OUT / "bin/switch-to-configuration", f'{start} "$1"\n', 0o555)
    # What a kernel would start: the system as it boots.
    put(OUT / "init", f"{start} init\n", 0o555)
    put(OUT / "init-interface-version", "systemd 2\n")


if __name__ == "__main__":
    main()
