"""The data directory after a kill: torn lines, generations, marks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from near_supervisor.io import neard_wal
from near_supervisor.io.neard_wal import Heights
from neard_sim import store
from neard_sim.block import Block, genesis_block
from neard_sim.chain import Entry
from neard_sim.store import Store, Watermarks
from neard_sim.validators import Epoch, Validator

SEATS = (Validator("v0", "ed25519:key", 1),)
ROOT = Entry(genesis_block("test", 0, 1, ""), Epoch(0, SEATS, SEATS), {}, 0)


def entry(height: int) -> Entry:
    block = Block(height, "p", height, "v0", (), None, (), f"hash{height}", "s")
    return replace(ROOT, block=block)


def heights(directory: Path) -> list[int]:
    return [(item.block if isinstance(item, Entry) else item).height for item in Store(directory, 5).load_entries()]


def test_blocks_come_back(tmp_path: Path) -> None:
    first = Store(tmp_path, 100)
    first.append_root(ROOT)
    for height in (1, 2, 3):
        first.append(entry(height))
    assert heights(tmp_path) == [0, 1, 2, 3]


def test_a_torn_line_is_cut_off_and_writing_goes_on_behind_the_good_ones(tmp_path: Path) -> None:
    first = Store(tmp_path, 100)
    first.append_root(ROOT)
    first.append(entry(1))
    with (tmp_path / "blocks").open("ab") as file:
        file.write(b'[2,"p",')
    again = Store(tmp_path, 100)
    assert len(list(again.load_entries())) == 2
    again.append(entry(2))
    assert heights(tmp_path) == [0, 1, 2]


def test_only_two_generations_are_kept_and_each_stands_alone(tmp_path: Path) -> None:
    first = Store(tmp_path, 5)
    first.append_root(ROOT)
    for height in range(1, 23):
        first.append(entry(height))
    found = heights(tmp_path)
    assert found == list(range(found[0], 23))
    assert 5 <= len(found) <= 10
    (tmp_path / "blocks.old").unlink()
    assert isinstance(next(iter(Store(tmp_path, 5).load_entries())), Entry)


def test_marks_survive_and_a_wipe_forgets_them_but_not_the_lock(tmp_path: Path) -> None:
    first = Store(tmp_path, 5)
    first.marks.largest_target_height = 10**6
    first.save_marks()
    first.marks.largest_target_height = 7
    first.save_marks()
    assert Store(tmp_path, 5).marks == Watermarks(largest_target_height=7)
    (tmp_path / "LOCK").touch()
    store.wipe(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["LOCK"]


def test_the_log_tells_of_the_newest_block_however_it_became_known(tmp_path: Path) -> None:
    first = Store(tmp_path, 100)
    first.append_root(entry(5))
    first.marks.largest_target_height = 6
    first.save_marks()
    assert neard_wal.read(tmp_path) == Heights(6, 5)
    first.append(entry(6))
    again = Store(tmp_path, 100)
    assert list(again.load_entries())
    again.marks.largest_target_height = 7
    again.save_marks()
    assert neard_wal.read(tmp_path) == Heights(7, 6), "also of one that an earlier process has stored"


def test_an_unclean_end_is_noticed_once(tmp_path: Path) -> None:
    Store(tmp_path, 5).mark_running(True)
    assert Store(tmp_path, 5).was_killed
    Store(tmp_path, 5).mark_running(False)
    assert not Store(tmp_path, 5).was_killed


def test_unreadable_peers_are_no_peers(tmp_path: Path) -> None:
    (tmp_path / "peers").write_text("[{")
    assert Store(tmp_path, 5).load_peers() == []
