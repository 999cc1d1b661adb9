"""A signer that is to sign no more gives its key up while it runs: what proves it, and what follows without a proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_ha.records.states import State
from near_ha.records.switchover import Action, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.core.facts.neard import Guard
from near_supervisor.core.facts.settings import Strategy
from near_supervisor.core.facts.sync import Sample
from support.core_play import D, held, released, sample
from unit.near_supervisor.test_hot_takeover import HOT, ME, HotPlay, play


def leaving() -> HotPlay:
    """A hot signer that was told to stop, and whose key is being taken away."""
    it = play().to_confirmed()
    assert it.one(cmd.DisarmNeard, it.do(ev.StopAsked("SIGTERM"), after=3_000)) == cmd.DisarmNeard(100)
    return it


def asked_to_hand_over() -> HotPlay:
    """The same, on the way to a successor."""
    it = play().to_confirmed()
    assert it.node.leadership is not None
    it.node = replace(it.node, leadership=it.node.leadership.to_be_released("switchover to b", "b"))
    assert it.one(cmd.DisarmNeard, it.do(ev.Tick(), after=3_000)) == cmd.DisarmNeard(100)
    return it


def test_it_is_seen_without_its_key_and_only_then_is_the_lease_released() -> None:
    it = asked_to_hand_over()
    assert it.node.armed
    assert not it.poll(shows_key=True)
    assert it.one(cmd.ConfirmDisarmed, it.poll(shows_key=False)) == cmd.ConfirmDisarmed(100)
    assert it.node.armed, "the guard has not said it yet"
    assert not it.ever(cmd.Release)
    out = it.do(ev.NeardDisarmed(100))
    release = it.one(cmd.Release, out)
    assert isinstance(release, cmd.Release)
    assert (release.record.state, release.record.handover_to) == (LeaseState.RELEASED, "b")
    assert (release.record.final, release.record.height) == (True, it.height + 1)
    assert not it.ever(cmd.StopNeard)
    assert not it.ever(cmd.KillNeard)
    assert it.node.state is not State.VALIDATING


def test_also_one_that_shuts_down_has_told_how_far_it_came_before_its_neard_is_stopped() -> None:
    it = leaving()
    it.poll(shows_key=False)
    out = it.do(ev.NeardDisarmed(100))
    assert it.one(cmd.StopNeard, out)
    release = it.one(cmd.Release, out)
    assert isinstance(release, cmd.Release)
    assert (release.record.final, release.record.height) == (True, it.height + 1)


def test_it_begins_to_hand_over_in_the_first_half_of_a_slot_so_that_it_is_over_before_the_next_block() -> None:
    """A real block is a block time old when it comes: what waited for a younger one waited in vain."""
    it = play().to_confirmed()
    request = Switchover("r1", Action.PROMOTE, "b", "me", "", 0, term=8)
    accepted = request.accepted("a", 8, "b", 0, "")
    it.wait(it.node.settings.block_time_ms)
    it.poll(shows_key=True, head_age_ms=600)
    it.now += 300
    assert not it.one(cmd.DisarmNeard, it.do(ev.RequestSeen(70, accepted)))
    it.now += 250
    assert it.one(cmd.DisarmNeard, it.poll(shows_key=True, head_age_ms=600))


def test_what_it_was_asked_before_proves_nothing() -> None:
    it = play().to_confirmed()
    asked_at = it.now
    it.do(ev.StopAsked("SIGTERM"), after=100)
    late = ev.Polled(100, asked_at, says(it, shows_key=False))
    assert not it.one(cmd.ConfirmDisarmed, it.do(late))


def says(it: HotPlay, *, shows_key: bool) -> Sample:
    return replace(sample(it.height), shows_key=shows_key, **ME)  # type: ignore[arg-type]


def test_an_answer_from_before_does_not_condemn_the_standby_that_it_is_now() -> None:
    it = asked_to_hand_over()
    asked_at = it.now
    it.poll(shows_key=False)
    it.do(ev.NeardDisarmed(100), after=5)
    assert not it.one(cmd.KillNeard, it.do(ev.Polled(100, asked_at, says(it, shows_key=True))))
    assert it.one(cmd.KillNeard, it.poll(shows_key=True)), "but one from after it does"


def test_what_cannot_be_proved_is_ended() -> None:
    it = leaving()
    it.poll(shows_key=False)
    assert it.one(cmd.KillNeard, it.do(ev.DisarmRefused(100, "too late")))
    assert it.node.armed
    assert not it.ever(cmd.Release)
    release = it.one(cmd.Release, it.do(ev.NeardExited(100, "signal 9 (SIGKILL)")))
    assert isinstance(release, cmd.Release)
    assert not release.record.final, "of what it may have seen last nobody knows"


def test_its_heights_are_bounded_as_before_though_nobody_asks_for_its_metrics_any_more() -> None:
    it = asked_to_hand_over()
    polls = [command for _, command in it.log if isinstance(command, cmd.PollNeard)]
    before = it.node.chain.heads
    it.poll(it.height, shows_key=False)
    assert [command for _, command in it.log if isinstance(command, cmd.PollNeard)][len(polls) :] == []
    assert it.node.chain.heads == before


@pytest.mark.parametrize(
    ("strategy", "shows"), [(Strategy.RESTART, True), (Strategy.AUTO, False)], ids=["restart", "no key is shown"]
)
def test_one_that_cannot_be_seen_to_give_it_up_is_stopped(strategy: Strategy, shows: bool) -> None:
    it = play().to_confirmed()
    assert it.node.neard is not None
    neard = replace(it.node.neard, shows_key=shows, key_given_at=None)
    it.node = replace(it.node, neard=neard, settings=replace(HOT, strategy=strategy))
    out = it.do(ev.StopAsked("SIGTERM"))
    assert it.one(cmd.StopNeard, out)
    assert not it.one(cmd.DisarmNeard, out)


def test_on_the_way_out_the_lease_is_free_before_neard_has_ended() -> None:
    it = leaving()
    it.poll(shows_key=False)
    out = it.do(ev.NeardDisarmed(100))
    assert it.one(cmd.Release, out)
    assert it.one(cmd.StopNeard, out) == cmd.StopNeard("this node is shutting down")
    it.do(ev.ReleaseAnswered(YES))
    assert it.node.closing is not None
    assert not it.node.closing.left
    assert it.one(cmd.Exit, it.do(ev.NeardExited(100, "exit code 0"))) == cmd.Exit(0)


def test_somebody_who_asks_twice_has_it_killed() -> None:
    it = leaving()
    assert it.one(cmd.KillNeard, it.do(ev.StopAsked("SIGTERM")))


def test_it_is_started_afresh_as_soon_as_another_one_has_the_lease() -> None:
    """It outbids its successor's AccountData with its own otherwise (sim-vs-real H6), within 17 ms on neard 2.13.0."""
    it = asked_to_hand_over()
    it.poll(shows_key=False)
    it.do(ev.NeardDisarmed(100))
    it.do(ev.ReleaseAnswered(YES))
    assert not it.ever(cmd.StopNeard)
    out = it.do(ev.LeaseSeen(held(100 + it.height, term=9)))
    assert it.one(cmd.StopNeard, out)


def test_nobody_has_the_lease_so_it_stays_and_takes_the_lease_back() -> None:
    it = asked_to_hand_over()
    it.poll(shows_key=False)
    it.do(ev.NeardDisarmed(100))
    it.do(ev.ReleaseAnswered(YES))
    it.do(ev.LeaseSeen(released(node_id="a", hostname="host-a", handover_to="b", term=9, height=it.height)))
    it.wait(3 * D)
    assert not it.ever(cmd.StopNeard)


def test_a_supervisor_that_comes_after_it_releases_the_lease_of_what_gave_its_key_up() -> None:
    it = leaving()
    leadership = it.node.leadership
    assert leadership is not None
    fresh = play()
    fresh.now = it.now
    fresh.do(ev.Tick())
    memory = SavedState(leadership.session, leadership.term, leadership.floor.height)
    out = fresh.do(ev.GuardReady(100, armed=False, memory=memory, ended="it gave its key up"))
    assert fresh.node.guard is Guard.READY
    assert fresh.one(cmd.Release, out)
    assert fresh.node.neard is not None
    assert not fresh.node.neard.armed
