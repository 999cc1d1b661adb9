"""Breaks of what people ask for, and who stands for the lease."""

from __future__ import annotations

from .one_break import CORE, UNIT, Break

BREAKS: tuple[Break, ...] = (
    Break(
        "nobody hands over to a node whose neard would not start",
        CORE + "readiness.py",
        '    ("preflight", _preflight, Weight.LAST),',
        '    ("preflight", _preflight, Weight.NOTED),',
        UNIT + "test_readiness.py",
    ),
    Break(
        "nobody hands over to a node whose disk is full",
        CORE + "readiness.py",
        '    ("disk_full", _disk_full, Weight.LAST),',
        '    ("disk_full", _disk_full, Weight.NOTED),',
        UNIT + "test_readiness.py",
    ),
    Break(
        "a node that Consul does not answer claims nothing",
        CORE + "reach.py",
        "    if heard_at is None or now - heard_at <= lease.unheard_after_ms(node.settings.lease_ms):\n",
        "    if True:\n",
        UNIT + "test_out_of_reach.py",
    ),
    Break(
        "a node that is the last resort is better than none",
        CORE + "rules_lease.py",
        "now < node.acquire_at or barred(node)",
        "now < node.acquire_at or (barred(node) or node.host.preflight)",
        UNIT + "test_readiness.py",
    ),
    # --- switchover and candidacy
    Break(
        "a holder judges a target by what was read after the request was made",
        CORE + "rules_switchover.py",
        "return node.members_read_at is not None and node.members_read_at >= node.request_at",
        "return node.members_read_at is not None",
        UNIT + "test_switchover.py",
    ),
    Break(
        "a holder stops only when its acceptance is known",
        CORE + "rules_switchover.py",
        "return _move(node, accepted, said)",
        "return _move(replace(node, request=accepted), accepted, said)",
        UNIT + "test_switchover.py",
    ),
    Break(
        "an acceptance of an earlier term moves nobody",
        CORE + "rules_neard.py",
        "return (request.source, request.term) == (node.settings.member_id, tenure.term)",
        "return request.source == node.settings.member_id",
        UNIT + "test_switchover.py",
    ),
    Break(
        "a hand-over waits for a window without duties",
        CORE + "rules_switchover.py",
        "held, why = rules_window.hold(node, request, now)",
        'held, why = None, ""',
        UNIT + "test_handover_window.py",
    ),
    Break(
        "a holder stops right after a new head",
        CORE + "rules_switchover.py",
        "if now < _best_moment_by(node) and _has_old_head(node, now):",
        "if False:",
        UNIT + "test_switchover.py",
    ),
    Break(
        "the lease is released to the heir",
        CORE + "rules_lease.py",
        "handover_to=tenure.heir,",
        'handover_to="",',
        UNIT + "test_switchover.py",
    ),
    Break(
        "force passes no key that differs",
        "plugins/module_utils/near_ha/plan.py",
        "if not (force and obstacle.forceable)",
        "if not force",
        UNIT + "test_switchover.py",
    ),
    Break(
        "a standby with another key than the validator's does not stand for election",
        CORE + "readiness.py",
        '("key_fingerprint", _key_fingerprint, Weight.BLOCKS)',
        '("key_fingerprint", _key_fingerprint, Weight.NOTED)',
        UNIT + "test_readiness.py",
    ),
    Break(
        "nor does it once that validator and its session are gone",
        CORE + "beside.py",
        "record = seen.record if seen is not None else None",
        "record = seen.record if seen is not None and seen.session is not None else None",
        UNIT + "test_readiness.py",
    ),
    Break(
        "being wanted shortens no wait",
        CORE + "candidacy.py",
        "if _is_wanted(node):\n        return opens",
        "if _is_wanted(node):\n        return node.watch.since",
        UNIT + "test_candidacy.py",
    ),
    Break(
        "a paused cluster changes no role by itself",
        CORE + "candidacy.py",
        "return 0 if was_mine else None",
        "return 0",
        UNIT + "test_candidacy.py",
    ),
    Break(
        "who gave its role away answers for the end of the switchover, also in a paused cluster",
        CORE + "candidacy.py",
        "if node.paused and not gave:",
        "if node.paused:",
        UNIT + "test_candidacy.py",
    ),
    Break(
        "a wish whose body did not come whole is refused",
        "src/near_supervisor/io/control.py",
        "return raw if len(raw) == length else None",
        "return raw",
        UNIT + "test_io_control.py",
    ),
    Break(
        "priority 0 never stands by itself",
        CORE + "candidacy.py",
        "if not priority and not gave:\n        return None",
        "if False:\n        return None",
        UNIT + "test_candidacy.py",
    ),
    Break(
        "whoever fails again and again lets the others go first",
        CORE + "candidacy.py",
        "max(opens + held_back, node.cool_until)",
        "opens + held_back",
        UNIT + "test_candidacy.py",
    ),
)
