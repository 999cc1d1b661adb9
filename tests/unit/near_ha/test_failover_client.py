"""What somebody is told who waits for a request to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from near_ha.errors import ControlError, NotYet
from near_ha.operator.failover_client import SILENCE_S, Failover, Patience
from near_ha.operator.request import OperatorRequest, Verb
from near_ha.transport.base import Asked

WISH = OperatorRequest(Verb.PROMOTE, "b", "alice", "", 60_000)


class Vanishing:
    """A way to a cluster whose supervisor is there at first, then gone for some questions, as ``gone`` says."""

    account_id = "pool.near"

    def __init__(self, gone: Iterator[bool]) -> None:
        self._gone = gone

    def look(self) -> dict[str, Any]:
        if next(self._gone):
            raise ControlError("no supervisor answers on /run/near/control.sock", "Is it running?")
        return {"leader": {"node_id": "a"}, "members": [], "request": None, "history": []}

    def meant(self, _verb: Verb) -> str:
        return "b"

    def ask(self, _request: OperatorRequest, *, check: bool) -> Asked:
        return Asked(not check, "a hands over to b", "request-1")


class Clock:
    """A second for each look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_supervisor_whose_socket_is_gone_is_said_once_and_waited_for() -> None:
    gone = iter([False, *[True] * 30])
    failover, told = Failover(Vanishing(gone), Clock()), []
    with pytest.raises(NotYet, match=r"no supervisor answers"):
        told += [step.text for step in failover.run(WISH, Patience(timeout_s=20))]
    silent = [step.text for step in failover.known.steps if "no answer" in step.text]
    assert len(silent) == 1
    assert f"no answer for {SILENCE_S:g} s" in silent[0]
    assert "/run/near/control.sock" in silent[0]
