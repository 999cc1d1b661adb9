"""One request of a person, from the first look to its end, step by step; the same for modules and shell."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..errors import BadConfig, ConsulUnknown, ControlError, NotYet, SwitchoverFailed
from ..records.switchover import MAX_TIMEOUT_MS, Phase
from ..transport.base import Way
from . import report
from .request import OperatorRequest, Verb

DEFAULT_TIMEOUT_S = 150
_POLL_S = 0.1
# An answer that is missing for so long is said: a supervisor may be restarted, and may be gone.
SILENCE_S = 3.0
# A switchover has two phases, and the time to take it back after the second.
_SHARE_OF_A_PHASE = 0.4


@dataclass(frozen=True)
class Step:
    """Something that happened, ``at_s`` seconds after the request was begun, as this side saw it."""

    at_s: float
    text: str


@dataclass
class Known:
    """Everything learnt so far; also what a failure tells. ``leader_*`` are names, "" = nobody.

    ``changed``: this request was written (under check mode: would be). ``term`` is the last one seen, ``gap_ms`` how
    long nobody signed (None = not known, or no switchover), ``request`` the id of the switchover, ``phase`` how far it
    is, ``note`` what the validator said of the moment.
    """

    account_id: str = ""
    changed: bool = False
    msg: str = ""
    leader_before: str = ""
    leader_after: str = ""
    paused_before: bool = False
    paused_after: bool = False
    term: int = 0
    gap_ms: int | None = None
    request: str = ""
    phase: str = ""
    note: str = ""
    steps: list[Step] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        """For a module, or as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Wait:
    """``what`` is waited for now, a clause for people, for ``left_s`` seconds at the most."""

    what: str
    left_s: float


@dataclass(frozen=True)
class Patience:
    """``wait``: until it has ended, at most ``timeout_s`` from the beginning."""

    wait: bool = True
    timeout_s: float = DEFAULT_TIMEOUT_S


def request_of(
    verb: Verb,
    member: str,
    *,
    by: str,
    reason: str,
    force: bool,
    now: bool,
    timeout_s: float,
    ignore_doppelganger: bool = False,
) -> OperatorRequest:
    """One whose phases end, well or not, before ``timeout_s`` is over; BadConfig when it cannot be written down."""
    if not (by + reason).isprintable():
        raise BadConfig("the reason, or the name of who asks, is more than one printable line", "Say it in one line")
    timeout_ms = int(timeout_s * 1000 * _SHARE_OF_A_PHASE) if math.isfinite(timeout_s) else 0
    if not 0 < timeout_ms <= MAX_TIMEOUT_MS:
        longest = MAX_TIMEOUT_MS / 1000 / _SHARE_OF_A_PHASE
        raise BadConfig(
            f"a timeout of {timeout_s:g} s is not between 1 and {longest:g}", f"{DEFAULT_TIMEOUT_S} is usual"
        )
    if ignore_doppelganger and verb is not Verb.PROMOTE:
        raise BadConfig(
            f"a {verb.value} cannot ignore the doppelganger check", "It is for promote, which names who signs"
        )
    return OperatorRequest(verb, member, by, reason, timeout_ms, force, now, ignore_doppelganger)


