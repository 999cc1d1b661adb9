"""Rule 4 for a neard that is given the key as it runs: one block less, where it signs nothing at the height above."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import hot_takeover
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.facts.maintenance_window import Duties
from near_supervisor.core.facts.model import DutiesReading, Node
from near_supervisor.core.facts.settings import Settings, Strategy
from support.core_play import SETTINGS, Play, held, released

HOT = replace(SETTINGS, strategy=Strategy.AUTO, validator_account_id="pool.near", keeps_shards_of="pool.near")
RUNS = {"version": "2.13.0", "chain_id": "mainnet"}
BLOCK_MS = SETTINGS.block_time_ms
HEAD = 1_002
FREE = Duties(((HEAD + 1, HEAD + 2),), settled=True)
# All but the next height, which is the validator's own.
OURS = Duties(((HEAD - 9, HEAD + 1), (HEAD + 2, HEAD + 9)), settled=True)
TOLD = released(height=HEAD + 1, final=True)


class Successor(Play):
    """Its neard is at HEAD, it has the lease after ``seen``, and its first heartbeat has succeeded."""

    def poll(self, height: int | None = None, **changes: object) -> list[cmd.Command]:
        return super().poll(height, **{**RUNS, **changes})

    def follow(self, seen: Seen, duties: Duties | None = FREE) -> Successor:
        self.to_voting()
        self.wait(hot_takeover.SETTLED_MS)
        self.poll(HEAD)
        self.do(ev.LeaseSeen(seen))
        asked = self.one(cmd.ReadDuties, self.do(ev.AcquireAnswered(YES)))
        assert (asked is not None) == (self.node.settings.strategy is Strategy.AUTO)
        self.heartbeat()
        if isinstance(asked, cmd.ReadDuties):
            self.do(ev.DutiesSeen(asked.asker, duties, "METHOD_NOT_FOUND"))
        return self

    def arms(self, out: list[cmd.Command]) -> bool:
        return self.one(cmd.ArmNeard, out) is not None

    @property
    def asked(self) -> cmd.PollNeard:
        """The last question to neard."""
        return [command for _, command in self.log if isinstance(command, cmd.PollNeard)][-1]


def successor(settings: Settings = HOT) -> Successor:
    return Successor(Node(settings))


def test_what_is_used_up_and_nobodys_duty_needs_no_block() -> None:
    """The predecessor has told that it approved the next height, and no more."""
    it = successor().follow(TOLD)
    it.wait(25)
    assert it.asked.metrics, "whether it is used up is in its metrics only"
    assert not it.arms(it.poll(HEAD, target=HEAD)), "neard may still approve it"
    it.wait(25)
    assert it.arms(it.poll(HEAD, target=HEAD + 1))


@pytest.mark.parametrize(
    "duties",
    [
        pytest.param(OURS, id="the block, or a chunk, of that height is ours"),
        pytest.param(replace(FREE, settled=False), id="somebody may be replaced by us within the epoch"),
        pytest.param(None, id="neard does not tell"),
        pytest.param(Duties((), settled=True), id="the epoch ends before"),
    ],
)
def test_else_the_block_is_waited_for(duties: Duties | None) -> None:
    it = successor().follow(TOLD, duties)
    it.wait(25)
    assert not it.asked.metrics, "metrics are expensive, and would not help"
    assert not it.arms(it.poll(HEAD, target=HEAD + 1))
    assert it.arms(it.poll(HEAD + 1))


def test_a_neard_that_is_started_anew_may_have_forgotten_what_it_has_used_up() -> None:
    it = successor(replace(HOT, strategy=Strategy.RESTART)).follow(TOLD)
    assert it.node.duties is None
    assert not it.one(cmd.StopNeard, it.poll(HEAD, target=HEAD + 1))
    assert it.one(cmd.StopNeard, it.poll(HEAD + 1))


def test_two_blocks_below_are_too_many() -> None:
    duties = Duties(((HEAD, HEAD + 9),), settled=True)
    it = successor().follow(released(height=HEAD + 2, final=True), duties)
    assert not it.arms(it.poll(HEAD, target=HEAD + 9))
    assert it.arms(it.poll(HEAD + 1, target=HEAD + 9))


def test_after_one_that_could_not_tell_how_far_it_came_the_room_that_is_left_needs_no_block() -> None:
    """Its neard was killed, and its supervisor has released the lease."""
    it = successor().follow(released(), Duties(((HEAD, HEAD + 9),), settled=True))
    assert it.node.leadership is not None
    it.now += BLOCK_MS
    assert not it.arms(it.poll(HEAD + 1, head_age_ms=0, target=HEAD + 1))
    assert it.node.leadership.floor.height == HEAD + 1
    it.now += 25
    assert it.arms(it.poll(HEAD + 1, head_age_ms=25, target=HEAD + 2))


def test_after_one_that_is_silent_a_block_has_to_be_there_for_the_doppelganger_to_look_at() -> None:
    it = successor()
    it.to_voting()
    it.do(ev.LeaseSeen(held()))
    out: list[cmd.Command] = []
    while it.one(cmd.Acquire, out) is None:
        out = it.wait(BLOCK_MS)
        out += it.poll(head_age_ms=0)
    # The chain stood from then on.
    it.node = replace(it.node, chain=replace(it.node.chain, heads=it.node.chain.heads[:-5]))
    assert not it.one(cmd.ReadDuties, it.do(ev.AcquireAnswered(YES)))
    head = it.height
    it.node = replace(it.node, duties=DutiesReading("term 8", it.now, True, Duties(((head, head + 9),), settled=True)))
    it.heartbeat()
    it.now += BLOCK_MS
    assert not it.arms(it.poll(head, head_age_ms=0, target=head + 9))
    it.now += BLOCK_MS
    assert it.arms(it.poll(head + 1, head_age_ms=0))


def test_whoever_comes_long_after_a_release_looks_for_others_that_sign() -> None:
    it = successor().follow(released(height=HEAD - 5, final=True))
    looks = [command for _, command in it.log if isinstance(command, cmd.ProbeChain)]
    assert looks == [cmd.ProbeChain(HEAD - 5, False)]


def test_what_another_process_has_used_up_says_nothing() -> None:
    it = successor().follow(TOLD)
    it.poll(HEAD, target=HEAD)
    it.do(ev.NeardExited(100, "exit code 1"))
    it.do(ev.NeardStarted(101, armed=False))
    assert it.node.neard is not None
    assert it.node.neard.target == 0


def test_nor_is_one_block_below_enough_once_hot_has_failed() -> None:
    it = successor().follow(TOLD)
    it.node = replace(it.node, hot=replace(it.node.hot, count=hot_takeover.TRIES, reason="it did not show it"))
    it.poll(HEAD, target=HEAD + 1)
    assert it.node.leadership is not None
    assert not it.node.leadership.cleared


def test_a_neard_that_cannot_be_given_the_key_after_all_is_not_started_with_it_one_block_below() -> None:
    it = successor().follow(TOLD)
    assert it.node.leadership is not None
    cleared = replace(it.node.leadership, cleared=True)
    it.node = replace(
        it.node, leadership=cleared, hot=replace(it.node.hot, count=hot_takeover.TRIES, reason="it did not show it")
    )
    out = it.do(ev.Tick())
    assert not [command for command in out if isinstance(command, cmd.StopNeard | cmd.StartNeard)]
    assert it.node.leadership is not None
    assert it.node.leadership.release.reason.startswith("neard cannot be given the key: it has failed")


def test_the_duties_of_an_earlier_term_say_nothing() -> None:
    it = successor().follow(TOLD, None)
    it.do(ev.DutiesSeen("term 3", FREE))
    assert not it.arms(it.poll(HEAD, target=HEAD + 1))


def test_a_term_without_a_signature_hands_on_by_when_the_last_signer_was_gone() -> None:
    """Found by bin/simulate (harsh, seed 7684): a neard that lagged unnoticed handed on what it took the clock for."""
    it = successor().follow(released(chain_ms=90_000_000))
    beats = [command.record for _, command in it.log if isinstance(command, cmd.Heartbeat | cmd.Acquire)]
    assert [one.chain_ms for one in beats] == [90_000_000, 90_000_000]
