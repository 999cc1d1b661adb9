"""The data directory: blocks, the heights signed so far, and known peers, kept so that SIGKILL does no harm.

Blocks are lines of JSON in ``blocks`` (older generation: ``blocks.old``), each generation starting with the
whole state of one block. ``watermarks`` is written in place in one call, before anything it covers is sent; the
write-ahead log has the same for those who look at it from outside (``wal.py``).
Nothing is synced to the device: this has to survive the death of the process, not of the host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .block import Block
from .chain import Entry
from .validators import Counters, Epoch, Validator
from .wal import WriteAheadLog, files

_WATERMARK_BYTES = 256
_DIRTY = "RUNNING"


@dataclass
class Watermarks:
    """The largest height of each kind that this data directory has ever let be signed."""

    largest_target_height: int = 0
    latest_known_height: int = 0
    chunk_height: int = 0
    endorsement_height: int = 0


class Store:
    """The files of one data directory; the caller holds its lock."""

    def __init__(self, data_dir: Path, generation: int) -> None:
        self._dir = data_dir
        self._generation = generation
        self._written = 0
        self._blocks: int | None = None
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._marks_fd = os.open(data_dir / "watermarks", flags, 0o644)
        self._signed_fd = os.open(data_dir / "signed", flags | os.O_APPEND, 0o644)
        self.marks = self._read_marks()
        self._log = WriteAheadLog(data_dir)
        self._newest = 0
        self.was_killed = (data_dir / _DIRTY).exists()

    def mark_running(self, running: bool) -> None:
        """Remember whether the process is running; still set at the next start after a kill."""
        if running:
            (self._dir / _DIRTY).touch()
        else:
            (self._dir / _DIRTY).unlink(missing_ok=True)

    def save_marks(self) -> None:
        """Write ``marks`` to disk; call it before what they cover is sent."""
        text = json.dumps(asdict(self.marks))
        os.pwrite(self._marks_fd, text.ljust(_WATERMARK_BYTES).encode(), 0)
        self._write_log()

    def log_signature(self, kind: str, height: int, content: str) -> None:
        """Append to this node's own record of signatures."""
        os.write(self._signed_fd, f"{kind} {height} {content}\n".encode())

    def load_entries(self) -> Iterator[Entry | Block]:
        """What was stored: the state of a block first, then blocks on top of it. Ends at a torn line."""
        for name in ("blocks.old", "blocks"):
            path = self._dir / name
            if not path.exists():
                continue
            good_bytes = lines = 0
            for item, length in _read(path.read_bytes()):
                good_bytes += length
                lines += 1
                self._newest = (item if isinstance(item, Block) else item.block).height
                yield item
            if name == "blocks" and lines:
                os.truncate(path, good_bytes)
                self._blocks = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
                self._written = lines

    def append(self, entry: Entry) -> None:
        """Store an accepted block; from time to time start a new generation with its whole state."""
        if self._blocks is None or self._written >= self._generation:
            self._start_generation(entry)
        else:
            os.write(self._blocks, _line(entry.block.to_wire()))
            self._written += 1
        self._newest = max(self._newest, entry.block.height)
        self._write_log()

    def append_root(self, entry: Entry) -> None:
        """Store the whole state of a block that does not build on what is stored."""
        self._start_generation(entry)
        self._newest = entry.block.height
        self._write_log()

    def save_peers(self, peers: list[dict[str, Any]]) -> None:
        """Remember addresses of peers for the next start."""
        temporary = self._dir / "peers.tmp"
        temporary.write_text(json.dumps(peers))
        temporary.rename(self._dir / "peers")

    def load_peers(self) -> list[dict[str, Any]]:
        """The remembered addresses; none if there are none that can be read."""
        try:
            found = json.loads((self._dir / "peers").read_text())
        except (OSError, ValueError):
            return []
        return list(found)

    def _write_log(self) -> None:
        marks = self.marks
        self._log.write(marks.largest_target_height, max(marks.latest_known_height, self._newest))

    def _start_generation(self, entry: Entry) -> None:
        path = self._dir / "blocks"
        if self._blocks is not None:
            os.close(self._blocks)
            path.rename(self._dir / "blocks.old")
        temporary = self._dir / "blocks.tmp"
        temporary.write_bytes(_line(entry_to_wire(entry)))
        temporary.rename(path)
        self._blocks = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._written = 1

    def _read_marks(self) -> Watermarks:
        raw = os.pread(self._marks_fd, _WATERMARK_BYTES, 0)
        return Watermarks(**json.loads(raw)) if raw.strip() else Watermarks()


def wipe(data_dir: Path) -> None:
    """Forget everything but the lock, as neard does before it syncs anew: also what was signed."""
    for name in ("blocks", "blocks.old", "watermarks", "signed", "peers", _DIRTY):
        (data_dir / name).unlink(missing_ok=True)
    for _number, file in files(data_dir):
        file.unlink()


def entry_to_wire(entry: Entry) -> dict[str, Any]:
    """A block with its state, as plain JSON values."""
    return {
        "block": entry.block.to_wire(),
        "epoch": {
            "index": entry.epoch.index,
            "validators": [_seat(item) for item in entry.epoch.validators],
            "next_validators": [_seat(item) for item in entry.epoch.next_validators],
            "kickouts": entry.epoch.kickouts,
        },
        "counters": {name: list(asdict(item).values()) for name, item in entry.counters.items()},
        "final_height": entry.final_height,
    }


def entry_from_wire(wire: dict[str, Any]) -> Entry:
    """The inverse of entry_to_wire(); KeyError, TypeError or ValueError for anything else."""
    epoch = wire["epoch"]
    return Entry(
        Block.from_wire(wire["block"]),
        Epoch(
            epoch["index"],
            tuple(Validator(*item) for item in epoch["validators"]),
            tuple(Validator(*item) for item in epoch["next_validators"]),
            tuple((name, reason) for name, reason in epoch["kickouts"]),
        ),
        {name: Counters(*item) for name, item in wire["counters"].items()},
        wire["final_height"],
    )


def _seat(item: Validator) -> list[Any]:
    return [item.account_id, item.public_key, item.stake]


def _line(wire: Any) -> bytes:
    return json.dumps(wire, separators=(",", ":")).encode() + b"\n"


def _read(raw: bytes) -> Iterator[tuple[Entry | Block, int]]:
    """Each record with its length in bytes."""
    for line in raw.split(b"\n")[:-1]:
        try:
            wire = json.loads(line)
            yield (entry_from_wire(wire) if isinstance(wire, dict) else Block.from_wire(wire)), len(line) + 1
        except (KeyError, TypeError, ValueError):
            # Torn by a kill in the middle of a write: what follows cannot build on it.
            return
