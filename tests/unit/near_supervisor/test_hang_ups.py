"""Clients that go in the middle (port scanners, health checks): one line that counts them, never a traceback."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from pathlib import Path

import pytest

from near_supervisor.core.facts.model import Node
from near_supervisor.io import control
from near_supervisor.io import exporter as exporter_module
from near_supervisor.io.control import ControlServer
from near_supervisor.io.exporter import Exporter
from near_supervisor.io.hang_ups import SAY_AGAIN_MS, HangUps
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS
from support.ports import free_port
from support.waiting import until

RESET = struct.pack("ii", 1, 0)
CLIENTS = 40


@pytest.fixture(autouse=True)
def ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers look more often whether they are to end."""
    for module in (control, exporter_module):
        monkeypatch.setattr(module, "SHUTDOWN_POLL_S", 0.02)


def hang_up(family: int, address: str | tuple[str, int]) -> None:
    """Asks, and resets the connection instead of waiting for the answer."""
    with socket.socket(family) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.connect(address)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")


def test_of_the_metrics(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="near_supervisor")
    port = free_port()
    exporter = Exporter(f"127.0.0.1:{port}", lambda: Snapshot(Node(SETTINGS), 0, 0))
    threading.Thread(target=exporter.serve, daemon=True).start()
    try:
        for _number in range(CLIENTS):
            hang_up(socket.AF_INET, ("127.0.0.1", port))
        until("they were counted", lambda: exporter.hang_ups.count == CLIENTS)
    finally:
        exporter._server.shutdown()
        exporter._server.server_close()
    assert "Traceback" not in capfd.readouterr().err
    assert len([one for one in caplog.records if "hung up" in one.message]) == 1


def test_of_the_control_socket(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s"
    server = ControlServer(path, {("GET", "/slow"): lambda asked: {"filler": "x" * 10**6}})
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        until("it was counted", lambda: server.hang_ups.count == 1)
    finally:
        server.shutdown()
        server.server_close()
    assert "Traceback" not in capfd.readouterr().err


def test_they_are_said_once_in_a_while_with_how_many_there_were(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="near_supervisor")
    seen = HangUps("metrics")
    for now in (0, 1_000, 2_000, SAY_AGAIN_MS + 1):
        seen.note(now)
    assert [one.message for one in caplog.records] == [
        "a client of metrics hung up before it had its answer (1 so far)",
        "a client of metrics hung up before it had its answer (4 so far)",
    ]


def test_what_is_no_hang_up_is_an_error_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_asked: object) -> dict[str, object]:
        raise ZeroDivisionError("by zero")

    path = tmp_path / "s"
    server = ControlServer(path, {("GET", "/"): broken})
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            until("it is said", lambda: [one for one in caplog.records if "ZeroDivisionError" in one.message])
    finally:
        server.shutdown()
        server.server_close()
    assert "Traceback" not in capfd.readouterr().err
    assert server.hang_ups.count == 0
