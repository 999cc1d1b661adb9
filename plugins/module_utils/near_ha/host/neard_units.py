"""What of a host would start a neard beside the guard: with the guard's home, or with the validator's key.

Units first of all; those of users whose services start with the host, and cron's lines for the boot, as well.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadKey, NearError
from ..keys import key_file
from . import neard_home
from .unit_files import SYSTEM, Unit, Units, user_directories

LINGER = Path("/var/lib/systemd/linger")
# The last has a table for each user.
CRON = (Path("/etc/crontab"), Path("/etc/cron.d"), Path("/var/spool/cron/crontabs"))
_OURS = re.compile(r"near-(guard|supervisor)@")
_STARTED = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost")
# neard-2.10.0, start-neard.sh, nearprotocol/nearcore, kuutamod; not neard.log or neard.service.
_NEARD = re.compile(
    r"([\w.-]*[-_.])?(neard|kneard|kuutamod|nearcore)([-_]?v?\d[\w.+-]*|[-_][a-z][\w.-]*|[.](sh|bash|py|bin))?", re.I
)
_APART = re.compile(r"[\s\"'`=:,;|&<>(){}\[\]]+")
_OTHERS = re.compile(r"\bsystemctl\b(?P<words>[^\n;&|]*)")
# An option or a variable that is called after a home: neard's --home, kuutamod's KUUTAMO_NEARD_HOME, a wrapper's own.
_HOME = re.compile(r"(?:--?[\w-]*home|\b\w*(?:NEAR|KUUTAMO)\w*HOME)[\s=]+[\"']?(?P<path>[^\s\"']+)", re.I)
_SCRIPT_BYTES, _SCRIPTS, _DEPTH = 1 << 16, 40, 3


@dataclass(frozen=True)
class Starter:
    """A unit that would, and why; ``elsewhere`` says how to end that where it is none of the system's units."""

    unit: str
    file: str
    started_by: str
    why: str
    elsewhere: str = ""

    def facts(self) -> dict[str, Any]:
        """For a module's result."""
        return {**vars(self), "sentence": str(self)}

    def __str__(self) -> str:
        return f"{self.unit} ({self.file}, started by {self.started_by}) {self.why}"


@dataclass(frozen=True)
class Validator:
    """What nobody else may use: the home, the account of the key, and its public keys as far as they are known."""

    home: Path
    account_id: str
    public_keys: Collection[str] = ()


def found(validator: Validator, known: Collection[str] = (), system: tuple[Path, ...] = SYSTEM) -> list[Starter]:
    """All of this host but those called as in ``known``."""
    starters = list(_of(Units(system), validator, ""))
    for user, home in _lingering():
        starters += _of(Units(user_directories(home)), validator, user)
    starters += _of_cron(validator)
    return [starter for starter in starters if starter.unit not in known]


def _of(units: Units, validator: Validator, user: str) -> Iterator[Starter]:
    started = units.started()
    # Found while others are read: who starts it is a script.
    seen, waiting = set(started), list(started.values())
    while waiting:
        unit, cause = waiting.pop(0)
        if not unit.name.endswith(".service") or _OURS.match(unit.name):
            continue
        texts = Texts(unit, user)
        for name in texts.starts - seen:
            seen.add(name)
            other = units.read(name)
            waiting += [(other, unit.name)] if other else []
        why = reason(texts, validator)
        if why:
            elsewhere = f"user {user} disables it: systemctl --user disable {unit.name}" if user else ""
            yield Starter(unit.name, unit.file, cause, why, elsewhere)


def _of_cron(validator: Validator) -> Iterator[Starter]:
    for file in (path for place in CRON for path in ([place] if place.is_file() else _entries(place))):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            continue
        for line in (line.split() for line in lines if line.lstrip().lower().startswith("@reboot")):
            # A user's own table has no column for the user.
            user, words = (file.name, line[1:]) if file.parent == CRON[-1] else (line[1] if line[1:] else "", line[2:])
            unit = Unit("cron", str(file), {"User": [user], "ExecStart": [" ".join(words)]})
            why = reason(Texts(unit), validator)
            if why:
                yield Starter("cron", str(file), "@reboot", why, f"take the line out of {file}")


