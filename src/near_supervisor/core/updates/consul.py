"""What Consul says becomes facts: about the session, the members, the lease."""

from __future__ import annotations

from .. import events as ev
from ..commands import ClearState, Command, DropSession, KeepIndex, Log, MoveDeadline
from ..conditions import belief, config_mismatch, election, saved_state, starting
from ..facts import key_lock, lease, lease_view
from ..facts.answer import Kind
from ..facts.leadership import Attempt, Floor, Leadership
from ..facts.model import Closing, Node, Session
from ..facts.values import replace
from ..step import Step

RETRY_MS = 1_000
SAY_SLOW_AGAIN_MS = 30_000
KEEP_INDEX_MS = 60_000


def registered(node: Node, event: ev.Registered, now: int) -> Step:
    """This node has a session."""
    session = Session(event.session, _renew_at(node, event.sent_at))
    node, said = _consul_answered(node, now)
    # The record was claimed as one that registers: what it is now is news, however lately there were others.
    node = replace(
        node,
        session=session,
        membership=replace(
            node.membership, registering=False, taken_since=None, taken_by="", published=None, publish_at=now
        ),
    )
    return node, said


def register_failed(node: Node, event: ev.RegisterFailed, now: int) -> Step:
    """It has none yet."""
    node = replace(node, membership=replace(node.membership, registering=False, register_at=now + RETRY_MS))
    if not event.refused:
        return _consul_silent(node, event.reason, now)
    node, said = _consul_answered(node, now)
    return node, [*said, Log("info", f"not registered yet, trying again: {event.reason}")]


def node_id_taken(node: Node, event: ev.NodeIdTaken, now: int) -> Step:
    """After a while a taken name is a mistake of configuration."""
    settings, known = node.settings, node.membership
    since = now if known.taken_since is None else known.taken_since
    both = f"node id {settings.node_id!r} is that of two nodes, of this one on host {settings.hostname!r} and of"
    both += f" another one on {event.holder}"
    node = replace(
        node,
        membership=replace(known, registering=False, register_at=now + RETRY_MS, taken_since=since, taken_by=both),
    )
    until = starting.taken_until(node) or now
    if now >= until:
        text = f"{both}, whose session lives on. Give each node an id of its own (--node-id), or stop the other one"
        return replace(node, closing=node.closing or Closing(1, now)), [Log("error", text)]
    if known.taken_since is not None:
        return node, []
    hint = "if that is this node's own from before a reinstallation"
    return node, [Log("warn", f"{both}; {hint}, it ends by itself: waiting up to {(until - since) // 1000} s for that")]


def session_renewed(node: Node, event: ev.SessionRenewed, now: int) -> Step:
    """Still there, gone, or not known."""
    if node.session is None or node.session.id != event.session:
        return node, []
    if event.answer.kind is Kind.UNKNOWN:
        node = replace(node, session=replace(node.session, renewing=False, renew_at=now + RETRY_MS))
        return _consul_silent(node, event.answer.reason, now)
    node, said = _consul_answered(node, now)
    if event.answer.kind is Kind.NO:
        return _session_lost(node, said, now)
    return replace(node, session=Session(event.session, _renew_at(node, event.sent_at))), said


def _renew_at(node: Node, sent_at: int) -> int:
    """At half of the shortest TTL: the session of a signer may be that of a process before with a shorter lease.

    What gets no answer is asked again every second, until Consul would end it.
    """
    return sent_at + lease.SHORTEST_TTL_MS // 2


def _session_lost(node: Node, said: list[Command], now: int) -> Step:
    text = "Consul says that our session is gone"
    node = replace(node, session=None, membership=node.membership.over())
    if node.leadership is not None:
        node, cools = election.after(node.leadership, replace(node, leadership=None), now)
        return node, [*said, ClearState(), Log("error", f"{text}, and with it the lease"), *cools]
    return node, [*said, Log("warn", text)]


