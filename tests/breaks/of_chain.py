"""Breaks of the chain: what it has taken of this validator, and who else it shows."""

from __future__ import annotations

from .one_break import CORE, UNIT, Break

BREAKS: tuple[Break, ...] = (
    Break(
        "signing: a neard without peers signs nothing",
        CORE + "signing.py",
        "if node.sync.peers == 0:",
        "if False:",
        UNIT + "test_signing_nothing.py",
    ),
    Break(
        "signing: blocks of others without an approval are a no",
        CORE + "signing.py",
        "if own.without >= SILENT_BLOCKS:",
        "if False:",
        UNIT + "test_signing_nothing.py",
    ),
    Break(
        "signing: the lease goes only to a standby that would fare better",
        CORE + "rules_signing.py",
        "node.standby_ready if _was_well(node) else node.standby_equal",
        "node.standby_ready",
        UNIT + "test_signing_nothing.py",
    ),
    Break(
        "signing: the lease does not go back and forth",
        CORE + "rules_signing.py",
        "at is not None and not _was_well(node) and now <",
        "at is not None and False and now <",
        UNIT + "test_signing_nothing.py",
    ),
    Break(
        "signing: whoever was ready long ago counts for nothing",
        CORE + "rules_signing.py",
        "if node.silence is not None or node.standby_ready or node.standby_equal:",
        "if False:",
        UNIT + "test_signing_nothing.py",
    ),
    Break(
        "signing: a neard that is refused from its start makes room, and not after its start-up time only",
        CORE + "rules_signing.py",
        "    if node.sync.peers == 0:\n        return neard.answered_at",
        "    if False:\n        return neard.answered_at",
        UNIT + "test_signing_nothing.py",
    ),
    Break(
        "a validator of which nothing arrives on the chain raises the alarm",
        CORE + "proof.py",
        "missing = duty.owed - last.owed >= enough",
        "missing = False",
        UNIT + "test_proof.py",
    ),
    Break(
        "blocks and chunks that this neard has not made raise the alarm",
        CORE + "proof.py",
        "if tally.total.made - (now - before) > UNDER_WAY",
        "if False",
        UNIT + "test_proof.py",
    ),
    Break(
        "witness: whoever is seen to sign keeps this node from it",
        CORE + "rules_witness.py",
        "return witness.mark is not None or",
        "return",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: the first look is waited for",
        CORE + "rules_witness.py",
        "(witness.reading and now < witness.asked_at + PATIENCE_MS)",
        "False",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: what cannot be known holds nothing up for long",
        CORE + "rules_witness.py",
        "(witness.reading and now < witness.asked_at + PATIENCE_MS)",
        "witness.reading",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: what was seen was signed, and so is below the floor",
        CORE + "absorb_chain.py",
        "floor=max(tenure.floor, known.above), ",
        "",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: quiet takes new blocks, and not only time",
        CORE + "witness.py",
        " and witness.head >= witness.above + QUIET_BLOCKS",
        "",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: counters are compared from where all before had been counted",
        CORE + "witness.py",
        "settled = look.counted is not None and look.head >= witness.above + COUNTED_BELOW_HEAD",
        "settled = look.counted is not None",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: a veto of a node that cannot read any more has an end",
        CORE + "rules_witness.py",
        "    if now < _blind_at(node, witness, tenure):\n",
        "    if True:\n",
        UNIT + "test_witness.py",
    ),
    Break(
        "witness: only a wish for this node, which says so, overrules it",
        CORE + "rules_witness.py",
        "if not request.open or not request.ignore_chain_witness or request.target != node.settings.member_id:",
        "if not request.open:",
        UNIT + "test_witness.py",
    ),
    Break(
        "after a halt of the chain a validator is asked once more before it makes room",
        CORE + "rules_signing.py",
        "    if not node.sync.stands or node.members_read_at is None:\n        return True\n",
        "    if True:\n        return True\n",
        UNIT + "test_signing_nothing.py",
    ),
)
