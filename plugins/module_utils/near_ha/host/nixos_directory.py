"""The directory beside configuration.nix that is this collection's: the module, its settings, the packed daemon."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from . import atomic_file, host_files, nixos_settings

PACKED = "near-supervisor-*"


def place(copy: Path, own: Path, files: list[dict[str, Any]], settings: dict[str, Any]) -> list[str]:
    """Put files and settings into a copy of ``own``; what of ``own`` is otherwise, by path. Raises NearError, OSError.

    ``files`` have a name (``path``) and, where they were sent, a place (``staged``); the others are there already.
    """
    copy.mkdir(exist_ok=True)
    sent = [entry for entry in files if entry["staged"]]
    for entry in sent:
        shutil.copyfile(entry["staged"], copy / entry["path"])
    wanted = {str(entry["path"]) for entry in files}
    if any(Path(name).match(PACKED) for name in wanted):
        _remove_packed(copy, wanted)
    changed = [str(own / entry["path"]) for entry in sent]
    text = nixos_settings.text(nixos_settings.merged(known(own), settings))
    if text != _text(own):
        changed.append(str(own / nixos_settings.NAME))
    (copy / nixos_settings.NAME).write_text(text, encoding="utf-8")
    return changed


def known(own: Path) -> dict[str, Any]:
    """The settings that the host has. Raises NearError."""
    text = _text(own)
    return nixos_settings.parse(text, str(own / nixos_settings.NAME)) if text else {}


def difference(own: Path, copy: Path) -> dict[str, str]:
    """The settings before and after, for a diff."""
    name = str(own / nixos_settings.NAME)
    return {"before": _text(own), "after": _text(copy), "before_header": name, "after_header": name}


def write(own: Path, source: Path) -> None:
    """Make ``own`` what was built. Everybody may read it; only root may write. Raises OSError."""
    host_files.make_directory(own, (0, 0), 0o755)
    files = sorted(source.iterdir())
    for file in files:
        content, target = file.read_bytes(), own / file.name
        if not target.is_file() or target.read_bytes() != content:
            atomic_file.place(target, content, 0o644, (0, 0), replace=True)
    _remove_packed(own, {file.name for file in files})


def _remove_packed(directory: Path, wanted: set[str]) -> None:
    for other in directory.glob(PACKED):
        if other.name not in wanted:
            other.unlink()


def _text(directory: Path) -> str:
    file = directory / nixos_settings.NAME
    return file.read_text(encoding="utf-8") if file.is_file() else ""
