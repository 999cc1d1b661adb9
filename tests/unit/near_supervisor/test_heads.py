"""The height rule in numbers: no validator outruns what is accounted for, whatever the chain does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts import chain_clock, heads
from near_supervisor.core.facts.heads import End, Head
from support.core_play import Play

BLOCK_MS, SKIP_MS = 600, 1_800
GAPS = st.lists(st.integers(BLOCK_MS, 40_000), min_size=3, max_size=20)


def doomslug(height: int, began: int, until: int) -> int:
    """The largest height that a validator approves whose head is ``height`` since ``began``: nearcore's timer."""
    target, at, number = height + 1, began, 1
    while True:
        at += min(heads.LONGEST_WAIT_MS, SKIP_MS + SKIP_MS // 10 * number)
        if at > until:
            return target
        target, number = target + 1, number + 1


def chain(gaps: list[int]) -> list[Head]:
    """Blocks with so much time between them; whoever makes one has waited as long as all others."""
    blocks = [Head(1_000, 0)]
    for gap in gaps:
        made_at = blocks[-1].made_at + gap
        blocks.append(Head(doomslug(blocks[-1].height, blocks[-1].made_at, made_at), made_at))
    return blocks


def known(blocks: list[Head]) -> heads.Heads:
    found: heads.Heads = ()
    for block in blocks:
        found = heads.fold(found, block)
    return found


@given(GAPS, st.integers(0, 200_000), st.integers(0, 20))
def test_nobody_has_approved_more_than_is_accounted_for(gaps: list[int], end: int, cut_off: int) -> None:
    """Whenever it ended, and whichever block was its last: it may have been cut off from the chain long before."""
    blocks = chain(gaps)
    height = heads.accounted(known(blocks), End(end), SKIP_MS, 0)
    own = [block for block in blocks if block.made_at <= end][: cut_off + 1][-1]
    if height is None:
        assert blocks[-1].made_at < end
    else:
        assert doomslug(own.height, own.made_at, end) <= height


@given(GAPS, st.integers(0, 200_000))
def test_what_a_signer_says_of_itself_is_not_too_low(gaps: list[int], when: int) -> None:
    blocks = [block for block in chain(gaps) if block.made_at <= when]
    assert doomslug(blocks[-1].height, blocks[-1].made_at, when) <= heads.approved(known(blocks), when, SKIP_MS)


def test_on_a_chain_that_goes_well_the_first_block_after_the_end_is_all_that_was_approved() -> None:
    blocks = chain([BLOCK_MS] * 10)
    assert heads.accounted(known(blocks), End(5 * BLOCK_MS + 1), SKIP_MS, 0) == blocks[6].height
    assert heads.accounted(known(blocks), End(5 * BLOCK_MS + 1), SKIP_MS, BLOCK_MS // 2) == blocks[6].height
    assert heads.accounted(known(blocks), End(5 * BLOCK_MS + 301), SKIP_MS, BLOCK_MS // 2) == blocks[7].height


def test_as_long_as_no_block_was_made_after_the_end_nobody_knows() -> None:
    blocks = chain([BLOCK_MS] * 3)
    assert heads.accounted(known(blocks), End(blocks[-1].made_at + 1), SKIP_MS, 0) is None
    assert heads.accounted((), End(0), SKIP_MS, 0) is None


def test_a_block_of_a_lower_height_may_come_late() -> None:
    """Its producer was slow; the signer had given that height up, and the next one, when it ended."""
    blocks = [Head(1_000, 0), Head(1_001, 4_500)]
    assert doomslug(1_000, 0, 4_200) == 1_003
    assert heads.accounted(known(blocks), End(4_200), SKIP_MS, 0) == 1_003


def test_both_clocks_have_to_say_so() -> None:
    one = known([Head(1_000, 0, 50_000), Head(1_001, 600, 50_600)])
    assert heads.accounted(one, End(300, 50_300), SKIP_MS, 0) == 1_001
    assert heads.accounted(one, End(300, 50_601), SKIP_MS, 0) is None
    assert heads.accounted(one, End(601, 50_300), SKIP_MS, 0) is None


def test_the_wait_counts_by_the_clock_that_makes_it_longer() -> None:
    one = known([Head(1_000, 0, 50_000), Head(1_001, 9_000, 59_000)])
    assert heads.accounted(one, End(100, 54_000), SKIP_MS, 0) == 1_001 + 2
    assert heads.accounted(one, End(4_000, 50_100), SKIP_MS, 0) == 1_001 + 2


def test_who_sees_a_release_hours_later_goes_by_the_chains_clock_but_for_what_a_producers_may_be_ahead() -> None:
    """All was stopped, the chain too, and is started again: nobody has given up heights in between."""
    hours, released = 2 * 3_600_000, 1_000_600
    stopped = (Head(100, 0, 1_000_000), Head(104, hours + 9_000, 1_000_000 + hours + 9_000))
    height = heads.accounted(stopped, End(hours, released), SKIP_MS, 0)
    assert height == 104 + heads.skips(600 + chain_clock.FUTURE_MS, SKIP_MS) < 104 + 30
    assert heads.accounted(stopped, End(hours), SKIP_MS, 0) == 104 + heads.skips(hours, SKIP_MS) > 1_000


@given(GAPS, st.integers(0, 200_000), st.integers(-chain_clock.FUTURE_MS, 0))
def test_a_clock_of_the_chain_that_is_behind_counts_nothing_short(gaps: list[int], end: int, error: int) -> None:
    blocks = [Head(block.height, block.made_at, 1_000_000 + block.made_at) for block in chain(gaps)]
    height = heads.accounted(known(blocks), End(end, 1_000_000 + end + error), SKIP_MS, 0)
    own = [block for block in blocks if block.made_at <= end][-1]
    assert height is None or doomslug(own.height, own.made_at, end) <= height


def _steady(ages: list[int]) -> heads.Heads:
    """Blocks of 600 ms, the last one at 6,000; of each the age of its own time."""
    first = 6_000 - BLOCK_MS * (len(ages) - 1)
    made = [first + BLOCK_MS * number - age for number, age in enumerate(ages)]
    return known([Head(1_000 + number, at, 1_000_000 + at) for number, at in enumerate(made)])


def test_how_far_the_chain_can_have_come_is_known_before_a_block_was_made_after_the_end() -> None:
    end = End(6_200, 1_006_200)
    assert heads.reachable(_steady([0] * 8), end, BLOCK_MS, 300) == 1_007 + 1
    assert heads.reachable(_steady([0] * 8), End(6_300, 1_006_300), BLOCK_MS, 300) == 1_007 + 2
    assert heads.reachable(_steady([600] * 8), end, BLOCK_MS, 300) == 1_007 + 2
    assert heads.accounted(_steady([0] * 8), end, SKIP_MS, 300) is None


def test_the_rate_is_the_configured_one_unless_the_chain_is_seen_to_be_faster() -> None:
    blocks = _steady([0, 600] * 12)
    assert heads.rate_ms(blocks, 600) == 600
    assert heads.rate_ms(blocks, 650) == 650, "nor is it told apart from what the blocks' own time does"
    assert 500 < (heads.rate_ms(blocks, 1_300) or 0) <= 600
    assert heads.rate_ms(blocks, 300) == 300, "a chain that is slower may catch up"
    assert heads.rate_ms(blocks[:11], 600) is None, "too few"
    assert heads.rate_ms(tuple(Head(one.height, one.made_at) for one in blocks), 600) is None


def test_a_clock_that_goes_back_tells_no_rate() -> None:
    assert heads.rate_ms(_steady([0] * 12 + [20_000] * 12), 600) is None


def test_a_producers_clock_that_is_ahead_is_outvoted() -> None:
    end = End(6_200, 1_006_200)
    assert heads.reachable(_steady([600] * 7 + [0]), end, BLOCK_MS, 300) == 1_007 + 2
    assert heads.reachable(_steady([1_200] * 7 + [0]), end, BLOCK_MS, 300) == 1_007 + 3


def test_blocks_after_the_end_and_records_or_blocks_without_a_time_bound_nothing() -> None:
    end = End(6_200, 1_006_200)
    blocks = _steady([0] * 8)
    assert heads.reachable(blocks[-2:], end, BLOCK_MS, 300) is None, "too few"
    assert heads.reachable(blocks, End(6_200), BLOCK_MS, 300) is None, "a record of before"
    assert heads.reachable(tuple(Head(one.height, one.made_at) for one in blocks), end, BLOCK_MS, 300) is None
    after = Head(1_008, 7_200, 1_007_200)
    assert heads.reachable((*blocks, after), end, BLOCK_MS, 300) == heads.reachable(blocks, end, BLOCK_MS, 300)


STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(0, 1_300)), min_size=8, max_size=20)


def fast_chain(steps: list[tuple[int, int, int]]) -> tuple[list[Head], list[Head]]:
    """As fast as doomslug lets it be: the blocks as they were made, and as they look by their own, older, time.

    Of each the heights that were given up before it, what it took beyond the shortest time, and the age of its time.
    Upon a block after a wait the next one may come at once: nobody has to wait for an approval.
    """
    made, shown = [Head(1_000, 0)], [Head(1_000, -600, 999_400)]
    waited = False
    for given_up, longer, age in steps:
        wait = sum(SKIP_MS + SKIP_MS // 10 * number for number in range(1, given_up + 1))
        at = made[-1].made_at + (wait if given_up else 0 if waited else BLOCK_MS) + longer
        waited = given_up > 0
        made.append(Head(made[-1].height + 1 + given_up, at))
        # No block is older than its parent.
        told = max(at - age, shown[-1].made_at)
        shown.append(Head(made[-1].height, told, 1_000_000 + told))
    return made, shown


@given(STEPS, st.integers(0, 30_000), st.integers(0, 1_500), st.integers(0, 20))
def test_nobody_has_approved_more_than_the_chain_can_have_come_and_one(
    steps: list[tuple[int, int, int]], end: int, later: int, cut_off: int
) -> None:
    made, shown = fast_chain(steps)
    seen = [one for block, one in zip(made, shown, strict=True) if block.made_at <= end + later]
    bound = heads.reachable(known(seen), End(end, 1_000_000 + end), BLOCK_MS, BLOCK_MS // 2)
    own = [block for block in made if block.made_at <= end][: cut_off + 1][-1]
    assert bound is None or doomslug(own.height, own.made_at, end) <= bound + 1


def test_a_head_that_is_older_than_it_seemed_takes_those_below_it_along() -> None:
    late = known([Head(1_000, 0), Head(1_001, 5_600, 9_000), Head(1_002, 1_200, 4_600)])
    assert [(head.made_at, head.born_ms) for head in late] == [(0, 4_600), (1_200, 4_600), (1_200, 4_600)]


def test_a_head_that_is_shown_again_is_as_old_as_it_ever_was_and_one_that_goes_back_is_none() -> None:
    twice = known([Head(1_000, 0), Head(1_001, 700), Head(1_001, 650), Head(1_001, 900), Head(990, 1_000)])
    assert twice == (Head(1_000, 0), Head(1_001, 650))


def test_only_the_newest_are_kept() -> None:
    assert len(known(chain([BLOCK_MS] * (heads.KEPT + 5)))) == heads.KEPT


@given(st.integers(0, 10**7), st.integers(100, 8_000))
def test_waits_are_never_counted_short(duration: int, skip_ms: int) -> None:
    """Nor are they on a clock that is one percent slow."""
    real = 0
    at = min(heads.LONGEST_WAIT_MS, skip_ms)
    while at <= duration:
        real += 1
        at += min(heads.LONGEST_WAIT_MS, skip_ms + real * (skip_ms // 10))
    assert real <= heads.skips(duration * 99 // 100 + 1, skip_ms)
    assert heads.skips(-5, skip_ms) == 0


# --- how fast the chain is


def steps(*pace_ms: int, each: int = 2) -> heads.Heads:
    """Heads that were asked for now and then, ``each`` heights apart, so many milliseconds for each height."""
    found, height, born = [Head(1_000, 0, 5_000_000)], 1_000, 5_000_000
    for pace in pace_ms:
        height, born = height + each, born + each * pace
        found.append(Head(height, born - 5_000_000, born))
    return tuple(found)


def test_the_pace_is_that_of_the_blocks_own_times() -> None:
    assert heads.pace_ms(steps(*[600] * 50)) == 600
    assert heads.pace_ms(steps(*[600] * 50, each=1)) == 600


def test_heights_that_are_given_up_do_not_make_it_slower() -> None:
    assert heads.pace_ms(steps(*[600, 1_500, 1_500] * 15)) == 600
    assert heads.pace_ms(steps(*[600] * 45, 3_600_000)) == 600, "a halt"


@pytest.mark.parametrize("count", [0, 1, 38])
def test_a_few_heads_tell_no_pace(count: int) -> None:
    assert heads.pace_ms(steps(*[600] * count)) is None
    assert heads.pace_ms(()) is None


def test_blocks_without_a_time_tell_none() -> None:
    assert heads.pace_ms(tuple(Head(number, number) for number in range(1, 60))) is None


@pytest.mark.parametrize(
    ("pace_ms", "wrong"), [(600, False), (481, False), (719, False), (470, True), (730, True), (1_300, True)]
)
def test_a_configuration_with_another_block_time_is_a_reason_that_does_not_block(pace_ms: int, wrong: bool) -> None:
    play = Play().to_voting()
    for number in range(1, 60):
        play.now += pace_ms
        play.poll(born_ms=1_700_000_000_000 + number * pace_ms)
    reason = next((one for one in readiness.reasons(play.node) if one.name == "block_time"), None)
    assert (reason is not None) is wrong
    assert not readiness.unready(play.node)
    if reason is not None:
        assert not reason.blocks
        assert f"{pace_ms} ms for a height" in reason.text
        assert "min_block_production_delay of neard's config.json says 600 ms" in reason.text
        assert ("slow at the moment" in reason.text) is (pace_ms > 600)
