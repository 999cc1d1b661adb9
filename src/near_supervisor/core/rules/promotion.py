"""Rules of the promotion: rule 4, and the key for the neard of a holder that it holds for."""

from __future__ import annotations

from .. import commands as cmd
from ..conditions import heights, hot_takeover, saved_state
from ..facts import lease, sync
from ..facts.leadership import Leadership
from ..facts.model import Node
from ..facts.neard import Guard
from ..facts.settings import Strategy
from ..facts.values import replace
from ..step import Step
from . import doppelganger, kuutamods_way, members, validator_key
from .neard import stop

SAY_AGAIN_MS = 30_000


def clear_to_sign(node: Node, now: int) -> Step:
    """Rule 4: a heartbeat of this term has succeeded, neard is synced, its head is above all that may have been signed.

    And the chain shows nobody else who signs.
    """
    leadership = node.leadership
    if leadership is None or leadership.cleared or leadership.release.reason or leadership.deadline is None:
        return node, []
    if not node.sync.synced or node.neard is None:
        return _wait_for_sync(node, leadership, now)
    if doppelganger.holds_back(node, now):
        return node, []
    if heights.is_above(node, leadership):
        return _clear(node, leadership)
    return _wait_for_height(node, leadership, now)


def _clear(node: Node, leadership: Leadership) -> Step:
    # What the floor is has to be kept before the key is in place.
    return saved_state.save(replace(node, leadership=replace(leadership, cleared=True)), answered=False)


def _wait_for_sync(node: Node, leadership: Leadership, now: int) -> Step:
    """Whoever is behind gives the lease back. That the newest block is old is no sign of it: it may be the chain's.

    One that moves has the time that any start has.
    """
    starts = node.is_moving and not node.sync.stands
    if starts or now - leadership.since < node.settings.lease_ms:
        return node, []
    gives_up = replace(
        node,
        leadership=leadership.to_be_released(f"not ready to sign: {node.sync.reason}"),
    )
    if node.neard is None or not node.sync.stands:
        return gives_up, []
    if now < _stands_too_long_at(node, leadership):
        return node, []
    if node.cluster.standby_ready and (node.cluster.read_at or 0) > leadership.since:
        return gives_up, []
    return members.ask(node, now)


def _stands_too_long_at(node: Node, leadership: Leadership) -> int:
    """From then on somebody else who has a newer block is better, if there is one."""
    since = leadership.since if node.sync.advanced_at is None else node.sync.advanced_at
    return since + sync.fresh_ms(node.settings, node.chain.pace_ms) + node.settings.lease_ms


def _wait_for_height(node: Node, leadership: Leadership, now: int) -> Step:
    waited = now - leadership.since
    if waited < node.settings.height_patience_ms:
        return node, []
    text = f"{heights.missing(node, leadership)}, after {waited / 1000:.0f} s"
    if node.settings.chain_may_stand_still:
        said = cmd.Log("warn", f"{text}; signing all the same, as --chain-may-stand-still says")
        node, out = _clear(node, leadership)
        return node, [said, *out]
    if leadership.said_at is not None and now - leadership.said_at < SAY_AGAIN_MS:
        return node, []
    hint = "Does the chain move? If it cannot without this validator, restart with --chain-may-stand-still"
    return replace(node, leadership=replace(leadership, said_at=now)), [cmd.Log("error", f"{text}. {hint}")]


def promote(node: Node, now: int) -> Step:
    """The neard that runs is given the key. By restart: it is stopped, and started with the key.

    kuutamod's way: it is stopped, started without the key, and given it when it is connected. Who is to start none and
    has none lets others go first: nothing is armed that is not connected.
    """
    leadership = node.leadership
    if leadership is None or leadership.deadline is None or node.closing is not None or node.armed:
        return node, []
    moves = node.settings.strategy is Strategy.KUUTAMOD
    if not node.promoting:
        return kuutamods_way.begin(node) if moves and not hot_takeover.against(node) else (node, [])
    if node.neard is not None:
        against = hot_takeover.against(node)
        # One that does not answer is started anew in any case, and first without the key.
        if moves and (not against or (not node.neard.answered and node.hot.count < hot_takeover.TRIES)):
            return kuutamods_way.go_on(node, now)
        if not against:
            return validator_key.give_key(node, now)
        if node.neard.ending:
            return node, []
        if not (heights.is_above(node, leadership) or node.settings.chain_may_stand_still):
            # It was, for a neard that is given the key as it runs.
            return replace(
                node,
                leadership=leadership.to_be_released(f"neard cannot be given the key: {against}"),
            ), []
        # Whoever asked for it needs not be told why.
        told = "" if node.settings.strategy is Strategy.RESTART else f", because hot cannot be: {against}"
        node = replace(node, leadership=replace(leadership, by_restart=True))
        return stop(node, f"it is started again as the validator{told}")
    if moves and not leadership.by_restart:
        return kuutamods_way.start(node)
    if node.settings.strategy is not Strategy.RESTART and not leadership.by_restart:
        return replace(
            node,
            leadership=leadership.to_be_released("neard ended before it was given the key"),
        ), []
    room = lease.heartbeat_interval(node.settings.lease_ms)
    if node.guard is not Guard.READY or node.starts.under_way or leadership.deadline - now < room:
        return node, []
    node = replace(
        node,
        starts=replace(node.starts, under_way=True, armed=True),
        sync=sync.Sync(),
        leadership=replace(leadership, was_armed=True),
    )
    return node, [cmd.StartNeard(armed=True, deadline=leadership.deadline, as_validator=True)]


def due(node: Node, times: list[int]) -> None:
    """When a holder that does not sign yet has waited long enough."""
    leadership = node.leadership
    if leadership is None or leadership.release.reason or leadership.cleared:
        return
    times += (leadership.since + node.settings.lease_ms, leadership.since + node.settings.height_patience_ms)
    if node.sync.stands:
        times.append(max(node.cluster.next_at, _stands_too_long_at(node, leadership)))
    if leadership.said_at is not None:
        times.append(leadership.said_at + SAY_AGAIN_MS)
