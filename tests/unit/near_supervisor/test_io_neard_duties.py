"""What neard says of the heights without duties, behind a hostile server: windows, or Unreadable."""

from __future__ import annotations

from typing import Any

import pytest

from near_supervisor.core.facts.maintenance_window import Duties
from near_supervisor.io import neard_duties
from near_supervisor.io.neard_rpc import NeardRpc, Unreadable
from support.hostile_http import CLOSE, HANG, HostileServer, answer, hostile

TIMEOUT_MS = 300


def result(value: Any) -> bytes:
    return answer({"jsonrpc": "2.0", "id": 1, "result": value})


def script(said: bytes, start: object = 100, protocol: object = 86) -> dict[str, bytes]:
    """Every JSON-RPC call has the same answer here: of ``client_config`` only the epoch's length is looked at."""
    return {
        "/": said,
        "/status": answer({"protocol_version": protocol, "sync_info": {"epoch_start_height": start}}),
    }


def read(server: HostileServer) -> Duties:
    return neard_duties.read(NeardRpc("127.0.0.1", server.port, TIMEOUT_MS), "pool.near")


def test_windows_come_in_order() -> None:
    with hostile(script(result([{"start": 30, "end": 40}, {"start": 1, "end": 9}]))) as server:
        assert read(server) == Duties(((1, 9), (30, 40)), 100, None, settled=True)
        assert server.requests.count("POST /") == 2


@pytest.mark.parametrize("start", [None, "7", -1, True, 2**53, 1.5])
def test_an_epoch_that_is_not_told_is_not_known(start: object) -> None:
    with hostile(script(result([]), start)) as server:
        assert read(server) == Duties((), None, None, settled=True)


@pytest.mark.parametrize("protocol", [87, 90, None, "86", -1, True, 2**53])
def test_a_protocol_that_may_replace_a_producer_within_the_epoch_settles_nothing(protocol: object) -> None:
    with hostile(script(result([{"start": 1, "end": 9}]), protocol=protocol)) as server:
        assert not read(server).settled


def test_an_older_neard_has_it_under_another_name() -> None:
    error = answer({"error": {"cause": {"name": "METHOD_NOT_FOUND"}}}, "404 Not Found")
    with hostile(script(error)) as server, pytest.raises(Unreadable, match=r"maintenance_windows.*METHOD_NOT_FOUND"):
        read(server)
    assert server.requests == ["POST /", "POST /"]


@pytest.mark.parametrize(
    "said",
    [
        result(None),
        result({}),
        result("x"),
        result([1]),
        result([{}]),
        result([{"start": 1}]),
        result([{"start": 5, "end": 5}]),
        result([{"start": -1, "end": 5}]),
        result([{"start": "1", "end": 5}]),
        result([{"start": True, "end": 5}]),
        result([{"start": 1, "end": 2**53}]),
        result([{"start": 1, "end": 2}] * 100_001),
        answer(b"[" * 200_000),
        answer(b"<html>"),
        answer([]),
        answer({"error": "x"}, "500 Oops"),
        answer({"error": {"cause": {"name": "\x1b[31m"}}}),
        CLOSE,
        HANG,
    ],
)
def test_nonsense_is_unreadable(said: bytes) -> None:
    with hostile(script(said)) as server, pytest.raises(Unreadable) as caught:
        read(server)
    assert str(caught.value).isprintable()
