"""Breaks of kuutamod's way: the key for a neard that was started anew without it."""

from __future__ import annotations

from .one_break import CORE, UNIT, Break

MOVE = CORE + "rules/kuutamods_way.py"
TESTS = UNIT + "test_kuutamods_way.py"

BREAKS: tuple[Break, ...] = (
    Break(
        "kuutamod's way: nothing is started with the key",
        MOVE,
        "cmd.StartNeard(armed=False, as_validator",
        "cmd.StartNeard(armed=True, as_validator",
        TESTS,
    ),
    Break(
        "kuutamod's way: a neard that is not connected is not given the key",
        MOVE,
        "    if leadership.cleared and _is_connected(node, neard, leadership, move):",
        "    if leadership.cleared:",
        TESTS,
    ),
    Break(
        "kuutamod's way: it has so many peers as it wants",
        MOVE,
        "peers < max(move.peers, lone)",
        "peers < lone",
        TESTS,
    ),
    Break(
        "kuutamod's way: its head has moved on since it answers",
        MOVE,
        "(sync.advanced_at or 0) > neard.answered_at and ",
        "",
        TESTS,
    ),
    Break(
        "kuutamod's way: rule 4 holds for the head with which it came up",
        MOVE,
        " and sync.height >= leadership.floor.clear_at",
        "",
        TESTS,
    ),
    Break(
        "kuutamod's way: who is refused goes back to its own node key",
        MOVE,
        "    if move.to is Place.OWN_AGAIN:",
        "    if True:",
        TESTS,
    ),
    Break(
        "kuutamod's way: one that ended on the way is not started again",
        MOVE,
        "    if move.started:",
        "    if False:",
        TESTS,
    ),
    Break(
        "kuutamod's way: whoever is not to sign leaves the shared node key to the one that is",
        MOVE,
        "if neard is None or neard.ending or not neard.as_validator or node.promoting:",
        "if True:",
        TESTS,
    ),
    Break(
        "kuutamod's way: who hands over ends, because its successor needs the node key",
        CORE + "conditions/hot_takeover.py",
        "if neard is None or (neard.as_validator and node.settings.strategy is Strategy.KUUTAMOD):",
        "if neard is None:",
        TESTS,
    ),
    Break(
        "kuutamod's way: one that never answers is left to a better standby",
        CORE + "rules/fencing.py",
        "(neard.armed or node.is_moving)",
        "neard.armed",
        TESTS,
    ),
    Break(
        "hot: only the kernel's word shortens the wait before a SIGHUP",
        CORE + "conditions/hot_takeover.py",
        "(0 if neard.catches_hangup else SETTLED_MS)",
        "0",
        TESTS,
    ),
    Break(
        "hot: the kernel says that SIGHUP is caught, not that something is",
        "src/near_supervisor/io/caught_signals.py",
        ">> (number - 1) & 1",
        "!= 0",
        UNIT + "test_io_caught_signals.py",
    ),
    Break(
        "kuutamod's way: in its new place it is given no key before rule 4 holds",
        MOVE,
        "if leadership.cleared and _is_connected(node, neard, leadership, move):",
        "if _is_connected(node, neard, leadership, move):",
        TESTS,
    ),
    Break(
        "kuutamod's way: its neard moves while the heights are waited for",
        CORE + "rules/promotion.py",
        "return kuutamods_way.begin(node) if moves and not hot_takeover.against(node) else (node, [])",
        "return node, []",
        TESTS,
    ),
    Break(
        "kuutamod's way: a start that takes longer than a lease does not cost it",
        CORE + "rules/promotion.py",
        "if starts or now - leadership.since < node.settings.lease_ms:",
        "if now - leadership.since < node.settings.lease_ms:",
        TESTS,
    ),
    Break(
        "kuutamod's way: who sees somebody else sign stays where it can see that",
        MOVE,
        "if node.doppelganger is not None and node.doppelganger.mark is not None:",
        "if False:",
        TESTS,
    ),
    Break(
        "kuutamod's way: whoever says Validating has the key file in place",
        CORE + "conditions/transitions.py",
        "node.neard.armed and not node.neard.arming",
        "node.neard.armed",
        TESTS,
    ),
    Break(
        "kuutamod's way: what the others are to do has no time, unlike a start",
        MOVE,
        " and not _waits_for_others(node, leadership):",
        ":",
        TESTS,
    ),
    Break(
        "kuutamod's way: while heights are waited for neard is not asked all the time",
        CORE + "rules/neard.py",
        "        return _waiting_interval(node, leadership)\n    if node.is_moving:\n"
        "        return settings.poll_ms // MOVING_POLLS\n",
        "        return settings.poll_ms // (MOVING_POLLS if node.is_moving else SYNCING_POLLS)\n",
        TESTS,
    ),
)
