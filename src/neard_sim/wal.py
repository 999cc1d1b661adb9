"""The write-ahead log of the database, as far as others read it: in RocksDB's format, without its checksums.

Each write is a batch of two values of the column BlockMisc, the largest target and the newest known height, as nearcore
writes them. A file is followed by another one when it is large, and the one before it is kept.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_BLOCK = 32 * 1024
_HEADER = 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_COLUMN_VALUE = 5
_BLOCK_MISC = 1
_LARGEST = 1024 * 1024
_KEPT = 2


class WriteAheadLog:
    """Appends to ``data_dir``/NNNNNN.log; the caller holds the lock of the directory."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir
        self._number = max((number for number, _file in files(data_dir)), default=0)
        self._sequence = 0
        self._next()

    def write(self, target: int, known: int) -> None:
        """Both heights, in the hands of the kernel when this returns."""
        values = (
            (b"LARGEST_TARGET_HEIGHT", struct.pack("<Q", target)),
            (b"LATEST_KNOWN", struct.pack("<QQ", known, 0)),
        )
        body = b"".join(
            bytes((_COLUMN_VALUE, _BLOCK_MISC, len(key))) + key + bytes((len(value),)) + value for key, value in values
        )
        self._sequence += len(values)
        os.write(self._fd, self._records(struct.pack("<QI", self._sequence, len(values)) + body))
        if self._size > _LARGEST:
            os.close(self._fd)
            self._next()

    def _next(self) -> None:
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._dir / f"{self._number:06}.log", flags, 0o644)
        self._size = 0
        for _number, file in sorted(files(self._dir))[:-_KEPT]:
            file.unlink()

    def _records(self, batch: bytes) -> bytes:
        """The batch, cut where a block of the file ends."""
        made = b""
        first = True
        while True:
            left = _BLOCK - self._size % _BLOCK
            if left < _HEADER:
                made += bytes(left)
                self._size += left
                continue
            part, batch = batch[: left - _HEADER], batch[left - _HEADER :]
            kind = (_LAST if not first else _FULL) if not batch else (_FIRST if first else _MIDDLE)
            made += struct.pack("<IHB", 0, len(part), kind) + part
            self._size += _HEADER + len(part)
            if not batch:
                return made
            first = False


def files(data_dir: Path) -> list[tuple[int, Path]]:
    """The files of the log with their numbers."""
    return [(int(file.stem), file) for file in data_dir.glob("*.log") if file.stem.isdecimal()]
