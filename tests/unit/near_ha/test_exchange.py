"""One exchange, against servers that say too much, too little, too slowly, or lie about how much it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_ha.transport.exchange import BadAnswer, HttpRequest, HttpResponse, NoAnswer, TcpAddress, UnixAddress, exchange
from support.hostile_http import CLOSE, DRIBBLE, FLOOD, HANG, HostileServer, answer, hostile
from support.ports import free_port
from support.waiting import took_s

TIMEOUT_S = 0.4
LIMIT = 10_000
GET = HttpRequest("GET", "/x")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def ask(server: HostileServer, request: HttpRequest = GET) -> HttpResponse:
    return exchange(TcpAddress("127.0.0.1", server.port), request, TIMEOUT_S, LIMIT)


def test_an_answer_comes_with_status_headers_and_body() -> None:
    with hostile(answer({"a": 1}, "404 Not Found", X_Consul_Index="7")) as server:
        got = ask(server)
    assert (got.status, got.headers["x-consul-index"], json.loads(got.body)) == (404, "7", {"a": 1})


def test_a_name_is_looked_up_and_a_name_that_is_none_is_an_oserror() -> None:
    with hostile(answer({})) as server:
        assert exchange(TcpAddress("localhost", server.port), GET, TIMEOUT_S).status == 200
    with pytest.raises(OSError, match="not a host name"):
        exchange(TcpAddress("a..b", 80), GET, TIMEOUT_S)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(answer({})) as server, hostile(answer({})) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        ask(server)
        assert proxy.requests == []


def test_a_redirect_is_an_answer_like_any_other() -> None:
    with hostile(answer({})) as other, hostile(answer({}, "302 Found", Location=f"{other.url}/y")) as server:
        assert ask(server).status == 302
        assert other.requests == []


def test_chunks_are_put_together() -> None:
    with hostile(CHUNKED + b"2\r\n{}\r\n0\r\n\r\n") as server:
        assert ask(server).body == b"{}"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(CHUNKED + b"-1\r\n", id="a chunk of -1 bytes"),
        pytest.param(CHUNKED + b"fffffffff\r\n", id="a chunk of 64 GiB"),
        pytest.param(CHUNKED + b"1\r\nx\r\n" * 500_000, id="chunks without end"),
        pytest.param(CHUNKED, id="a size without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", id="a length of 91 TiB"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a length of -1"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no length"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, id="continue without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500_000, id="headers without end"),
    ],
)
def test_what_has_no_end_is_left_after_its_bytes(head: bytes) -> None:
    """Long before the time is over: a peer that is fast enough would fill the memory until then."""
    with hostile(head + FLOOD) as server, pytest.raises((NoAnswer, BadAnswer)):
        took = took_s(lambda: exchange(TcpAddress("127.0.0.1", server.port), GET, 30, LIMIT))
        assert took < 15


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        pytest.param(CHUNKED + b"-1\r\nxx", BadAnswer, "cut off", id="a chunk of -1 bytes that ends"),
        pytest.param(CHUNKED + b"oops\r\n", BadAnswer, "cut off", id="a size that is no number"),
        pytest.param(CHUNKED + b"a\r\n{}", BadAnswer, "cut off", id="a chunk cut off"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", BadAnswer, "cut off 8 bytes before", id="cut off"
        ),
        pytest.param(answer(b"x" * (LIMIT + 1)), BadAnswer, f"larger than {LIMIT}", id="a byte too many"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", NoAnswer, "SSH", id="another protocol"),
        pytest.param(b"\x16\x03\x01" * 100, NoAnswer, "", id="not text"),
        pytest.param(CLOSE, (NoAnswer, OSError), "", id="closed"),
    ],
)
def test_what_is_no_answer_is_told_from_one_that_cannot_be_used(said: bytes, kind: type[Exception], words: str) -> None:
    with hostile(said) as server, pytest.raises(kind) as caught:
        ask(server)
    assert words in str(caught.value)


@pytest.mark.parametrize("said", [HANG, DRIBBLE], ids=["silent", "a byte now and then"])
def test_the_deadline_is_for_all_steps_together(said: bytes) -> None:
    with hostile(said) as server:

        def late() -> None:
            with pytest.raises(TimeoutError):
                ask(server)

        assert took_s(late) < 10 * TIMEOUT_S


def test_nobody_listens() -> None:
    with pytest.raises(ConnectionRefusedError):
        exchange(TcpAddress("127.0.0.1", free_port()), GET, TIMEOUT_S)
    with pytest.raises(FileNotFoundError):
        exchange(UnixAddress(Path("/nonexistent/socket")), GET, TIMEOUT_S)
