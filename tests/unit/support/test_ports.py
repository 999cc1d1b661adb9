"""support.ports: what two servers of a test listen on is never the same."""

from __future__ import annotations

import socket

import pytest

from support import ports


def test_no_port_is_given_twice() -> None:
    assert len({ports.free_port() for _ in range(500)}) == 500


def test_a_port_on_which_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = ports.free_port()
    with socket.create_server(("127.0.0.1", taken)):
        monkeypatch.setattr(ports, "_FIRST", taken)
        monkeypatch.setattr(ports, "_COUNT", 1)
        with pytest.raises(RuntimeError, match=f"from {taken} to {taken} is taken"):
            ports.free_port()
