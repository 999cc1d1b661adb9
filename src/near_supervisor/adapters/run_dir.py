"""The driver's half towards the run directory: looks at it with every heartbeat, and makes again what was removed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from near_ha.errors import NearError
from near_supervisor.core import events as ev
from near_supervisor.core.facts.host import RunDir as Seen
from near_supervisor.core.facts.lease import heartbeat_interval

from ..io.control import ControlSocket
from ..io.run_dir import RunDir
from ..io.worker import Worker
from .guard import GuardAdapter

log = logging.getLogger("near_supervisor")


class RunDirAdapter:
    """Turns what becomes of the run directory into RunDirSeen. ``control`` is None where there is no control socket."""

    def __init__(
        self,
        run_dir: RunDir,
        control: ControlSocket | None,
        guard: GuardAdapter,
        lease_ms: int,
        post: Callable[[ev.Event], None],
    ) -> None:
        self._run_dir, self._control, self._guard, self._post = run_dir, control, guard, post
        self._every_ms = heartbeat_interval(lease_ms)
        self._worker = Worker("run directory")
        self._looking, self._look_at = False, 0
        self._told = Seen()
        # Set on the worker, for the thread that speaks to the guard.
        self._made_again, self._guard_is_lost = threading.Event(), threading.Event()

    def turn(self, now: int) -> None:
        """Look when it is time; and what is not there any more of what is ours is put there again."""
        if self._made_again.is_set():
            self._made_again.clear()
            self._guard.remember_again()
        if self._guard_is_lost.is_set():
            self._guard_is_lost.clear()
            self._guard.listen_again()
        if self._looking or now < self._look_at:
            return
        self._looking, self._look_at = True, now + self._every_ms
        self._worker.submit(self._look, self._looked)

    def _looked(self) -> None:
        self._looking = False

    # --- on the worker

    def _look(self) -> None:
        seen = self._put_right()
        self._looking = False
        if seen != self._told:
            if not seen.problem:
                # What could not be written meanwhile.
                self._made_again.set()
            self._told = seen
            self._post(ev.RunDirSeen(seen))

    def _put_right(self) -> Seen:
        run_dir, control = self._run_dir, self._control
        if not run_dir.is_there():
            try:
                run_dir.make_again()
            except NearError as error:
                return Seen(
                    f"run directory {run_dir.path} is gone and cannot be made again ({error.message})", gone=True
                )
            log.warning("run directory %s was gone and has been made again", run_dir.path)
            self._made_again.set()
        if not (run_dir.path / "guard.sock").exists():
            self._guard_is_lost.set()
        if control is not None and not control.is_there():
            try:
                control.open_again()
            except (NearError, OSError) as error:
                return Seen(run_dir.trouble() or str(error))
        return Seen(run_dir.trouble())
