"""Breaks of rule 4: what may have been signed, what is known of it after a crash, and what a signer is asked."""

from __future__ import annotations

from .one_break import CORE, PLAYS, UNIT, Break

BREAKS: tuple[Break, ...] = (
    Break(
        "rule 4: a block that was made before the predecessor's end tells nothing",
        CORE + "heads.py",
        "return head.made_at - misread_ms > end.at",
        "return True",
        UNIT + "test_heads.py",
    ),
    Break(
        "rule 4: who sees a block the moment that it is made approves the next height at once",
        CORE + "heads.py",
        "head.made_at - misread_ms > end.at",
        "head.made_at - misread_ms >= end.at",
        UNIT + "test_heads.py",
    ),
    Break(
        "rule 4: a head may be older than it seems",
        CORE + "rules_height.py",
        "return node.settings.block_time_ms // 2",
        "return 0",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: heights that doomslug has given up since the last block are signed as well",
        CORE + "heads.py",
        "return head.height + skips(_waited_ms(before, end), skip_ms)",
        "return head.height",
        UNIT + "test_heads.py",
    ),
    Break(
        "rule 4: the chain's clock in the record has to say it, too",
        CORE + "heads.py",
        "if head.born_ms and end.chain_ms and head.born_ms - misread_ms <= end.chain_ms:",
        "if False:",
        UNIT + "test_heads.py",
    ),
    Break(
        "rule 4: one head alone, whose producer's clock is ahead, tells nothing",
        CORE + "heads.py",
        "        known[number] = older\n",
        "",
        UNIT + "test_heads.py",
    ),
    Break(
        "a clock of the chain beyond reason holds nobody up",
        CORE + "rules_height.py",
        "if node.tip is None or end.chain_ms <= node.tip.reads(now) + tip.FUTURE_MS:",
        "if True:",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: after a crash the next process knows how the chain's clock reads",
        CORE + "absorb_neard.py",
        "tip=replace(memory.tip, doubted_since=None) if memory.tip else None,",
        "tip=None,",
        UNIT + "test_height.py",
    ),
    Break(
        "a chain that is slow is no reason to give the lease back",
        CORE + "rules_lease.py",
        "if node.neard is None or not node.sync.stands:",
        "if True:",
        UNIT + "test_height.py",
    ),
    Break(
        "a head that moves and stays old is a neard that is behind, not a slow chain",
        CORE + "sync.py",
        "stands=bool(reason) and came_fresh and",
        "stands=bool(reason) and",
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
        "rule 4: a heartbeat that comes late, or twice, does not put an older height back",
        "src/near_supervisor/io/consul_store.py",
        'ours = [] if index is None else [{"Verb": "check-index", "Index": index}]',
        "ours: list[dict[str, Any]] = []",
        "tests/integration/consul_store/test_heartbeats.py",
    ),
    Break(
        "rule 4: a height that neard made up does not make the record unreadable",
        CORE + "rules_lease.py",
        "height=min(height, MAX_HEIGHT),",
        "height=height,",
        UNIT + "test_height.py",
    ),
    Break(
        "rule 4: nothing is armed below the height that the predecessor may have signed",
        CORE + "rules_lease.py",
        "if rules_height.is_above(node, tenure):",
        "if True:",
        PLAYS,
    ),
    Break(
        "rule 4: heartbeats name what may be signed until their own deadline, not what was signed",
        CORE + "rules_lease.py",
        "_may_sign(node, tenure, limit), now, tenure.give_up)",
        "_may_sign(node, tenure, now), now, tenure.give_up)",
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
    Break(
        "rule 4: only who has looked after its end says how far it came",
        CORE + "rules_lease.py",
        "return tenure.was_armed and node.neard is not None and node.neard.keyless_at is not None"
        " and not node.neard.ending",
        "return True",
        UNIT + "test_giving_back.py",
    ),
    Break(
        "rule 4: what is only concluded from heads has one more to spare",
        CORE + "rules_height.py",
        "node.sync.height >= tenure.floor + (0 if told else 1)",
        "node.sync.height >= tenure.floor",
        UNIT + "test_height.py",
    ),
    Break(
        "whoever has told how far it came is followed without another block",
        CORE + "rules_height.py",
        "node.sync.height >= tenure.floor + (0 if told else 1)",
        "node.sync.height >= tenure.floor + 1",
        UNIT + "test_height.py",
    ),
)
