"""What the guard and neard say becomes facts."""

from __future__ import annotations

from .. import events as ev
from ..commands import Command, KillNeard, Log, MoveDeadline
from ..conditions import election, hot_takeover, saved_state
from ..facts import abilities, chain_clock, heads, signing_check, sync
from ..facts.leadership import Floor, Leadership, Release, SavedState
from ..facts.model import Node, Session
from ..facts.neard import Crash, Guard, Neard
from ..facts.values import replace
from ..step import Step

RETRY_MS = 1_000
# In so long our clock may have gone wrong by a tenth of a second.
KEEP_CLOCK_MS = 10_000


def guard_ready(node: Node, event: ev.GuardReady, now: int) -> Step:
    """Attached; a signer that belongs to the remembered term is taken up again."""
    node = replace(node, guard=Guard.READY, guard_problem="")
    if event.memory is not None and node.leadership is None:
        node = _resume(node, event.memory, event, now)
    said: list[Command] = []
    if event.ended:
        said.append(Log("warn", f"the signer is gone: {event.ended} while no supervisor was there{_quoted(event)}"))
    if event.last_words:
        how = f"{event.ended.removeprefix('it ended with ')}, while no supervisor was there"
        node = replace(node, starts=replace(node.starts, crash=Crash(now, how, event.last_words)))
    if event.pid is None:
        return node, said
    answered = (
        event.armed and node.leadership is not None and bool(node.leadership.kept and node.leadership.kept.answered)
    )
    # Whether it was ever seen with its key is not known where its answer is not: it has to show it then.
    given_at = now if event.armed and not answered else None
    neard = Neard(event.pid, event.armed, now, answered=answered, key_given_at=given_at)
    node = replace(node, neard=replace(neard, as_validator=event.as_validator), poll=replace(node.poll, asked_at=None))
    if not event.armed:
        return node, [*said, Log("info", f"re-attached to the running neard {event.pid}, a standby")]
    left = ((event.deadline or now) - now) / 1000
    text = f"re-attached to the running neard {event.pid}, a validator with {left:.1f} s of its lease left"
    return node, [Log("info", text)]


def _resume(node: Node, memory: SavedState, event: ev.GuardReady, now: int) -> Node:
    """Take up the leadership of the process before us; the next heartbeat tells whether it still stands."""
    leadership = Leadership(
        memory.session,
        memory.term,
        Floor(memory.floor, least=memory.floor, accounted=True),
        since=now,
        heartbeat_at=now,
        kept=memory,
        deadline=event.deadline,
        cleared=True,
        was_armed=True,
        release=Release(f"neard: {event.ended}" if event.ended else ""),
        last_words=event.last_words,
    )
    return replace(
        node,
        leadership=leadership,
        session=Session(memory.session, renew_at=now),
        chain=replace(node.chain, clock=replace(memory.clock, doubted_since=None) if memory.clock else None),
        last_term=max(node.last_term, memory.term),
        believed=replace(node.believed, height=memory.floor),
        signer_ended_at=now if event.ended else None,
    )


def guard_failed(node: Node, event: ev.GuardFailed, now: int) -> Step:
    """No guard yet. The same reason is said once here, and as long as it lasts in the readiness."""
    said: list[Command] = [] if event.reason == node.guard_problem else [Log("error", event.reason)]
    return replace(node, guard=Guard.DOWN, guard_at=now + RETRY_MS, guard_problem=event.reason), said


def guard_lost(node: Node, _event: ev.GuardLost, now: int) -> Step:
    """Its neard dies with it; that it is gone is told by NeardExited."""
    said: list[Command] = [Log("error", "the guard died; the kernel kills its neard with it")]
    if node.starts.armed:
        # Nobody will wait for that neard, and its pid is not known: say nothing, let the lease run out. Its
        # session is forgotten, not ended: its end would touch the record and start everybody's wait again.
        if node.leadership is not None:
            node, cools = election.after(node.leadership, node, now)
            said += cools
        node = replace(node, leadership=None, session=None, membership=node.membership.over())
    node = replace(
        node, guard=Guard.DOWN, guard_at=now + RETRY_MS, starts=replace(node.starts, under_way=False, armed=False)
    )
    if node.neard is not None:
        node = replace(node, neard=replace(node.neard, ending="its guard died"))
    return give_up(node, "the guard died"), said


