"""The doppelganger check: whoever else is seen to sign keeps this node from it; nothing that is seen allows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.history import Kind
from near_ha.records.switchover import Action, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.doppelganger import Doppelganger, Look, Mark, fold, is_quiet
from near_supervisor.core.facts.duty import Duty
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.settings import Strategy
from near_supervisor.core.facts.signing_check import Counted
from near_supervisor.core.rules.doppelganger import BLIND_LEASES, PATIENCE_MS, SAY_AGAIN_MS
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS, D, Play, held, standby

FLOOR = 1_002
APPROVAL = "an approval"
BLOCK_MS = 600


def counts(blocks: int, chunks: int, endorsements: int, start: int = 0) -> Counted:
    return Counted(start, tuple(Duty(1_000, made) for made in (blocks, chunks, endorsements)))


BEFORE = counts(4, 50, 500)


def holder(**settings: object) -> Play:
    """It holds the lease of term 8, the first heartbeat has succeeded, and neard has not shown its blocks yet."""
    play = Play(Node(replace(SETTINGS, **settings)), shows_chain=False)  # type: ignore[arg-type]
    play.to_leadership()
    assert play.one(cmd.ProbeChain, [command for _, command in play.log]) == cmd.ProbeChain(FLOOR, counters=False)
    assert not play.one(cmd.StopNeard, play.heartbeat()), "it has not looked yet"
    return play


def show(play: Play, mark: Mark | None, counted: Counted | None = None) -> list[cmd.Command]:
    """The answer to the question that was asked last."""
    assert play.node.doppelganger is not None
    assert play.node.doppelganger.reading
    above = play.node.doppelganger.above
    return play.do(ev.ChainProbed(above, Look(above, play.height, mark, counted)))


def vetoed(**settings: object) -> Play:
    """Somebody else has approved the newest block."""
    play = holder(**settings)
    out = show(play, Mark(play.height, APPROVAL))
    assert not play.one(cmd.StopNeard, out)
    return play


def lives_on(play: Play, duration: int, *, seen: bool) -> list[cmd.Command]:
    """A block each block time, of which every one is marked or none; Consul and neard answer."""
    out: list[cmd.Command] = []
    for _ in range(duration // BLOCK_MS):
        out += play.wait(BLOCK_MS)
        out += play.poll()
        if play.node.doppelganger is not None and play.node.doppelganger.reading:
            out += show(play, Mark(play.height, APPROVAL) if seen else None)
        if play.node.leadership is not None and play.node.leadership.beating:
            out += play.heartbeat()
    return out


def shouts(out: list[cmd.Command]) -> list[str]:
    return [one.message for one in out if isinstance(one, cmd.Log) and "SOMEBODY ELSE" in one.message]


# --- before signing


def test_who_sees_nothing_signs_at_once() -> None:
    play = holder()
    assert play.one(cmd.StopNeard, show(play, None))


def test_a_neard_that_does_not_show_its_blocks_holds_nothing_up() -> None:
    play = holder()
    assert play.one(cmd.StopNeard, play.do(ev.ChainProbed(FLOOR, None)))


def test_an_answer_is_not_waited_for_for_long() -> None:
    play = holder()
    assert not play.one(cmd.StopNeard, play.wait(PATIENCE_MS - 1))
    assert play.one(cmd.StopNeard, play.wait(1))


def test_a_late_answer_still_holds_back_who_does_not_sign_yet() -> None:
    play = holder()
    assert play.one(cmd.StopNeard, play.wait(PATIENCE_MS))
    assert shouts(show(play, Mark(play.height, APPROVAL)))
    out = play.do(ev.NeardExited(100, "exit code 0"))
    assert play.one(cmd.StartNeard, out) in (None, cmd.StartNeard(armed=False)), "as a standby, if at all"


def test_an_answer_that_comes_too_late_is_said() -> None:
    play = holder()
    play.wait(PATIENCE_MS)
    play.do(ev.NeardExited(100, "exit code 0"))
    assert play.node.starts.armed
    (text,) = shouts(show(play, Mark(1_001, APPROVAL)))
    assert "too late" in text
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason, "who would take over would sign, too"


def test_what_this_node_has_signed_itself_since_it_asked_is_nobody_elses() -> None:
    play = holder()
    play.wait(PATIENCE_MS)
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    play.poll()
    assert not shouts(show(play, Mark(play.height, APPROVAL)))
    assert play.node.doppelganger is not None
    assert play.node.doppelganger.mark is None


def test_what_is_seen_of_other_heights_is_no_answer() -> None:
    play = holder()
    assert not play.do(ev.ChainProbed(FLOOR - 1, Look(FLOOR - 1, 1_001, Mark(FLOOR, APPROVAL))))
    assert play.one(cmd.StopNeard, show(play, None))


def test_hot_waits_for_the_answer_too() -> None:
    play = holder(strategy=Strategy.HOT, keeps_shards_of="*")
    play.wait(PATIENCE_MS // 2)
    play.poll(version="2.7.0")
    assert not play.node.armed
    play.wait(PATIENCE_MS)
    assert play.node.leadership is not None
    assert play.node.leadership.cleared


# --- the veto


def test_somebody_else_keeps_this_node_from_signing_and_is_shouted_about() -> None:
    play = vetoed()
    (text,) = shouts([command for _, command in play.log])
    assert f"block {play.height} has an approval" in text
    assert "promote a --ignore-doppelganger" in text
    out = lives_on(play, 2 * SAY_AGAIN_MS, seen=True)
    assert not play.one(cmd.StopNeard, out)
    assert len(shouts(out)) == 2, "every thirty seconds"
    assert play.node.leadership is not None
    assert play.node.leadership.floor.height == play.height, "what was signed stays signed, by whomever"


def test_the_lease_names_what_was_seen() -> None:
    play = vetoed()
    out = play.wait(D // 10)
    beat = play.one(cmd.Heartbeat, out)
    assert isinstance(beat, cmd.Heartbeat)
    assert beat.record.height >= play.height


def test_it_signs_when_nobody_was_seen_for_a_lease() -> None:
    play = vetoed()
    lives_on(play, SAY_AGAIN_MS, seen=True)
    assert not play.one(cmd.StopNeard, lives_on(play, D - BLOCK_MS, seen=False))
    assert play.one(cmd.StopNeard, lives_on(play, 2 * BLOCK_MS, seen=False))
    assert "nobody else has been seen to sign" in play.said()


def test_a_chain_that_stands_still_shows_nobodys_end() -> None:
    play = vetoed(chain_may_stand_still=True, height_patience_ms=0)
    for _ in range(3 * D // 1_000):
        play.wait(1_000)
        play.poll(play.height)
        play.heartbeat()
    assert play.node.leadership is not None
    assert not play.node.leadership.cleared


def test_quiet_is_a_lease_and_two_blocks() -> None:
    doppelganger = Doppelganger(FLOOR, head=FLOOR + 2, mark=Mark(FLOOR, APPROVAL), seen_at=5_000)
    assert is_quiet(doppelganger, D, 5_000 + D)
    assert not is_quiet(doppelganger, D, 5_000 + D - 1)
    assert not is_quiet(replace(doppelganger, head=FLOOR + 1), D, 5_000 + D)


def test_it_is_shown_where_people_look() -> None:
    play = vetoed()
    shown = Snapshot(play.node, play.now, 0).status()
    assert shown["foreign"] is True
    (reason,) = [one for one in shown["readiness"] if one["name"] == "doppelganger"]
    assert (reason["blocks"], f"block {play.height}" in reason["text"]) == (False, True)
    lives_on(play, 2 * D, seen=False)
    assert Snapshot(play.node, play.now, 0).status()["foreign"] is False


# --- counters: of a validator that makes no blocks there is nothing else


def watching() -> Play:
    """It has waited for a silent holder, and has read the counters once, when all that this one signed was in them."""
    play = Play(Node(replace(SETTINGS, block_time_ms=300)), shows_chain=False).to_voting()
    play.do(ev.LeaseSeen(held(height=play.height - 11)))
    gone_at = play.now + lease.longest_hold_ms(D) + 300 // 2
    while play.now < gone_at:
        assert not play.one(cmd.ProbeChain, play.two_heads(head_age_ms=0)), "it may still sign"
    above = play.height - 1
    assert play.one(cmd.ProbeChain, play.two_heads(head_age_ms=0)) == cmd.ProbeChain(above, counters=True)
    show(play, Mark(play.height, APPROVAL), BEFORE)
    assert "doppelganger" not in play.node.against, "whoever holds the lease may sign"
    assert not play.one(cmd.ProbeChain, play.poll()), "once is enough"
    assert play.one(cmd.Acquire, play.wait(D))
    out = play.do(ev.AcquireAnswered(YES))
    assert play.one(cmd.ProbeChain, out) == cmd.ProbeChain(above, counters=True)
    return play


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        pytest.param(BEFORE, "", id="as before"),
        pytest.param(None, "", id="not told"),
        pytest.param(counts(4, 51, 500), "1 chunks more than before", id="a chunk"),
        pytest.param(counts(4, 50, 507), "7 endorsements more than before", id="endorsements"),
        pytest.param(counts(0, 3, 7, start=995), "", id="a new epoch counts from zero"),
        pytest.param(Counted(0, ()), "", id="no seat any more"),
    ],
)
def test_a_count_that_goes_on_is_somebody_else(counted: Counted | None, words: str) -> None:
    play = watching()
    play.heartbeat()
    out = show(play, None, counted)
    assert bool(play.one(cmd.StopNeard, out)) is not bool(words)
    assert all(words in text for text in shouts(out))
    assert bool(shouts(out)) is bool(words)


def test_counters_are_compared_only_when_all_before_was_counted() -> None:
    """At the first block above the floor the predecessor's last endorsement may be missing."""
    early = fold(Doppelganger(FLOOR), Look(FLOOR, FLOOR + 1, None, BEFORE), 0)
    assert fold(early, Look(FLOOR, FLOOR + 2, None, counts(4, 50, 501)), 0).mark is None
    settled = fold(Doppelganger(FLOOR), Look(FLOOR, FLOOR + 2, None, BEFORE), 0)
    assert fold(settled, Look(FLOOR, FLOOR + 3, None, counts(4, 50, 501)), 0).mark == Mark(
        FLOOR + 3, "1 endorsements more than before"
    )


