"""Rules about the lease: acquire it, keep it, give it back."""

from __future__ import annotations

from near_ha.records.history import Kind
from near_ha.records.lease_record import LeaseRecord, LeaseState

from .. import commands as cmd
from ..commands import Command
from ..conditions import election, heights, saved_state
from ..conditions.readiness import barred
from ..facts import heads, key_lock, lease, lease_view
from ..facts.heads import End
from ..facts.model import Attempt, Node, Succession, Tenure
from ..facts.values import replace
from ..step import Step

# A larger one comes from nonsense that neard said, and would make the record unreadable for the others.
MAX_HEIGHT = 2**53
MAX_REASON = 500


def acquire(node: Node, now: int) -> Step:
    """Rules 2 and 3: a synced standby tries when the watch says that it may."""
    session = node.session
    if node.tenure or node.acquiring or node.armed or session is None or node.closing is not None:
        return node, []
    if now < node.acquire_at or barred(node):
        return node, []
    stands_at = election.stands_at(node)
    if stands_at is None or now < stands_at:
        return node, []
    answer = lease_view.verdict(node.watch, node.settings, node.seen_lease_ms, now)
    if answer is None:
        return node, []
    floor = max(node.seen_height, answer.height or 0)
    if answer.how is lease_view.How.VACANT:
        vacancy = replace(
            _record(node, node.last_term, floor, now, answer.reason),
            node_id="",
            state=LeaseState.VACANT,
            # Whoever reads it may never have seen the record of the holder that may still sign.
            lease_ms=max(node.settings.lease_ms, node.seen_lease_ms),
            chain_ms=heights.gone_by(node, now),
        )
        return replace(node, acquiring=True), [cmd.Say("info", answer.reason), cmd.NoteVacancy(vacancy, answer.index)]
    floor, end = _predecessor(node, floor, answer, now)
    attempt = Attempt(answer.how, answer.index, node.last_term + 1, floor, end, _succession(node, answer, now))
    record = _record(node, attempt.term, floor, now, answer.reason)
    record = replace(record, chain_ms=max(record.chain_ms, end.chain_ms))
    out: list[Command] = [
        cmd.Say("info", f"trying to acquire the lease: {answer.reason}"),
        cmd.Acquire(answer.how, answer.index, session.id, record, _key_index(node)),
    ]
    return replace(node, acquiring=True, attempt=attempt), out


def _predecessor(node: Node, floor: int, answer: lease_view.Try, now: int) -> tuple[int, End]:
    """How far it came, and when it ended at the latest. One of another name has come in between: it may be of now."""
    end = answer.end
    under_other_name = key_lock.signed_up_to(node.key_lock, node.settings)
    if under_other_name is not None:
        floor, end = max(floor, under_other_name), End(now, heights.gone_by(node, now))
    elif node.watch is not None and node.watch.seen.claim is not None:
        end = replace(end, chain_ms=heights.gone_by(node, now))
    return floor, heights.believed(node, end, now)


def _key_index(node: Node) -> int | None:
    return node.key_lock.seen.index if node.key_lock is not None else None


def _succession(node: Node, answer: lease_view.Try, now: int) -> Succession:
    """Whom this node would follow, and since when that one may not have signed: its release, or last sign of life."""
    watched, request = node.watch, node.request
    predecessor = watched.seen.holder if watched else ""
    since = watched.since if watched else now
    mine = node.settings.member_id
    record = watched.seen.record if watched else None
    unsigned_ms = record.unsigned_ms if record else 0
    if request is not None and request.open and request.target == mine:
        return Succession(Kind.SWITCHOVER, predecessor, since, request.reason, request.id, unsigned_ms)
    released = answer.how is lease_view.How.RELEASED
    reason = record.reason if released and record else answer.reason
    return Succession(Kind.RELEASE if released else Kind.FAILOVER, predecessor, since, reason, "", unsigned_ms)


