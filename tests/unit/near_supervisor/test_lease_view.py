"""Rules 2 and 3 of the safety rule, as a table: what was seen, how long ago, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.lease import FOREIGN_WAIT_MS
from near_supervisor.core.facts.lease_view import How, Seen, Try, Watch, look, verdict
from support.core_play import SETTINGS, D, Play, held, record, released

MISSING = Seen(None)
VACANT = Seen(40, record(node_id="", state=LeaseState.VACANT), "", None)
FOREIGN_LOCKED = Seen(9, None, "node", "session-k")
FOREIGN_GONE = Seen(9, None, "node", None)
SESSION_DESTROYED = replace(held(), session=None)


@pytest.mark.parametrize(
    ("seen", "waited", "how"),
    [
        pytest.param(MISSING, 0, How.VACANT, id="a missing key is noted, for it cannot be waited out"),
        pytest.param(VACANT, D - 1, None, id="a vacancy is waited out"),
        pytest.param(VACANT, D, How.TAKEOVER, id="a vacancy, after D"),
        pytest.param(released(), 0, How.RELEASED, id="a clean release: at once"),
        pytest.param(released(handover_to="a"), 0, How.RELEASED, id="released to this node: at once"),
        pytest.param(released(handover_to="c"), D - 1, None, id="released to another: it goes first"),
        pytest.param(released(handover_to="c"), D, How.RELEASED, id="released to another that does not take it"),
        pytest.param(held(), D - 1, None, id="a holder that was heard of"),
        pytest.param(held(), D, How.TAKEOVER, id="a silent holder"),
        pytest.param(held(lease_ms=2 * D), 2 * D - 1, None, id="a holder with a longer lease than ours"),
        pytest.param(held(lease_ms=2 * D), 2 * D, How.TAKEOVER, id="the longer lease is over"),
        pytest.param(held(lease_ms=D // 2), D - 1, None, id="a shorter lease than ours does not shorten the wait"),
        pytest.param(SESSION_DESTROYED, D - 1, None, id="a record without a session is no short cut"),
        pytest.param(SESSION_DESTROYED, D, How.TAKEOVER, id="a record without a session, after D"),
        pytest.param(FOREIGN_LOCKED, 100 * D, None, id="kuutamod with a live session, however silent"),
        pytest.param(FOREIGN_GONE, FOREIGN_WAIT_MS - 1, None, id="kuutamod may take 90 s to stop"),
        pytest.param(FOREIGN_GONE, FOREIGN_WAIT_MS, How.TAKEOVER, id="kuutamod is surely gone"),
    ],
)
def test_verdict(seen: Seen, waited: int, how: How | None) -> None:
    answer = verdict(Watch(seen, 1_000), SETTINGS, 0, 1_000 + waited)
    if how is None:
        assert answer is None
    else:
        assert isinstance(answer, Try)
        assert (answer.how, answer.index) == (how, seen.index)


def test_nothing_was_seen_yet() -> None:
    assert verdict(None, SETTINGS, 0, 10**9) is None


def test_a_deleted_record_is_waited_out_for_the_longest_lease_ever_seen() -> None:
    assert verdict(Watch(VACANT, 0), SETTINGS, 3 * D, 3 * D - 1) is None
    assert isinstance(verdict(Watch(VACANT, 0), SETTINGS, 3 * D, 3 * D), Try)


@pytest.mark.parametrize("seen", [held(), replace(held(), session=None)])
def test_a_record_that_is_there_speaks_for_itself(seen: Seen) -> None:
    """A lease that was lowered, or a forged one that is gone, keeps nobody waiting for longer than it says."""
    assert verdict(Watch(seen, 0), SETTINGS, 360 * D, D - 1) is None
    assert isinstance(verdict(Watch(seen, 0), SETTINGS, 360 * D, D), Try)


def test_an_index_that_comes_a_second_time_is_another_write() -> None:
    """Consul was restored on new servers, which count on from the snapshot: the holder beats at an index of before."""
    first = look(None, held(60), 0)
    again = replace(held(60), record=record(seq=500))
    assert verdict(first, SETTINGS, 0, D) is not None
    assert verdict(look(first, again, D, highest=60), SETTINGS, 0, D) is None
    assert look(first, held(60), D, highest=60) is first


@pytest.mark.parametrize("doubted_first", [False, True])
def test_what_is_believed_of_one_write_changes_without_another(doubted_first: bool) -> None:
    believed = held(60)
    doubted = replace(believed, record=None, claim=believed.record, doubt="is put back from long ago")
    first, then = (doubted, believed) if doubted_first else (believed, doubted)
    assert look(look(None, first, 0), then, D).since == 0


def test_a_history_that_turned_back_does_not() -> None:
    assert verdict(Watch(held(), 0, turned_back=True), SETTINGS, 3 * D, 3 * D - 1) is None


def test_a_release_in_a_history_that_turned_back_may_be_long_over() -> None:
    turned = look(look(None, held(60), 0), released(), 1_000, highest=60)
    assert turned.turned_back
    assert verdict(turned, SETTINGS, 0, 1_000 + D - 1) is None
    assert isinstance(verdict(turned, SETTINGS, 0, 1_000 + D), Try)


def test_an_index_that_was_turned_back_is_not_forgotten_where_there_was_no_key() -> None:
    """1000, gone, 50: released, and long over."""
    play = Play().to_voting()
    for seen in (held(1_000), MISSING, released()):
        play.shows_chain = True
        play.do(ev.LeaseSeen(seen), after=10)
    assert play.node.candidate.watch is not None
    assert play.node.candidate.watch.turned_back
    assert not [command for _, command in play.log if isinstance(command, cmd.Acquire)]
    play.do(ev.LeaseSeen(held(51)), after=10)
    play.do(ev.LeaseSeen(replace(released(), index=52)), after=10)
    assert not play.node.candidate.watch.turned_back, "the history that is there now counts"


def test_the_largest_index_is_kept_for_the_next_process_now_and_then() -> None:
    play = Play().to_voting()
    assert play.one(cmd.KeepIndex, play.do(ev.LeaseSeen(held(1_000)))) == cmd.KeepIndex(1_000, 7)
    assert not play.one(cmd.KeepIndex, play.do(ev.LeaseSeen(held(1_001)), after=1_000))
    assert play.one(cmd.KeepIndex, play.do(ev.LeaseSeen(held(1_060)), after=60_000)) == cmd.KeepIndex(1_060, 7)
    assert play.one(cmd.KeepIndex, play.do(ev.LeaseSeen(held(700)), after=1_000)) == cmd.KeepIndex(700, 7), (
        "turned back"
    )
    news = play.do(ev.LeaseSeen(held(701, term=8)), after=1_000)
    assert play.one(cmd.KeepIndex, news) == cmd.KeepIndex(701, 8), "a new term"
    later = Play(replace(Play().node, believed=replace(Play().node.believed, index=1_060))).to_voting()
    later.do(ev.LeaseSeen(released()))
    assert later.node.candidate.watch is not None
    assert later.node.candidate.watch.turned_back


@pytest.mark.parametrize(
    ("second", "since"),
    [
        pytest.param(held(50), 1_000, id="the same index: the clock goes on"),
        pytest.param(held(51), 5_000, id="a heartbeat starts it again"),
        pytest.param(replace(held(50), session=None), 5_000, id="a lost session starts it again"),
        pytest.param(MISSING, 5_000, id="a deleted key starts it again"),
    ],
)
def test_the_wait_is_counted_from_the_last_change(second: Seen, since: int) -> None:
    assert look(look(None, held(50), 1_000), second, 5_000).since == since
