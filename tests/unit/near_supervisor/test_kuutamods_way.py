"""Strategy kuutamod: neard is started anew without the key on what the hosts share, and is given it when connected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_ha.records.states import State
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import hot_takeover, readiness
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.doppelganger import Doppelganger, Mark
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.settings import Settings, Strategy
from near_supervisor.core.rules.neard import IN_THE_WAY_MS
from near_supervisor.core.rules.silent_validator import CONNECTED_BY_MS
from near_supervisor.core.updates.neard import RETRY_MS
from support.core_play import NO, SETTINGS, D, Play, released, standby

MOVES = replace(
    SETTINGS, strategy=Strategy.KUUTAMOD, validator_account_id="pool.near", keeps_shards_of="pool.near", min_peers=3
)
ME = {"version": "2.10.0", "chain_id": "mainnet"}
THERE = cmd.StartNeard(armed=False, as_validator=True)
BACK = cmd.StartNeard(armed=False, as_validator=False)


class MovePlay(Play):
    """A play whose neard says who it is."""

    def poll(self, height: int | None = None, **changes: object) -> list[cmd.Command]:
        return super().poll(height, **{**ME, **changes})

    def all(self, kind: type) -> list[cmd.Command]:
        return [command for _, command in self.log if isinstance(command, kind)]

    def to_leaving(self) -> MovePlay:
        """Rule 4 holds, and the standby's neard was asked to end."""
        self.to_leadership()
        stopped = self.one(cmd.StopNeard, self.heartbeat())
        assert stopped == cmd.StopNeard(
            "it is started again without the key, with the validator's node key and address", IN_THE_WAY_MS
        )
        return self

    def to_started(self) -> MovePlay:
        """It runs in its new place, without the key, and has not answered yet."""
        self.to_leaving()
        assert self.one(cmd.StartNeard, self.do(ev.NeardExited(100, "exit code 0"), after=300)) == THERE
        self.do(ev.NeardStarted(200, armed=False, as_validator=True), after=10)
        return self

    def to_armed(self) -> MovePlay:
        self.to_started()
        self.poll()
        self.now += hot_takeover.SETTLED_MS
        assert self.node.leadership is not None
        assert self.one(cmd.ArmNeard, self.poll()) == cmd.ArmNeard(200, self.node.leadership.deadline or 0)
        return self

    def to_signing(self) -> MovePlay:
        self.to_armed()
        self.do(ev.NeardArmed(200), after=5)
        self.poll(target=self.height + 2, shows_key=True)
        return self


def play(settings: Settings = MOVES) -> MovePlay:
    return MovePlay(Node(settings))


def test_neard_is_started_in_the_validators_place_without_the_key_and_is_given_it_there() -> None:
    it = play().to_signing()
    starts = it.all(cmd.StartNeard)
    assert starts == [BACK, THERE] == [cmd.StartNeard(armed=False), THERE], "nothing is started with the key"
    assert it.node.leadership is not None
    assert it.node.leadership.signs_at == it.now


def test_the_states_are_those_that_kuutamod_showed() -> None:
    it = play().to_started()
    assert it.node.state is State.VOTING
    it.poll(syncing=True)
    assert it.node.state is State.VOTING, "it finds its peers"
    it = play().to_armed()
    assert it.node.state.value == "Voting", "a test of kuutamod's reads the key file as soon as it says Validating"
    it.do(ev.NeardArmed(200), after=60)
    assert it.node.state is State.VALIDATING
    assert "Voting -> Validating" in it.said()
    assert it.node.starts.ends == 1


def test_it_counts_as_armed_only_from_when_it_is_given_the_key() -> None:
    it = play().to_started()
    assert not it.node.armed
    assert not it.all(cmd.ArmNeard)
    assert play().to_armed().node.armed


def test_a_sighup_comes_only_after_it_has_answered_for_a_while() -> None:
    it = play().to_started()
    it.poll()
    it.now += hot_takeover.SETTLED_MS - 1
    assert not it.one(cmd.ArmNeard, it.poll())
    assert it.one(cmd.ArmNeard, it.wait(2)), "and at that very moment"


def test_one_that_is_seen_to_catch_sighup_is_given_the_key_as_soon_as_its_head_moves() -> None:
    it = play().to_started()
    assert not it.one(cmd.ArmNeard, it.poll(catches_hangup=True))
    it.now += 30
    assert it.one(cmd.ArmNeard, it.poll(catches_hangup=True))