def heartbeat(node: Node, now: int) -> Step:
    """Rule 1: every tenth of the lease, also while neard is still stopping."""
    tenure = node.tenure
    if tenure is None or tenure.beating or now < tenure.heartbeat_at or (tenure.give_up and not node.armed):
        return node, []
    lease_ms = node.settings.lease_ms
    # What the guard may really have: another lease may have bought it, before a restart of this process.
    limit = max(lease.hold_until(now, lease_ms), tenure.deadline or 0) + lease.KILL_SLACK_MS
    record = _record(node, tenure.term, _may_sign(node, tenure, limit), now, tenure.give_up)
    record = replace(record, lease_ms=lease.covering(lease_ms, tenure.deadline, now))
    node = replace(node, tenure=replace(tenure, beating=True))
    return node, [cmd.Heartbeat(now, tenure.session, record)]


def release(node: Node, now: int) -> Step:
    """Only after waitpid() has returned for the armed neard, and never while one may be starting."""
    tenure = node.tenure
    if tenure is None or not tenure.give_up or node.armed or tenure.releasing or now < tenure.release_at:
        return node, []
    height = heights.passed_on(node, tenure)
    if tenure.was_armed:
        ended = node.neard_ended_at if node.neard_ended_at is not None else now
        height = _may_sign(node, tenure, ended)
    wrote = _wrote(tenure, height)
    final = wrote is not None or _has_looked(node, tenure)
    record = _record(node, tenure.term, height if wrote is None else wrote, now, tenure.give_up)
    leaves = node.closing is not None
    record = replace(record, state=LeaseState.RELEASED, handover_to=tenure.heir, final=final, leaves=leaves)
    node = replace(node, tenure=replace(tenure, releasing=True))
    return node, [cmd.Release(tenure.session, record), *_never_signed(node, tenure), *_last_words(tenure)]


def _has_looked(node: Node, tenure: Tenure) -> bool:
    """Was neard asked for its head after it had given the key up? Then that is how far it came, even if it goes."""
    return tenure.was_armed and node.neard is not None and node.neard.keyless_at is not None


def _wrote(tenure: Tenure, may_sign: int) -> int | None:
    """How far it came by its own database, which it writes before it signs; None where that is not to be believed.

    It is not older than what neard has said, but for what it was about to write, nor far beyond what it may have
    signed: of blocks that its supervisor has not heard of there are a few at the most.
    """
    if tenure.wrote is None or not tenure.signed <= tenure.wrote + 1 <= may_sign + heads.KEPT:
        return None
    return max(tenure.floor, tenure.signed, tenure.wrote)


def _never_signed(node: Node, tenure: Tenure) -> list[Command]:
    """Also a term that came to nothing is in the history: else it would say that nobody signed for a moment only."""
    before = tenure.succession
    if before is None or tenure.signs_at is not None or node.closing is not None:
        return []
    # Without the request: whoever waits for that takes an entry that has it for its success.
    return [cmd.NoteChange(before.change(tenure.term, node.settings.node_id, f"never signed: {tenure.give_up}"))]


def _last_words(tenure: Tenure) -> list[Command]:
    """Why neard ended is in its log on that host only, and somebody looks at the cluster."""
    return [cmd.NoteLastWords(tenure.term, tenure.last_words)] if tenure.last_words else []


def due(node: Node, times: list[int]) -> None:
    """When the lease wants attention next."""
    tenure = node.tenure
    if tenure is None:
        if node.acquiring or node.session is None:
            return
        times.append(node.acquire_at)
        stands_at = election.stands_at(node)
        if stands_at is not None:
            times.append(stands_at)
        return
    if not tenure.beating:
        times.append(tenure.heartbeat_at)
    if tenure.give_up:
        times.append(tenure.release_at)


def _may_sign(node: Node, tenure: Tenure, until: int) -> int:
    """The largest height that may be signed, unless a block comes: of those after its end a successor hears itself."""
    if not tenure.was_armed:
        return heights.passed_on(node, tenure)
    gives_up_after_ms = saved_state.gives_up_after_ms(node, tenure)
    return max(tenure.floor, tenure.signed, heads.approved(node.heads, until, gives_up_after_ms))


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
        height=min(height, MAX_HEIGHT),
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
    end = node.tenure.end if node.tenure is not None else None
    return max(heights.clock_reads(node, now), end.chain_ms if end is not None else 0)


def _unsigned_ms(node: Node, now: int) -> int:
    tenure = node.tenure
    if tenure is None or tenure.succession is None or tenure.signs_at is not None:
        return 0
    return tenure.succession.unsigned_for(now)