def test_each_look_is_compared_with_the_one_before() -> None:
    doppelganger = fold(Doppelganger(FLOOR), Look(FLOOR, FLOOR + 2, None, BEFORE), 0)
    doppelganger = fold(doppelganger, Look(FLOOR, FLOOR + 3, None, counts(4, 50, 501)), 1_000)
    doppelganger = fold(doppelganger, Look(doppelganger.above, FLOOR + 4, None, counts(4, 50, 501)), 2_000)
    assert (doppelganger.seen_at, doppelganger.head) == (1_000, FLOOR + 4)


# --- a person's word


def request(**changes: object) -> Switchover:
    base = Switchover("r1", Action.PROMOTE, "a", "ops", "the old host is scrap", 0, 8, ignore_doppelganger=True)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_person_can_overrule_it_and_answers_for_it_in_the_history() -> None:
    play = vetoed()
    floor = play.height
    play.do(ev.RequestSeen(5, request()))
    assert "overruled by ops" in play.said()
    out = play.poll()
    assert play.one(cmd.StopNeard, out), f"above {floor}, as the height rule wants it"
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    change = play.one(cmd.RecordChange, play.poll())
    assert isinstance(change, cmd.RecordChange)
    assert change.change.kind is Kind.RELEASE
    assert change.change.reason.startswith(
        f"the doppelganger check was overruled by ops: block {floor} has an approval"
    )


