"""Whether a process catches a signal is asked of the kernel."""

from __future__ import annotations

import signal
import subprocess
import sys

from near_supervisor.io import caught_signals

HANDLES = "import signal, sys; {}; print('up', flush=True); sys.stdin.read()"


def caught(code: str) -> bool:
    """Of a process that has run ``code``: does it catch SIGHUP?"""
    program = [sys.executable, "-I", "-S", "-c", HANDLES.format(code)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        found = caught_signals.has(child.pid, signal.SIGHUP)
        assert not caught_signals.has(child.pid, signal.SIGUSR1)
        child.kill()
    return found


def test_only_a_handler_counts() -> None:
    assert caught("signal.signal(signal.SIGHUP, lambda *_: None)")
    assert not caught("signal.signal(signal.SIGHUP, signal.SIG_DFL)")
    assert not caught("signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    assert not caught("signal.signal(signal.SIGTERM, lambda *_: None)")


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not caught_signals.has(child.pid, signal.SIGHUP)
