"""Events become facts. Nothing is decided here: each handler only says what is now known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from near_ha.lease_record import LeaseState

from . import events as ev
from . import lease, sync, watch
from .answer import Kind
from .commands import Command, MoveDeadline, Remember, Say
from .lease import Ceiling
from .model import Attempt, Closing, Guard, Memory, Neard, Node, Session, Tenure

Step = tuple[Node, list[Command]]

RETRY_MS = 1_000


def absorb(node: Node, event: ev.Event, now: int) -> Step:
    """The facts after ``event``, with what has to be said or passed on at once."""
    handler = _HANDLERS.get(type(event))
    return handler(node, event, now) if handler else (node, [])


# --- the guard and its neard -----------------------------------------------------------------------


def _guard_ready(node: Node, event: ev.GuardReady, now: int) -> Step:
    node = replace(node, guard=Guard.READY)
    if event.memory is not None and node.tenure is None:
        node = _resume(node, event.memory, event, now)
    if event.ended:
        return node, [Say("warn", f"neard ended with {event.ended} while no supervisor was there")]
    if event.pid is None:
        return node, []
    node = replace(node, neard=Neard(event.pid, event.armed, now), poll_at=now)
    if not event.armed:
        return node, [Say("info", f"re-attached to the running neard {event.pid}, a standby")]
    left = ((event.deadline or now) - now) / 1000
    text = f"re-attached to the running neard {event.pid}, a validator with {left:.1f} s of its lease left"
    return node, [Say("info", text)]


def _resume(node: Node, memory: Memory, event: ev.GuardReady, now: int) -> Node:
    """Take up the tenure of the process before us; the next heartbeat tells whether it still stands."""
    tenure = Tenure(
        memory.session,
        memory.term,
        memory.floor,
        since=now,
        heartbeat_at=now,
        deadline=event.deadline,
        cleared=True,
        was_armed=True,
        give_up=f"neard ended with {event.ended}" if event.ended else "",
    )
    return replace(
        node,
        tenure=tenure,
        session=Session(memory.session, renewed_at=now, renew_at=now),
        ceiling=memory.ceiling,
        last_term=memory.term,
        seen_height=memory.floor,
        neard_ended_at=now if event.ended else None,
    )


def _guard_failed(node: Node, event: ev.GuardFailed, now: int) -> Step:
    return replace(node, guard=Guard.DOWN, guard_at=now + RETRY_MS), [Say("error", event.reason)]


def _guard_lost(node: Node, _event: ev.GuardLost, now: int) -> Step:
    if node.starting_armed:
        # Nobody will wait for that neard, and its pid is not known: say nothing, let the lease run out.
        node = replace(node, tenure=None)
    node = replace(node, guard=Guard.DOWN, guard_at=now, starting=False, starting_armed=False)
    if node.neard is not None:
        node = replace(node, neard=replace(node.neard, ending="its guard died"))
    return _give_up(node, "the guard died"), [Say("error", "the guard died; the kernel kills its neard with it")]


def _neard_started(node: Node, event: ev.NeardStarted, now: int) -> Step:
    neard = Neard(event.pid, event.armed, now)
    node = replace(node, neard=neard, starting=False, starting_armed=False, poll_at=now)
    out: list[Command] = [Say("info", f"neard {event.pid} started as a {'validator' if event.armed else 'standby'}")]
    if event.armed and node.tenure is not None and node.tenure.deadline is not None:
        # Heartbeats that succeeded while it was starting have not reached the guard yet.
        out.append(MoveDeadline(node.tenure.deadline))
    return node, out


def _neard_refused(node: Node, event: ev.NeardRefused, now: int) -> Step:
    attempts = node.attempts + 1
    node = replace(node, starting=False, starting_armed=False, attempts=attempts, start_at=now + RETRY_MS * attempts)
    return _give_up(node, f"neard could not be started: {event.reason}"), [Say("error", event.reason)]


def _neard_exited(node: Node, event: ev.NeardExited, now: int) -> Step:
    neard = node.neard
    if neard is None or neard.pid != event.pid:
        return node, []
    attempts = node.attempts if neard.answered or node.promoting else node.attempts + 1
    node = replace(
        node,
        neard=None,
        attempts=attempts,
        restarts=node.restarts + 1,
        start_at=now + RETRY_MS * attempts,
        sync=sync.Sync(height=node.sync.height),
        neard_ended_at=now if neard.armed else node.neard_ended_at,
    )
    if neard.ending:
        said = Say("info", f"neard {neard.pid} has ended with {event.how}: {neard.ending}")
    else:
        said = Say("warn", f"Neard finished unexpectedly with {event.how}")
    if neard.armed:
        node = _give_up(node, neard.ending or f"neard finished unexpectedly with {event.how}")
    return node, [said]


def _polled(node: Node, event: ev.Polled, now: int) -> Step:
    node = replace(node, polling=False)
    neard = node.neard
    if neard is None:
        return node, []
    if event.sample is None:
        since = now if neard.silent_since is None else neard.silent_since
        out = _missed(neard, event.reason)
        return replace(node, neard=replace(neard, misses=neard.misses + 1, silent_since=since)), out
    view = sync.fold(node.sync, event.sample, now, node.settings)
    said: list[Command] = []
    if neard.answered and view.reason and node.sync.synced:
        said.append(Say("warn", view.reason))
    node = replace(
        node,
        neard=replace(neard, answered=True, misses=0, silent_since=None),
        attempts=0,
        sync=view,
        ceiling=_ceiling(node, event.sample, view, now),
    )
    return node, said


def _missed(neard: Neard, reason: str) -> list[Command]:
    first = neard.answered and neard.misses == 0 and not neard.ending
    return [Say("warn", f"Cannot reach neard status api: {reason}")] if first else []


def _ceiling(node: Node, sample: sync.Sample, view: sync.Sync, now: int) -> Ceiling:
    """A lower line replaces a higher one only when the sample shows the tip of the chain."""
    block_time = node.settings.block_time_ms
    armed = node.neard is not None and node.neard.armed
    if armed and sample.target_height is not None:
        target = max(sample.target_height, sample.height + 1)
    else:
        # No metric: the head of a synced neard may be as old as the sync rule lets it be.
        target = sample.height + 1 + sync.fresh_ms(node.settings) // block_time
    line = Ceiling(target, now)
    if node.ceiling is None:
        return line
    higher = line.height(now, block_time) >= node.ceiling.height(now, block_time)
    return line if view.synced or higher else node.ceiling


# --- session and members ---------------------------------------------------------------------------


def _registered(node: Node, event: ev.Registered, _now: int) -> Step:
    ttl = lease.session_ttl_ms(node.settings.lease_ms)
    session = Session(event.session, event.sent_at, event.sent_at + ttl // 3)
    node, said = _consul_answered(node)
    node = replace(node, session=session, registering=False, taken_since=None, published=None)
    return node, said


def _register_failed(node: Node, event: ev.RegisterFailed, now: int) -> Step:
    node = replace(node, registering=False, register_at=now + RETRY_MS)
    if not event.refused:
        return _consul_silent(node, event.reason, now)
    node, said = _consul_answered(node)
    return node, [*said, Say("info", f"not registered yet, trying again: {event.reason}")]


def _node_id_taken(node: Node, event: ev.NodeIdTaken, now: int) -> Step:
    since = now if node.taken_since is None else node.taken_since
    first = node.taken_since is None
    node = replace(node, registering=False, register_at=now + RETRY_MS, taken_since=since)
    patience = 2 * lease.session_ttl_ms(node.settings.lease_ms) + 5_000
    name = f"node id {node.settings.node_id!r} is in use by {event.holder}"
    if now - since >= patience:
        text = f"{name}, whose session lives on. Give each node an id of its own (--node-id), or stop the other one"
        return replace(node, closing=node.closing or Closing(1, now)), [Say("error", text)]
    said: list[Command] = [Say("warn", f"{name}; waiting up to {patience // 1000} s for that session to end")]
    return node, said if first else []


def _session_renewed(node: Node, event: ev.SessionRenewed, now: int) -> Step:
    if node.session is None or node.session.id != event.session:
        return node, []
    if event.answer.kind is Kind.UNKNOWN:
        node = replace(node, session=replace(node.session, renewing=False, renew_at=now + RETRY_MS))
        return _consul_silent(node, event.answer.reason, now)
    node, said = _consul_answered(node)
    if event.answer.kind is Kind.NO:
        return _session_lost(node, said)
    ttl = lease.session_ttl_ms(node.settings.lease_ms)
    session = Session(event.session, event.sent_at, event.sent_at + ttl // 3)
    return replace(node, session=session), said


def _session_lost(node: Node, said: list[Command]) -> Step:
    text = "Consul says that our session is gone"
    node = replace(node, session=None, published=None, register_at=0)
    if node.tenure is not None:
        return replace(node, tenure=None), [*said, Say("error", f"{text}, and with it the lease")]
    return node, [*said, Say("warn", text)]


def _members_seen(node: Node, event: ev.MembersSeen, _now: int) -> Step:
    return replace(node, reading_members=False, standby_ready=any(m.ready for m in event.members)), []


# --- the lease -------------------------------------------------------------------------------------


def _lease_seen(node: Node, event: ev.LeaseSeen, now: int) -> Step:
    node, said = _consul_answered(node)
    if node.tenure is not None:
        # A read that was under way when this node acquired: as holder it hears from its heartbeats.
        return node, said
    node = replace(node, watch=watch.look(node.watch, event.seen, now))
    if event.seen.record is not None:
        # Kept apart from the record: an operator may delete the key, what was signed stays signed.
        node = replace(
            node,
            last_term=max(node.last_term, event.seen.record.term),
            seen_height=max(node.seen_height, event.seen.record.height),
        )
    objection = _objection(node, event.seen)
    if objection and objection != node.objection:
        said.append(Say("error", objection))
    node = replace(node, objection=objection)
    record, attempt = event.seen.record, node.attempt
    ours = node.session is not None and event.seen.session == node.session.id
    if attempt and ours and record is not None and not node.acquiring and record.term == attempt.term:
        # The answer got lost, the lock did not: nothing was armed in this term, so it is safe to adopt.
        begun, out = _begin(node, attempt, now)
        return begun, said + out
    return node, said


def _objection(node: Node, seen: watch.Seen) -> str:
    """What is wrong with standing beside the holder that is seen; "" when nothing is."""
    record, mine = seen.record, node.settings
    if record is None or seen.session is None or record.state is not LeaseState.VALIDATING:
        return ""
    if record.validator_public_key and record.validator_public_key != mine.validator_public_key:
        return (
            f"validator key differs: {record.node_id} signs with {record.validator_public_key}, this node was given"
            f" {mine.validator_public_key}. Give all nodes of account {mine.account_id} the same --validator-key"
        )
    if record.lease_ms != mine.lease_ms:
        return (
            f"lease differs: {record.node_id} holds with --lease {record.lease_ms / 1000:g}, this node has"
            f" --lease {mine.lease_ms / 1000:g}. Give all nodes the same; until then the longer one is waited out"
        )
    return ""


def _look_failed(node: Node, event: ev.LookFailed, now: int) -> Step:
    return _consul_silent(node, event.reason, now)


def _acquire_answered(node: Node, event: ev.AcquireAnswered, now: int) -> Step:
    node = replace(node, acquiring=False, acquire_at=now + lease.heartbeat_interval(node.settings.lease_ms))
    if event.answer.kind is Kind.UNKNOWN:
        return _consul_silent(node, event.answer.reason, now)
    node, said = _consul_answered(node)
    if event.answer.kind is Kind.NO:
        text = f"the lease was not acquired: {event.answer.reason}"
        return replace(node, attempt=None), [*said, Say("info", text)]
    if node.attempt is None:
        return node, said
    node, out = _begin(node, node.attempt, now)
    return node, said + out


def _begin(node: Node, attempt: Attempt, now: int) -> Step:
    if node.session is None:
        return replace(node, attempt=None), []
    tenure = Tenure(node.session.id, attempt.term, attempt.floor, since=now, heartbeat_at=now)
    node = replace(node, attempt=None, tenure=tenure, watch=None, last_term=attempt.term)
    out: list[Command] = [
        Remember(Memory(tenure.session, tenure.term, tenure.floor, node.ceiling or Ceiling(attempt.floor, now))),
        Say("info", f"acquired the lease, term {tenure.term}"),
    ]
    return node, out


def _heartbeat_answered(node: Node, event: ev.HeartbeatAnswered, now: int) -> Step:
    tenure = node.tenure
    if tenure is None or tenure.term != event.term:
        return node, []
    interval = lease.heartbeat_interval(node.settings.lease_ms)
    if event.answer.kind is Kind.UNKNOWN:
        tenure = replace(tenure, beating=False, heartbeat_at=now + interval // 2)
        return _consul_silent(replace(node, tenure=tenure), event.answer.reason, now)
    node, said = _consul_answered(node)
    if event.answer.kind is Kind.NO:
        text = f"lost the lease of term {tenure.term}: {event.answer.reason}"
        return replace(node, tenure=None), [*said, Say("error", text)]
    deadline = lease.hold_until(event.sent_at, node.settings.lease_ms)
    tenure = replace(tenure, beating=False, heartbeat_at=event.sent_at + interval, deadline=deadline)
    out: list[Command] = [MoveDeadline(deadline)] if node.neard is not None and node.neard.armed else []
    return replace(node, tenure=tenure), said + out


def _release_answered(node: Node, event: ev.ReleaseAnswered, now: int) -> Step:
    if node.tenure is None:
        return node, []
    if event.answer.kind is Kind.UNKNOWN:
        wait = lease.heartbeat_interval(node.settings.lease_ms)
        tenure = replace(node.tenure, releasing=False, release_at=now + wait)
        return _consul_silent(replace(node, tenure=tenure), event.answer.reason, now)
    node, said = _consul_answered(node)
    node = replace(node, tenure=None, acquire_at=now + RETRY_MS)
    if event.answer.kind is Kind.NO:
        return node, [*said, Say("warn", f"the lease was not ours to release any more: {event.answer.reason}")]
    return node, [*said, Say("info", "released the lease, another node may take it at once")]


# --- the way out -----------------------------------------------------------------------------------


def _stop_asked(node: Node, event: ev.StopAsked, now: int) -> Step:
    if node.closing is None:
        return replace(node, closing=Closing(0, now)), [Say("info", f"{event.why} received")]
    if node.neard is not None and not node.neard.killed:
        said = Say("warn", f"{event.why} received again: neard {node.neard.pid} is killed instead of stopped")
        return replace(node, closing=replace(node.closing, detach=False, hurry=True)), [said]
    return node, [Say("info", f"{event.why} received again: already on the way out")]


def _detach_asked(node: Node, _event: ev.DetachAsked, now: int) -> Step:
    if node.closing is not None:
        return node, []
    return replace(node, closing=Closing(0, now, detach=True)), [Say("info", "detaching: guard and neard go on")]


# --- shared ----------------------------------------------------------------------------------------


def _give_up(node: Node, why: str) -> Node:
    if node.tenure is None or node.tenure.give_up:
        return node
    return replace(node, tenure=replace(node.tenure, give_up=why))


def _consul_silent(node: Node, reason: str, now: int) -> Step:
    if node.consul_silent_since is not None:
        return node, []
    return replace(node, consul_silent_since=now), [Say("warn", f"Consul does not answer, asking on: {reason}")]


def _consul_answered(node: Node) -> tuple[Node, list[Command]]:
    if node.consul_silent_since is None:
        return node, []
    return replace(node, consul_silent_since=None), [Say("info", "Consul answers again")]


_HANDLERS: dict[type, Callable[[Node, Any, int], Step]] = {
    ev.GuardReady: _guard_ready,
    ev.GuardFailed: _guard_failed,
    ev.GuardLost: _guard_lost,
    ev.NeardStarted: _neard_started,
    ev.NeardRefused: _neard_refused,
    ev.NeardExited: _neard_exited,
    ev.Polled: _polled,
    ev.Registered: _registered,
    ev.RegisterFailed: _register_failed,
    ev.NodeIdTaken: _node_id_taken,
    ev.SessionRenewed: _session_renewed,
    ev.MembersSeen: _members_seen,
    ev.LeaseSeen: _lease_seen,
    ev.LookFailed: _look_failed,
    ev.AcquireAnswered: _acquire_answered,
    ev.HeartbeatAnswered: _heartbeat_answered,
    ev.ReleaseAnswered: _release_answered,
    ev.StopAsked: _stop_asked,
    ev.DetachAsked: _detach_asked,
}