class Failover:
    """Carries one request out. ``known`` grows while ``run`` goes, and holds after it has raised, too.

    ``on_wait`` is told again and again what is waited for.
    """

    def __init__(
        self,
        way: Way,
        clock: Callable[[], float] = time.monotonic,
        on_wait: Callable[[Wait], None] = lambda _wait: None,
    ) -> None:
        self._way, self._clock, self._on_wait, self._waits_for = way, clock, on_wait, ""
        self._began = clock()
        self.known = Known(account_id=way.account_id)

    def run(self, wanted: OperatorRequest, patience: Patience, *, check: bool = False) -> Iterator[Step]:
        """Each step when it is seen. Raises NearError: Refused (nothing was changed), SwitchoverFailed, NotYet, or
        what kept it from being asked.
        """
        known, before = self.known, self._way.look()
        known.leader_before = known.leader_after = report.leader(before)
        known.paused_before = known.paused_after = report.paused(before)
        known.term = report.term(before)
        wanted = replace(wanted, member=wanted.member or self._way.meant(wanted.verb))
        asked = self._way.ask(wanted, check=check)
        known.changed, known.msg, known.request = asked.changed, asked.text, asked.request
        if not asked.changed and not asked.request:
            return
        if wanted.verb in (Verb.PAUSE, Verb.RESUME):
            known.paused_after = wanted.verb is Verb.PAUSE
        if check:
            if wanted.verb in (Verb.PROMOTE, Verb.DEMOTE):
                known.leader_after = report.successor(before, wanted)
            return
        yield self._step(f"{'asked' if asked.changed else 'not asked again'}: {asked.text}")
        if not asked.request:
            return
        known.phase = Phase.ASKED.value
        if patience.wait:
            yield from self._follow(patience.timeout_s)

    def _follow(self, timeout_s: float) -> Iterator[Step]:
        trouble, since, said = "", self._clock(), False
        while True:
            try:
                document = self._way.look()
            except (ConsulUnknown, ControlError) as error:
                trouble = str(error)
                if not said and self._clock() - since >= SILENCE_S:
                    said = True
                    yield self._step(f"no answer for {SILENCE_S:g} s: {trouble}; it is still waited for")
            else:
                if said:
                    yield self._step("there are answers again")
                trouble, since, said = "", self._clock(), False
                yield from self._news(document)
                end = self._end(document)
                if end:
                    yield self._step(end)
                    return
                self._waits_for = report.waits_for(document, self.known.request)
            what = f"an answer ({trouble})" if trouble else self._waits_for
            self._on_wait(Wait(what, max(0.0, timeout_s - (self._clock() - self._began))))
            if self._clock() - self._began >= timeout_s:
                raise self._too_late(timeout_s, trouble)
            time.sleep(_POLL_S)

    def _news(self, document: dict[str, Any]) -> Iterator[Step]:
        known, request = self.known, report.request(document)
        mine = request is not None and request.id == known.request
        if request is not None and mine and request.note and request.note != known.note:
            known.note = request.note
            yield self._step(request.note)
        if request is not None and mine and request.phase != known.phase:
            known.phase = request.phase
            if request.phase == Phase.ACCEPTED.value:
                source, target = (report.name(document, member) for member in (request.source, request.target))
                yield self._step(f"accepted: {source} hands over to {target}")
        leader, term = report.leader(document), report.term(document)
        if leader != known.leader_after:
            text = (
                f"{leader} holds the lease (term {term})"
                if leader
                else f"{known.leader_after} has given the lease back"
            )
            known.leader_after = leader
            yield self._step(text)
        known.term = max(known.term, term)

    def _end(self, document: dict[str, Any]) -> str:
        """How it ended, "" while it has not; SwitchoverFailed when it has, and not well."""
        known, request = self.known, report.request(document)
        if request is None or request.id != known.request:
            change = report.change_of(document, known.request)
            if change is None:
                text = f"request {known.request} is no longer there, and how it ended was not seen"
                raise SwitchoverFailed(text, "Somebody else has asked for something since: look at the cluster")
            return self._done(change.gap_ms, f"{change.node_id} validates (term {change.term})")
        if request.phase == Phase.FAILED.value:
            known.msg = request.outcome
            raise SwitchoverFailed(
                f"the switchover failed: {request.outcome or 'no reason is given'}", _validates(known)
            )
        if request.phase == Phase.DONE.value:
            return self._done(request.gap_ms, request.outcome or f"{known.leader_after} validates (term {known.term})")
        return ""

    def _done(self, gap_ms: int | None, text: str) -> str:
        known = self.known
        known.phase, known.gap_ms, known.msg = Phase.DONE.value, gap_ms, text
        return f"done: {text}" + (f"; nobody signed for {gap_ms / 1000:.2f} s" if gap_ms is not None else "")

    def _too_late(self, timeout_s: float, trouble: str) -> NotYet:
        known = self.known
        text = f"after {timeout_s:g} s request {known.request} has not ended (it is {known.phase})"
        text += f" and waits for {self._waits_for}" if self._waits_for else ""
        return NotYet(f"{text}; {trouble}" if trouble else text, f"It goes on by itself. {_validates(known)}")

    def _step(self, text: str) -> Step:
        step = Step(round(self._clock() - self._began, 3), text)
        self.known.steps.append(step)
        return step


def _validates(known: Known) -> str:
    return f"{known.leader_after or 'Nobody'} validates, as far as can be seen"
