"""Neard with its key and its deadline, in the hands of this program."""

from __future__ import annotations

from .kernel import PR_SET_CHILD_SUBREAPER, KernelTimer, boot_ms, prctl
from .key_link import KeyInPlace, clear, place, require_open_proc
from .log import say
from .neard import Neard, how_it_ended
from .output import Output
from .teardown_helpers import TeardownHelpers

QUIT_TIMEOUT_MS = 30_000


class Owner:
    """Has at most one neard. Requests change what it does with it (``verbs.py``), time ends it (``tend``)."""

    def __init__(self, home: str, key_link: str) -> None:
        """Nobody else owns a neard in ``home``: its lock is held already."""
        self.home, self.key_link = home, key_link
        self.neard: Neard | None = None
        self.last_exit: dict[str, object] | None = None
        self.ended_at = 0
        self.notes: list[str] = []
        self.quitting = False
        self.key = KeyInPlace(key_link)
        require_open_proc()
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.kernel_timer = KernelTimer()
        self.teardown_helpers = TeardownHelpers()
        self.output = Output()
        self.disarm_key()

    @property
    def armed(self) -> bool:
        """Is there a neard that may sign?"""
        return self.neard is not None and self.neard.armed

    def disarm_key(self) -> None:
        """Take the validator key out of neard's home; every start of a guard begins with it."""
        # First what cannot fail: a home that nobody can write to any more keeps its link.
        self.key.close()
        self.note(clear(self.key_link), self.key_link)

    def place_keys(self, request: dict[str, object], armed: bool) -> None:
        """Put into neard's home what a neard that is about to be started finds there."""
        self.disarm_key()
        node_key = request.get("node_key")
        if isinstance(node_key, list):
            target, link = node_key
            self.note(place(str(target), str(link)), str(link))
        if armed:
            self.key.open(str(request["validator_key"]))
            self.key.place()

    def note(self, aside: str | None, link: str) -> None:
        """A real file was at ``link`` and is at ``aside`` now: the next supervisor that says hello is told."""
        if aside:
            note = f"{link} was a real file, not this guard's link: set aside as {aside}"
            say("error", note)
            self.notes.append(note)

    def tend(self) -> dict[str, object] | None:
        """Do to neard what is due. Returns how it ended, once it and everything it left behind are gone."""
        neard = self.neard
        if neard is None:
            return None
        if self.quitting and neard.kill_at is None and not neard.killed:
            neard.stop(boot_ms(), QUIT_TIMEOUT_MS)
        neard.tick(boot_ms())
        if neard.killed:
            # SIGKILL is on its way and cannot be lost; a large neard may take longer to be torn down
            # than the kernel timer waits, and this guard is needed to see its end.
            self.kernel_timer.set(0)
        if not neard.reap():
            return None
        self.neard = None
        self.kernel_timer.set(0)
        self.teardown_helpers.dismiss()
        self.disarm_key()
        self.ended_at = boot_ms()
        self.last_exit = self._ended(neard)
        return self.last_exit

    def _ended(self, neard: Neard) -> dict[str, object]:
        output = self.output.end() if neard.cause == "itself" or not self.output.is_file else ""
        return {
            "pid": neard.pid,
            "status": neard.status,
            "how": how_it_ended(neard.status or 0),
            "cause": neard.cause,
            "armed": neard.armed,
            "tag": neard.tag,
            # Of one that was ended from outside they tell nothing.
            "output": output if neard.cause == "itself" else "",
        }
