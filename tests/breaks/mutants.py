"""Deliberate breaks that the simulation has to find by itself, within ``BUDGET`` schedules.

Some break a model instead of the core: the condition of a transaction, a duty of the guard. They show that the
simulation leans on these, and that they are not there for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from .one_break import CORE, Break

BUDGET = 20_000
MODEL = "tests/simulation/cluster_sim/"


@dataclass(frozen=True)
class Mutant(Break):
    """A break that schedules of ``profile`` find."""

    profile: str = "safety"


MUTANTS: tuple[Mutant, ...] = (
    # --- rule 1: the holder
    Mutant(
        "rule 1: the deadline counts from when the heartbeat was sent, not from its answer",
        CORE + "updates/consul.py",
        "lease.hold_until(event.sent_at, node.settings.lease_ms)",
        "lease.hold_until(now, node.settings.lease_ms)",
    ),
    Mutant(
        "rule 1: not knowing never moves the deadline",
        CORE + "updates/consul.py",
        "if event.answer.kind is Kind.UNKNOWN:\n        leadership = replace(leadership, beating=False",
        "if False:\n        leadership = replace(leadership, beating=False",
    ),
    Mutant(
        "rule 1: a no kills at once",
        CORE + "rules/fencing.py",
        'return kill(node, "this node does not hold the lease")',
        "return node, []",
    ),
    Mutant(
        "rule 1: the holder gives up at 0.8 D, so that the kill and two drifting clocks fit before D",
        CORE + "facts/lease.py",
        "return sent_at + lease_ms * 8 // 10",
        "return sent_at + lease_ms",
    ),
    Mutant(
        "rule 1: the record names a lease that covers the deadline which a longer one has bought",
        CORE + "rules/lease.py",
        "record = replace(record, lease_ms=lease.covering(lease_ms, leadership.deadline, now))",
        "record = replace(record, lease_ms=lease_ms)",
    ),
    Mutant(
        "rule 1: a heartbeat carries the condition that the lock is still ours",
        MODEL + "consul.py",
        '        """check-session, check-index, set (what is kept), set."""\n'
        "        if self.seen.index is None or self.seen.session != session:",
        '        """check-session, check-index, set (what is kept), set."""\n        if self.seen.index is None:',
    ),
    # --- rule 2: a clean release
    Mutant(
        "rule 2: Released is written only after the end of neard",
        CORE + "rules/lease.py",
        "not leadership.release.reason or node.armed or leadership.release.under_way",
        "not leadership.release.reason or leadership.release.under_way",
    ),
    Mutant(
        "rule 2: an acquisition carries the condition that the record is the one that was seen",
        MODEL + "consul.py",
        "if self.seen.index is None or self.seen.index != index:",
        "if self.seen.index is None:",
    ),
    Mutant(
        "rule 2: when the guard dies while it starts a signer, nobody can say that there is none: nothing is released",
        CORE + "updates/neard.py",
        "    if node.starts.armed:\n",
        "    if False:\n",
    ),
    # --- rule 3: a silent holder
    Mutant(
        "rule 3: a silent holder is waited out for the whole lease",
        CORE + "facts/lease_view.py",
        "return watch.since + max(silence_ms, seen.record.lease_ms)",
        "return watch.since + max(silence_ms, seen.record.lease_ms) // 2",
    ),
    Mutant(
        "rule 3: the longer of both leases is waited out",
        CORE + "facts/lease_view.py",
        "return watch.since + max(silence_ms, seen.record.lease_ms)",
        "return watch.since + settings.lease_ms",
    ),
    Mutant(
        "rule 3: a heartbeat starts the wait again",
        CORE + "facts/lease_view.py",
        "    return Watch(seen, now, turned_back",
        "    return Watch(seen, watch.since if watch else now, turned_back",
    ),
    Mutant(
        "rule 3: a record without a session is no short cut",
        CORE + "facts/lease_view.py",
        "if seen.index is None or _offered(watch, settings):",
        "if seen.session is None:",
    ),
    Mutant(
        "rule 3: a vacancy is waited out like a silent holder",
        CORE + "facts/lease_view.py",
        "if seen.index is None or _offered(watch, settings):",
        "if seen.index is None or seen.record and seen.record.state.value == 'Vacant' or _offered(watch, settings):",
    ),
    Mutant(
        "a kuutamod that holds the lock is never taken over, however silent",
        CORE + "facts/lease_view.py",
        "return None if seen.session is not None else watch.since + max(silence_ms, lease.FOREIGN_WAIT_MS)",
        "return watch.since + silence_ms",
    ),
    Mutant(
        "a kuutamod whose session is gone has time to step back and to stop its neard",
        CORE + "facts/lease.py",
        "FOREIGN_WAIT_MS = 90_000",
        "FOREIGN_WAIT_MS = 30_000",
    ),
    # --- rule 4: before arming
    Mutant(
        "rule 4: nothing is armed before a heartbeat of the new term has succeeded",
        CORE + "updates/consul.py",
        "        heartbeat_at=now,\n",
        "        heartbeat_at=now,\n        deadline=lease.hold_until(now, node.settings.lease_ms),\n",
    ),
    Mutant(
        "rule 4: nothing is armed below the height that the predecessor may have signed",
        CORE + "rules/promotion.py",
        "if heights.is_above(node, leadership):",
        "if True:",
    ),
    Mutant(
        "rule 4: of the next height the block and the chunks are others'",
        CORE + "conditions/next_height.py",
        "return reading.duties is not None and reading.duties.is_free(height)",
        "return True",
    ),
    Mutant(
        "rule 4: what neard has not used up it approves once it has the key",
        CORE + "conditions/heights.py",
        "    if blocks_below(node, leadership):\n        return False\n"
        "    return node.sync.height >= clear_at or next_height.is_used_up(node, clear_at)",
        "    return node.sync.height >= clear_at - 1",
    ),
    Mutant(
        "rule 4: a block that was made before the predecessor's end tells nothing",
        CORE + "facts/heads.py",
        "return head.made_at - misread_ms > end.at",
        "return True",
    ),
    Mutant(
        "rule 4: the chain's clock in the record tells a neard that lags, where its own wall clock does not",
        CORE + "facts/heads.py",
        "if head.born_ms and end.chain_ms and head.born_ms - misread_ms <= end.chain_ms:",
        "if False:",
    ),
    # --- rule 5: sessions
    Mutant(
        "rule 5: a lock delay of D keeps candidates away that are not ours",
        MODEL + "supervisor.py",
        "made = host.consul.create_session(ttl, host.settings.lease_ms)",
        "made = host.consul.create_session(ttl, 0)",
    ),
    # --- rule 6: the key, the guard, the kernel
    Mutant(
        "rule 6: a standby is started without the key, whoever left one in its home",
        MODEL + "guard.py",
        "        host.key_on_disk = armed\n",
        "        host.key_on_disk = host.key_on_disk or armed\n",
    ),
    Mutant(
        "the guard refuses to arm under a deadline that has passed",
        MODEL + "guard.py",
        "if host.lock_is_held or (armed and deadline <= host.clock.now()):",
        "if host.lock_is_held:",
    ),
    Mutant(
        "the kernel ends a guard that stands still, and its neard with it",
        MODEL + "guard.py",
        "        if self.neard is neard and neard.armed and not neard.killing:\n            self.die()",
        "        return",
    ),
    Mutant(
        "neard dies with its guard",
        MODEL + "guard.py",
        "self._world.after(self._world.between(0, DEATH_MS), lambda: self._orphan_ended(neard))",
        "self._world.after(30_000, lambda: self._orphan_ended(neard))",
    ),
    # --- it has to work, too
    Mutant(
        "the core is woken for every rule that time alone makes act",
        CORE + "rules/lease.py",
        "    if leadership.release.reason:\n        times.append(leadership.release.next_at)\n",
        "    if leadership.release.reason:\n        pass\n",
    ),
    Mutant(
        "a node whose session is gone asks for another",
        CORE + "conditions/transitions.py",
        "    (State.VOTING, _unregistered, State.REGISTERING),\n",
        "",
        profile="liveness",
    ),
    Mutant(
        "a missing record is noted, so that it can be waited out",
        CORE + "rules/lease.py",
        "    if answer.how is lease_view.How.VACANT:\n",
        "    if False:\n",
        profile="liveness",
    ),
    Mutant(
        "a release that got no answer is asked for again",
        CORE + "updates/consul.py",
        "release=replace(leadership.release, under_way=False, next_at=now + wait))",
        "release=replace(leadership.release, next_at=now + wait))",
        profile="liveness",
    ),
    Mutant(
        "a stop releases the lease, and nobody has to wait",
        CORE + "rules/lease.py",
        "    if not leadership.release.reason or node.armed or leadership.release.under_way",
        "    if node.closing or not leadership.release.reason or node.armed or leadership.release.under_way",
        profile="liveness",
    ),
    Mutant(
        "a signer that hangs is killed",
        CORE + "rules/fencing.py",
        "if helps or node.leadership is None or now >= silent_since + HUNG_FOR_CERTAIN_MS:",
        "if False:",
        profile="liveness",
    ),
    # --- switchover
    Mutant(
        "a request that nobody carries out is called off",
        CORE + "rules/switchover.py",
        "if request is None or not request.open or now < _called_off_at(node, request) or not _may_move(node, now):",
        "if True:",
        profile="liveness",
    ),
    Mutant(
        "the new validator says how a switchover ended",
        CORE + "rules/switchover.py",
        "if leadership.signs_at is None or leadership.term <= request.term:",
        "if True:",
        profile="liveness",
    ),
    Mutant(
        "a hand-over stops the signer before the lease is released",
        CORE + "rules/switchover.py",
        "return validator_key.give_back(node, leadership.release.reason, now)",
        "return node, []",
        profile="liveness",
    ),
    # --- strategy hot
    Mutant(
        "hot: neard counts as armed from when the guard is asked to put the key in place",
        CORE + "rules/validator_key.py",
        "armed = replace(neard, armed=True, arming=True, key_given_at=now)",
        "armed = replace(neard, arming=True, key_given_at=now)",
    ),
    Mutant(
        "hot: a supervisor that comes back does not take the key for taken",
        CORE + "updates/neard.py",
        "given_at = now if event.armed and not answered else None",
        "given_at = None",
        profile="liveness",
    ),
    Mutant(
        "kuutamod's way: a neard that its peers refuse is not given the key",
        CORE + "rules/kuutamods_way.py",
        "    if leadership.cleared and _is_connected(node, neard, leadership, move):",
        "    if leadership.cleared:",
    ),
    Mutant(
        "hot: a neard that does not show its key is ended",
        CORE + "rules/validator_key.py",
        "if neard is None or neard.ending or due is None or (not node.hot.reason and now < due):",
        "if True:",
        profile="liveness",
    ),
    # --- doppelganger protection
    Mutant(
        "doppelganger: whoever is seen to sign keeps this node from it",
        CORE + "rules/promotion.py",
        "if doppelganger.holds_back(node, now):",
        "if False:",
    ),
    Mutant(
        "doppelganger: a late answer holds back who does not sign yet",
        CORE + "updates/chain.py",
        "least=known.above),\n        cleared=False,\n",
        "least=known.above),\n",
    ),
    Mutant(
        "doppelganger: quiet is a lease",
        CORE + "facts/doppelganger.py",
        "return now >= quiet_at(doppelganger, lease_ms) and",
        "return",
    ),
    Mutant(
        "doppelganger: what is over is over",
        CORE + "rules/doppelganger.py",
        "if not is_quiet(doppelganger, node.settings.lease_ms, now):",
        "if True:",
        profile="liveness",
    ),
    Mutant(
        "doppelganger: counters are compared with the last time, not with the first",
        CORE + "facts/doppelganger.py",
        "base = look.counted if known is not None and look.counted is not None else known",
        "base = doppelganger.base or known",
        profile="liveness",
    ),
    # --- whoever may write to Consul, and has no key
    Mutant(
        "what no member has signed is not obeyed",
        CORE + "updates/consul.py",
        "seen = belief.believed(node, event.seen)",
        "seen = belief.believed(node, replace(event.seen, record=event.seen.record or event.seen.claim, claim=None))",
    ),
    Mutant(
        "what is only claimed is waited out",
        CORE + "facts/lease_view.py",
        "        return watch.since + silence_ms\n",
        "        return watch.since\n",
    ),
    Mutant(
        "what is only claimed is waited out for the longest lease that is known",
        CORE + "facts/lease_view.py",
        "        return watch.since + silence_ms\n",
        "        return watch.since + settings.lease_ms\n",
    ),
    Mutant(
        "a record of a term that is over is not believed again",
        CORE + "conditions/belief.py",
        "        return record.term < node.last_term\n",
        "        return False\n",
    ),
    Mutant(
        "a claim is waited out and does not block for ever",
        CORE + "facts/lease_view.py",
        "        return watch.since + silence_ms\n",
        "        return None\n",
        profile="liveness",
    ),
    # --- what only the harsher models show
    Mutant(
        "a Consul that is fast enough for the lease is fast enough for its session",
        CORE + "facts/lease.py",
        "return max(SESSION_REQUEST_TIMEOUT_MS, request_timeout_ms(lease_ms))",
        "return SESSION_REQUEST_TIMEOUT_MS",
        profile="harsh",
    ),
    Mutant(
        "a Consul that always takes a third of the lease costs no signature",
        CORE + "facts/lease.py",
        "return max(MIN_REQUEST_TIMEOUT_MS, lease_ms * 4 // 10)",
        "return max(MIN_REQUEST_TIMEOUT_MS, lease_ms * 3 // 10)",
        profile="harsh",
    ),
    Mutant(
        "member records have a worker of their own, beside the session's",
        MODEL + "harsh/supervisor.py",
        "self._member_worker = SessionWorker(host.link, lambda: self.alive, timeout_ms)",
        "self._member_worker = self._session_worker",
        profile="harsh",
    ),
    Mutant(
        "an index that goes back tells of a history that was replaced",
        CORE + "facts/lease_view.py",
        "turned_back = seen.index is not None and seen.index < highest",
        "turned_back = False",
        profile="harsh",
    ),
    Mutant(
        "what was planned begins only with the consent of who takes over",
        CORE + "conditions/pre_takeover.py",
        "    return Reply(confirms=request.id) if consent.go else Reply(vetoes=request.id, veto=consent.reason)\n",
        "    return Reply(confirms=request.id)\n",
        profile="harsh",
    ),
)
