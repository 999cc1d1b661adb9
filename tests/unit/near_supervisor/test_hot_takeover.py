"""Strategy hot: the key for a neard that runs, when that can be, and what follows when neard does not take it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_ha.records.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import hot_takeover
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.model import Cluster, Node
from near_supervisor.core.facts.settings import Settings, Strategy
from near_supervisor.core.machine import step
from support.core_play import NO, SETTINGS, Play, released, sample

HOT = replace(SETTINGS, strategy=Strategy.HOT, validator_account_id="pool.near", keeps_shards_of="pool.near")
ME = {"version": "2.10.0", "chain_id": "mainnet"}


class HotPlay(Play):
    """A play whose neard says who it is."""

    def poll(self, height: int | None = None, **changes: object) -> list[cmd.Command]:
        return super().poll(height, **{**ME, **changes})

    def ever(self, kind: type) -> bool:
        """Was there ever such a command?"""
        return any(isinstance(command, kind) for _, command in self.log)

    def to_armed(self) -> HotPlay:
        """The lease is held, and neard was just given the key."""
        self.to_voting()
        self.wait(hot_takeover.SETTLED_MS)
        self.poll()
        assert self.one(cmd.Acquire, self.do(ev.LeaseSeen(released())))
        self.do(ev.AcquireAnswered(YES))
        self.two_heads(head_age_ms=0)
        given = self.one(cmd.ArmNeard, self.heartbeat())
        assert self.node.leadership is not None
        assert given == cmd.ArmNeard(100, self.node.leadership.deadline or 0)
        return self

    def to_confirmed(self) -> HotPlay:
        self.to_armed()
        self.do(ev.NeardArmed(100), after=5)
        self.poll(target=self.height + 2, shows_key=True)
        return self


def play(settings: Settings = HOT) -> HotPlay:
    return HotPlay(Node(settings))


def test_neard_goes_on_and_is_given_the_key() -> None:
    it = play().to_armed()
    assert not it.ever(cmd.StopNeard)
    assert not [command for _, command in it.log if isinstance(command, cmd.StartNeard) and command.armed]


def test_the_rules_of_a_signer_are_asked_in_the_step_that_makes_it_one() -> None:
    """Its state says so a moment later; found by the simulation, profile safety, seed 3002846."""
    it = HotPlay(replace(Node(HOT), cluster=Cluster(standby_ready=True))).to_armed()
    assert step(it.node, ev.Tick(), it.now) == (it.node, [])


def test_it_is_armed_from_the_moment_the_guard_is_asked() -> None:
    it = play().to_armed()
    assert it.node.armed
    assert it.node.state.value == "Voting", "nobody is told so before the key is in place"
    it.do(ev.NeardArmed(100), after=60)
    assert it.node.state is State.VALIDATING
    # A lease that is gone before the guard has answered ends it.
    assert it.one(cmd.KillNeard, it.heartbeat(NO))


def test_heartbeats_that_succeeded_meanwhile_reach_the_guard_once_it_has_armed() -> None:
    it = play().to_armed()
    it.heartbeat()
    moved = it.one(cmd.MoveDeadline, it.do(ev.NeardArmed(100), after=5))
    assert it.node.leadership is not None
    assert moved == cmd.MoveDeadline(it.node.leadership.deadline or 0)


def test_it_signs_once_neard_shows_the_key_and_not_before() -> None:
    it = play().to_armed()
    it.do(ev.NeardArmed(100), after=5)
    it.poll(target=1)
    assert not it.ever(cmd.RecordChange), "confirmed too early"
    assert it.one(cmd.RecordChange, it.poll(target=it.height + 2, shows_key=True))


def test_neard_is_asked_all_the_time_until_it_shows_the_key() -> None:
    it = play().to_armed()
    it.poll(target=1)
    assert it.one(cmd.PollNeard, it.wait(30))


def test_a_neard_that_does_not_show_it_is_ended_and_the_lease_given_back() -> None:
    it = play().to_armed()
    it.do(ev.NeardArmed(100), after=5)
    out = it.wait(hot_takeover.CONFIRM_MS)
    assert it.one(cmd.StopNeard, out)
    assert not it.one(cmd.Release, out), "armed until it has ended"
    let_go = it.one(cmd.Release, it.do(ev.NeardExited(100, "exit code 0"), after=200))
    assert isinstance(let_go, cmd.Release)
    assert let_go.record.state is LeaseState.RELEASED
    # It may have signed all that while.
    assert let_go.record.height >= it.height + 1 + 2, "two waits of doomslug fit in"


def failed(it: HotPlay) -> HotPlay:
    """The neard that did not take the key has ended, and the lease is given back."""
    it.wait(hot_takeover.CONFIRM_MS)
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.ReleaseAnswered(YES))
    return it


def test_after_a_failure_a_fresh_neard_is_tried_and_after_two_it_is_started_with_the_key() -> None:
    it = failed(play().to_armed())
    assert (it.node.hot.count, hot_takeover.against(replace(it.node, neard=play().to_armed().node.neard))) == (1, "")
    again = play().to_armed()
    again.node = replace(again.node, hot=replace(again.node.hot, count=1))
    failed(again)
    assert again.node.hot.count == hot_takeover.TRIES
    assert "has failed 2 times: neard did not show the key" in hot_takeover.against(again.node)
    assert "this node's next takeover starts neard anew" in again.said()


def test_a_failure_of_before_does_not_end_the_next_try() -> None:
    it = play()
    it.node = replace(it.node, hot=replace(it.node.hot, reason="neard did not show the key within 5 s", count=1))
    it.to_armed()
    assert not it.one(cmd.StopNeard, it.poll(target=1))
    it.do(ev.NeardArmed(100), after=5)
    it.poll(target=it.height + 2, shows_key=True)
    assert (it.node.hot.reason, it.node.hot.count) == ("", 0)


def test_whose_neard_ends_before_it_has_the_key_gives_the_lease_back() -> None:
    """Starting one with the key would be refused after a silent loss, and another standby has one that runs."""
    it = play()
    it.to_voting()
    it.do(ev.LeaseSeen(released()))
    it.do(ev.AcquireAnswered(YES))
    it.two_heads(head_age_ms=0)
    it.node = replace(it.node, neard=replace(it.node.neard, answered_at=it.now))  # type: ignore[type-var]
    it.heartbeat()
    assert it.node.promoting
    assert not it.ever(cmd.ArmNeard), "a neard that has just come up is waited for"
    out = it.do(ev.NeardExited(100, "signal 11 (SIGSEGV)"))
    assert it.one(cmd.Release, out)
    assert not it.ever(cmd.StartNeard) or not any(one.armed for _, one in it.log if isinstance(one, cmd.StartNeard))


@pytest.mark.parametrize("said", ["refused", "broken"])
def test_what_says_at_once_that_it_failed_is_not_waited_for(said: str) -> None:
    it = play().to_armed()
    if said == "refused":
        out = it.do(ev.ArmRefused(100, "validator_key.json: Permission denied"), after=5)
    else:
        it.do(ev.NeardArmed(100), after=5)
        out = it.poll(target=1, config_correct=False)
    assert it.one(cmd.StopNeard, out)


def test_a_neard_that_has_just_come_up_is_waited_for() -> None:
    """SIGHUP kills one that has not installed its handlers yet."""
    it = play()
    it.to_voting()
    assert it.one(cmd.Acquire, it.do(ev.LeaseSeen(released())))
    it.do(ev.AcquireAnswered(YES))
    it.two_heads(head_age_ms=0)
    it.node = replace(it.node, neard=replace(it.node.neard, answered_at=it.now))  # type: ignore[type-var]
    assert not it.one(cmd.ArmNeard, it.heartbeat())
    assert it.one(cmd.ArmNeard, it.wait(hot_takeover.SETTLED_MS))
    assert not it.ever(cmd.StopNeard)


def test_rule_4_holds_for_it_too() -> None:
    it = play()
    it.to_voting()
    it.wait(hot_takeover.SETTLED_MS)
    it.poll()
    it.do(ev.LeaseSeen(released(height=it.height + 2)))
    it.do(ev.AcquireAnswered(YES))
    assert not it.one(cmd.ArmNeard, it.heartbeat())
    assert not it.one(cmd.ArmNeard, it.two_heads(head_age_ms=0)), "not above what the predecessor may have signed"
    assert it.one(cmd.ArmNeard, it.poll())


def test_a_crash_after_it_names_what_it_may_have_signed_itself() -> None:
    it = play().to_confirmed()
    it.poll(target=it.height + 2, shows_key=True)
    it.poll(target=it.height + 2, shows_key=True)
    let_go = it.one(cmd.Release, it.do(ev.NeardExited(100, "signal 9"), after=10))
    assert isinstance(let_go, cmd.Release)
    assert it.height < let_go.record.height <= it.height + 3


def test_a_supervisor_that_comes_back_does_not_take_the_key_for_taken() -> None:
    """The one before it crashed in between: nothing else tells that neard does not sign."""
    before = play().to_armed()
    before.poll(target=1)
    kept = [command for _, command in before.log if isinstance(command, cmd.SaveState)][-1].memory
    it = HotPlay(Node(HOT), now=before.now, height=before.height)
    it.do(ev.Tick())
    it.do(ev.GuardReady(100, True, it.now + 6_000, kept))
    it.poll(target=1)
    assert it.one(cmd.StopNeard, it.wait(hot_takeover.CONFIRM_MS))


@pytest.mark.parametrize(
    ("settings", "said", "why"),
    [
        ({"strategy": Strategy.RESTART}, {}, "strategy restart"),
        ({}, {"version": "2.1.1"}, "2.2 was the first"),
        ({}, {"version": "1.34.0"}, "2.2 was the first"),
        ({}, {"version": "trunk"}, "calls itself trunk"),
        ({}, {"version": ""}, "does not say its version"),
        ({"keeps_shards_of": ""}, {}, "does not keep the shards of pool.near"),
        ({"keeps_shards_of": "other.near"}, {}, "does not keep the shards of pool.near"),
        ({"keeps_shards_of": hot_takeover.ALL_SHARDS}, {}, "tracks all shards"),
        ({"keeps_shards_of": hot_takeover.ALL_SHARDS}, {"chain_id": "localnet"}, ""),
        ({"strategy": Strategy.AUTO}, {"version": "2.2.0-rc.1"}, ""),
    ],
)
def test_when_it_cannot_be_neard_is_started_anew(
    settings: dict[str, object], said: dict[str, object], why: str
) -> None:
    it = play(replace(HOT, **settings))  # type: ignore[arg-type]
    it.to_voting()
    it.wait(hot_takeover.SETTLED_MS)
    it.poll(**said)  # type: ignore[arg-type]
    assert why in hot_takeover.against(it.node)
    assert bool(why) == bool(hot_takeover.against(it.node))
    it.do(ev.LeaseSeen(released()))
    it.do(ev.AcquireAnswered(YES))
    it.two_heads(head_age_ms=0, **said)
    out = it.heartbeat()
    assert bool(it.one(cmd.StopNeard, out)) == bool(why)
    assert bool(it.one(cmd.ArmNeard, out)) != bool(why)


@pytest.mark.parametrize(("strategy", "told"), [(Strategy.HOT, True), (Strategy.AUTO, True), (Strategy.RESTART, False)])
def test_whoever_did_not_ask_for_a_restart_is_told_why(strategy: Strategy, told: bool) -> None:
    it = play(replace(HOT, strategy=strategy, keeps_shards_of=""))
    it.to_voting()
    it.do(ev.LeaseSeen(released()))
    it.do(ev.AcquireAnswered(YES))
    it.two_heads(head_age_ms=0)
    stopped = it.one(cmd.StopNeard, it.heartbeat())
    assert isinstance(stopped, cmd.StopNeard)
    assert ("hot cannot be" in stopped.why) is told


def test_without_an_answer_there_is_nothing_to_give_a_key_to() -> None:
    assert hot_takeover.against(Node(HOT)) == "neard does not answer"
    assert sample(1).config_correct
