"""A supervisor's reading of the keys ``config`` and ``switchover``, and its writing of the latter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import Answer

if TYPE_CHECKING:
    from .host import Host

TIMEOUT_MS = 3_000
REST_MS = 20
RETRY_MS = 1_000


class WishWatch:
    """Stands for the two key watches of ``adapters/consul.py``: one read at a time, and a rest between two."""

    def __init__(self, host: Host, lives: Callable[[], bool], post: Callable[[ev.Event], None]) -> None:
        self._host, self._lives, self._post = host, lives, post
        self._looking = False
        self._seen: tuple[bool, int] | None = None
        self._newest = 0
        self.look()

    def look(self) -> None:
        """Read both keys, unless they were read since their last change."""
        host, world = self._host, self._host.world
        requests = host.requests
        if self._looking or not self._lives() or self._seen == (requests.paused, requests.index):
            return
        self._looking = True
        if not host.consul.leads or not host.link.up:
            world.after(RETRY_MS, self._rested)
            return
        paused, index, request = requests.paused, requests.index, requests.request
        delay = requests.rng.randrange(1, REST_MS)

        def hear() -> None:
            if not self._lives():
                return
            if host.link.up:
                self._seen = (paused, index)
                self._post(ev.ConfigSeen(paused))
                self._post(ev.RequestSeen(index, request, turned_back=index < self._newest))
                self._newest = index
            world.after(REST_MS, self._rested)

        world.after(delay, hear)

    def _rested(self) -> None:
        self._looking = False
        self.look()

    def move(self, command: cmd.MoveRequest) -> None:
        """A check-and-set, with all that a link can do to it."""
        index, request, requests = command.index, command.request, self._host.requests

        def answered(answer: Answer) -> None:
            self._post(ev.RequestMoved(request.id, answer))

        self._host.link.ask(lambda: requests.move(index, request), answered, TIMEOUT_MS)
