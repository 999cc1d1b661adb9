"""What somebody is told who waits for a request to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from near_ha.errors import ControlError, NotYet
from near_ha.operator import report
from near_ha.operator.failover_client import SILENCE_S, Failover, Patience, Wait
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


def asks_hook(document: dict[str, Any], request: str) -> dict[str, Any]:
    """The same, and ``host b`` asks its hook about that request."""
    first, second = document["members"]
    return {**document, "members": [first, {**second, "considers": request}]}


def at(phase: str, leader: str, **more: str) -> dict[str, Any]:
    request = {"id": "request-1", "phase": phase, "source": "a", "target": "b", "outcome": "", "note": "", **more}
    members = [{"member_id": "a", "node_id": "host a"}, {"member_id": "b", "node_id": "host b", "reason": "is Startup"}]
    held = {"node_id": leader, "alive": True} if leader else None
    return {"leader": held, "members": members, "request": request, "history": []}


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (at("asked", "host a"), "host a to accept it"),
        (at("asked", "host a", note="waiting for height 9"), "host a to accept it (waiting for height 9)"),
        (asks_hook(at("asked", "host a"), "request-1"), "the answer of pre_takeover of host b"),
        (asks_hook(at("asked", "host a"), "request-0"), "host a to accept it"),
        (at("asked", ""), "somebody who holds the lease to accept it"),
        (at("accepted", "host a"), "host a to stop signing and to give the lease back (host b is Startup)"),
        (at("accepted", ""), "host b to take the lease (host b is Startup)"),
        (at("accepted", "host b"), "host b to sign (host b is Startup)"),
    ],
)
def test_whoever_waits_is_told_for_what_and_for_how_long_and_so_is_who_waited_in_vain(
    document: dict[str, Any], what: str
) -> None:
    class Standing(Vanishing):
        def look(self) -> dict[str, Any]:
            return document

    told: list[Wait] = []
    failover = Failover(Standing(iter([])), Clock(), told.append)
    with pytest.raises(NotYet, match=re.escape(f"and waits for {what}")):
        list(failover.run(WISH, Patience(timeout_s=20)))
    assert {wait.what for wait in told} == {what}
    left = [wait.left_s for wait in told]
    assert left == sorted(left, reverse=True)
    assert 0 <= left[-1] < left[0] < 20


def test_of_a_request_that_has_ended_or_is_another_nobody_waits() -> None:
    assert report.waits_for(at("done", "host b"), "request-1") == ""
    assert report.waits_for(at("asked", "host a"), "request-2") == ""