@pytest.mark.parametrize(
    "lacks",
    [{"peers": 0}, {"peers": 2}, {"syncing": True}, {"head_age_ms": 60_000}],
    ids=["no peers", "too few peers", "syncing", "an old head"],
)
def test_one_that_is_not_connected_is_not_given_the_key(lacks: dict[str, object]) -> None:
    it = play().to_started()
    for _ in range(4):
        it.poll(**lacks)  # type: ignore[arg-type]
        it.now += hot_takeover.SETTLED_MS
    assert not it.all(cmd.ArmNeard)
    assert it.one(cmd.ArmNeard, it.poll())


def test_its_head_has_to_move_on_above_all_that_may_have_been_signed() -> None:
    it = play().to_started()
    clear_at = it.node.leadership.floor.clear_at if it.node.leadership else 0
    it.poll(clear_at - 2)
    it.now += hot_takeover.SETTLED_MS
    assert not it.one(cmd.ArmNeard, it.poll(clear_at - 2)), "it stands"
    assert not it.one(cmd.ArmNeard, it.poll(clear_at - 1)), "a head that went back"
    assert it.one(cmd.ArmNeard, it.poll(clear_at))


def test_where_the_chain_may_stand_still_it_need_not_move() -> None:
    it = play(replace(MOVES, chain_may_stand_still=True)).to_started()
    it.poll(it.height, peers=0)
    assert not it.node.armed, "it had 4 peers before"
    it.now += hot_takeover.SETTLED_MS
    assert it.one(cmd.ArmNeard, it.poll(it.height))


def test_so_many_peers_as_it_had_before_are_enough() -> None:
    it = play()
    it.to_voting()
    it.do(ev.LeaseSeen(released()))
    it.do(ev.AcquireAnswered(YES))
    it.two_heads(head_age_ms=0, peers=1)
    it.heartbeat()
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    it.poll(peers=1)
    it.now += hot_takeover.SETTLED_MS
    assert it.one(cmd.ArmNeard, it.poll(peers=1))


def test_nothing_is_armed_under_a_deadline_that_is_too_near() -> None:
    it = play().to_started()
    it.poll()
    it.now += D
    assert not it.one(cmd.ArmNeard, it.poll())
    assert it.one(cmd.ArmNeard, it.heartbeat())


def test_a_lease_that_is_lost_on_the_way_ends_the_way() -> None:
    it = play().to_started()
    it.poll()
    stopped = it.one(cmd.StopNeard, it.heartbeat(NO))
    assert isinstance(stopped, cmd.StopNeard)
    assert stopped.patience_ms == IN_THE_WAY_MS, "its node key is another one's now"
    assert it.one(cmd.StartNeard, it.do(ev.NeardExited(200, "exit code 0"))) == BACK
    assert not it.all(cmd.ArmNeard)


# --- while the heights are waited for


def early(it: MovePlay) -> MovePlay:
    """It holds the lease, and its predecessor may have signed some heights above its head."""
    it.to_voting()
    it.do(ev.LeaseSeen(released(height=it.height + 2, final=True)))
    it.do(ev.AcquireAnswered(YES))
    return it


def test_it_leaves_its_place_meanwhile_and_is_given_no_key_before_they_are_there() -> None:
    it = early(play())
    clear_at = it.height + 2
    assert it.one(cmd.StopNeard, it.heartbeat())
    assert it.one(cmd.StartNeard, it.do(ev.NeardExited(100, "exit code 0"))) == THERE
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    for _ in range(3):
        it.now += hot_takeover.SETTLED_MS
        assert not it.one(cmd.ArmNeard, it.poll(clear_at - 1))
    assert it.one(cmd.ArmNeard, it.poll(clear_at))


def test_nor_while_somebody_else_is_seen_to_sign() -> None:
    it = early(play())
    it.heartbeat()
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    it.node = replace(
        it.node, doppelganger=Doppelganger(it.height, mark=Mark(it.height, "an approval"), seen_at=it.now)
    )
    for _ in range(9):
        it.now += hot_takeover.SETTLED_MS
        assert not it.one(cmd.ArmNeard, it.poll())


