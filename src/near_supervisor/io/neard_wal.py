"""How far a neard that has ended came, by the write-ahead log of its database.

nearcore saves the largest height that it approves before it sends the approval (chain/client/src/client_actor.rs,
``try_doomslug_timer``), and a block's height before it lets the block out (client.rs, ``save_latest_known``), both in
the column BlockMisc. RocksDB gives each write to the kernel before it returns, so what a process that was killed had
written is in the files; only a host that loses its power may lose it.

The format is RocksDB's: blocks of 32 KiB of records, and in these write batches
(db/log_format.h, db/write_batch.cc). Nothing is opened, and nothing of the database's state is touched.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BLOCK = 32 * 1024
_HEADER = 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# A value of a column family: its number, the key and the value follow, the two with their lengths.
_COLUMN_VALUE = 5
_TARGET, _KNOWN = b"LARGEST_TARGET_HEIGHT", b"LATEST_KNOWN"
_SIZES = {_TARGET: 8, _KNOWN: 16}
# The newest part first. The target is written every few milliseconds, a block's height with each block, and all that
# a block changes with it.
_TAILS = (256 * 1024, 4 * 1024 * 1024, 64 * 1024 * 1024)


class Heights(NamedTuple):
    """The largest ``target`` that it has approved, and the newest block that it ``knew``, its own among them."""

    target: int
    known: int

    @property
    def signed(self) -> int:
        """Above this height it has signed nothing. Upon its newest block it may have made the next chunk already."""
        return max(self.target, self.known + 1)


def read(data: Path) -> Heights | None:
    """What the files in ``data`` say; None where they do not say both, or are not as expected."""
    try:
        files = sorted((int(file.stem), file) for file in data.glob("*.log") if file.stem.isdecimal())
        found: dict[bytes, int] = {}
        for _number, file in reversed(files):
            found = {**_newest(file, [key for key in _SIZES if key not in found]), **found}
            if len(found) == len(_SIZES):
                return Heights(found[_TARGET], found[_KNOWN])
    except (OSError, ValueError):
        return None
    return None


def _newest(file: Path, keys: list[bytes]) -> dict[bytes, int]:
    """The last value of each of these keys in one file, where it has one; ValueError for another format."""
    size = file.stat().st_size
    for tail in _TAILS:
        begin = max(0, size - tail) // BLOCK * BLOCK
        found: dict[bytes, int] = {}
        with file.open("rb") as opened:
            opened.seek(begin)
            for batch in _batches(opened.read(size - begin)):
                for key in keys:
                    value = _value(batch, key)
                    if value is not None:
                        found[key] = value
        if len(found) == len(keys) or begin == 0:
            return found
    # What is further back may be older than what another file has.
    raise ValueError(f"{file} has no {', '.join(key.decode() for key in keys)} in its last {_TAILS[-1]} bytes")


def _batches(data: bytes) -> Iterator[bytes]:
    """Whole write batches, from the first that begins here. One that was cut off at the end was never answered."""
    parts: list[bytes] | None = None
    at = 0
    while at + _HEADER <= len(data):
        left = BLOCK - at % BLOCK
        if left < _HEADER:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        if kind == 0 and length == 0:
            # Room that was laid out and never written.
            return
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or _HEADER + length > left:
            raise ValueError(f"record of kind {kind}, {length} bytes, {left} left in its block")
        part = data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if at > len(data):
            return
        if kind in (_FULL, _FIRST):
            parts = []
        if parts is None:
            continue
        parts.append(part)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts = None


def _value(batch: bytes, key: bytes) -> int | None:
    """The last height under ``key`` in a batch; None where it has none."""
    end = len(batch)
    size = _SIZES[key]
    while (at := batch.rfind(bytes((len(key),)) + key, 0, end)) >= 0:
        rest = at + 1 + len(key)
        # The number of the column family before it is one byte or two.
        column = any(at >= back and batch[at - back] == _COLUMN_VALUE for back in (2, 3))
        if column and rest + 1 + size <= len(batch) and batch[rest] == size:
            return int(struct.unpack_from("<Q", batch, rest + 1)[0])
        end = at
    return None
