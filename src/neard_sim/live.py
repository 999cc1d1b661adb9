"""Knobs of a running node: environment and ``sim.json``, the file looked at again while the node runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import log
from .settings import FILE_NAME, BadKnob, Settings


class LiveSettings:
    """The current settings of one home directory. BadKnob at the start; later faults keep the old values."""

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        self._path = home / FILE_NAME
        self._env = env
        self._stamp = self._look()
        self.settings = Settings.load(env, self._read())

    def poll(self) -> bool:
        """Read the file again if it has changed; whether any live knob has a new value now."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            newer = self.settings.live_part(Settings.load(self._env, self._read()))
        except BadKnob as error:
            log.warn("sim", f"{self._path} is left aside: {error}")
            return False
        changed = newer != self.settings
        self.settings = newer
        return changed

    def _look(self) -> tuple[int, int, int] | None:
        """What tells one version of the file from the next, also when it is replaced within one tick."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _read(self) -> str | None:
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return None
