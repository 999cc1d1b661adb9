"""Deliberate breaks that a scenario in containers has to notice: one for each promise, in the rule that keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from .one_break import CORE, GUARD, Break


@dataclass(frozen=True)
class Promise(Break):
    """Without ``rule``, the case ``tests`` of ``molecule/failover-<scenario>`` fails."""

    scenario: str = ""


PROMISES: tuple[Promise, ...] = (
    Promise(
        "failover-crash: a lease whose neard has ended is given back",
        CORE + "updates/neard.py",
        "    if neard.armed:\n        node = give_up(node, neard.ending",
        "    if False:\n        node = give_up(node, neard.ending",
        "test_neard_killed",
        "crash",
    ),
    Promise(
        "failover-host: a silent holder is taken over from after a lease",
        CORE + "facts/lease_view.py",
        "        return watch.since + max(silence_ms, seen.record.lease_ms)",
        "        return watch.since + 10 * max(silence_ms, seen.record.lease_ms)",
        "test_host_loses_its_power",
        "host",
    ),
    Promise(
        "failover-partition: a holder gives up before a candidate may take over",
        CORE + "facts/lease.py",
        "    return sent_at + lease_ms * 8 // 10",
        "    return sent_at + lease_ms * 30 // 10",
        "test_active_without_network",
        "partition",
    ),
    Promise(
        "failover-consul: not knowing never moves the deadline",
        CORE + "updates/consul.py",
        "if event.answer.kind is Kind.UNKNOWN:\n        leadership = replace(leadership, beating=False",
        "if False:\n        leadership = replace(leadership, beating=False",
        "test_quorum_lost_for_longer_than_the_lease",
        "consul",
    ),
    Promise(
        "failover-disk: a signer that had answered and is silent hangs",
        CORE + "updates/neard.py",
        "neard = Neard(event.pid, event.armed, now, answered=answered, key_given_at=given_at)",
        "neard = Neard(event.pid, event.armed, now)",
        "test_neard_out_of_files",
        "disk",
    ),
    Promise(
        "failover-operator: every start of neard takes a key away that somebody left",
        GUARD + "key_link.py",
        "    if not os.path.exists(link):\n        return None\n    aside",
        "    if True:\n        return None\n    aside",
        "test_key_left_on_a_standby",
        "operator",
    ),
)