def neard_started(node: Node, event: ev.NeardStarted, now: int) -> Step:
    """There is a neard."""
    neard = Neard(event.pid, event.armed, now, as_validator=event.as_validator)
    node = replace(
        node,
        neard=neard,
        starts=replace(node.starts, under_way=False, armed=False, refusals=0),
        poll=replace(node.poll, asked_at=None),
    )
    role = "validator" if event.armed else "standby"
    where = " with the validator's node key and address" if event.as_validator and not event.armed else ""
    out: list[Command] = [Log("info", f"neard {event.pid} started as a {role}{where}")]
    if event.armed and node.leadership is not None and node.leadership.deadline is not None:
        # Heartbeats that succeeded while it was starting have not reached the guard yet.
        out.append(MoveDeadline(node.leadership.deadline))
    return node, out


def neard_refused(node: Node, event: ev.NeardRefused, now: int) -> Step:
    """There is none, and why."""
    refusals = node.starts.refusals + 1
    node = replace(
        node,
        starts=replace(node.starts, under_way=False, armed=False, refusals=refusals, next_at=now + RETRY_MS * refusals),
    )
    return give_up(node, f"neard could not be started: {event.reason}"), [Log("error", event.reason)]


def neard_armed(node: Node, event: ev.NeardArmed, _now: int) -> Step:
    """It counts as armed since the guard was asked."""
    neard, leadership = node.neard, node.leadership
    if neard is None or neard.pid != event.pid:
        return node, []
    node = replace(node, neard=replace(neard, arming=False))
    if leadership is None or leadership.deadline is None:
        return node, []
    said = Log("info", f"neard {event.pid} was given the validator key while it runs")
    # Heartbeats that succeeded in between have reached a guard that had not armed it yet.
    return node, [said, MoveDeadline(leadership.deadline)]


def arm_refused(node: Node, event: ev.ArmRefused, _now: int) -> Step:
    """How far the guard came is not known, so it counts as armed until it has ended."""
    if node.neard is None or node.neard.pid != event.pid:
        return node, []
    return replace(node, hot=replace(node.hot, reason=event.reason)), []


def neard_disarmed(node: Node, event: ev.NeardDisarmed, now: int) -> Step:
    """It signs nothing any more, and runs on."""
    neard = node.neard
    if neard is None or neard.pid != event.pid or not neard.armed:
        return node, []
    neard = replace(neard, armed=False, shows_key=False, key_given_at=None, keyless_at=now)
    node = replace(node, neard=neard, signer_ended_at=now, hot=replace(node.hot, reason="", count=0))
    return give_up(node, "it was seen to have given its key up"), [Log("info", f"neard {neard.pid} gave the key up")]


def disarm_refused(node: Node, event: ev.DisarmRefused, _now: int) -> Step:
    """What cannot be proved is not so: it is armed until it has ended."""
    neard = node.neard
    if neard is None or neard.pid != event.pid or not neard.armed or neard.killed:
        return node, []
    why = f"it cannot be told that neard gave its key up: {event.reason}"
    neard = replace(neard, ending=neard.ending or why, killed=True)
    return replace(node, neard=neard), [Log("warn", f"killing neard: {why}"), KillNeard(why)]