def test_a_start_that_takes_longer_than_a_lease_does_not_cost_it() -> None:
    it = early(play())
    it.heartbeat()
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    for _ in range(5):
        it.wait(D // 2)
        it.heartbeat()
    assert it.node.leadership is not None
    assert not it.node.leadership.release.reason


def test_a_chain_that_halts_meanwhile_does_not_cost_it_either() -> None:
    """A start has a time; what the others are to do has none."""
    it = early(play())
    it.heartbeat()
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    head, came = it.height, it.now
    while it.now < came + MOVES.startup_timeout_ms + 2 * D:
        it.poll(head, head_age_ms=it.now - came)
        it.wait(D // 4)
        it.heartbeat()
    assert it.node.leadership is not None
    assert not it.node.leadership.release.reason


def test_one_that_never_gets_in_sync_there_gives_the_lease_back() -> None:
    it = early(play())
    it.heartbeat()
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    came = it.now
    while it.node.leadership is not None and not it.node.leadership.release.reason:
        assert it.now <= came + MOVES.startup_timeout_ms + D
        it.poll(syncing=True)
        it.wait(D // 4)
        it.heartbeat()


def test_as_long_as_heights_are_waited_for_it_is_asked_no_more_often_than_a_standby_that_waits() -> None:
    it = early(play())
    it.heartbeat()
    it.do(ev.NeardExited(100, "exit code 0"))
    it.do(ev.NeardStarted(200, armed=False, as_validator=True))
    it.poll(it.height)
    it.now += 5 * MOVES.block_time_ms
    asked, until = 0, it.now + MOVES.block_time_ms
    while it.now < until:
        if it.one(cmd.PollNeard, it.wait(5)):
            asked += 1
            it.poll(it.height, head_age_ms=5 * MOVES.block_time_ms)
    assert 0 < asked <= 9, "eight times in a block time, where the next block is late"


def test_before_its_first_heartbeat_has_succeeded_it_stays() -> None:
    it = early(play())
    it.wait(10)
    assert not it.all(cmd.StopNeard)


def test_it_stays_while_somebody_else_is_seen_to_sign() -> None:
    it = early(play())
    it.node = replace(it.node, doppelganger=Doppelganger(it.height, mark=Mark(it.height, "an approval")))
    assert not it.one(cmd.StopNeard, it.heartbeat())


# --- a node key that the peers refuse


def to_refused() -> MovePlay:
    """The peers hold a connection of a host that was lost in silence."""
    it = play().to_started()
    it.poll(peers=0)
    it.now += CONNECTED_BY_MS - 1
    assert not it.one(cmd.StopNeard, it.poll(peers=0))
    it.heartbeat()
    it.now += 1
    assert it.one(cmd.StopNeard, it.poll(peers=0))
    return it


def test_who_is_refused_goes_back_to_its_own_node_key_and_signs_from_there() -> None:
    it = to_refused()
    assert "with the node key that the hosts share" in it.said()
    assert it.one(cmd.StartNeard, it.do(ev.NeardExited(200, "exit code 0"))) == BACK
    it.do(ev.NeardStarted(300, armed=False))
    it.poll()
    it.heartbeat()
    it.now += hot_takeover.SETTLED_MS
    assert it.one(cmd.ArmNeard, it.poll())


def test_who_finds_no_peers_there_either_leaves_it_to_others() -> None:
    it = to_refused()
    it.do(ev.NeardExited(200, "exit code 0"))
    it.do(ev.NeardStarted(300, armed=False))
    it.poll(peers=0)
    it.heartbeat()
    it.now += CONNECTED_BY_MS
    out = it.poll(peers=0)
    assert not it.all(cmd.ArmNeard)
    let_go = it.one(cmd.Release, out)
    assert isinstance(let_go, cmd.Release)
    assert let_go.record.state is LeaseState.RELEASED
    assert not it.one(cmd.StopNeard, out), "it has its own node key, and may stay a standby"


def test_a_standby_says_before_that_its_node_key_may_be_refused() -> None:
    it = play().to_voting()
    texts = {reason.name: reason for reason in readiness.reasons(it.node)}
    assert "with the node key that the hosts share" in texts["restart"].text
    assert not texts["restart"].blocks
    assert "restart" not in {
        reason.name for reason in readiness.reasons(play(replace(MOVES, strategy=Strategy.HOT)).to_voting().node)
    }


# --- what goes wrong on the way


def test_one_that_ends_before_it_has_the_key_is_not_started_again() -> None:
    it = play().to_started()
    out = it.do(ev.NeardExited(200, "signal 6 (SIGABRT)"))
    assert it.one(cmd.Release, out)
    it.wait(RETRY_MS + 1)
    assert it.all(cmd.StartNeard)[-1] == BACK, "as a standby, when the lease is given back"


def test_one_that_never_answers_is_killed_and_the_lease_given_back() -> None:
    it = play().to_started()
    it.node = replace(it.node, cluster=replace(it.node.cluster, paused=True))
    for _ in range(MOVES.startup_timeout_ms // 5_000):
        it.heartbeat()
        it.wait(5_000)
    it.heartbeat()
    assert len(it.all(cmd.KillNeard)) == 1
    assert it.one(cmd.Release, it.do(ev.NeardExited(200, "signal 9 (SIGKILL)")))


def test_one_that_does_not_answer_for_a_lease_is_left_to_a_better_standby() -> None:
    it = play().to_started()
    asked = False
    for _ in range(2 * D // 1_000):
        it.heartbeat()
        asked = asked or bool(it.one(cmd.ReadMembers, it.wait(1_000)))
    assert asked
    it.do(ev.MembersSeen(it.now, (standby("b", reasons=("restart",)),)))
    assert not it.all(cmd.KillNeard), "that one would have to start, too"
    it.do(ev.MembersSeen(it.now, (standby("b"),)))
    assert it.all(cmd.KillNeard)


def test_one_that_stays_behind_gives_the_lease_back() -> None:
    it = play().to_started()
    out = it.poll(syncing=True)
    for _ in range(MOVES.startup_timeout_ms // 5_000 + 1):
        it.heartbeat()
        it.now += 5_000
        out = it.poll(syncing=True)
        if it.one(cmd.Release, out):
            break
    let_go = it.one(cmd.Release, out)
    assert isinstance(let_go, cmd.Release)
    assert "is not ready for it: neard is syncing" in let_go.record.reason


def test_after_two_failures_it_is_started_with_the_key() -> None:
    it = play()
    it.node = replace(
        it.node, hot=replace(it.node.hot, count=hot_takeover.TRIES, reason="neard did not show the key within 5 s")
    )
    it.to_leadership()
    assert it.one(cmd.StopNeard, it.heartbeat())
    start = it.one(cmd.StartNeard, it.do(ev.NeardExited(100, "exit code 0")))
    assert isinstance(start, cmd.StartNeard)
    assert (start.armed, start.as_validator) == (True, True)


@pytest.mark.parametrize("version", ["2.1.0", "unknown"])
def test_a_neard_that_takes_no_key_goes_the_old_way(version: str) -> None:
    it = play()
    it.to_voting()
    it.do(ev.LeaseSeen(released()))
    it.do(ev.AcquireAnswered(YES))
    it.two_heads(head_age_ms=0, version=version)
    it.heartbeat()
    start = it.one(cmd.StartNeard, it.do(ev.NeardExited(100, "exit code 0")))
    assert isinstance(start, cmd.StartNeard)
    assert start.armed


# --- the shared node key is left to the next


def test_a_signer_that_hands_over_ends_because_its_successor_needs_its_node_key() -> None:
    it = play().to_signing()
    it.do(ev.StopAsked("SIGTERM"))
    assert not it.all(cmd.DisarmNeard)
    assert it.all(cmd.StopNeard)[-1] == cmd.StopNeard("this node is shutting down", IN_THE_WAY_MS)


def test_a_new_supervisor_moves_a_standby_out_of_the_validators_place() -> None:
    it = play()
    it.do(ev.Tick())
    stopped = it.one(cmd.StopNeard, it.do(ev.GuardReady(200, armed=False, as_validator=True)))
    assert isinstance(stopped, cmd.StopNeard)
    assert it.one(cmd.StartNeard, it.do(ev.NeardExited(200, "exit code 0"))) == BACK


def test_a_new_supervisor_leaves_a_signer_where_it_is() -> None:
    it = play()
    it.do(ev.Tick())
    memory = SavedState("session-a", 8, 1_000, answered=True)
    it.do(ev.GuardReady(200, armed=True, deadline=it.now + 5_000, memory=memory, as_validator=True))
    assert not it.all(cmd.StopNeard)
    assert it.node.state is State.VALIDATING
