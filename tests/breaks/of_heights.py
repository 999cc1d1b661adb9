"""Breaks of rule 4: what may have been signed, what is known of it after a crash, and what a signer is asked."""

from __future__ import annotations

from .one_break import CORE, PLAYS, UNIT, Break

BREAKS: tuple[Break, ...] = (
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
        "a signer is asked often until what counts was seen by itself",
        CORE + "rules_neard.py",
        "(not node.sync.synced or bounded_by_a_standby(node))",
        "not node.sync.synced",
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
        "rule 4: nothing is armed below the height that the predecessor may have signed",
        CORE + "rules_lease.py",
        "if node.sync.height > tenure.floor:",
        "if True:",
        PLAYS,
    ),
    Break(
        "rule 4: heartbeats name what may be signed until their own deadline, not what was signed",
        CORE + "rules_lease.py",
        "_may_have_signed(node, tenure, limit), now, tenure.give_up)",
        "_may_have_signed(node, tenure, now), now, tenure.give_up)",
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
        "a signer that had answered before a crash of its supervisor is known to hang, not to start",
        CORE + "absorb_neard.py",
        "neard = Neard(event.pid, event.armed, now, answered=answered, key_given_at=given_at)",
        "neard = Neard(event.pid, event.armed, now)",
        PLAYS,
    ),
)
