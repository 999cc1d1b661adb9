"""How far a neard came, by its database's write-ahead log: newest values, cut records, what is not known."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from near_supervisor.io import neard_wal
from near_supervisor.io.neard_wal import BLOCK, Heights
from neard_sim.wal import WriteAheadLog

FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HEADER = 7


def column_value(key: bytes, value: bytes, column: bytes = b"\x01") -> bytes:
    return b"\x05" + column + bytes((len(key),)) + key + bytes((len(value),)) + value


def target(height: int, column: bytes = b"\x01") -> bytes:
    return column_value(b"LARGEST_TARGET_HEIGHT", struct.pack("<Q", height), column)


def known(height: int) -> bytes:
    return column_value(b"LATEST_KNOWN", struct.pack("<QQ", height, 7))


def filler(size: int) -> bytes:
    """A large value of another column, as a block's data is."""
    return column_value(b"block", b"")[:-1] + b"\xff\x7f" + b"x" * size


def log(*batches: bytes, at: int = 0) -> bytes:
    """These batches, cut where the blocks of the file end; from this position on."""
    made = b""
    for batch in batches:
        rest, first = struct.pack("<QI", 1, 1) + batch, True
        while rest or first:
            left = BLOCK - (at + len(made)) % BLOCK
            if left < HEADER:
                made += bytes(left)
                continue
            part, rest = rest[: left - HEADER], rest[left - HEADER :]
            kind = (FULL if first else LAST) if not rest else FIRST if first else MIDDLE
            made += struct.pack("<IHB", 0, len(part), kind) + part
            first = False
    return made


def written(data: Path, **files: bytes) -> Path:
    for number, content in files.items():
        (data / f"{number.removeprefix('n')}.log").write_bytes(content)
    return data


def test_the_newest_value_of_each_counts(tmp_path: Path) -> None:
    found = neard_wal.read(written(tmp_path, n000007=log(target(11) + known(10), known(11), target(12), target(13))))
    assert found == Heights(target=13, known=11)
    assert found.signed == 13


def test_upon_a_block_that_it_knows_it_may_have_made_the_next_chunk_without_approving_yet(tmp_path: Path) -> None:
    found = neard_wal.read(written(tmp_path, n000007=log(target(11) + known(11))))
    assert found is not None
    assert found.signed == 12


def test_a_column_may_have_a_number_of_two_bytes(tmp_path: Path) -> None:
    assert neard_wal.read(written(tmp_path, n1=log(target(11, b"\x81\x01") + known(10)))) == Heights(11, 10)


@pytest.mark.parametrize("at", range(BLOCK - 90, BLOCK + 10, 3))
def test_a_record_that_a_block_of_the_file_cuts_is_put_together(tmp_path: Path, at: int) -> None:
    before = log(target(11) + known(10), filler(at - 100))
    found = neard_wal.read(written(tmp_path, n1=before + log(target(12) + known(11), at=len(before))))
    assert found == Heights(12, 11)


def test_what_is_far_back_is_found_and_what_is_further_is_not_known(tmp_path: Path) -> None:
    far = log(target(11) + known(10), *[filler(1_000_000) for _ in range(8)])
    assert neard_wal.read(written(tmp_path, n1=far)) == Heights(11, 10)


def test_where_a_file_is_too_large_to_look_at_an_older_one_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neard_wal, "_TAILS", (64 * 1024, 128 * 1024))
    large = log(target(20) + known(19), *[filler(60_000) for _ in range(8)], target(21))
    assert neard_wal.read(written(tmp_path, n1=log(target(11) + known(10)), n2=large)) is None


def test_after_a_change_of_files_the_older_one_has_the_rest(tmp_path: Path) -> None:
    data = written(tmp_path, n000009=log(target(11) + known(10)), n000010=log(target(12)), n000011=b"")
    assert neard_wal.read(data) == Heights(12, 10)


def test_a_write_that_was_cut_off_was_never_answered(tmp_path: Path) -> None:
    whole = log(target(11) + known(10))
    cut = log(target(12) + known(11))
    for size in range(1, len(cut)):
        assert neard_wal.read(written(tmp_path, n1=whole + cut[:size])) == Heights(11, 10), size


def test_room_that_was_laid_out_and_not_written_is_the_end(tmp_path: Path) -> None:
    assert neard_wal.read(written(tmp_path, n1=log(target(11) + known(10)) + bytes(4 * BLOCK))) == Heights(11, 10)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(log(known(10)), id="no target"),
        pytest.param(log(target(11)), id="no block"),
        pytest.param(
            log(target(11) + known(10)) + struct.pack("<IHB", 0, 4, 5) + b"abcd", id="records that are reused"
        ),
        pytest.param(
            log(target(11) + known(10)) + struct.pack("<IHB", 0, 65_000, FULL), id="a record larger than a block"
        ),
        pytest.param(b"2026-11-30 INFO neard: a log of another kind\n" * 50, id="text"),
        pytest.param(log(column_value(b"LARGEST_TARGET_HEIGHT", b"1234567") + known(10)), id="a value of another size"),
        pytest.param(log(b"LARGEST_TARGET_HEIGHT" + struct.pack("<Q", 9) + known(10)), id="the name in a text"),
    ],
)
def test_what_is_not_as_expected_is_not_known(tmp_path: Path, content: bytes) -> None:
    assert neard_wal.read(written(tmp_path, n1=content)) is None


def test_no_files_and_files_that_may_not_be_read_are_not_known(tmp_path: Path) -> None:
    assert neard_wal.read(tmp_path / "nowhere") is None
    (tmp_path / "LOG").write_text("no log of writes")
    (tmp_path / "x.log").write_text("nor this")
    assert neard_wal.read(tmp_path) is None
    (tmp_path / "000001.log").mkdir()
    assert neard_wal.read(tmp_path) is None


def test_the_simulated_neard_writes_the_same(tmp_path: Path) -> None:
    wal = WriteAheadLog(tmp_path)
    for height in range(1, 40_000):
        wal.write(height + 1, height)
    assert neard_wal.read(tmp_path) == Heights(40_000, 39_999)
    assert len(list(tmp_path.iterdir())) == 2, "older files go"
    WriteAheadLog(tmp_path)
    assert neard_wal.read(tmp_path) == Heights(40_000, 39_999), "a new process begins a file of its own"
