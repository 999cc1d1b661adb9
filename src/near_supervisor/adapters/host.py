"""The driver's half towards the machine: looks at it now and then, on a worker of its own, and tells the core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from near_ha.errors import NearError
from near_ha.keys import key_file
from near_ha.keys.key_file import Kind
from near_supervisor.core import events as ev
from near_supervisor.core.facts.host import UNKNOWN, Host

from ..commandline.options import Options
from ..io import clock, host_look, neard_log, preflight
from ..io.neard_config import NeardConfig
from ..io.worker import Worker

# A key that was repaired lets this node stand again: soon. The rest costs as little.
LOOK_EVERY_MS = 10_000
# Of a large genesis file it costs seconds: again only when a file has changed, or nothing came of it.
PREFLIGHT_AGAIN_MS = 600_000
# What is refused may be no file: a name of a boot node that could not be resolved.
REFUSED_AGAIN_MS = 60_000
# Not the keys, which change with the role: a takeover needs the processor for itself. They may be why it was refused.
_CHECKED = ("config.json", "log_config.json", "genesis.json")

Stamp = tuple[tuple[int, int, int] | None, ...]


class HostAdapter:
    """Turns what the machine is like into HostSeen."""

    def __init__(self, options: Options, config: NeardConfig, post: Callable[[ev.Event], None]) -> None:
        self._options, self._config, self._post = options, config, post
        self._worker = Worker("host")
        self._looking, self._look_at = False, 0
        self._preflight: str | None = None
        self._preflight_of: tuple[Stamp, Stamp] | None = None
        self._preflight_at = 0

    def turn(self, now: int, pid: int | None) -> None:
        """Look when it is time; ``pid`` is neard's, or the guard's while there is no neard."""
        if self._looking or now < self._look_at:
            return
        self._looking, self._look_at = True, now + LOOK_EVERY_MS
        self._worker.submit(lambda: self._tell(self._look(pid)), lambda: self._tell(UNKNOWN))

    def _tell(self, host: Host) -> None:
        self._looking = False
        self._post(ev.HostSeen(host))

    # --- on the worker

    def _look(self, pid: int | None) -> Host:
        self._bound_log(pid)
        return Host(
            disk_free_bytes=host_look.disk_free_bytes(self._config.lock_file.parent),
            nofile=None if pid is None else host_look.nofile(pid),
            key=self._key_problem(),
            preflight=self._preflight_problem(),
        )

    def _bound_log(self, pid: int | None) -> None:
        most = self._options.neard_log_bytes
        if pid is not None and most and not self._options.guard_is_service:
            neard_log.bound(self._options.run_dir, pid, most)

    def _key_problem(self) -> str:
        options = self._options
        try:
            found = key_file.read(options.validator_key).public_key
        except NearError as error:
            return f"the validator key is not there: {error}"
        if found == options.validator_public_key:
            return ""
        return (
            f"{options.validator_key} holds {found} now, and {options.validator_public_key} at the start of this"
            " supervisor: put the key back, or restart the supervisor"
        )

    def _preflight_problem(self) -> str | None:
        return self._node_key_problem() or self._checked()

    def _node_key_problem(self) -> str:
        """Of each node key that neard may be started with: it is linked to its place only then."""
        options = self._options
        for path in dict.fromkeys(options.node_key(as_validator) for as_validator in (True, False)):
            try:
                key_file.read(path, Kind.NODE)
            except NearError as error:
                return f"neard would not start with its node key: {error}"
        return ""

    def _checked(self) -> str | None:
        options, now = self._options, clock.boot_ms()
        if not self._config.node_key_file.exists():
            # The guard puts it there before it starts neard for the first time.
            return None
        files, links = self._stamps()
        if self._rests(files, links, now):
            return self._preflight
        found = preflight.validate_config(options.neard, options.neard_home)
        if found and self._stamps() != (files, links):
            # What neard found may never have been there as a whole.
            found, files = None, ()
        self._preflight, self._preflight_of = found, (files, links)
        self._preflight_at = now + (REFUSED_AGAIN_MS if found else PREFLIGHT_AGAIN_MS)
        return found

    def _rests(self, files: Stamp, links: Stamp, now: int) -> bool:
        """Is what was found last still so? A refusal may be over by itself, or with another key."""
        if self._preflight_of is None or self._preflight_of[0] != files:
            return False
        if self._preflight:
            return self._preflight_of[1] == links and now < self._preflight_at
        return self._preflight == "" or now < self._preflight_at

    def _stamps(self) -> tuple[Stamp, Stamp]:
        options, config = self._options, self._config
        files = [*(options.neard_home / name for name in _CHECKED), Path(options.neard)]
        links = (config.node_key_file, config.validator_key_file)
        return tuple(map(_stamp, files)), tuple(_stamp(link, follow) for link in links for follow in (True, False))


def _stamp(path: Path, follow: bool = True) -> tuple[int, int, int] | None:
    try:
        found = path.stat(follow_symlinks=follow)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