def lease_seen(node: Node, event: ev.LeaseSeen, now: int) -> Step:
    """What the lease looked like to a read."""
    node, said = _consul_answered(node, now)
    if node.leadership is not None:
        # A read that was under way when this node acquired: as holder it hears from its heartbeats.
        return node, said
    seen = belief.believed(node, event.seen)
    told = bool(node.last_term)
    objection = config_mismatch.other_key(seen, node.settings, told, node.chain.listing) or config_mismatch.other_lease(
        seen, node.settings
    )
    if objection and objection != node.candidate.objection:
        said.append(Log("error", objection))
    view = lease_view.look(node.candidate.watch, seen, now, node.believed.index)
    index = seen.index or 0
    # What was turned back counts from here on.
    highest = index if 0 < index < node.believed.index else max(node.believed.index, index, seen.kept_index or 0)
    node = replace(
        node,
        candidate=replace(node.candidate, watch=view, objection=objection),
        believed=replace(node.believed, index=highest),
    )
    for record in (seen.record, seen.kept):
        if record is not None:
            node = belief.know(node, record)
    node = replace(
        node,
        candidate=replace(
            node.candidate,
            key_lock=key_lock.look(node.candidate.key_lock, seen.key, node.settings, node.last_term, now),
        ),
    )
    node, doubted = belief.doubt(node, now)
    node, kept = _keep(node, now)
    node, out = _adopt(node, now)
    return node, [*said, *doubted, *kept, *out]


def _keep(node: Node, now: int) -> Step:
    """What the next process is to know: the index now and then, or when it was turned back; a new term at once."""
    highest, term = node.believed.index, node.last_term
    if now < node.believed.keep_at and highest >= node.believed.kept_index and term <= node.believed.kept_term:
        return node, []
    node = replace(
        node, believed=replace(node.believed, kept_index=highest, kept_term=term, keep_at=now + KEEP_INDEX_MS)
    )
    return node, [KeepIndex(highest, term)]


def _adopt(node: Node, now: int) -> Step:
    """The answer to an acquisition got lost, the lock did not: nothing was armed in this term yet."""
    attempt, watched = node.candidate.attempt, node.candidate.watch
    if attempt is None or watched is None or node.candidate.acquiring or node.session is None:
        return node, []
    seen = watched.seen
    # Sessions are no secret: only what this node has written shows that its own request came through.
    mine = lease_view.is_own(seen, node.settings) and seen.record is not None and seen.record.term == attempt.term
    if mine and seen.session == node.session.id:
        return _begin(node, attempt, now)
    # The record has moved on without us: whatever is still under way cannot succeed any more.
    return (node if seen.index == attempt.index else replace(node, candidate=replace(node.candidate, attempt=None))), []


def lease_read_failed(node: Node, event: ev.LeaseReadFailed, now: int) -> Step:
    """The lease could not be read."""
    return _consul_silent(node, event.reason, now)


def acquire_answered(node: Node, event: ev.AcquireAnswered, now: int) -> Step:
    """Did this node get the lease? Not knowing leaves the attempt open."""
    node = replace(
        node,
        candidate=replace(
            node.candidate, acquiring=False, acquire_at=now + lease.heartbeat_interval(node.settings.lease_ms)
        ),
    )
    if event.answer.kind is Kind.UNKNOWN:
        node, said = _consul_silent(node, event.answer.reason, now)
        node, out = _adopt(node, now)
        return node, said + out
    node, said = _consul_answered(node, now)
    if event.answer.kind is Kind.NO:
        text = f"the lease was not acquired: {event.answer.reason}"
        return replace(node, candidate=replace(node.candidate, attempt=None)), [*said, Log("info", text)]
    if node.candidate.attempt is None:
        return node, said
    node, out = _begin(node, node.candidate.attempt, now)
    return node, said + out


def _begin(node: Node, attempt: Attempt, now: int) -> Step:
    if node.session is None:
        return replace(node, candidate=replace(node.candidate, attempt=None)), []
    leadership = Leadership(
        node.session.id,
        attempt.term,
        Floor(attempt.floor, attempt.end, least=attempt.floor),
        since=now,
        heartbeat_at=now,
        takeover=attempt.takeover,
    )
    node = replace(
        node,
        candidate=replace(node.candidate, attempt=None, watch=None, key_lock=None),
        leadership=leadership,
        last_term=attempt.term,
    )
    node, out = saved_state.save(node, answered=False)
    out.append(Log("info", f"acquired the lease, term {leadership.term}"))
    return node, out


def heartbeat_answered(node: Node, event: ev.HeartbeatAnswered, now: int) -> Step:
    """Only a yes moves the deadline, and from when the request left."""
    leadership = node.leadership
    if leadership is None or leadership.term != event.term:
        return node, []
    interval = lease.heartbeat_interval(node.settings.lease_ms)
    if event.answer.kind is Kind.UNKNOWN:
        leadership = replace(leadership, beating=False, heartbeat_at=now + interval // 2)
        return _consul_silent(replace(node, leadership=leadership), event.answer.reason, now)
    node, said = _consul_answered(node, now)
    if event.answer.kind is Kind.NO:
        node, out = _leadership_over(node, leadership, now)
        text = f"lost the lease of term {leadership.term}: {event.answer.reason}"
        return node, [*said, Log("error", text), *out]
    node, slow = _took(node, now - event.sent_at, now)
    said += slow
    # Never back: until then the guard lets neard sign, and the record says so.
    deadline = max(lease.hold_until(event.sent_at, node.settings.lease_ms), leadership.deadline or 0)
    leadership = replace(leadership, beating=False, heartbeat_at=event.sent_at + interval, deadline=deadline)
    alive = node.neard is not None and node.neard.armed and not node.neard.killed
    return replace(node, leadership=leadership), [*said, MoveDeadline(deadline)] if alive else said


def _took(node: Node, took_ms: int, now: int) -> tuple[Node, list[Command]]:
    """What takes longer than a quarter of the lease leaves no room for one that is lost."""
    lease_ms = node.settings.lease_ms
    node = replace(node, consul=replace(node.consul, heartbeat_ms=took_ms))
    if took_ms * 4 <= lease_ms or (
        node.consul.slow_said_at is not None and now < node.consul.slow_said_at + SAY_SLOW_AGAIN_MS
    ):
        return node, []
    text = (
        f"a heartbeat took {took_ms / 1000:.2f} s of a lease of {lease_ms / 1000:g} s: at 0.4 of it the lease gets"
        " lost. Look at Consul's disks and network, or give all nodes a longer --lease"
    )
    return replace(node, consul=replace(node.consul, slow_said_at=now)), [Log("warn", text)]


def missing_marked(node: Node, event: ev.MissingMarked, now: int) -> Step:
    """Whoever wrote it, the next read shows it."""
    node = replace(
        node,
        candidate=replace(
            node.candidate, acquiring=False, acquire_at=now + lease.heartbeat_interval(node.settings.lease_ms)
        ),
    )
    if event.answer.kind is Kind.UNKNOWN:
        return _consul_silent(node, event.answer.reason, now)
    return _consul_answered(node, now)


def _leadership_over(node: Node, leadership: Leadership, now: int) -> Step:
    """One session serves one leadership: a late release or heartbeat must not be accepted in the next one."""
    node = replace(node, leadership=None, session=None, membership=node.membership.over())
    node, cools = election.after(leadership, node, now)
    return node, [DropSession(leadership.session), ClearState(), *cools]


def release_answered(node: Node, event: ev.ReleaseAnswered, now: int) -> Step:
    """The lease is given back, or was not ours any more."""
    leadership = node.leadership
    if leadership is None:
        return node, []
    if event.answer.kind is Kind.UNKNOWN:
        wait = lease.heartbeat_interval(node.settings.lease_ms)
        leadership = replace(leadership, release=replace(leadership.release, under_way=False, next_at=now + wait))
        return _consul_silent(replace(node, leadership=leadership), event.answer.reason, now)
    node, said = _consul_answered(node, now)
    node, out = _leadership_over(node, leadership, now)
    node, said = replace(node, candidate=replace(node.candidate, acquire_at=now + RETRY_MS)), said + out
    if event.answer.kind is Kind.NO:
        return node, [*said, Log("warn", f"the lease was not ours to release any more: {event.answer.reason}")]
    successor = leadership.release.successor or "another node"
    return node, [*said, Log("info", f"released the lease, {successor} may take it at once")]


def _consul_silent(node: Node, reason: str, now: int) -> Step:
    if node.consul.silent_since is not None:
        return node, []
    return replace(node, consul=replace(node.consul, silent_since=now)), [
        Log("warn", f"Consul does not answer, asking on: {reason}")
    ]


def _consul_answered(node: Node, now: int) -> tuple[Node, list[Command]]:
    if node.consul.silent_since is None:
        return replace(node, consul=replace(node.consul, heard_at=now)), []
    return replace(node, consul=replace(node.consul, heard_at=now, silent_since=None)), [
        Log("info", "Consul answers again")
    ]
