"""What a run on a stage does when it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal
from near_measure.stage import end_by_signal
end_by_signal()
try:
    print("ready", flush=True)
    signal.pause()
except KeyboardInterrupt:
    print("down", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_shell_started_in_the_background_takes_its_localnet_down_too(number: int) -> None:
    child = subprocess.Popen(
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(number)
    assert child.communicate(timeout=10)[0] == "down\n"
