"""Deliberate breaks: each takes one rule out, and names the tests that must go red without it.

A break is a replacement in one file. ``python -m breaks`` (``bin/breaks``) applies each to a copy of the
tree and runs its tests there; a break that nothing notices is a hole in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

CORE = "src/near_supervisor/core/"
GUARD = "src/near_supervisor/guard.py"
UNIT = "tests/unit/near_supervisor/"
PLAYS = " ".join(UNIT + name for name in ("test_signing.py", "test_height.py", "test_ending.py"))


@dataclass(frozen=True)
class Break:
    """Without ``rule`` (``old`` replaced by ``new`` in ``file``), one of ``tests`` fails."""

    rule: str
    file: str
    old: str
    new: str
    tests: str = ""


BREAKS: tuple[Break, ...] = (
    Break(
        "rule 1: the deadline counts from when the heartbeat was sent, not from its answer",
        CORE + "absorb_consul.py",
        "lease.hold_until(event.sent_at, node.settings.lease_ms)",
        "lease.hold_until(now, node.settings.lease_ms)",
        PLAYS,
    ),
    Break(
        "rule 1: not knowing never moves the deadline",
        CORE + "absorb_consul.py",
        "if event.answer.kind is Kind.UNKNOWN:\n        tenure = replace(tenure, beating=False",
        "if False:\n        tenure = replace(tenure, beating=False",
        PLAYS,
    ),
    Break(
        "rule 1: a no kills at once",
        CORE + "rules_signer.py",
        'return kill(node, "this node does not hold the lease")',
        "return node, []",
        PLAYS,
    ),
    Break(
        "rule 1: the holder gives up at 0.8 D, so that the kill and two drifting clocks fit before D",
        CORE + "lease.py",
        "return sent_at + lease_ms * 8 // 10",
        "return sent_at + lease_ms",
        UNIT + "test_lease.py",
    ),
    Break(
        "rule 1: past its deadline a signer is killed",
        CORE + "rules_signer.py",
        "if now < tenure.deadline:",
        "if True:",
        PLAYS,
    ),
    Break(
        "rule 2: Released is written only after the end of neard",
        CORE + "rules_lease.py",
        "not tenure.give_up or node.armed or tenure.releasing",
        "not tenure.give_up or tenure.releasing",
        PLAYS,
    ),
    Break(
        "rule 2: a release to another node is not for this one",
        CORE + "watch.py",
        'return seen.record.handover_to in ("", settings.member_id)',
        "return True",
        UNIT + "test_watch.py",
    ),
    Break(
        "rule 3: a silent holder is waited out for the whole lease",
        CORE + "watch.py",
        "return watch.since + max(silence_ms, seen.record.lease_ms)",
        "return watch.since + max(silence_ms, seen.record.lease_ms) // 2",
        UNIT + "test_watch.py",
    ),
    Break(
        "rule 3: the longer of both leases is waited out",
        CORE + "watch.py",
        "return watch.since + max(silence_ms, seen.record.lease_ms)",
        "return watch.since + settings.lease_ms",
        UNIT + "test_watch.py",
    ),
    Break(
        "rule 3: a heartbeat starts the wait again",
        CORE + "watch.py",
        "if watch is not None and _same(watch.seen, seen):",
        "if watch is not None:",
        UNIT + "test_watch.py",
    ),
    Break(
        "rule 3: a record without a session is no short cut",
        CORE + "watch.py",
        "if seen.index is None or _offered(watch, settings):",
        "if seen.session is None:",
        UNIT + "test_watch.py",
    ),
    Break(
        "a kuutamod that holds the lock is never taken over, however silent",
        CORE + "watch.py",
        "return None if seen.session is not None else watch",
        "return watch",
        UNIT + "test_watch.py",
    ),
    Break(
        "rule 3: a vacancy is waited out like a silent holder",
        CORE + "watch.py",
        'return Try(How.VACANT, seen.kept_index, "there is no lease record", height)',
        'return Try(How.TAKEOVER, seen.kept_index, "there is no lease record", height)',
        UNIT + "test_watch.py",
    ),
    Break(
        "rule 3: a vacancy is waited out for the longest lease that was ever seen",
        CORE + "absorb_consul.py",
        "seen_lease_ms=max(node.seen_lease_ms, record.lease_ms),",
        "seen_lease_ms=0,",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 3: who notes a vacancy says for how long it has to be waited out",
        CORE + "rules_lease.py",
        "lease_ms=max(node.settings.lease_ms, node.seen_lease_ms),",
        "",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 3: a vacancy is noted only if no heartbeat was accepted since the last one that was read",
        "src/near_supervisor/io/consul_store.py",
        '{"Verb": "check-not-exists"}, unheard, {"Verb": "set"',
        '{"Verb": "check-not-exists"}, {"Verb": "set"',
        "tests/integration/consul_store/test_vacancies.py",
    ),
    Break(
        "rule 4: a head that looks younger than it can be does not lower what may have been signed",
        CORE + "absorb_neard.py",
        "doubted = node.tip is not None and node.tip.doubted_since is not None",
        "doubted = False",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: one head alone does not lower what may have been signed",
        CORE + "ceiling.py",
        "return self.newest.or_higher(self.before, block_time_ms)",
        "return self.newest",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: what the next process finds after a crash is not lower than the height that counts",
        CORE + "absorb_neard.py",
        "near = 0 <= tenure.kept.ahead_ms(",
        "near = -(10**9) <= tenure.kept.ahead_ms(",
        UNIT + "test_height.py",
    ),
    Break(
        "what the next process finds after a crash is not all the height that the chain could have gained since",
        CORE + "absorb_neard.py",
        "settings.block_time_ms) <= lease.heartbeat_interval(settings.lease_ms)\n",
        "settings.block_time_ms)\n",
        UNIT + "test_height.py",
    ),
    Break(
        "the height that a next process would find is not written with each sample",
        CORE + "absorb_neard.py",
        "near = 0 <= tenure.kept.ahead_ms(line, settings.block_time_ms) <= lease.heartbeat_interval(settings.lease_ms)",
        "near = tenure.kept == line",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: what the next process would find is not an older height, when the newer one cannot be written",
        "src/near_supervisor/io/run_dir.py",
        "            self.forget()\n            raise\n",
        "            raise\n",
        UNIT + "test_io_run_dir.py",
    ),
    Break(
        "rule 4: after a crash the next process knows where the tip is that heads are measured by",
        CORE + "absorb_neard.py",
        "tip=replace(memory.tip, doubted_since=None) if memory.tip else None,",
        "tip=None,",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: a heartbeat that comes late, or twice, does not put an older height back",
        "src/near_supervisor/io/consul_store.py",
        'ours = [] if index is None else [{"Verb": "check-index", "Index": index}]',
        "ours: list[dict[str, Any]] = []",
        "tests/integration/consul_store/test_heartbeats.py",
    ),
    Break(
        "rule 3: a newer last heartbeat is news, so that a note that was refused is tried again with it",
        CORE + "watch.py",
        "(one.index, one.session, one.kept_index) == (other.index, other.session, other.kept_index)",
        "(one.index, one.session) == (other.index, other.session)",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: where no record says it, everything counts that was ever seen, and all that our head may lack",
        CORE + "rules_lease.py",
        "return max(node.seen_height, tip)",
        "return 0",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: a height that neard made up does not make the record unreadable",
        CORE + "rules_lease.py",
        "height=min(height, MAX_HEIGHT),",
        "height=height,",
        UNIT + "test_height.py",
    ),
    Break(
        "a session serves one tenure",
        CORE + "absorb_consul.py",
        "node = replace(node, tenure=None, session=None, published=None, register_at=0)\n    node = candidacy",
        "node = replace(node, tenure=None)\n    node = candidacy",
        PLAYS,
    ),
    Break(
        "a signer is asked often until what counts was seen by itself",
        CORE + "rules_neard.py",
        "(not node.sync.synced or bounded_by_a_standby(node))",
        "not node.sync.synced",
        PLAYS,
    ),
    Break(
        "an acquisition is adopted only while the record has not moved on without us",
        CORE + "absorb_consul.py",
        "return (node if seen.index == attempt.index else replace(node, attempt=None)), []",
        "return node, []",
        PLAYS,
    ),
    Break(
        "rule 4: a sample counts from when it was asked for",
        CORE + "absorb_neard.py",
        "heads = _heads(node, sample, view, event.asked_at)",
        "heads = _heads(node, sample, view, now)",
        PLAYS,
    ),
    Break(
        "a standby that shows a validator key is not left running",
        CORE + "rules_signer.py",
        "if node.neard is None or node.neard.armed or not node.neard.shows_key:",
        "if True:",
        PLAYS,
    ),
    Break(
        "rule 4: nothing is armed before a heartbeat of the new term has succeeded",
        CORE + "absorb_consul.py",
        "since=now, heartbeat_at=now, succession=",
        "since=now, heartbeat_at=now, deadline=lease.hold_until(now, node.settings.lease_ms), succession=",
        PLAYS,
    ),
    Break(
        "rule 4: nothing is armed below the height that the predecessor may have signed",
        CORE + "rules_lease.py",
        "if node.sync.height > tenure.floor:",
        "if True:",
        PLAYS,
    ),
    Break(
        "rule 4: heartbeats name what may be signed until their own deadline, not what was signed",
        CORE + "rules_lease.py",
        "height = _may_have_signed(node, tenure, limit)",
        "height = _may_have_signed(node, tenure, now)",
        PLAYS,
    ),
    Break(
        "rule 4: an isolated neard is not in sync, whatever it says",
        CORE + "sync.py",
        "if frozen_ms > limit:",
        "if False:",
        UNIT + "test_sync.py",
    ),
    Break(
        "the standby has ended before neard starts with the key",
        CORE + "rules_lease.py",
        '        return stop(node, f"it is started again as the validator{told}")\n',
        '        stop(node, f"it is started again as the validator{told}")\n',
        PLAYS + " " + UNIT + "test_invariants.py",
    ),
    Break(
        "a running signer of a term that nobody remembers is killed",
        "src/near_supervisor/core/absorb_neard.py",
        "if event.memory is not None and node.tenure is None:",
        "if node.tenure is None and event.armed:",
        PLAYS,
    ),
    Break(
        "a signer that had answered before a crash of its supervisor is known to hang, not to start",
        CORE + "absorb_neard.py",
        "neard = Neard(event.pid, event.armed, now, answered=answered, key_given_at=given_at)",
        "neard = Neard(event.pid, event.armed, now)",
        PLAYS,
    ),
    Break(
        "the guard kills at the deadline",
        GUARD,
        "if self.armed and now >= self.deadline:",
        "if False:",
        UNIT + "test_guard.py",
    ),
    Break(
        "the kernel ends a guard that hangs",
        GUARD,
        "                self.backstop.set(deadline + BACKSTOP_MS)\n            neard.spawn(",
        "                pass\n            neard.spawn(",
        UNIT + "test_guard.py",
    ),
    Break(
        "the guard's memory is left to others while neard is armed",
        GUARD,
        "            self.caretakers.call()\n",
        "            pass\n",
        UNIT + "test_guard.py",
    ),
    Break(
        "neard dies with its guard",
        GUARD,
        "_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)",
        "pass",
        UNIT + "test_guard.py",
    ),
    Break(
        "the guard refuses to arm without a deadline ahead",
        GUARD,
        "if armed and deadline <= boot_ms():",
        "if False:",
        UNIT + "test_guard.py",
    ),
    Break(
        "rule 6: every start of a guard takes the key away",
        GUARD,
        "        self.disarm_key()\n        self.wake_r",
        "        self.wake_r",
        UNIT + "test_guard.py",
    ),
    Break(
        "rule 6: the key goes when the armed neard has ended",
        GUARD,
        "        self.caretakers.dismiss()\n        self.disarm_key()\n        self.idle_since",
        "        self.caretakers.dismiss()\n        self.idle_since",
        UNIT + "test_guard.py",
    ),
    Break(
        "a process that holds the data directory is not ignored",
        GUARD,
        "if holder is not None:",
        "if False:",
        UNIT + "test_guard.py",
    ),
    Break(
        "what neard forked does not outlive it",
        GUARD,
        "            self._kill_left_behind()\n        return False",
        "            return True\n        return False",
        UNIT + "test_guard.py",
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
        "return _move(node, request.accepted(me, tenure.term, heir, 0),",
        "return _move(replace(node, request=request.accepted(me, tenure.term, heir, 0)),"
        " request.accepted(me, tenure.term, heir, 0),",
        UNIT + "test_switchover.py",
    ),
    Break(
        "an acceptance of an earlier term moves nobody",
        CORE + "rules_switchover.py",
        "if (request.source, request.term) != (node.settings.member_id, tenure.term):",
        "if request.source != node.settings.member_id:",
        UNIT + "test_switchover.py",
    ),
    Break(
        "the lease is released to the heir",
        CORE + "rules_lease.py",
        "handover_to=tenure.heir)",
        'handover_to="")',
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
    # --- strategy hot
    Break(
        "hot: neard counts as armed from when the guard is asked to put the key in place",
        CORE + "rules_hot.py",
        "armed = replace(neard, armed=True, key_given_at=now)",
        "armed = replace(neard, key_given_at=now)",
        UNIT + "test_hot.py",
    ),
    Break(
        "hot: the guard counts it as armed before the key is in place",
        GUARD,
        "neard.armed, neard.tag, neard.deadline = True, str",
        "neard.armed, neard.tag, neard.deadline = False, str",
        UNIT + "test_guard_arming.py",
    ),
    Break(
        "hot: the kernel's timer is set before the key is in place",
        GUARD,
        "        self.backstop.set(deadline + BACKSTOP_MS)\n        neard.armed, neard.tag",
        "        neard.armed, neard.tag",
        UNIT + "test_guard_arming.py",
    ),
    Break(
        "hot: a takeover is over when neard shows the key, not before",
        CORE + "rules_switchover.py",
        "if node.neard is None or hot.confirmed_by(node.neard) is not None:",
        "if node.neard is None:",
        UNIT + "test_hot.py",
    ),
    Break(
        "hot: a neard that has just come up is not sent a SIGHUP",
        CORE + "rules_hot.py",
        "if now < hot.settled_at(neard) or tenure.deadline - now < room:",
        "if tenure.deadline - now < room:",
        UNIT + "test_hot.py",
    ),
    Break(
        "hot: rule 4 holds for it, too",
        CORE + "rules_lease.py",
        "    if node.sync.height > tenure.floor:",
        "    if True:",
        UNIT + "test_hot.py",
    ),
)
