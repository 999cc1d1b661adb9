"""Whose listening socket answers: the kernel's word."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from near_supervisor.io import listener
from support.waiting import until

SLEEPS = "import time; time.sleep(60)"


@pytest.fixture
def other() -> Iterator[int]:
    """A process that listens nowhere; its pid."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPS])
    yield process.pid
    process.kill()
    process.wait()


def listening(host: str = "127.0.0.1", family: int = socket.AF_INET, port: int = 0) -> socket.socket:
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen()
    return sock


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "localhost"])
def test_ours_is_ours_and_nobody_elses(bound: str, asked: str, other: int) -> None:
    with listening(bound) as sock:
        port = sock.getsockname()[1]
        assert listener.is_of(os.getpid(), asked, port) is True
        assert listener.is_of(other, asked, port) is False
    assert listener.is_of(os.getpid(), asked, port) is False


@pytest.mark.skipif(not socket.has_ipv6, reason="a kernel without IPv6")
def test_the_same_of_ipv6() -> None:
    with listening("::1", socket.AF_INET6) as sock:
        port = sock.getsockname()[1]
        assert listener.is_of(os.getpid(), "::1", port) is True
        assert listener.is_of(os.getpid(), "127.0.0.1", port) is False


def test_one_on_another_address_is_none_of_our_business(other: int) -> None:
    with listening("127.0.0.2") as sock:
        port = sock.getsockname()[1]
        assert listener.is_of(os.getpid(), "127.0.0.1", port) is False
        with listening("127.0.0.1", port=port):
            assert listener.is_of(os.getpid(), "127.0.0.1", port) is True
            assert listener.is_of(other, "127.0.0.1", port) is False


def test_two_who_may_both_be_meant_are_not_known_to_be_one(other: int) -> None:
    """A program that listens on every address, and another one on this one."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket, sys, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
            "print(s.getsockname()[1], flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        until("it listens", lambda: listener.is_of(child.pid, "127.0.0.1", port), str)
        with listening("127.0.0.3", port=port):
            assert listener.is_of(child.pid, "localhost", port) is False
            assert listener.is_of(child.pid, "127.0.0.1", port) is True
    finally:
        child.kill()
        child.wait()


def test_a_process_that_is_gone_is_not_known() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert listener.is_of(process.pid, "127.0.0.1", 1) is not True
