"""Rules that end a signer. They stand before all others."""

from __future__ import annotations

from .. import commands as cmd
from ..conditions import starting
from ..facts import sync
from ..facts.model import Closing, Node
from ..facts.neard import Neard
from ..facts.values import replace
from ..step import Step
from . import members, slow_start
from .neard import kill

HUNG_AFTER_MISSES = 3
# A busy neard answers at last; one that does not for so long hangs, whoever is ready.
HUNG_FOR_CERTAIN_MS = 30_000
REFUSALS_BEFORE_GIVING_UP = 5


def end_signer_without_lease(node: Node, _now: int) -> Step:
    """An armed neard needs a leadership. Whatever took the leadership away, the neard goes at once."""
    if node.neard is None or not node.neard.armed or node.leadership is not None:
        return node, []
    return kill(node, "this node does not hold the lease")


def end_signer_at_deadline(node: Node, now: int) -> Step:
    """The guard does this too, and the kernel behind it; saying it here gives the reason."""
    leadership = node.leadership
    if node.neard is None or not node.neard.armed or leadership is None or leadership.deadline is None:
        return node, []
    if now < leadership.deadline:
        return node, []
    why = "the lease could not be renewed before its deadline"
    return kill(
        replace(
            node,
            leadership=leadership.to_be_released(leadership.release.reason or why),
        ),
        why,
    )


def end_standby_that_shows_a_key(node: Node, _now: int) -> Step:
    """A neard that was started without the key and says that it has one may sign: nobody allowed that."""
    if node.neard is None or node.neard.armed or not node.neard.shows_key:
        return node, []
    return kill(node, "it was started without a validator key and says that it has loaded one")


def end_signer_with_another_key(node: Node, _now: int) -> Step:
    """It says that it has loaded another key than it was given: who else signs with that one, nobody knows."""
    neard, leadership = node.neard, node.leadership
    if neard is None or not neard.armed or not neard.other_key:
        return node, []
    why = (
        f"neard shows the validator key {neard.other_key}, and not {node.settings.validator_public_key}: look at what"
        " --validator-key names, and at validator_key_file in neard's config.json"
    )
    if leadership is not None and not leadership.release.reason:
        node = replace(node, leadership=leadership.to_be_released(why))
    return kill(node, why)


def end_neard_that_hangs(node: Node, now: int) -> Step:
    """A signer that was up and is silent for three polls is killed where that helps: another one is ready.

    Else it may be busy, and nobody signs while it starts again; what is silent for much longer is killed all the same.
    A standby gets its start-up time again: it may have re-executed itself for an epoch sync, its RPC goes and comes.
    """
    neard = node.neard
    if neard is None or neard.ending or neard.silent_since is None or not neard.answered:
        return node, []
    if neard.misses < HUNG_AFTER_MISSES or now < neard.silent_since + _hung_after_ms(node):
        return node, []
    if neard.armed:
        return _end_silent_signer(node, neard, neard.silent_since, now)
    fresh_start = replace(
        neard,
        answered=False,
        started_at=now,
        misses=0,
        silent_since=None,
        work=None,
        worked_at=None,
        slow_said_at=None,
    )
    return replace(node, neard=fresh_start, sync=sync.Sync(height=node.sync.height)), []


def _end_silent_signer(node: Node, neard: Neard, silent_since: int, now: int) -> Step:
    why = f"no answer from neard's /status for {neard.misses} polls"
    helps = node.cluster.standby_ready and not node.cluster.paused
    if helps or node.leadership is None or now >= silent_since + HUNG_FOR_CERTAIN_MS:
        return kill(node, f"{why}, and a standby is ready" if helps else why)
    return members.ask(node, now)


