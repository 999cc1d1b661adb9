"""Those who are told: nobody waits for them, the oldest goes where there is no room, and everything is counted."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from near_supervisor.adapters import notifier
from near_supervisor.adapters.notifier import MOST_WAITING, TRIES, Notifier, Receiver
from near_supervisor.commandline.hook_options import Hooks
from near_supervisor.core.facts.model import Node
from near_supervisor.io import clock, exporter
from near_supervisor.io.webhook import Webhook
from near_supervisor.notifications import Kind
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS, Play
from support.hostile_http import HANG, HostileServer, answer
from support.waiting import until

SENT = {"sent": 1, "failed": 0, "dropped": 0}
NOTHING = {"sent": 0, "failed": 0, "dropped": 0}


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer({})
    yield server
    server.close()


def program(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


def test_nobody_is_told_where_nothing_is_set() -> None:
    off = Notifier(Hooks(), Node(SETTINGS))
    off.look(Play().to_voting().node, 1_000)
    assert not off.is_on
    assert off.tell_by_hand(Kind.TEST, "hello", "root") == 0
    assert off.counts() == {"command": NOTHING, "webhook": NOTHING}
    off.close()


def test_command_and_address_get_the_same_document(tmp_path: Path, server: HostileServer) -> None:
    server.script = {"*": answer(b"")}
    command = program(tmp_path / "hook", f"cat >> {tmp_path}/got; echo $NEAR_EVENT $NEAR_ACCOUNT_ID $NEAR_NODE_ID")
    both = Notifier(Hooks(notify_command=command, webhook=Webhook(server.url)), Node(SETTINGS))
    both.look(Play().to_voting().node, 1_000)
    until("both have it", lambda: both.counts() == {"command": SENT, "webhook": SENT})
    (line,) = (tmp_path / "got").read_text().splitlines()
    document: dict[str, Any] = json.loads(line)
    assert (document["event"], document["role"], document["number"], document["node_id"]) == ("role", "standby", 1, "a")
    assert server.requests == ["POST /"]


def test_a_receiver_that_hangs_costs_the_loop_nothing_and_the_oldest_goes(server: HostileServer) -> None:
    server.script = {"*": HANG}
    slow = Notifier(Hooks(webhook=Webhook(server.url)), Node(SETTINGS))
    slow.tell_by_hand(Kind.TEST, "first", "root")
    until("it is at the first", lambda: server.requests == ["POST /"])
    began = monotonic()
    for _ in range(MOST_WAITING + 30):
        slow.tell_by_hand(Kind.TEST, "more", "root")
    assert monotonic() - began < 1
    assert slow.counts()["webhook"]["dropped"] == 30
    # Its thread would go on with them after the test.
    slow._receivers[0]._waiting.clear()


def test_the_newest_are_kept() -> None:
    go, got = threading.Event(), list[int]()

    def deliver(document: dict[str, Any]) -> str:
        go.wait(10)
        got.append(document["number"])
        return ""

    receiver = Receiver("slow", deliver)
    receiver.put({"number": 0})
    until("it has begun", lambda: not receiver._waiting)
    for number in range(1, MOST_WAITING + 11):
        receiver.put({"number": number})
    go.set()
    receiver.finish(10_000)
    assert got == [0, *range(11, MOST_WAITING + 11)]


def test_a_post_is_tried_again_with_a_pause_and_not_for_ever(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[int] = []
    monkeypatch.setattr(clock, "sleep_ms", pauses.append)
    server.script = {"*": answer(b"", status="503 Later")}
    asks = Notifier(Hooks(webhook=Webhook(server.url)), Node(SETTINGS))
    asks.tell_by_hand(Kind.TEST, "hello", "root")
    until("it is given up", lambda: asks.counts()["webhook"]["failed"] == 1)
    assert len(server.requests) == TRIES
    assert pauses == [1_000, 2_000, 4_000]
    server.script = {"*": answer(b"", status="403 No")}
    asks.tell_by_hand(Kind.TEST, "hello", "root")
    until("it is given up", lambda: asks.counts()["webhook"]["failed"] == 2)
    assert len(server.requests) == TRIES + 1, "what is refused is not asked again"


def test_what_fails_is_logged_with_what_it_said_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    command = program(tmp_path / "hook", "echo no route to anybody; exit 7")
    fails = Notifier(Hooks(notify_command=command), Node(SETTINGS))
    with caplog.at_level(logging.WARNING):
        fails.tell_by_hand(Kind.TEST, "hello", "root")
        until("it has failed", lambda: fails.counts()["command"]["failed"] == 1)
    assert (
        "notification 1 (test) was not delivered by command: it ended with status 7; it said last: no route"
        in caplog.text
    )


def test_what_nobody_has_thought_of_ends_neither_the_loop_nor_the_receiver(caplog: pytest.LogCaptureFixture) -> None:
    def deliver(_document: dict[str, Any]) -> str:
        raise KeyError("x")

    receiver = Receiver("broken", deliver)
    for number in (1, 2):
        receiver.put({"number": number, "event": "test"})
    until("both have failed", lambda: receiver.counts.failed == 2)
    on = Notifier(Hooks(webhook=Webhook("http://127.0.0.1:9/")), Node(SETTINGS))
    on.look(None, 0)  # type: ignore[arg-type]
    assert caplog.text.count("BUG, please report it") == 3


def test_the_last_words_of_a_supervisor_get_a_moment_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Notifier(
        Hooks(notify_command=program(tmp_path / "hook", f"sleep 0.3; cat >> {tmp_path}/got")), Node(SETTINGS)
    )
    ends.tell_by_hand(Kind.TEST, "last", "root")
    ends.close()
    assert "last" in (tmp_path / "got").read_text()
    monkeypatch.setattr(notifier, "LAST_MS", 200)
    hangs = Notifier(Hooks(notify_command=program(tmp_path / "hangs", "sleep 3")), Node(SETTINGS))
    hangs.tell_by_hand(Kind.TEST, "last", "root")
    began = monotonic()
    hangs.close()
    assert monotonic() - began < 2


def test_the_counts_are_metrics(tmp_path: Path) -> None:
    told = Notifier(Hooks(notify_command=program(tmp_path / "hook", "exit 0")), Node(SETTINGS))
    told.tell_by_hand(Kind.TEST, "hello", "root")
    told.close()
    text = exporter.exposition(lambda: Snapshot(Node(SETTINGS), 2, 1), told.counts)
    for receiver, sent in (("command", 1), ("webhook", 0)):
        assert f'near_supervisor_notifications_total{{receiver="{receiver}",result="sent"}} {sent}' in text
        assert f'near_supervisor_notifications_total{{receiver="{receiver}",result="dropped"}} 0' in text
