from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from near_bench.failover import DONE, MISSED
from near_bench.idle import Finding, document, status, table
from near_bench.relay import Counter, Relay
from near_localnet.problem import Problem
from near_measure.report import read, text
from near_measure.usage import parse_resident, parse_stat, usage

REQUEST = b"PUT /v1/txn HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n[]"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_requests_are_counted_in_whatever_pieces_they_come(size: int) -> None:
    stream = REQUEST + b"GET /v1/kv/a?index=7 HTTP/1.1\r\n\r\n" + REQUEST
    counter = Counter()
    assert sum(counter.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == 3


def test_words_in_a_body_are_no_request() -> None:
    assert Counter().feed(b'PUT /v1/txn HTTP/1.1\r\n\r\n[{"text": "GET it"}]') == 1


class AnsweringHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), AnsweringHandler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield "127.0.0.1", running.server_port
    running.shutdown()
    running.server_close()


def test_relay_passes_on_and_counts() -> None:
    with server() as target:
        relay = Relay("127.0.0.1", target)
        connection = http.client.HTTPConnection(relay.url.removeprefix("http://"), timeout=5)
        for _ in range(3):
            connection.request("GET", "/v1/status/leader")
            assert connection.getresponse().read() == b"ok"
        assert relay.requests == 3
        relay.close()
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.request("GET", "/")
            connection.getresponse()
        connection.close()


def test_relay_lets_what_is_asked_wait_and_goes_on_quickly_when_told() -> None:
    with server() as target:
        relay = Relay("127.0.0.1", target)
        connection = http.client.HTTPConnection(relay.url.removeprefix("http://"), timeout=5)
        for delay_s in (0.2, 0.0):
            relay.delay_s = delay_s
            began = time.monotonic()
            connection.request("GET", "/v1/status/leader")
            assert connection.getresponse().read() == b"ok"
            assert time.monotonic() - began >= delay_s
        relay.close()
        connection.close()


def test_stat_of_a_program_with_an_odd_name() -> None:
    fields = " ".join(str(number) for number in range(4, 53))
    assert parse_stat(f"7 (a ) b) S {fields}", 100) == (14 + 15) / 100


def test_resident_memory_is_in_millions_of_bytes() -> None:
    assert parse_resident("Name:\tx\nVmRSS:\t   1000 kB\n") == pytest.approx(1.024)
    with pytest.raises(ValueError, match="VmRSS"):
        parse_resident("Name:\tx\n")


def test_usage_of_this_process() -> None:
    found = usage(os.getpid())
    assert found.cpu_s > 0
    assert found.resident_mb > 5


FINDINGS = [Finding(4, "validator", "memory", 36.04, "MB", 60), Finding(4, "standby", "share", 0.5, "%")]


def test_table_and_status() -> None:
    assert table(FINDINGS).splitlines()[1].split() == [
        "4",
        "s",
        "validator",
        "memory",
        "60",
        "MB",
        "36.04",
        "MB",
        "yes",
    ]
    assert status(FINDINGS) == DONE
    assert status([*FINDINGS, Finding(4, "standby", "requests", 3.1, "/s", 3)]) == MISSED


def test_json_becomes_markdown(tmp_path: Path) -> None:
    file = tmp_path / "idle.json"
    file.write_text(json.dumps(document(FINDINGS, 60, 600)))
    assert text(read(file)).splitlines()[2] == "| 4 s | validator | memory | 60 MB | 36.04 MB | yes |"


@pytest.mark.parametrize("content", ["", "[]", '{"benchmark": "other"}', "{}"])
def test_foreign_json_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(Problem, match=r"x\.json (is not what a benchmark has written|cannot be read)"):
        read(file)