def end_neard_that_never_gets_ready(node: Node, now: int) -> Step:
    """A start has a bound, whatever neard does instead of answering; while it works, that is a later one.

    One that is to sign holds the lease meanwhile: after a lease a standby whose neard runs is faster, and after its
    time any that is ready.
    """
    neard = node.neard
    if neard is None or neard.answered or neard.ending:
        return node, []
    asked: list[cmd.Command] = []
    if _holds_lease_up(node, neard) and now >= neard.started_at + node.settings.lease_ms and not node.cluster.paused:
        node, asked = _leave_it_to_a_standby(node, neard, now)
        if node.neard is not neard:
            return node, asked
    timeout_ms = node.settings.startup_timeout_ms
    if now < neard.started_at + timeout_ms:
        return node, asked
    works = now < starting.patience_ends(node, neard)
    if works and not (_holds_lease_up(node, neard) and _ready_one_waits(node, neard)):
        node, said = _leave_it_to_its_start(node, neard, now)
        return node, [*asked, *said]
    why = f"neard was not ready after {timeout_ms / 1000:g} s"
    if works:
        why += " as the validator, and a standby is ready"
    elif neard.worked_at is not None:
        why += f", {(now - neard.started_at) / 1000:.0f} s after its start"
        at_limit = now >= neard.started_at + starting.limit_ms(node.settings)
        why += " (--startup-limit)" if at_limit else ", and it does not work any more"
    node, killed = kill(replace(node, neard=replace(neard, faulty=True)), why)
    return node, [*asked, *killed]


def _ready_one_waits(node: Node, neard: Neard) -> bool:
    """Is there anybody to whom its end would give the lease? A paused cluster keeps its validator."""
    cluster = node.cluster
    return cluster.standby_ready and not cluster.paused and (cluster.read_at or 0) > neard.started_at


def _leave_it_to_its_start(node: Node, neard: Neard, now: int) -> Step:
    node, said = slow_start.say(node, neard, now)
    if not _holds_lease_up(node, neard) or node.cluster.paused:
        return node, said
    node, asked = members.ask(node, now)
    return node, [*said, *asked]


def _holds_lease_up(node: Node, neard: Neard) -> bool:
    """Was it started to sign, with the key or to be given it?"""
    return node.leadership is not None and (neard.armed or node.is_moving)


def _leave_it_to_a_standby(node: Node, neard: Neard, now: int) -> Step:
    if node.cluster.standby_equal and (node.cluster.read_at or 0) > neard.started_at:
        why = f"neard has not answered for {(now - neard.started_at) / 1000:.0f} s since its start as the validator"
        return kill(node, f"{why}, and a standby is ready")
    return members.ask(node, now)


def stop_when_starts_are_refused(node: Node, now: int) -> Step:
    """A neard that is still being torn down holds its LOCK for a moment; what lasts longer needs a person."""
    if node.starts.refusals < REFUSALS_BEFORE_GIVING_UP or node.closing is not None:
        return node, []
    text = f"neard could not be started {node.starts.refusals} times; giving up. The reason is in the lines above"
    return replace(node, closing=Closing(1, now)), [cmd.Log("error", text)]


def stop_when_starts_fail(node: Node, now: int) -> Step:
    """Three starts in a row without one answer: a person has to look."""
    if node.starts.failures < node.settings.start_attempts or node.closing is not None:
        return node, []
    text = (
        f"neard was started {node.starts.failures} times and never became ready; giving up."
        " Look at neard's log above the last of these lines, repair it, and start this node again"
    )
    return replace(node, closing=Closing(1, now)), [cmd.Log("error", text)]


def due(node: Node, times: list[int]) -> None:
    """When a neard has had time enough: to start, to answer, to sign."""
    neard, leadership = node.neard, node.leadership
    if neard is None:
        return
    if not neard.answered:
        times += (
            neard.started_at + node.settings.startup_timeout_ms,
            starting.patience_ends(node, neard),
            slow_start.said_next(neard),
        )
        if _holds_lease_up(node, neard) and not node.cluster.paused:
            times.append(max(node.cluster.next_at, neard.started_at + node.settings.lease_ms))
    elif neard.silent_since is not None:
        times.append(neard.silent_since + _hung_after_ms(node))
        if neard.armed:
            times += (node.cluster.next_at, neard.silent_since + HUNG_FOR_CERTAIN_MS)
    if neard.armed and leadership is not None and leadership.deadline is not None:
        times.append(leadership.deadline)


def _hung_after_ms(node: Node) -> int:
    return (HUNG_AFTER_MISSES - 1) * node.settings.poll_ms
