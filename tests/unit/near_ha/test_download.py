"""A download that goes on where it was broken off."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from near_ha.host.download import Download, DownloadFailed

CONTENT = bytes(range(256)) * 20_000
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@dataclass
class Mirror:
    """One server: what it has, after how many bytes it hangs up, and which ranges it was asked for."""

    content: bytes = CONTENT
    breaks_after: int | None = None
    knows_ranges: bool = True
    status: int = 200
    url: str = ""
    asked: list[str] = field(default_factory=list)


def serve(mirror: Mirror) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            mirror.asked.append(asked)
            etag = f'"{hashlib.sha256(mirror.content).hexdigest()[:8]}"'
            fits = self.headers.get("If-Range", etag) == etag
            start = int(asked[6:].rstrip("-")) if asked and mirror.knows_ranges and fits else 0
            body = mirror.content[start:]
            self.send_response(mirror.status if not start else 206)
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(body)))
            if start:
                size = len(mirror.content)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()
            # Who asked may have gone away; that is what some of these tests are about.
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body if mirror.breaks_after is None else body[: mirror.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.url = f"http://127.0.0.1:{server.server_port}/snapshot.tar"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def mirrors() -> Iterator[list[Mirror]]:
    found = [Mirror(), Mirror()]
    servers = [serve(mirror) for mirror in found]
    yield found
    for server in servers:
        server.shutdown()
        server.server_close()


def download(part: Path, mirrors: list[Mirror], checksum: str = CHECKSUM) -> Download:
    return Download(part, [mirror.url for mirror in mirrors], checksum, lambda _done, _total: None, lambda _s: None)


def test_whole_at_once(tmp_path: Path, mirrors: list[Mirror]) -> None:
    job = download(tmp_path / "part", mirrors)
    job.run()
    job.verify()
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert mirrors[1].asked == []


@pytest.mark.parametrize("checksum", [CHECKSUM, ""])
def test_a_broken_connection_is_taken_up_again(tmp_path: Path, mirrors: list[Mirror], checksum: str) -> None:
    mirrors[0].breaks_after = 2_000_000
    job = download(tmp_path / "part", mirrors[:1], checksum)
    job.run()
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert mirrors[0].asked == ["", "bytes=2000000-", "bytes=4000000-"]


def test_a_later_run_goes_on(tmp_path: Path, mirrors: list[Mirror]) -> None:
    mirrors[0].breaks_after = 100_000
    with pytest.raises(DownloadFailed, match="the connection ended after"):
        download(tmp_path / "part", mirrors[:1]).run()
    had = (tmp_path / "part").stat().st_size
    assert had == 500_000
    mirrors[0].breaks_after = None
    download(tmp_path / "part", mirrors[:1]).run()
    assert mirrors[0].asked[-1] == "bytes=500000-"
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_dead_mirror_is_followed_by_the_next(tmp_path: Path, mirrors: list[Mirror]) -> None:
    mirrors[0].breaks_after = 2_000_000
    dead = Mirror(url="http://127.0.0.1:9/none")
    job = download(tmp_path / "part", [dead, *mirrors])
    job.run()
    job.verify()
    assert mirrors[1].asked == ["bytes=2000000-"]


def test_without_a_checksum_two_mirrors_are_not_mixed(tmp_path: Path, mirrors: list[Mirror]) -> None:
    mirrors[0].breaks_after = 2_000_000
    mirrors[1].content = CONTENT[::-1]
    job = download(tmp_path / "part", mirrors, "")
    job.run()
    assert (tmp_path / "part").read_bytes() == CONTENT[::-1]


def test_a_mirror_without_ranges_starts_over(tmp_path: Path, mirrors: list[Mirror]) -> None:
    mirrors[0].breaks_after, mirrors[1].knows_ranges = 2_000_000, False
    download(tmp_path / "part", mirrors).run()
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_wrong_checksum_names_both_and_leaves_nothing(tmp_path: Path, mirrors: list[Mirror]) -> None:
    job = download(tmp_path / "part", mirrors, "sha256:" + "0" * 64)
    job.run()
    with pytest.raises(DownloadFailed, match=f"{CHECKSUM} instead of sha256:0000"):
        job.verify()
    assert list(tmp_path.iterdir()) == []


def test_every_answer_is_told(tmp_path: Path, mirrors: list[Mirror]) -> None:
    mirrors[0].status = 404
    dead = Mirror(url="http://127.0.0.1:9/none")
    with pytest.raises(DownloadFailed, match=r"status 404; .*refused"):
        download(tmp_path / "part", [mirrors[0], dead]).run()
