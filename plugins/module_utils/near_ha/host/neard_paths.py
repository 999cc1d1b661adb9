"""Where neard writes: its home, and what its config.json names elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import neard_home

# By their names in config.json; each is joined to the home.
DIRECTORIES = (
    "store.path",
    "cold_store.path",
    "contract_cache_path",
    "state_sync.dump.location.Filesystem.root_dir",
)
_FILES = {
    "genesis_file": "genesis.json",
    "genesis_records_file": "",
    "node_key_file": "node_key.json",
}
_OTHER_FILES = neard_home.CONFIG, "log_config.json", "restart.stamp"


def _value(config: dict[str, Any], name: str) -> str:
    found: Any = config
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def directories(home: Path, config: dict[str, Any]) -> dict[str, Path]:
    """Each directory that neard fills, by the name in config.json that says where; normalised, links not followed."""
    named = {name: _value(config, name) for name in DIRECTORIES}
    named["store.path"] = named["store.path"] or "data"
    return {name: Path(os.path.normpath(home / value)) for name, value in named.items() if value}


def files(home: Path, config: dict[str, Any]) -> list[Path]:
    """The files that neard reads, or this collection writes for it. Not the validator key, which is its guard's."""
    named = [_value(config, name) or default for name, default in _FILES.items()]
    return [home / name for name in (*_OTHER_FILES, *named) if name]


def trees(home: Path, config: dict[str, Any]) -> list[Path]:
    """Of all these, what is right in the home: directories whole, files. What lies elsewhere nobody has vouched for."""
    place = Path(os.path.normpath(home))
    paths = [Path(os.path.normpath(path)) for path in (*files(home, config), *directories(home, config).values())]
    inside = [path.relative_to(place).parts for path in paths if path.is_relative_to(place)]
    return sorted({place / parts[0] if parts else place for parts in inside})


def outside(home: Path, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of the directories that are not in the home, by their names in config.json.

    ``named`` is the path by its name, ``path`` where it really is: a link may lead there. ``fault`` says why it may not
    be neard's ("" = it may): what is root's is nobody's to hand over because a file of neard's user names it.
    """
    place = Path(os.path.realpath(home))
    found = {}
    for name, path in directories(home, config).items():
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(place):
            found[name] = {"named": str(path), "path": str(real), "fault": _fault(real)}
    return found


def _fault(directory: Path) -> str:
    try:
        return "is root's" if directory.stat().st_uid == 0 else ""
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