def neard_exited(node: Node, event: ev.NeardExited, now: int) -> Step:
    """It is gone for certain: whatever it may have signed, it has signed."""
    neard = node.neard
    if neard is None or neard.pid != event.pid:
        return node, []
    failed = not neard.answered and (neard.faulty or not neard.ending)
    attempts = node.starts.failures + 1 if failed else node.starts.failures
    node = replace(
        node,
        neard=None,
        starts=replace(node.starts, failures=attempts, ends=node.starts.ends + 1, next_at=now + RETRY_MS * attempts),
        sync=sync.Sync(height=node.sync.height),
        signer_ended_at=now if neard.armed else node.signer_ended_at,
    )
    if neard.ending:
        said = Log("info", f"neard {neard.pid} has ended with {event.how}: {neard.ending}")
        node = replace(node, starts=replace(node.starts, crash=None))
    else:
        said = Log("warn", f"Neard finished unexpectedly with {event.how}{_quoted(event)}")
        node = replace(node, starts=replace(node.starts, crash=Crash(now, event.how, event.last_words)))
        if node.leadership is not None:
            # Also one that ended before it was given the key.
            node = replace(node, leadership=replace(node.leadership, last_words=event.last_words))
    if neard.armed and node.leadership is not None:
        node = replace(node, leadership=replace(node.leadership, wrote=event.signed))
    if neard.armed:
        node = give_up(node, neard.ending or f"neard finished unexpectedly with {event.how}")
    return node, [said]


def _quoted(event: ev.NeardExited | ev.GuardReady) -> str:
    return f"; it said last: {event.last_words}" if event.last_words else ""


def polled(node: Node, event: ev.Polled, now: int) -> Step:
    """How neard is, or that it did not say."""
    neard, sample = node.neard, event.sample
    if neard is None or neard.pid != event.pid:
        return replace(node, poll=replace(node.poll, under_way=False)), []
    if sample is None:
        since = now if neard.silent_since is None else neard.silent_since
        silent = replace(_worked(node, neard, event, now), misses=neard.misses + 1, silent_since=since)
        return replace(node, poll=replace(node.poll, under_way=False), neard=silent), _missed(neard, event.reason)
    view = sync.fold(node.sync, sample, now, node.settings, node.chain.pace_ms)
    said: list[Command] = []
    if neard.answered and view.reason and node.sync.synced:
        said.append(Log("warn", view.reason))
    if sample.version != neard.version:
        said += _remarks(node, sample.version)
    neard = _said_of_itself(neard, sample, event.asked_at, now)
    if not neard.armed and sample.target_height is not None:
        neard = replace(neard, target=sample.target_height)
    other_key = sample.key if sample.key != node.settings.validator_public_key else ""
    if neard.other_key != other_key:
        neard = replace(neard, other_key=other_key)
    if neard.key_given_at is not None and not neard.shows_key and not sample.config_correct:
        broken = "neard found config.json, log_config.json or the key file broken, and so takes none of them"
        node = replace(node, hot=replace(node.hot, reason=node.hot.reason or broken))
    if sample.born_ms is not None and view.synced and sample.head_age_ms > -chain_clock.FUTURE_MS:
        seen = chain_clock.fold(node.chain.clock, sample.born_ms, event.asked_at, node.settings.block_time_ms)
        node = replace(node, chain=replace(node.chain, clock=seen))
    head = heads.Head(sample.height, _made_at(node, sample, event.asked_at), sample.born_ms or 0)
    known = heads.fold(node.chain.heads, head)
    facts = replace(
        node,
        poll=replace(node.poll, under_way=False),
        neard=neard,
        starts=replace(node.starts, failures=0),
        sync=view,
        chain=replace(node.chain, heads=known),
        signing=replace(node.signing, made=sample.made),
    )
    if known is not node.chain.heads:
        rate_ms = heads.rate_ms(known, node.settings.block_time_ms)
        facts = replace(facts, chain=replace(facts.chain, pace_ms=heads.pace_ms(known), rate_ms=rate_ms))
    if node.leadership is not None and neard.armed:
        signed = max(node.leadership.signed, sample.height + 1, sample.target_height or 0)
        facts = replace(facts, leadership=replace(node.leadership, signed=signed))
    if node.signing.check is not None:
        facts = replace(
            facts,
            signing=replace(
                facts.signing, check=signing_check.compare(node.signing.check, sample.made, event.asked_at)
            ),
        )
    node, kept = _keep(facts)
    return node, said + kept


