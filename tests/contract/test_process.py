"""The process: its end, and its home."""

from __future__ import annotations

import signal
import socket

from contract.chain_under_test import SUBJECT, ChainUnderTest
from near_localnet.layout import CHAIN_NODES
from near_supervisor.io import neard_wal


def listens(neard: ChainUnderTest) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((neard.layout.address, SUBJECT.rpc_port)) == 0


def test_sigterm_closes_its_port_and_ends_it(neard: ChainUnderTest) -> None:
    for process in neard.subject():
        process.signal(signal.SIGTERM)
    neard.until("its port is closed", lambda: not listens(neard), 20)
    neard.until("it is gone", lambda: not neard.subject(), 20)


def test_a_home_has_one_process(neard: ChainUnderTest) -> None:
    second = neard.run("run")
    assert second.returncode != 0
    assert neard.subject()


def test_sigkill_costs_no_data(neard: ChainUnderTest) -> None:
    height = neard.height(SUBJECT)
    assert height is not None
    neard.end()
    neard.begin()
    neard.until("it goes on above", lambda: (neard.height(SUBJECT) or 0) > height)


def test_its_database_tells_after_a_kill_how_far_it_came(neard: ChainUnderTest) -> None:
    """Read as the supervisor does, whose successor signs above that (`io/neard_wal.py`)."""
    neard.give_key()
    neard.until("it approves", neard.approves)
    said = int(neard.metric("near_largest_target_height") or 0)
    known = neard.height(SUBJECT) or 0
    for process in neard.subject():
        process.signal(signal.SIGKILL)
    neard.until("it is gone", lambda: not neard.subject(), 20)
    found = neard_wal.read(neard.home / "data")
    assert found is not None
    assert found.target >= said
    assert found.known >= known
    # Of the blocks that come none has an approval of a height above it.
    newest = neard.height(CHAIN_NODES[0]) or 0
    neard.until("the chain goes on", lambda: (neard.height(CHAIN_NODES[0]) or 0) > max(newest, found.signed) + 2)
    assert max(neard.approved(found.signed - 9)) <= found.signed
