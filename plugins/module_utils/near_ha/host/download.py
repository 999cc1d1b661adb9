"""A download that goes on where it was broken off, from the first of several mirrors that works."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import NearError

BLOCK = 1 << 20
TIMEOUT_S = 60.0
ROUNDS = 5

Progress = Callable[[int, int], None]
Pause = Callable[[float], None]


class DownloadFailed(NearError):
    """No mirror gave the whole file, or what came is not what was promised."""

    code = "download"


@dataclass(frozen=True)
class Source:
    """What the beginning of a file on disk came from. ``etag`` is what a mirror calls its version of it."""

    url: str
    total: int
    etag: str


class Download:
    """One file: ``part`` grows, ``part``.source says what it is the beginning of."""

    def __init__(self, part: Path, urls: list[str], checksum: str, progress: Progress, pause: Pause) -> None:
        self.part, self.urls, self.checksum = part, urls, checksum
        self.progress, self.pause = progress, pause
        self.note = part.with_name(part.name + ".source")

    def run(self) -> None:
        """The whole file, at ``part``; DownloadFailed with the answer of each mirror."""
        answers: dict[str, str] = {}
        for attempt in range(ROUNDS):
            before = self._size()
            for url in self.urls:
                try:
                    self._fetch(url)
                except urllib.error.HTTPError as error:
                    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                        # What is here is no beginning of what the mirror has now.
                        self.forget()
                    answers[url] = _reason(error)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    answers[url] = _reason(error)
                else:
                    return
            if self._size() == before:
                self.pause(2.0**attempt)
        told = "; ".join(f"{url}: {answer}" for url, answer in answers.items())
        raise DownloadFailed(
            f"no mirror gave the whole snapshot ({told})",
            "Run this again: it goes on where it stopped, or name other URLs",
        )

    def verify(self) -> None:
        """DownloadFailed, and the file is gone, unless it has the promised checksum. Without one nothing is checked."""
        if not self.checksum:
            return
        digest = hashlib.new(self.checksum.partition(":")[0])
        total, done = self._size(), 0
        with self.part.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                done += len(block)
                self.progress(done, total)
        found = f"{self.checksum.partition(':')[0]}:{digest.hexdigest()}"
        if found != self.checksum.lower():
            source = self._source()
            self.forget()
            raise DownloadFailed(
                f"the snapshot from {source.url if source else 'the mirror'} has the checksum {found}"
                f" instead of {self.checksum.lower()}",
                "It was removed. Check neard_snapshot_checksum, or name another URL",
            )

    def forget(self) -> None:
        """Take the file and the note of its source away."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _fetch(self, url: str) -> None:
        have, source = self._size(), self._source()
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - checked by caller
        if have and source:
            if have == source.total and (self.checksum or url == source.url):
                return
            request.add_header("Range", f"bytes={have}-")
            if not self.checksum:
                # Nothing would tell later that two halves come from two files.
                request.add_header("If-Range", source.etag or '"none"')
        with urllib.request.build_opener().open(request, timeout=TIMEOUT_S) as answer:
            start, total = _extent(answer)
            if start and (source is None or start != have or total != source.total):
                self.forget()
                raise ValueError("the mirror has another version of the file; starting over")
            self.note.write_text(json.dumps(asdict(Source(url, total, answer.headers.get("ETag", "")))))
            with self.part.open("r+b" if start else "wb") as file:
                file.seek(start)
                self._copy(answer, file, start, total)

    def _copy(self, answer: http.client.HTTPResponse, file: object, start: int, total: int) -> None:
        done = start
        while block := answer.read(BLOCK):
            file.write(block)  # type: ignore[attr-defined]
            done += len(block)
            self.progress(done, total)
        if total and done != total:
            raise ConnectionError(f"the connection ended after {done} of {total} bytes")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _source(self) -> Source | None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Source(**json.loads(self.note.read_text()))
        return None


def _extent(answer: http.client.HTTPResponse) -> tuple[int, int]:
    """Where the body starts in the file, and the size of the whole file (0 if the mirror does not say)."""
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        span, _slash, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        return int(span.partition("-")[0]), int(total)
    return 0, int(answer.headers.get("Content-Length") or 0)


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended too early"
    return str(error) or type(error).__name__