class Texts:
    """All that a unit says of what it runs: its commands and variables, and the scripts and files that they name."""

    def __init__(self, unit: Unit, user: str = "") -> None:
        self.unit = unit
        self.home = _home_of(unit.value("User") or user or "root")
        self.oneshot = unit.value("Type") == "oneshot" or unit.name.startswith("systemd-")
        commands = [self._own(value).lstrip("-@:+!|") for value in unit.values(*_STARTED)]
        around = [self._own(value) for value in unit.values("Environment", "WorkingDirectory")]
        self.commands = "\n".join(commands)
        self._read: set[Path] = set()
        files = [Path(self._own(value).lstrip("-")) for value in unit.values("EnvironmentFile")]
        named = [path for file in files for path in (file, *_matching(file))]
        self.all = "\n".join([self.commands, *around, *(self._file(path, 0) for path in named)])
        self.all += "".join(self._scripts(self.commands, 0))
        self.starts = {
            word if "." in word else f"{word}.service"
            for call in _OTHERS.finditer(self.all)
            if re.search(r"\b(re)?start\b|--now\b", call["words"])
            for word in re.findall(r"(?<![-\w])[\w@][\w@.:\\-]*", call["words"])
        }
        self.words = [word for word in _APART.split(_OTHERS.sub(" ", self.all)) if word]

    def paths(self) -> list[Path]:
        """Every absolute path that is named."""
        return [Path(os.path.normpath(word)) for word in dict.fromkeys(self.words) if word.startswith("/")]

    def _own(self, value: str) -> str:
        return _at_home(self.unit.expanded(value.replace("%h", str(self.home))), self.home)

    def _scripts(self, text: str, depth: int) -> Iterator[str]:
        for word in dict.fromkeys(_APART.split(text)):
            if word.startswith("/") and depth < _DEPTH and len(self._read) < _SCRIPTS:
                content = self._file(Path(word), depth)
                yield f"\n{content}"

    def _file(self, path: Path, depth: int) -> str:
        """What a small file of text says, with what the scripts in it say; nothing of any other, or of a key's."""
        path = Path(os.path.realpath(path))
        if path in self._read or path.suffix in (".json", ".pem", ".key") or str(path).startswith(("/dev/", "/proc/")):
            return ""
        self._read.add(path)
        try:
            if not path.is_file() or path.stat().st_size > _SCRIPT_BYTES:
                return ""
            content = path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""
        lines = [line for line in content.splitlines() if not line.lstrip().startswith("#")]
        content = _at_home("\n".join(lines), self.home)
        return content + "".join(self._scripts(content, depth + 1))


def reason(texts: Texts, validator: Validator) -> str:
    """Why the unit would start a neard that must not be; empty where it would not, as far as its texts say."""
    home = Path(os.path.realpath(validator.home))
    named = [Path(os.path.realpath(path)) for path in texts.paths()]
    homes = {Path(os.path.realpath(path)) for path in _homes(texts)}
    if not (_runs_neard(texts, home) or (homes and not texts.oneshot)):
        return ""
    if not homes:
        # As neard itself has it.
        homes.add(Path(os.path.realpath(texts.home / ".near")))
    if home in homes or any(path == home or home in path.parents for path in named):
        return f"would run neard with the home {validator.home}, beside the guard"
    for directory in sorted(homes | {path for path in named if path.is_dir()}):
        for file in _keys_in(directory):
            if _is_validators(file, validator):
                return f"would run neard with the key of {validator.account_id} in {file}"
    for path in sorted(named):
        if path.suffix == ".json" and _is_validators(path, validator):
            return f"would run neard with the key of {validator.account_id} in {path}"
    return ""


def _runs_neard(texts: Texts, home: Path) -> bool:
    for word in texts.words:
        path = Path(word)
        # Homes are called so too, and directories of programs.
        if _NEARD.fullmatch(path.name) and (not path.is_absolute() or (path != home and not path.is_dir())):
            absolute = path.is_absolute() or "/" in word
            if absolute or {"run", "--home"} & set(texts.words) or texts.commands.startswith(word):
                return True
    return {"run", "--home"} <= set(texts.words)


def _homes(texts: Texts) -> set[Path]:
    found = {match["path"] for match in _HOME.finditer(_OTHERS.sub(" ", texts.all))}
    values = {match[1]: match[2] for match in re.finditer(r"\b([A-Za-z_]\w*)=[\"']?([^\s\"']+)", texts.all)}
    directory = texts.unit.value("WorkingDirectory").lstrip("-") or "/"
    resolved = {re.sub(r"\$\{?(\w+)\}?", lambda name: values.get(name[1], name[0]), path) for path in found}
    return {Path(os.path.normpath(Path(directory) / path)) for path in resolved if "$" not in path}


def _keys_in(directory: Path) -> list[Path]:
    """Where a neard with this home has its validator key."""
    try:
        config = neard_home.read_config(directory)
    except (OSError, NearError):
        config = {}
    names = [neard_home.named(directory, config, "validator_key_file", "validator_key.json")]
    return list(dict.fromkeys([*names, directory / "validator_key.json"]))


def _is_validators(file: Path, validator: Validator) -> bool:
    try:
        key = key_file.read(file)
    except (BadKey, OSError):
        return False
    return key.account_id == validator.account_id or key.public_key in validator.public_keys


def _matching(pattern: Path) -> list[Path]:
    """EnvironmentFile= takes patterns."""
    if not pattern.is_absolute() or not set("*?[") & set(str(pattern)):
        return []
    return sorted(Path("/").glob(str(pattern).lstrip("/")))


def _at_home(text: str, home: Path) -> str:
    return re.sub(r"(?<![\w/])~(?=/|\s|$)|\$\{?HOME\}?(?=/|\s|\"|'|$)", str(home), text)


def _home_of(user: str) -> Path:
    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except KeyError:
        return Path(f"/home/{user}")
    return Path(entry.pw_dir)


def _lingering() -> list[tuple[str, Path]]:
    """Users whose services start with the host."""
    return [(entry.name, _home_of(entry.name)) for entry in _entries(LINGER)]


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []
