"""Rules about the lease: acquire it, keep it, give it back."""

from __future__ import annotations

from near_ha.records import wire
from near_ha.records.history import Kind
from near_ha.records.lease_record import LeaseRecord, LeaseState

from .. import commands as cmd
from ..commands import Command
from ..conditions import election, heights, saved_state
from ..conditions.readiness import barred
from ..facts import heads, key_lock, lease, lease_view
from ..facts.heads import End
from ..facts.leadership import Attempt, Leadership, Takeover
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step

MAX_REASON = 500


def acquire(node: Node, now: int) -> Step:
    """Rules 2 and 3: a synced standby tries when the watch says that it may."""
    session = node.session
    if node.leadership or node.candidate.acquiring or node.armed or session is None or node.closing is not None:
        return node, []
    if now < node.candidate.acquire_at or barred(node):
        return node, []
    stands_at = election.stands_at(node)
    if stands_at is None or now < stands_at:
        return node, []
    answer = lease_view.verdict(node.candidate.watch, node.settings, node.believed.lease_ms, now)
    if answer is None:
        return node, []
    floor = max(node.believed.height, answer.height or 0)
    if answer.how is lease_view.How.VACANT:
        vacancy = replace(
            _record(node, node.last_term, floor, now, answer.reason),
            node_id="",
            state=LeaseState.VACANT,
            # Whoever reads it may never have seen the record of the holder that may still sign.
            lease_ms=max(node.settings.lease_ms, node.believed.lease_ms),
            chain_ms=heights.gone_by(node, now),
        )
        return replace(node, candidate=replace(node.candidate, acquiring=True)), [
            cmd.Log("info", answer.reason),
            cmd.MarkMissing(vacancy, answer.index),
        ]
    floor, end = _predecessor(node, floor, answer, now)
    attempt = Attempt(answer.how, answer.index, node.last_term + 1, floor, end, _takeover(node, answer, now))
    record = _record(node, attempt.term, floor, now, answer.reason)
    record = replace(record, chain_ms=max(record.chain_ms, end.chain_ms))
    out: list[Command] = [
        cmd.Log("info", f"trying to acquire the lease: {answer.reason}"),
        cmd.Acquire(answer.how, answer.index, session.id, record, _key_index(node)),
    ]
    return replace(node, candidate=replace(node.candidate, acquiring=True, attempt=attempt)), out


def _predecessor(node: Node, floor: int, answer: lease_view.Try, now: int) -> tuple[int, End]:
    """How far it came, and when it ended at the latest. One of another name has come in between: it may be of now."""
    end = answer.end
    under_other_name = key_lock.signed_up_to(node.candidate.key_lock, node.settings)
    if under_other_name is not None:
        floor, end = max(floor, under_other_name), End(now, heights.gone_by(node, now))
    elif node.candidate.watch is not None and node.candidate.watch.seen.claim is not None:
        end = replace(end, chain_ms=heights.gone_by(node, now))
    return floor, heights.believed(node, end, now)


def _key_index(node: Node) -> int | None:
    return node.candidate.key_lock.seen.index if node.candidate.key_lock is not None else None


def _takeover(node: Node, answer: lease_view.Try, now: int) -> Takeover:
    """Whom this node would follow, and since when that one may not have signed: its release, or last sign of life."""
    watched, request = node.candidate.watch, node.switchover.request
    predecessor = watched.seen.holder if watched else ""
    since = watched.since if watched else now
    mine = node.settings.member_id
    record = watched.seen.record if watched else None
    unsigned_ms = record.unsigned_ms if record else 0
    if request is not None and request.open and request.target == mine:
        return Takeover(Kind.SWITCHOVER, predecessor, since, request.reason, request.id, unsigned_ms)
    released = answer.how is lease_view.How.RELEASED
    reason = record.reason if released and record else answer.reason
    return Takeover(Kind.RELEASE if released else Kind.FAILOVER, predecessor, since, reason, "", unsigned_ms)


def heartbeat(node: Node, now: int) -> Step:
    """Rule 1: every tenth of the lease, also while neard is still stopping."""
    leadership = node.leadership
    if (
        leadership is None
        or leadership.beating
        or now < leadership.heartbeat_at
        or (leadership.release.reason and not node.armed)
    ):
        return node, []
    lease_ms = node.settings.lease_ms
    # What the guard may really have: another lease may have bought it, before a restart of this process.
    limit = max(lease.hold_until(now, lease_ms), leadership.deadline or 0) + lease.KILL_SLACK_MS
    record = _record(node, leadership.term, _may_sign(node, leadership, limit), now, leadership.release.reason)
    record = replace(record, lease_ms=lease.covering(lease_ms, leadership.deadline, now))
    node = replace(node, leadership=replace(leadership, beating=True))
    return node, [cmd.Heartbeat(now, leadership.session, record)]


def release(node: Node, now: int) -> Step:
    """Only after waitpid() has returned for the armed neard, and never while one may be starting."""
    leadership = node.leadership
    if leadership is None or now < leadership.release.next_at:
        return node, []
    if not leadership.release.reason or node.armed or leadership.release.under_way:
        return node, []
    height = heights.passed_on(node, leadership)
    if leadership.was_armed:
        ended = node.signer_ended_at if node.signer_ended_at is not None else now
        height = _may_sign(node, leadership, ended)
    wrote = _wrote(leadership, height)
    final = wrote is not None or _has_looked(node, leadership)
    record = _record(node, leadership.term, height if wrote is None else wrote, now, leadership.release.reason)
    leaves = node.closing is not None
    record = replace(
        record, state=LeaseState.RELEASED, handover_to=leadership.release.successor, final=final, leaves=leaves
    )
    node = replace(node, leadership=replace(leadership, release=replace(leadership.release, under_way=True)))
    return node, [cmd.Release(leadership.session, record), *_never_signed(node, leadership), *_last_words(leadership)]


def _has_looked(node: Node, leadership: Leadership) -> bool:
    """Was neard asked for its head after it had given the key up? Then that is how far it came, even if it goes."""
    return leadership.was_armed and node.neard is not None and node.neard.keyless_at is not None


def _wrote(leadership: Leadership, may_sign: int) -> int | None:
    """How far it came by its own database, which it writes before it signs; None where that is not to be believed.

    It is not older than what neard has said, but for what it was about to write, nor far beyond what it may have
    signed: of blocks that its supervisor has not heard of there are a few at the most.
    """
    if leadership.wrote is None or not leadership.signed <= leadership.wrote + 1 <= may_sign + heads.KEPT:
        return None
    return max(leadership.floor.height, leadership.signed, leadership.wrote)


def _never_signed(node: Node, leadership: Leadership) -> list[Command]:
    """Also a term that came to nothing is in the history: else it would say that nobody signed for a moment only."""
    before = leadership.takeover
    if before is None or leadership.signs_at is not None or node.closing is not None:
        return []
    # Without the request: whoever waits for that takes an entry that has it for its success.
    return [
        cmd.RecordChange(
            before.change(leadership.term, node.settings.node_id, f"never signed: {leadership.release.reason}")
        )
    ]


def _last_words(leadership: Leadership) -> list[Command]:
    """Why neard ended is in its log on that host only, and somebody looks at the cluster."""
    return [cmd.RecordLastWords(leadership.term, leadership.last_words)] if leadership.last_words else []


def due(node: Node, times: list[int]) -> None:
    """When the lease wants attention next."""
    leadership = node.leadership
    if leadership is None:
        if node.candidate.acquiring or node.session is None:
            return
        times.append(node.candidate.acquire_at)
        stands_at = election.stands_at(node)
        if stands_at is not None:
            times.append(stands_at)
        return
    if not leadership.beating:
        times.append(leadership.heartbeat_at)
    if leadership.release.reason:
        times.append(leadership.release.next_at)


def _may_sign(node: Node, leadership: Leadership, until: int) -> int:
    """The largest height that may be signed, unless a block comes: of those after its end a successor hears itself."""
    if not leadership.was_armed:
        return heights.passed_on(node, leadership)
    gives_up_after_ms = saved_state.gives_up_after_ms(node, leadership)
    if node.chain.clock is not None and not node.chain.clock.is_settled:
        until += heads.longest_unseen_ms(node.chain.heads, node.settings.block_time_ms)
    return max(leadership.floor.height, leadership.signed, heads.approved(node.chain.heads, until, gives_up_after_ms))


def _record(node: Node, term: int, height: int, now: int, reason: str) -> LeaseRecord:
    settings = node.settings
    return LeaseRecord(
        node_id=settings.node_id,
        hostname=settings.hostname,
        state=LeaseState.VALIDATING,
        lease_ms=settings.lease_ms,
        term=term,
        # The boot clock grows across restarts of the supervisor without being kept anywhere.
        seq=now,
        # A larger one comes from nonsense that neard said, and would make the record unreadable for the others.
        height=min(height, wire.MAX_COUNT),
        validator_public_key=settings.validator_public_key,
        # What neard says of itself is part of it; a record that is too long could not be read.
        reason=reason[:MAX_REASON],
        chain_ms=_chain_ms(node, now),
        unsigned_ms=_unsigned_ms(node, now),
    )


def _chain_ms(node: Node, now: int) -> int:
    """What the chain's clock shows; never less than at the end of the predecessor, which a neard that lags may not show
    yet: whoever follows has to know.
    """
    end = node.leadership.floor.end if node.leadership is not None else None
    return max(heights.clock_reads(node, now), end.chain_ms if end is not None else 0)


def _unsigned_ms(node: Node, now: int) -> int:
    leadership = node.leadership
    if leadership is None or leadership.takeover is None or leadership.signs_at is not None:
        return 0
    return leadership.takeover.unsigned_for(now)
