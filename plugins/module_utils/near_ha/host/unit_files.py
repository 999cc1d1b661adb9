"""The units of a host as their files describe them: which of them something starts, and what they run.

Read from the files, not asked of systemd: of a unit that has never run nobody else knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# In the order of systemd.unit(5): of two files with one name the first counts.
SYSTEM = tuple(
    Path(name)
    for name in (
        "/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
        "/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached", "/run/systemd/system",
        "/run/systemd/system.attached", "/run/systemd/generator", "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
    )
)  # fmt: skip
_USER = (".config/systemd/user", "/etc/systemd/user", "/run/systemd/user", ".local/share/systemd/user")
_USER_PACKAGES = ("/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
# Whoever is named here is started with it.
_STARTS = ("Wants", "Requires", "BindsTo", "Upholds", "OnFailure", "OnSuccess")
_LINKS = (".wants", ".requires", ".upholds")
_TRIGGERS = {".timer": "Unit", ".path": "Unit", ".socket": "Service"}
_KINDS = (".service", ".target", ".timer", ".path", ".socket", ".mount", ".swap", ".slice", ".device", ".scope")
_LARGEST = 1 << 18
_MOST_UNITS = 5000


def user_directories(home: Path) -> tuple[Path, ...]:
    """Where the service manager of the user with this home looks."""
    return tuple(home / name for name in (*_USER, *_USER_PACKAGES))


@dataclass(frozen=True)
class Unit:
    """A unit and its drop-ins. ``settings`` has each name's values in their order; an empty value has reset them."""

    name: str
    file: str
    settings: dict[str, list[str]] = field(default_factory=dict)

    def values(self, *names: str) -> list[str]:
        """All values of these settings."""
        return [value for name in names for value in self.settings.get(name, [])]

    def value(self, name: str, default: str = "") -> str:
        """The last one."""
        return [default, *self.settings.get(name, [])][-1]

    def expanded(self, text: str) -> str:
        """``text`` with the specifiers that are the unit's own."""
        stem = self.name.rpartition(".")[0]
        prefix, _at, instance = stem.partition("@")
        known = {"i": instance, "I": unescaped(instance), "n": self.name, "N": stem, "p": prefix, "%": "%"}
        return re.sub(r"%(.)", lambda found: known.get(found[1], found[0]), text)


class Units:
    """The unit files of some directories, the first of which counts most."""

    def __init__(self, directories: tuple[Path, ...] = SYSTEM) -> None:
        self.directories = directories

    def read(self, name: str) -> Unit | None:
        """The unit, of a template's instance as well; None where there is none, or it is masked."""
        file = self._file(name)
        if file is None or _is_mask(file):
            return None
        settings: dict[str, list[str]] = {}
        for part in (file, *self._drop_ins(name)):
            for key, value in _settings(part):
                if value:
                    settings.setdefault(key, []).append(value)
                else:
                    settings[key] = []
        return Unit(name, str(file), settings)

    def started(self) -> dict[str, tuple[Unit, str]]:
        """Every unit that another one starts, with the name of the first that does: what is enabled, and its causes."""
        found: dict[str, tuple[Unit, str]] = {}
        waiting = list(self._linked())
        while waiting and len(found) < _MOST_UNITS:
            name, cause = waiting.pop()
            if name in found:
                continue
            unit = self.read(name)
            if unit is not None:
                found[name] = unit, cause
                waiting += [(other, name) for other in triggered(unit)]
        return found

    def _linked(self) -> Iterator[tuple[str, str]]:
        """Names in directories like multi-user.target.wants, with the unit whose directory it is, and those targets."""
        yield "default.target", "boot"
        for directory in self.directories:
            for place in _entries(directory):
                if place.suffix in _LINKS and place.is_dir():
                    if place.stem.endswith(".target"):
                        yield place.stem, "boot"
                    for link in _entries(place):
                        if link.suffix in _KINDS and not _is_mask(link):
                            yield link.name, place.stem

    def _file(self, name: str) -> Path | None:
        names = [name, template] if (template := template_of(name)) else [name]
        paths = [directory / one for one in names for directory in self.directories]
        return next((path for path in paths if path.is_symlink() or path.is_file()), None)

    def _drop_ins(self, name: str) -> list[Path]:
        stem, _dot, kind = name.rpartition(".")
        names = [f"{kind}.d"]
        for whole in (template_of(name).rpartition(".")[0], stem):
            parts = whole.split("-")
            names += [f"{'-'.join(parts[:count])}-.{kind}.d" for count in range(1, len(parts))] if whole else []
            names += [f"{whole}.{kind}.d"] if whole else []
        found: dict[str, Path] = {}
        for place in names:
            for directory in reversed(self.directories):
                found |= {path.name: path for path in _entries(directory / place) if path.suffix == ".conf"}
        return [found[one] for one in sorted(found) if not _is_mask(found[one])]


def triggered(unit: Unit) -> list[str]:
    """The units that this one starts, or has started."""
    found = [name for value in unit.values(*_STARTS) for name in unit.expanded(value).split()]
    stem, dot, kind = unit.name.rpartition(".")
    if dot + kind in _TRIGGERS:
        found += [unit.expanded(unit.value(_TRIGGERS[dot + kind], f"{stem}.service"))]
    return [name for name in found if name.endswith(_KINDS)]


def template_of(name: str) -> str:
    """The template of an instance; empty for any other name."""
    stem, dot, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return f"{prefix}@{dot}{kind}" if at and instance else ""


def unescaped(instance: str) -> str:
    """As systemd-escape --unescape has it."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), instance.replace("-", "/"))


def _settings(file: Path) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_bytes()[:_LARGEST].decode(errors="replace")
    except OSError:
        return
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", ";"))]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("["):
            yield key.strip(), value.strip()


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _is_mask(path: Path) -> bool:
    """A link to nothing, or an empty file: systemd starts no such unit."""
    try:
        return os.path.realpath(path) == os.devnull or (path.is_file() and path.stat().st_size == 0)
    except OSError:
        return False
