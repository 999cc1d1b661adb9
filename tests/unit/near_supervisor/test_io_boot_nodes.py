"""Boot nodes: neard is handed addresses, because it ends at a name that it cannot resolve."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from near_supervisor.io.boot_nodes import AGAIN_MS, RETRY_MS, BootNodes

KEY = "ed25519:86EtEy7epneKyrcJwSWP7zsisTkfDRH5CFVszt4qiQYw"


class Names:
    """A resolver whose answers can be changed; None: there is no such name."""

    def __init__(self, **known: str | None) -> None:
        self.known, self.asked = known, 0
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.hold.wait(10)
        self.asked += 1
        address = self.known.get(host)
        if address is None:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names(one="203.0.113.1", two="2001:db8::2")
    monkeypatch.setattr("near_supervisor.io.boot_nodes.socket.getaddrinfo", found)
    return found


def turned(nodes: BootNodes, now: int, until: Callable[[], bool]) -> None:
    nodes.turn(now)
    deadline = time.monotonic() + 10
    while nodes._looking or not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("", ""),
        (f"{KEY}@203.0.113.5:24567", f"{KEY}@203.0.113.5:24567"),
        (f"{KEY}@203.0.113.5:1, {KEY}@[2001:db8::1]:2,", f"{KEY}@203.0.113.5:1,{KEY}@[2001:db8::1]:2"),
        (f"{KEY}@203.0.113.5:1@my.near", f"{KEY}@203.0.113.5:1@my.near"),
        (KEY, KEY),
        ("nonsense", "nonsense"),
        (f"{KEY}@host", f"{KEY}@host"),
        (f"{KEY}@host:port", f"{KEY}@host:port"),
    ],
)
def test_what_has_no_name_is_handed_on_without_a_question(names: Names, given: str, text: str) -> None:
    nodes = BootNodes(given)
    nodes.turn(0)
    assert nodes.text() == text
    assert names.asked == 0


def test_names_become_addresses_of_either_kind(names: Names) -> None:
    nodes = BootNodes(f"{KEY}@one:1,{KEY}@two:2@a.near,{KEY}@203.0.113.5:3")
    assert nodes.text() == f"{KEY}@one:1,{KEY}@two:2@a.near,{KEY}@203.0.113.5:3", "nobody has asked yet"
    turned(nodes, 0, lambda: names.asked == 2)
    assert nodes.text() == f"{KEY}@203.0.113.1:1,{KEY}@[2001:db8::2]:2@a.near,{KEY}@203.0.113.5:3"


def test_a_resolver_that_hangs_holds_up_nobody_and_is_asked_once(names: Names) -> None:
    names.hold.clear()
    nodes = BootNodes(f"{KEY}@one:1")
    for now in range(0, 10 * RETRY_MS, RETRY_MS):
        # One that waited for it would wait for the end of this test.
        nodes.turn(now)
    assert nodes.text() == f"{KEY}@one:1"
    names.hold.set()
    turned(nodes, 0, lambda: names.asked == 1)


def test_what_was_found_outlives_the_resolver(names: Names, caplog: pytest.LogCaptureFixture) -> None:
    nodes = BootNodes(f"{KEY}@one:1")
    turned(nodes, 0, lambda: names.asked == 1)
    nodes.turn(AGAIN_MS - 1)
    assert names.asked == 1
    names.known = {}
    with caplog.at_level(logging.WARNING):
        turned(nodes, AGAIN_MS, lambda: names.asked == 2)
    assert nodes.text() == f"{KEY}@203.0.113.1:1"
    assert "what was found before is used" in caplog.text
    names.known = {"one": "203.0.113.9"}
    turned(nodes, AGAIN_MS + RETRY_MS, lambda: names.asked == 3)
    assert nodes.text() == f"{KEY}@203.0.113.9:1"


def test_one_that_cannot_be_resolved_does_not_end_neard_where_there_are_others(names: Names) -> None:
    nodes = BootNodes(f"{KEY}@none:1,{KEY}@203.0.113.5:3")
    turned(nodes, 0, lambda: names.asked == 1)
    assert nodes.text() == f"{KEY}@203.0.113.5:3"
    alone = BootNodes(f"{KEY}@none:1")
    turned(alone, 0, lambda: names.asked == 2)
    assert alone.text() == f"{KEY}@none:1", "neard says what is wrong with it"