def _worked(node: Node, neard: Neard, event: ev.Polled, now: int) -> Neard:
    """Is it busy with its start? What it did before the first look is no news."""
    if neard.answered or event.work is None:
        return neard
    if neard.work is None:
        return replace(neard, work=event.work)
    if not event.work.is_more_than(neard.work, node.settings.startup_timeout_ms):
        return neard
    return replace(neard, work=event.work, worked_at=now)


def _remarks(node: Node, version: str) -> list[Command]:
    settings, ability = node.settings, abilities.Ability.KEEPS_SHADOWS_DATA
    if settings.keeps_shards_of != settings.validator_account_id or abilities.has(version, ability) is not False:
        return []
    text = (
        f"neard {version} follows the shards of {settings.validator_account_id} without keeping all state-transition"
        f" data of them, so that its first chunks after a takeover may fail; {ability.first} is the first that does"
    )
    return [Log("warn", text)]


def _said_of_itself(neard: Neard, sample: sync.Sample, asked_at: int, now: int) -> Neard:
    # What it was asked before its key was gone says nothing of the time since.
    shows_key = sample.shows_key and (neard.keyless_at is None or asked_at >= neard.keyless_at)
    if neard.key_taken_at is not None and asked_at >= neard.key_taken_at and neard.armed and not shows_key:
        neard = replace(neard, key_is_gone=True)
    catches_hangup = neard.catches_hangup or sample.catches_hangup
    said = (shows_key, sample.version, sample.chain_id, catches_hangup)
    known = (neard.shows_key, neard.version, neard.chain_id, neard.catches_hangup)
    if neard.answered and not neard.misses and known == said:
        return neard
    shows_key, version, chain_id, catches_hangup = said
    return replace(
        neard,
        answered=True,
        answered_at=neard.answered_at if neard.answered else now,
        misses=0,
        silent_since=None,
        shows_key=shows_key,
        version=version,
        chain_id=chain_id,
        catches_hangup=catches_hangup,
    )


def _keep(node: Node) -> Step:
    """The next process finds after a crash how the chain's clock reads, and that the signer has answered.

    One that does not then hangs, and starts not.
    """
    leadership = node.leadership
    if leadership is None:
        return node, []
    answered = node.armed and node.neard is not None and hot_takeover.confirmed_by(node.neard) is None
    kept = leadership.kept
    if kept is not None and kept.answered == answered and not _is_old(kept, node.chain.clock):
        return node, []
    return saved_state.save(node, answered)


def _is_old(kept: SavedState, seen: chain_clock.ChainClock | None) -> bool:
    return seen is not None and (kept.clock is None or seen.at - kept.clock.at > KEEP_CLOCK_MS)


def _missed(neard: Neard, reason: str) -> list[Command]:
    first = neard.answered and neard.misses == 0 and not neard.ending
    return [Log("warn", f"Cannot reach neard status api: {reason}")] if first else []


def _made_at(node: Node, sample: sync.Sample, asked_at: int) -> int:
    """When the head was made, on our clock: by what it is known to be at the tip, or by the wall clock if earlier."""
    by_wall_clock = asked_at - max(0, sample.head_age_ms)
    if node.chain.clock is None or sample.born_ms is None:
        return by_wall_clock
    return min(by_wall_clock, node.chain.clock.made_at(sample.born_ms, asked_at))


def give_up(node: Node, why: str) -> Node:
    """The lease, if there is one, is to be released; the first reason stays."""
    if node.leadership is None or node.leadership.release.reason:
        return node
    return replace(node, leadership=node.leadership.to_be_released(why))