def test_overruled_beforehand_it_is_still_looked_and_told() -> None:
    play = holder()
    play.do(ev.RequestSeen(5, request()))
    show(play, Mark(play.height, APPROVAL))
    assert "overruled by ops" in play.said()
    assert not shouts([command for _, command in play.log])


@pytest.mark.parametrize("changes", [{"target": "b"}, {"ignore_doppelganger": False, "force": True}])
def test_no_other_request_overrules_it(changes: dict[str, object]) -> None:
    play = vetoed()
    play.do(ev.RequestSeen(5, request(**changes)))
    assert not play.one(cmd.StopNeard, lives_on(play, D // 2, seen=True))
    assert play.node.leadership is not None
    assert not play.node.leadership.overruled


def test_nobody_is_asked_while_the_holder_lives() -> None:
    """Its record covers what it may sign; a standby has nothing to look at."""
    play = Play(shows_chain=False).to_voting()
    out: list[cmd.Command] = []
    for number in range(20):
        out += play.do(ev.LeaseSeen(held(50 + number, height=play.height + 10)), after=1_000)
        out += play.poll()
    assert not play.one(cmd.ProbeChain, out)


def test_who_gives_the_lease_away_looks_at_nothing() -> None:
    play = vetoed()
    accepted = request(target="b", ignore_doppelganger=False).accepted("a", 8, "b", 0)
    play.do(ev.RequestSeen(6, accepted))
    assert play.node.leadership is not None
    assert play.node.leadership.release.reason
    assert not play.one(cmd.ProbeChain, play.poll())


# --- a veto without an end


def blind(play: Play, duration: int) -> list[cmd.Command]:
    """neard answers, but for its blocks."""
    out: list[cmd.Command] = []
    for _ in range(duration // BLOCK_MS):
        out += play.wait(BLOCK_MS)
        out += play.poll()
        if play.node.doppelganger is not None and play.node.doppelganger.reading:
            out += play.do(ev.ChainProbed(play.node.doppelganger.above, None))
        if play.node.leadership is not None and play.node.leadership.beating:
            out += play.heartbeat()
    return out


@pytest.mark.parametrize("ready", [True, False])
def test_whoever_cannot_see_whether_it_goes_on_leaves_the_lease_to_another_one(ready: bool) -> None:
    play = vetoed()
    out = blind(play, BLIND_LEASES * D - 2 * BLOCK_MS)
    assert not play.one(cmd.ReadMembers, out)
    assert play.one(cmd.ReadMembers, blind(play, 3 * BLOCK_MS))
    out = play.do(ev.MembersSeen(play.now, (standby("b", ready=ready),)))
    assert bool(play.one(cmd.Release, out)) is ready
    assert not play.one(cmd.StopNeard, blind(play, 3 * D)), "it does not sign in any case"


def test_whoever_sees_that_it_goes_on_keeps_it() -> None:
    play = vetoed()
    play.do(ev.MembersSeen(play.now, (standby("b"),)))
    assert not play.one(cmd.Release, lives_on(play, 2 * BLIND_LEASES * D, seen=True))
