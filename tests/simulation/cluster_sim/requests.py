"""What operators request of the cluster: the keys ``config`` and ``switchover``, and the hands that write them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from near_ha.records.switchover import Action, Phase, Switchover
from near_supervisor.core.facts.answer import YES, Answer, Kind

from .world import Violation

if TYPE_CHECKING:
    from .cluster import Cluster
    from .host import Host
    from .world import World

# Requests have a chance of their own, so that a schedule without any tells the story it always told.
SALT = 0x5EED
AT_ONCE = 0.5
OVERRULES = 0.2
WITH_WISHES = 0.3
MOST_WISHES = 4
TIMEOUTS_MS = (500, 5_000, 60_000)
LONGEST_PAUSE_MS = 20_000
PRIORITIES = (100, 100, 50, 0)


class Requests:
    """The two keys. Each write of the request is a check-and-set at the index that was read."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self.rng = random.Random(seed ^ SALT)  # noqa: S311 - repeatable is what it has to be
        self.paused = False
        self.request: Switchover | None = None
        self.index = 1
        # Consul goes on counting from here, whatever the key's own index is.
        self.counted = 0
        self._asked = 0
        # Those that a hook may be against.
        self._planned: set[str] = set()
        # Whether the hook of a target, where there are hooks, says no to a request.
        self.is_against: Callable[[str, str], bool] = lambda _target, _request: False
        self._watchers: list[Callable[[], None]] = []

    def watch(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` after each change of either key."""
        self._watchers.append(changed)

    def move(self, index: int, request: Switchover) -> Answer:
        """Write the request, if it is still at ``index``."""
        if index != self.index:
            return Answer(Kind.NO, "index is stale")
        self._check_consent(request)
        self._store(request)
        return YES

    def ask(self, action: Action, target: str, term: int, force: bool = False, timeout_ms: int = 60_000) -> None:
        """An operator's request; it is refused while another one is open, unless two were asked at one instant."""
        if self.request is not None and self.request.open:
            return
        self._asked += 1
        self._world.note("operator", f"asks: {action.value} {target}{' by force' if force else ''}")
        now, at_once = self._world.now, self.rng.random() < AT_ONCE
        overrules = action is Action.PROMOTE and self.rng.random() < OVERRULES
        request = Switchover(
            f"request-{self._asked}", action, target, "operator", "", now, term, timeout_ms, force, at_once, overrules
        )
        if term and not force:
            self._planned.add(request.id)
        self._store(request)

    def pause(self, paused: bool) -> None:
        """Nothing changes its role by itself any more, or everything does again."""
        if self.paused is not paused:
            self._world.note("operator", "pauses the cluster" if paused else "resumes the cluster")
            self.paused = paused
            self._tell()

    def put_back(self, paused: bool, request: Switchover | None, index: int, counted: int) -> None:
        """Both are as they were once, at the index of then; the next write has one above ``counted``."""
        self.paused, self.request, self.index, self.counted = paused, request, index, counted
        self._tell()

    def _check_consent(self, request: Switchover) -> None:
        """What was planned, and not by force, is begun only with the consent of whoever takes over."""
        if request.phase is not Phase.ACCEPTED or request.id not in self._planned:
            return
        if self.is_against(request.target, request.id):
            raise Violation(f"{request} is accepted, and the hook of {request.target} is against it")

    def _store(self, request: Switchover) -> None:
        self.index = max(self.index, self.counted) + 1
        self.request = request
        self._world.reached[f"switchover: {request.action.value} {request.phase.value}"] += 1
        self._tell()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()


def _promote(cluster: Cluster, host: Host) -> None:
    _ask(cluster, Action.PROMOTE, host.settings.member_id)


def _demote(cluster: Cluster, _host: Host) -> None:
    _ask(cluster, Action.DEMOTE, "")


def _promote_two(cluster: Cluster, host: Host) -> None:
    """Two at once: the second is asked as soon as the first has ended, or in its place."""
    rng = cluster.requests.rng
    _promote(cluster, host)
    cluster.world.after(rng.choice((1, 30, 300)), lambda: _promote(cluster, rng.choice(cluster.hosts)))


def _ask(cluster: Cluster, action: Action, target: str) -> None:
    rng, record = cluster.requests.rng, cluster.consul.seen.record
    term = record.term if record and cluster.consul.seen.session else 0
    cluster.requests.ask(action, target, term, rng.random() < 0.5, rng.choice(TIMEOUTS_MS))


def _pause_cluster(cluster: Cluster, _host: Host) -> None:
    requests = cluster.requests
    requests.pause(True)
    cluster.world.after(requests.rng.randrange(100, LONGEST_PAUSE_MS), lambda: requests.pause(False))


def _request_forgotten(cluster: Cluster, _host: Host) -> None:
    """Somebody overwrites the request, whatever its phase, with one that was accepted long ago by nobody knows whom."""
    requests, rng = cluster.requests, cluster.requests.rng
    names = [host.settings.member_id for host in cluster.hosts]
    request = Switchover("forged", Action.PROMOTE, rng.choice(names), "", "", 0, 1, 5_000)
    requests.move(requests.index, request.accepted(rng.choice(names), rng.randint(1, 8), rng.choice(names), 0))


REQUESTS: dict[str, Callable[[Cluster, Host], None]] = {
    "promote": _promote,
    "demote": _demote,
    "two promotes at once": _promote_two,
    "cluster paused": _pause_cluster,
    "request forged": _request_forgotten,
}


def plan(cluster: Cluster, until: int) -> list[tuple[int, str, Host]]:
    """When which request is made of which host; for most schedules none."""
    rng = cluster.requests.rng
    if rng.random() >= WITH_WISHES:
        return []
    times = sorted(rng.randrange(0, until) for _ in range(rng.randint(1, MOST_WISHES)))
    return [(time, rng.choice(tuple(REQUESTS)), rng.choice(cluster.hosts)) for time in times]
