"""Four validators without sockets or clocks: chain, votes, timers and signing together, under lost messages."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neard_sim import block as blocks
from neard_sim.block import Block
from neard_sim.chain import Chain, Entry, Outcome
from neard_sim.doomslug import Delays, Doomslug
from neard_sim.duties import Duties, Produced
from neard_sim.keys import Signer
from neard_sim.referee_log import RefereeLog
from neard_sim.signing import Desk
from neard_sim.store import Store, entry_from_wire, entry_to_wire
from neard_sim.validators import Epoch, EpochRules, Validator
from neard_sim.verdict import Referee
from neard_sim.votes import Approval, Chunk, Endorsement, Votes

MS = 1_000_000
START = 1_000_000 * MS
DELAYS = Delays(min=100 * MS, max=200 * MS, max_wait=600 * MS)
RULES = EpochRules(0, 1000)
SIGNERS = [Signer.from_name(f"v{index}") for index in range(4)]
SEATS = tuple(Validator(signer.account_id, signer.public_key, 1) for signer in SIGNERS)
GENESIS = blocks.genesis_block("test", 0, START, "")
ROOT = Entry(GENESIS, Epoch(0, SEATS, SEATS), {}, 0)
Item = Approval | Chunk | Endorsement | Block


class Member:
    """One validator with its directory; ``take`` and ``work`` are what the real node does with a message and a turn."""

    def __init__(self, home: Path, signer: Signer, log: Path, keep: int = 1000) -> None:
        home.mkdir(exist_ok=True)
        self.store = Store(home, keep)
        self.chain = Chain(RULES, ROOT, keep)
        self.votes = Votes()
        self.timers = Doomslug(DELAYS)
        self.timers.set_tip(0, START, 0, START)
        desk = Desk(signer, self.store, RefereeLog(str(log), home, signer.public_key))
        self.duties = Duties(self.chain, self.votes, self.timers, desk, Produced())

    def take(self, item: Item) -> Outcome | bool:
        epoch = self.chain.head.epoch
        if isinstance(item, Approval):
            return self.votes.add_approval(item, epoch)
        if isinstance(item, Chunk):
            return self.votes.add_chunk(item, epoch)
        if isinstance(item, Endorsement):
            return self.votes.add_endorsement(item, epoch)
        outcome = self.chain.offer(item, requested=True)[0]
        if outcome is Outcome.HEAD:
            head = self.chain.head
            self.votes.forget_up_to(head.block.height)
            self.timers.set_tip(head.block.height, head.block.timestamp_ns, head.final_height, head.block.timestamp_ns)
            for orphan in self.chain.release_orphans():
                self.take(orphan)
        return outcome

    def work(self, now: int) -> list[Item]:
        made: list[Item] = []
        for item in self.duties.due(now):
            made.append(item)
            if isinstance(item, Block):
                self.take(item)
        return made


def members(root: Path, count: int = 4) -> list[Member]:
    return [Member(root / f"home{index}", SIGNERS[index], root / "log") for index in range(count)]


def play(group: list[Member], duration_ms: int, lost: st.DataObject | None = None, start_ms: int = 0) -> None:
    """Let time pass in steps of 5 ms; each message reaches every other member in the same step, unless lost."""
    for step in range(start_ms, start_ms + duration_ms, 5):
        queue = [(member, item) for member in group for item in member.work(START + step * MS)]
        while queue:
            sender, item = queue.pop(0)
            for receiver in group:
                if receiver is sender or (lost is not None and lost.draw(st.integers(0, 9)) == 0):
                    continue
                receiver.take(item)
                queue += [(receiver, made) for made in receiver.work(START + step * MS)]


def judged(root: Path) -> Referee:
    referee = Referee()
    referee.feed((root / "log").read_bytes())
    return referee


def test_four_members_make_one_block_per_min_delay(tmp_path: Path) -> None:
    group = members(tmp_path)
    play(group, 2000)
    assert [member.chain.head.block.height for member in group] == [19] * 4
    found = group[0].chain.from_height(1, 100)
    assert {later.timestamp_ns - earlier.timestamp_ns for earlier, later in itertools.pairwise(found)} == {100 * MS}
    assert all(item.chunk for item in found)
    assert group[0].chain.head.final_height == 17
    assert not judged(tmp_path).verdict().double_signatures


def test_one_dead_member_costs_a_skip_and_the_wait_for_its_chunk(tmp_path: Path) -> None:
    group = members(tmp_path, 3)
    play(group, 5000)
    found = group[0].chain.from_height(1, 100)
    steps = [
        (later.height - earlier.height, later.timestamp_ns - earlier.timestamp_ns)
        for earlier, later in itertools.pairwise(found)
    ]
    # Its chunk is missing at another height than its block: a third of a skip, in steps of 5 ms.
    assert set(steps) == {(1, 100 * MS), (2, 220 * MS), (1, 190 * MS)}
    assert group[0].chain.head.counters["v3"].blocks == 0
    assert group[0].chain.head.counters["v3"].blocks_expected >= 9


def test_two_of_four_make_nothing_but_vote_on(tmp_path: Path) -> None:
    group = members(tmp_path, 2)
    play(group, 2000)
    assert group[0].chain.head.block.height == 0
    assert group[0].store.marks.largest_target_height == group[1].store.marks.largest_target_height > 4


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_lost_messages_never_make_anybody_sign_a_height_twice(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("lossy")
    play(members(root), 600, lost=data)
    assert not judged(root).verdict().double_signatures


def test_a_directory_remembers_what_it_signed_and_another_does_not(tmp_path: Path) -> None:
    group = members(tmp_path)
    play(group, 1000)
    again = Member(tmp_path / "home0", SIGNERS[0], tmp_path / "log")
    assert again.store.marks == group[0].store.marks
    assert not [item for item in again.work(START) if item is not None], "its chain is gone, its marks are not"
    twin = Member(tmp_path / "twin", SIGNERS[0], tmp_path / "log")
    assert twin.work(START)
    found = judged(tmp_path).verdict().double_signatures
    assert {(item.account, item.height) for item in found} == {("v0", 1)}


def test_the_mark_is_on_disk_and_the_referee_knows_before_a_signature_is_out(tmp_path: Path) -> None:
    member = members(tmp_path, 1)[0]
    for item in member.duties.due(START):
        assert isinstance(item, Approval)
        assert Store(tmp_path / "home0", 10).marks.largest_target_height == item.target == 1
        assert judged(tmp_path).verdict().signatures == {"v0": 1}
        break


class TestChain:
    """What one chain accepts. The blocks come from a group that ran."""

    @pytest.fixture
    def made(self, tmp_path: Path) -> list[Block]:
        group = members(tmp_path)
        play(group, 1500)
        return group[0].chain.from_height(1, 100)

    @pytest.fixture
    def chain(self) -> Chain:
        return Chain(RULES, ROOT, 1000)

    def test_good_blocks_in_order(self, chain: Chain, made: list[Block]) -> None:
        assert [chain.offer(item)[0] for item in made] == [Outcome.HEAD] * len(made)
        assert chain.offer(made[3])[0] is Outcome.KNOWN

    def test_orphans_wait(self, chain: Chain, made: list[Block]) -> None:
        assert chain.offer(made[1])[0] is Outcome.ORPHAN
        assert chain.release_orphans() == []
        chain.offer(made[0])
        assert chain.release_orphans() == [made[1]]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"author": "v3"}, "invalid author or hash"),
            ({"timestamp_ns": START}, "invalid height or timestamp"),
            ({"signature": "00" * 64}, "invalid block signature"),
            ({"approvals": (None, None, None, None)}, "invalid author or hash"),
        ],
    )
    def test_bad_blocks(self, chain: Chain, made: list[Block], change: dict[str, object], reason: str) -> None:
        assert chain.offer(replace(made[0], **change)) == (Outcome.REJECTED, reason)  # type: ignore[arg-type]
        assert chain.head is ROOT

    @pytest.mark.parametrize(("count", "reason"), [(2, "not enough approvals"), (3, ""), (4, "")])
    def test_approvals_decide(self, chain: Chain, made: list[Block], count: int, reason: str) -> None:
        assert chain.offer(signed(made[0], approvals=made_approvals(1, count)))[1] == reason

    def test_a_forged_approval_spoils_the_block(self, chain: Chain, made: list[Block]) -> None:
        forged = (*made_approvals(1, 3)[:3], SIGNERS[3].sign(b"something else"))
        assert chain.offer(signed(made[0], approvals=forged)) == (Outcome.REJECTED, "invalid approval")

    def test_the_first_block_of_a_height_wins(self, chain: Chain, made: list[Block]) -> None:
        chain.offer(made[0])
        twin = signed(made[0], timestamp_ns=made[0].timestamp_ns + 1)
        assert chain.offer(twin) == (Outcome.REJECTED, "rejecting un-requested block")
        assert chain.offer(twin, requested=True)[0] is Outcome.SIDE

    def test_a_higher_block_on_the_other_branch_becomes_the_head(self, chain: Chain, made: list[Block]) -> None:
        for item in made[:3]:
            chain.offer(item)
        assert chain.head.block.height == 3
        message = blocks.approval_message("S:1", 4)
        approvals = tuple(signer.sign(message) for signer in SIGNERS)
        other = signed(made[3], prev_hash=made[0].hash, approvals=approvals)
        assert chain.offer(other)[0] is Outcome.HEAD
        assert chain.at(2) is None
        assert chain.at(1) is not None
        assert [item.height for item in chain.from_height(1, 10)] == [1, 4]

    def test_old_blocks_are_forgotten(self, made: list[Block]) -> None:
        chain = Chain(RULES, ROOT, 5)
        for item in made:
            chain.offer(item)
        assert chain.earliest().block.height == made[-1].height - 4
        assert chain.at(1) is None

    def test_the_state_of_a_block_travels(self, chain: Chain, made: list[Block]) -> None:
        for item in made:
            chain.offer(item)
        assert entry_from_wire(entry_to_wire(chain.head)) == chain.head


def made_approvals(target: int, count: int) -> tuple[str | None, ...]:
    message = blocks.approval_message(f"E:{GENESIS.hash}", target)
    return tuple(signer.sign(message) if index < count else None for index, signer in enumerate(SIGNERS))


def signed(item: Block, **changes: object) -> Block:
    """``item`` changed and signed anew by its producer."""
    draft = replace(item, **changes)  # type: ignore[arg-type]
    hashed = replace(draft, hash=draft.content_hash())
    author = next(signer for signer in SIGNERS if signer.account_id == item.author)
    return replace(hashed, signature=author.sign(hashed.message()))


def test_a_key_taken_by_a_running_node_signs_from_the_next_target_on(tmp_path: Path) -> None:
    group = members(tmp_path)
    late = group[3]
    used_up = (late.chain.head.block.hash, late.timers.target(START))
    desk = Desk(SIGNERS[3], late.store, RefereeLog(str(tmp_path / "log"), tmp_path / "home3", SIGNERS[3].public_key))
    late.duties = Duties(late.chain, late.votes, late.timers, desk, Produced(), used_up)
    assert not [item for item in late.work(START) if isinstance(item, Approval)]
    play(group, 400)
    assert late.duties.last_approval is not None
    assert late.duties.last_approval.target > used_up[1]
