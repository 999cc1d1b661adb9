"""A validator of which nothing arrives: known soon, said, and the lease goes to one that fares better, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness, signing
from near_supervisor.core.conditions.signing import SILENT_BLOCKS, Signs
from near_supervisor.core.facts.approvals import Own
from near_supervisor.core.facts.model import Node, Signing
from near_supervisor.core.rules.silent_validator import CONNECTED_BY_MS, LOOK_MS, MADE_ROOM_LEASES, SAY_AFTER_MS
from near_supervisor.io.exporter import exposition
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS, D, Play, sample, standby

TERM = 8
SAID = "THIS VALIDATOR SIGNS NOTHING"


def silent_blocks(play: Play) -> Own:
    return Own(play.height, None, SILENT_BLOCKS)


def live(play: Play, ms: int, **sampled: object) -> list[cmd.Command]:
    """neard and Consul answer, and neard shows no block, for so long."""
    out: list[cmd.Command] = []
    for _ in range(ms // 1_000):
        out += play.wait(1_000)
        out += play.poll(**sampled)  # type: ignore[arg-type]
        if play.node.leadership is not None:
            out += play.heartbeat()
    return out


def without_peers() -> Play:
    """A signer by a new start that its peers refuse: it never gets in sync."""
    play = Play().to_leadership()
    play.heartbeat()
    play.do(ev.NeardExited(100, "exit code 0"))
    play.do(ev.NeardStarted(200, armed=True))
    play.poll(peers=0)
    return play


def answer(play: Play) -> Signs:
    return signing.answer(play.node)[0]


# --- what is known


def test_until_a_block_shows_it_nobody_knows() -> None:
    play = Play().to_validating()
    assert answer(play) is Signs.UNKNOWN
    asked = play.one(cmd.ReadApprovals, live(play, 1_000) + live(play, 1_000))
    assert isinstance(asked, cmd.ReadApprovals)
    assert (asked.term, asked.above) == (TERM, 1_005)


@pytest.mark.parametrize(
    ("own", "expected", "words"),
    [
        (Own(1_010, 1_010, 0), Signs.YES, ""),
        (Own(1_010, 1_006, SILENT_BLOCKS - 1), Signs.YES, ""),
        (Own(1_010, None, SILENT_BLOCKS - 1), Signs.UNKNOWN, "too few"),
        (Own(1_010, None, SILENT_BLOCKS), Signs.NO, "none of the last 6 blocks of others"),
        (Own(1_010, 1_002, SILENT_BLOCKS), Signs.NO, "none of the last 6 blocks of others"),
        (Own(1_010, None, SILENT_BLOCKS, seated=False), Signs.UNKNOWN, "makes no blocks"),
        (None, Signs.UNKNOWN, "no block"),
    ],
)
def test_the_blocks_of_others_tell(own: Own | None, expected: Signs, words: str) -> None:
    play = Play().to_validating()
    play.poll()
    play.do(ev.ApprovalsSeen(TERM, own))
    found, why = signing.answer(play.node)
    assert (found, words in why) == (expected, True)


def test_an_answer_that_does_not_come_changes_nothing_the_third_one_says_that_nothing_is_known() -> None:
    play = Play().to_validating()
    play.poll()
    play.do(ev.ApprovalsSeen(TERM, Own(1_010, 1_010, 0)))
    for expected in (Signs.YES, Signs.YES, Signs.UNKNOWN):
        play.do(ev.ApprovalsSeen(TERM, None))
        assert answer(play) is expected


def test_an_answer_about_another_term_says_nothing() -> None:
    play = Play().to_validating()
    play.poll()
    play.do(ev.ApprovalsSeen(TERM - 1, silent_blocks(play)))
    assert answer(play) is Signs.UNKNOWN


def test_one_question_at_a_time_and_only_about_a_new_head() -> None:
    play = Play().to_validating()
    assert play.one(cmd.ReadApprovals, live(play, 2_000))
    assert not play.one(cmd.ReadApprovals, live(play, 5_000)), "the first one is not answered"
    assert play.one(cmd.ReadApprovals, play.do(ev.ApprovalsSeen(TERM, Own(play.height, play.height, 0))))
    play.do(ev.ApprovalsSeen(TERM, Own(play.height, play.height, 0)))
    assert not play.one(cmd.ReadApprovals, play.wait(LOOK_MS)), "it is the same head"
    assert play.one(cmd.ReadApprovals, play.poll())


@pytest.mark.parametrize(
    ("sampled", "words"),
    [({"peers": 0}, "no peers"), ({"syncing": True}, "is syncing"), ({"head_age_ms": 20_000}, "20.0 s old")],
)
def test_without_peers_or_a_head_it_signs_nothing_and_every_place_says_so(
    sampled: dict[str, object], words: str
) -> None:
    play = Play().to_validating()
    play.poll(**sampled)  # type: ignore[arg-type]
    assert answer(play) is Signs.NO
    shown = Snapshot(play.node, play.now + 2_000, 0).status()
    assert shown["signing"]["answer"] == "no"
    assert words in shown["signing"]["reason"]
    assert shown["signing"]["silent_ms"] == 2_000
    assert "signing" in readiness.names(play.node), "so that each member of the cluster can show it"
    text = exposition(lambda: Snapshot(play.node, play.now, 0))
    assert 'near_supervisor_signing{answer="no"} 1' in text
    assert 'near_supervisor_unready{reason="signing"} 1' in text


def test_a_supervisor_that_has_just_come_back_does_not_know() -> None:
    crashed = Play().to_validating()
    kept = [command.memory for _, command in crashed.log if isinstance(command, cmd.SaveState)][-1]
    play = Play(now=crashed.now)
    play.do(ev.Tick())
    play.do(ev.GuardReady(200, True, play.now + 5_000, kept))
    assert answer(play) is Signs.UNKNOWN
    assert "signing" not in readiness.names(play.node)


def test_a_standby_has_no_answer() -> None:
    play = Play().to_voting()
    assert Snapshot(play.node, play.now, 0).status()["signing"] is None
    assert 'near_supervisor_signing{answer="no"} 0' in exposition(lambda: Snapshot(play.node, play.now, 0))


# --- what is said


def test_it_is_said_soon_and_that_it_is_over() -> None:
    play = Play().to_validating()
    live(play, SAY_AFTER_MS - 1_000, peers=0)
    assert SAID not in play.said()
    live(play, 2_000, peers=0)
    assert f"{SAID} for 3.0 s: neard has no peers, and no standby is ready: this node stays" in play.said()
    play.poll()
    over = "what kept this validator from signing is over after 3.0 s; whether this validator signs is not known yet"
    assert over in play.said()


def test_a_head_that_stands_is_said_after_ten_block_times() -> None:
    play = Play().to_validating()
    live(play, 2_000, height=play.height + 1)
    for age in (5_500, 6_000):
        play.poll(play.height, head_age_ms=age)
        assert SAID not in play.said()
    play.poll(play.height, head_age_ms=6_001)
    assert f"{SAID}: neard's newest block is 6.0 s old by this host's clock" in play.said()


def test_what_lasts_for_a_moment_is_not_said() -> None:
    play = Play().to_validating()
    for _ in range(5):
        play.poll(peers=0)
        play.wait(1_000)
        play.poll()
        play.heartbeat()
    assert SAID not in play.said()
    assert "is over after" not in play.said()


# --- what is done


@pytest.mark.parametrize(("reasons", "moves"), [((), True), (("disk",), True), (("restart",), False)])
def test_a_signer_whose_peers_refuse_it_makes_room_for_one_that_they_would_not_refuse(
    reasons: tuple[str, ...], moves: bool
) -> None:
    play = without_peers()
    out = live(play, CONNECTED_BY_MS - 1_000, peers=0)
    assert not play.node.cluster.reading
    out = live(play, 2_000, peers=0)
    assert play.one(cmd.ReadMembers, out)
    out = play.do(ev.MembersSeen(play.now, (standby("b", reasons=reasons),)))
    assert bool(play.one(cmd.StopNeard, out)) is moves


@pytest.mark.parametrize("reasons", [(), ("restart",)])
def test_one_whose_approvals_are_in_no_block_makes_room_after_a_lease(reasons: tuple[str, ...]) -> None:
    play = Play().to_validating()
    live(play, 2_000)
    play.do(ev.ApprovalsSeen(TERM, silent_blocks(play)))
    assert answer(play) is Signs.NO
    live(play, D - 1_000)
    assert not play.node.cluster.reading
    live(play, 2_000)
    out = play.do(ev.MembersSeen(play.now, (standby("b", reasons=reasons),)))
    moves = not reasons
    assert bool(play.one(cmd.StopNeard, out)) is moves
    assert play.node.leadership is not None
    assert bool(play.node.leadership.release.reason) is moves


def test_a_standby_that_was_ready_long_ago_counts_for_nothing() -> None:
    play = Play().to_validating()
    play.do(ev.MembersSeen(play.now, (standby("b"),)))
    live(play, 2_000)
    out = live(play, 2 * D, peers=0)
    assert not play.one(cmd.StopNeard, out)
    assert play.node.cluster.reading


def test_a_paused_cluster_keeps_it() -> None:
    play = without_peers()
    play.do(ev.ConfigSeen(paused=True))
    live(play, 2 * D, peers=0)
    assert not play.one(cmd.StopNeard, play.do(ev.MembersSeen(play.now, (standby("b"),))))
    assert "the cluster is paused: this node stays the validator" in play.said()


def test_the_lease_does_not_go_back_and_forth() -> None:
    """A node that has made room, and is the next one to get the lease all the same, keeps it for ten leases."""
    play = without_peers()
    play.node = replace(play.node, signing=replace(play.node.signing, made_room_at=play.now - D))
    for _ in range(MADE_ROOM_LEASES - 2):
        live(play, D, peers=0)
        assert not play.one(cmd.StopNeard, play.do(ev.MembersSeen(play.now, (standby("b"),))))
    assert "it has made room for another one already" in play.said()
    assert play.one(cmd.StopNeard, live(play, 2 * D, peers=0))


def test_silence_of_an_earlier_term_says_nothing() -> None:
    play = Play().to_validating()
    live(play, 2_000, peers=0)
    play.do(ev.NeardExited(200, "signal 9 (SIGKILL)"))
    assert play.node.leadership is None or play.node.leadership.release.reason
    again = Play(Node(SETTINGS, signing=Signing(silence=play.node.signing.silence))).to_validating()
    again.poll(peers=0)
    shown = Snapshot(again.node, again.now, 0).status()["signing"]
    assert shown["answer"] == "no"


def test_a_chain_that_may_stand_still_needs_peers_all_the_same() -> None:
    play = Play(Node(replace(SETTINGS, chain_may_stand_still=True))).to_validating()
    play.do(play.polled(sample(play.height, head_age_ms=90_000)))
    assert answer(play) is not Signs.NO
    play.do(play.polled(sample(play.height, head_age_ms=90_000, peers=0)))
    assert answer(play) is Signs.NO


def test_another_block_of_this_validator_than_its_neard_made_is_said_and_shown_and_it_signs_on() -> None:
    play = Play().to_validating()
    play.poll()
    play.do(ev.ApprovalsSeen(TERM, Own(1_010, 1_010, 0)))
    assert not Snapshot(play.node, play.now, 0).status()["foreign"]
    out = play.do(ev.ApprovalsSeen(TERM, Own(1_011, 1_011, 0, twice=1_009)))
    said = play.one(cmd.Log, out)
    assert isinstance(said, cmd.Log)
    assert said.level == "error"
    assert "SOMEBODY ELSE SIGNS WITH THIS KEY: the chain has another block 1009" in said.message
    play.do(ev.ApprovalsSeen(TERM, Own(1_012, 1_012, 0)))
    shown = Snapshot(play.node, play.now, 0).status()
    assert shown["foreign"]
    assert any(one["name"] == "doppelganger" and "1009" in one["text"] for one in shown["readiness"])
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason


def halted(**settings: int) -> Play:
    """A signer whose chain stands still for longer than a lease, and then a standby that has a newer block."""
    play = Play(Node(replace(SETTINGS, **settings))).to_validating()  # type: ignore[arg-type]
    live(play, 3_000)
    for waited in range(1_000, 3 * D, 1_000):
        live(play, 1_000, height=play.height, head_age_ms=waited)
    assert play.node.sync.stands
    assert play.node.cluster.reading
    out = play.do(ev.MembersSeen(play.now, (standby("b"),)))
    assert not play.one(cmd.StopNeard, out)
    return play


def test_after_a_halt_of_the_chain_the_validator_goes_on_though_a_standby_has_seen_the_first_block_before_it() -> None:
    """Found by bin/simulate (long, seed 7000012): a healthy validator gave its lease away once the chain moved."""
    play = halted()
    out = live(play, 1_000) + live(play, 5_000)
    assert not play.one(cmd.StopNeard, out)
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason


def test_one_that_has_none_a_moment_later_makes_room() -> None:
    play = halted()
    out = live(play, 4_000, height=play.height, head_age_ms=3 * D)
    assert play.one(cmd.StopNeard, out)


def test_one_that_is_always_some_blocks_behind_has_the_time_of_these_blocks() -> None:
    """Found by bin/simulate (long, seeds 600040 and 600124): four blocks of 1.2 s."""
    block_time_ms = 1_200
    play = halted(block_time_ms=block_time_ms)
    out = live(play, 4 * block_time_ms, height=play.height, head_age_ms=3 * D) + live(play, 5_000)
    assert not play.one(cmd.StopNeard, out)
    assert play.node.leadership is not None
    assert not play.node.leadership.release.reason
