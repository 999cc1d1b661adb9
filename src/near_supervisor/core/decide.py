"""Facts become commands: rules applied in order, each a function of (facts, now).

A rule looks at what is known, and marks what it has asked for in the facts, so that applying it again
asks for nothing twice. The order matters in one respect: what ends a signer stands before everything
that starts or prolongs one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from near_ha.lease_record import LeaseRecord, LeaseState
from near_ha.states import State

from . import commands as cmd
from . import lease, sync, watch
from .commands import Command
from .model import Attempt, Closing, Guard, Node, Tenure

Step = tuple[Node, list[Command]]

HUNG_AFTER_MISSES = 3
WAITING_POLL_MS = 25
STARTING_POLL_MS = 100
SYNCING_POLL_MS = 250
MEMBER_EVERY_MS = 10_000
MEMBER_GAP_MS = 1_000
SAY_AGAIN_MS = 30_000
LEAVE_PATIENCE_LEASES = 1


def decide(node: Node, now: int) -> Step:
    """Apply every rule once."""
    out: list[Command] = []
    for rule in RULES:
        node, commands = rule(node, now)
        out += commands
    return node, out


# --- what ends a signer ----------------------------------------------------------------------------


def end_signer_without_lease(node: Node, _now: int) -> Step:
    """An armed neard needs a tenure. Whatever took the tenure away, the neard goes at once."""
    if node.neard is None or not node.neard.armed or node.tenure is not None:
        return node, []
    return _kill(node, "this node does not hold the lease")


def end_signer_at_deadline(node: Node, now: int) -> Step:
    """The guard does this too, and the kernel behind it; saying it here gives the reason."""
    tenure = node.tenure
    if node.neard is None or not node.neard.armed or tenure is None or tenure.deadline is None:
        return node, []
    if now < tenure.deadline:
        return node, []
    why = "the lease could not be renewed before its deadline"
    return _kill(replace(node, tenure=replace(tenure, give_up=tenure.give_up or why)), why)


def end_neard_that_hangs(node: Node, now: int) -> Step:
    """A signer that was up and is silent for three polls is killed; a standby gets its start-up time again.

    A standby may have re-executed itself for an epoch sync: its RPC goes away and comes back.
    """
    neard = node.neard
    if neard is None or neard.ending or neard.silent_since is None or not neard.answered:
        return node, []
    if neard.misses < HUNG_AFTER_MISSES or now - neard.silent_since < (HUNG_AFTER_MISSES - 1) * node.settings.poll_ms:
        return node, []
    if neard.armed:
        return _kill(node, f"no answer from neard's /status for {neard.misses} polls")
    fresh_start = replace(neard, answered=False, started_at=now, misses=0, silent_since=None)
    return replace(node, neard=fresh_start, sync=sync.Sync(height=node.sync.height)), []


def end_neard_that_never_gets_ready(node: Node, now: int) -> Step:
    """A start has a bound, whatever neard does instead of answering."""
    neard = node.neard
    if neard is None or neard.answered or neard.ending or now - neard.started_at < node.settings.startup_timeout_ms:
        return node, []
    return _kill(node, f"neard was not ready after {node.settings.startup_timeout_ms / 1000:g} s")


def stop_when_starts_fail(node: Node, now: int) -> Step:
    """Three starts in a row without one answer: a person has to look."""
    if node.attempts < node.settings.start_attempts or node.closing is not None:
        return node, []
    text = (
        f"neard was started {node.attempts} times and never became ready; giving up."
        " Look at neard's log above the last of these lines, repair it, and start this node again"
    )
    return replace(node, closing=Closing(1, now)), [cmd.Say("error", text)]


def step_down_when_behind(node: Node, now: int) -> Step:
    """An active that fell behind the chain makes room, if a standby is ready; else it stays and alarms."""
    tenure, neard = node.tenure, node.neard
    if tenure is None or tenure.give_up or neard is None or not neard.armed or not neard.answered:
        return node, []
    since = max(node.sync.synced_at or 0, neard.started_at)
    if node.sync.synced or now - since < node.settings.lease_ms:
        return replace(node, standby_ready=False), []
    if node.standby_ready:
        why = f"{node.sync.reason}, and a standby is ready"
        return _stop(replace(node, tenure=replace(tenure, give_up=why)), why)
    out: list[Command] = []
    if now >= node.alarm_at:
        text = f"{node.sync.reason}, and no standby is ready: this node stays the validator"
        out.append(cmd.Say("error", text))
        node = replace(node, alarm_at=now + SAY_AGAIN_MS)
    if not node.reading_members and now >= node.members_at:
        node = replace(node, reading_members=True, members_at=now + MEMBER_GAP_MS)
        out.append(cmd.ReadMembers())
    return node, out


# --- guard and neard -------------------------------------------------------------------------------


def attach_guard(node: Node, now: int) -> Step:
    """No guard, no neard: it is the first thing to have, and only when the last neard is surely gone."""
    if node.guard is not Guard.DOWN or node.neard is not None or now < node.guard_at or _leaving(node):
        return node, []
    return replace(node, guard=Guard.ATTACHING), [cmd.StartGuard()]


def start_standby(node: Node, now: int) -> Step:
    """Without a role to take, neard runs as a standby."""
    if not _may_start(node, now) or node.promoting or node.closing is not None:
        return node, []
    return replace(node, starting=True), [cmd.StartNeard(armed=False)]


def poll_neard(node: Node, now: int) -> Step:
    """One question at a time; often while something waits for the answer."""
    if node.neard is None or node.polling or now < node.poll_at:
        return node, []
    return replace(node, polling=True, poll_at=now + _poll_interval(node)), [cmd.PollNeard()]


def _poll_interval(node: Node) -> int:
    if node.neard is None or not node.neard.answered:
        return STARTING_POLL_MS
    if node.tenure is not None and not node.tenure.cleared and not node.tenure.give_up:
        return WAITING_POLL_MS
    if not node.sync.synced and node.neard.misses == 0:
        return SYNCING_POLL_MS
    return node.settings.poll_ms


# --- session and member record ---------------------------------------------------------------------


def register(node: Node, now: int) -> Step:
    """A synced node without a session asks for one."""
    if node.state is not State.REGISTERING or node.session or node.registering or now < node.register_at:
        return node, []
    return replace(node, registering=True), [cmd.Register()]


def renew_session(node: Node, now: int) -> Step:
    """At a third of its TTL, so that two renewals may fail."""
    session = node.session
    if session is None or session.renewing or now < session.renew_at or _leaving(node):
        return node, []
    return replace(node, session=replace(session, renewing=True)), [cmd.RenewSession(session.id)]


def publish_member(node: Node, now: int) -> Step:
    """When something changed (at most once a second), and every ten seconds for the height."""
    session = node.session
    if session is None or node.closing is not None:
        return node, []
    reason = unready(node)
    current = (node.state.value, not reason)
    due = node.publish_at if current != node.published else node.publish_at + MEMBER_EVERY_MS - MEMBER_GAP_MS
    if now < due:
        return node, []
    node = replace(node, published=current, publish_at=now + MEMBER_GAP_MS)
    return node, [cmd.PublishMember(session.id, node.state.value, not reason, reason, node.sync.height)]


def unready(node: Node) -> str:
    """Why this node could not take over now; "" when it could."""
    if node.state is not State.VOTING:
        return f"is {node.state.value}"
    if not node.sync.synced:
        return node.sync.reason
    return node.objection if node.objection.startswith("validator key") else ""


# --- the lease -------------------------------------------------------------------------------------


def acquire(node: Node, now: int) -> Step:
    """Rules 2 and 3: a synced standby tries when the watch says that it may."""
    session = node.session
    if node.tenure or node.acquiring or node.armed or session is None or node.closing is not None:
        return node, []
    if unready(node) or now < node.acquire_at:
        return node, []
    answer = watch.verdict(node.watch, node.settings, now)
    if isinstance(answer, watch.Wait):
        return node, []
    floor = answer.height if answer.height is not None else _floor_without_record(node)
    attempt = Attempt(answer.how, node.last_term + 1, floor)
    record = _record(node, attempt.term, floor, now, answer.reason)
    out: list[Command] = [
        cmd.Say("info", f"trying to acquire the lease: {answer.reason}"),
        cmd.Acquire(answer.how, answer.index, session.id, record),
    ]
    return replace(node, acquiring=True, attempt=attempt), out


def _floor_without_record(node: Node) -> int:
    """What may have been signed when nobody says it: all that was ever said, and all that our head may lack."""
    tip = node.sync.height + 1 + sync.fresh_ms(node.settings) // node.settings.block_time_ms
    return max(node.seen_height, tip)


def heartbeat(node: Node, now: int) -> Step:
    """Rule 1: every tenth of the lease, also while neard is still stopping."""
    tenure = node.tenure
    if tenure is None or tenure.beating or now < tenure.heartbeat_at or (tenure.give_up and not node.armed):
        return node, []
    limit = lease.hold_until(now, node.settings.lease_ms) + lease.KILL_SLACK_MS
    height = _may_have_signed(node, tenure, limit)
    record = _record(node, tenure.term, height, now, tenure.give_up)
    node = replace(node, tenure=replace(tenure, beating=True))
    return node, [cmd.Heartbeat(tenure.session, record)]


def clear_to_sign(node: Node, now: int) -> Step:
    """Rule 4: a heartbeat of this term has succeeded, neard is synced, its head is above the floor."""
    tenure = node.tenure
    if tenure is None or tenure.cleared or tenure.give_up or tenure.deadline is None:
        return node, []
    if not node.sync.synced or node.neard is None:
        if now - tenure.since < node.settings.lease_ms:
            return node, []
        return replace(node, tenure=replace(tenure, give_up=f"not ready to sign: {node.sync.reason}")), []
    if node.sync.height > tenure.floor:
        return replace(node, tenure=replace(tenure, cleared=True)), []
    return _wait_for_height(node, tenure, now)


def _wait_for_height(node: Node, tenure: Tenure, now: int) -> Step:
    waited = now - tenure.since
    if waited < node.settings.height_patience_ms:
        return node, []
    text = (
        f"own head {node.sync.height} is not above height {tenure.floor}, up to which the predecessor may have"
        f" signed, after {waited / 1000:.0f} s"
    )
    if node.settings.chain_may_stand_still:
        said = cmd.Say("warn", f"{text}; signing all the same, as --chain-may-stand-still says")
        return replace(node, tenure=replace(tenure, cleared=True)), [said]
    if tenure.said_at is not None and now - tenure.said_at < SAY_AGAIN_MS:
        return node, []
    hint = "Does the chain move? If it cannot without this validator, restart with --chain-may-stand-still"
    return replace(node, tenure=replace(tenure, said_at=now)), [cmd.Say("error", f"{text}. {hint}")]


def promote(node: Node, now: int) -> Step:
    """Strategy restart: stop the standby, start neard again with the validator key."""
    tenure = node.tenure
    if tenure is None or not node.promoting or tenure.deadline is None or node.closing is not None or node.armed:
        return node, []
    if node.neard is not None:
        return _stop(node, "it is started again as the validator")
    room = lease.heartbeat_interval(node.settings.lease_ms)
    if node.guard is not Guard.READY or node.starting or tenure.deadline - now < room:
        return node, []
    node = replace(node, starting=True, starting_armed=True, sync=sync.Sync(), tenure=replace(tenure, was_armed=True))
    return node, [cmd.StartNeard(armed=True, deadline=tenure.deadline)]


def release(node: Node, now: int) -> Step:
    """Only after waitpid() has returned for the armed neard, and never while one may be starting."""
    tenure = node.tenure
    if tenure is None or not tenure.give_up or node.armed or tenure.releasing or now < tenure.release_at:
        return node, []
    height = tenure.floor
    if tenure.was_armed:
        ended = node.neard_ended_at if node.neard_ended_at is not None else now
        height = _may_have_signed(node, tenure, ended)
    record = replace(_record(node, tenure.term, height, now, tenure.give_up), state=LeaseState.RELEASED)
    node = replace(node, tenure=replace(tenure, releasing=True))
    return node, [cmd.Release(tenure.session, record)]


# --- the way out -----------------------------------------------------------------------------------


def leave(node: Node, now: int) -> Step:
    """Stop neard, wait for it, release, go. Never in another order."""
    closing = node.closing
    if closing is None or closing.left:
        return node, []
    if closing.detach:
        return _go(node, closing, [])
    why = "this node is shutting down" if closing.code == 0 else "this node gives up"
    if node.tenure is not None and not node.tenure.give_up:
        node = replace(node, tenure=replace(node.tenure, give_up=why))
    if node.neard is not None:
        return (_kill if closing.hurry else _stop)(node, why)
    if node.starting:
        return node, []
    if node.tenure is None:
        return _go(node, closing, [])
    ended = max(closing.since, node.neard_ended_at or 0)
    if now - ended < LEAVE_PATIENCE_LEASES * node.settings.lease_ms:
        return node, []
    text = "the lease could not be released; another node takes over one lease after our last heartbeat"
    return _go(node, closing, [cmd.Say("warn", text)])


def _go(node: Node, closing: Closing, said: list[Command]) -> Step:
    gone = replace(node, closing=replace(closing, left=True))
    return gone, [*said, cmd.Exit(closing.code, closing.detach)]


# --- shared ----------------------------------------------------------------------------------------


def _may_have_signed(node: Node, tenure: Tenure, when: int) -> int:
    line = node.ceiling.height(when, node.settings.block_time_ms) if node.ceiling else 0
    return max(tenure.floor, line)


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
        height=height,
        validator_public_key=settings.validator_public_key,
        reason=reason,
    )


def _may_start(node: Node, now: int) -> bool:
    return node.guard is Guard.READY and node.neard is None and not node.starting and now >= node.start_at


def _leaving(node: Node) -> bool:
    return node.closing is not None and node.neard is None


def _stop(node: Node, why: str) -> Step:
    if node.neard is None or node.neard.ending:
        return node, []
    return replace(node, neard=replace(node.neard, ending=why)), [cmd.StopNeard(why)]


def _kill(node: Node, why: str) -> Step:
    if node.neard is None or node.neard.killed:
        return node, []
    neard = replace(node.neard, ending=node.neard.ending or why, killed=True)
    return replace(node, neard=neard), [cmd.Say("error", f"killing neard: {why}"), cmd.KillNeard(why)]


RULES: tuple[Callable[[Node, int], Step], ...] = (
    end_signer_without_lease,
    end_signer_at_deadline,
    end_neard_that_hangs,
    end_neard_that_never_gets_ready,
    stop_when_starts_fail,
    step_down_when_behind,
    attach_guard,
    heartbeat,
    clear_to_sign,
    promote,
    release,
    start_standby,
    poll_neard,
    register,
    renew_session,
    publish_member,
    acquire,
    leave,
)
