"""Breaks of the chain: what it has taken of this validator, and who else it shows."""

from __future__ import annotations

from .one_break import CORE, UNIT, Break

BREAKS: tuple[Break, ...] = (
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
        "witness: only a wish for this node, which says so, overrules it",
        CORE + "rules_witness.py",
        "if not request.open or not request.ignore_chain_witness or request.target != node.settings.member_id:",
        "if not request.open:",
        UNIT + "test_witness.py",
    ),
)
