"""A run directory that is removed under a supervisor and its guard: both are found again, and neard goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.guard_unit import GuardUnit, neard_of, parent
from support.supervised import Supervised
from support.supervised_hosts import Chain, stopped_chain
from support.taken_away import replace_by_a_file, take_away
from support.waiting import until

__all__ = ["stopped_chain"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
def host(stopped_chain: Chain) -> Iterator[Supervised]:
    """A host without a Consul that answers: its neard stands by."""
    host = stopped_chain.host("a")
    try:
        yield host
    finally:
        host.clean_up()


def kill(host: Supervised) -> None:
    assert host.process is not None
    host.process.send_signal(signal.SIGKILL)
    host.process.wait()


@pytest.mark.parametrize("guard", ["own", "service"])
def test_it_is_made_again_and_the_next_supervisor_finds_neard(host: Supervised, guard: str) -> None:
    host.flags["--guard"] = guard
    unit = GuardUnit(host) if guard == "service" else None
    try:
        host.start()
        pid = neard_of(host)
        owner = parent(pid)
        take_away(host.run_dir)
        host.says("was gone and has been made again")
        until("it answers again", lambda: host.status().get("neard", {}).get("pid") == pid, host.evidence)
        until("the guard listens again", (host.run_dir / "guard.sock").exists, host.evidence)
        kill(host)
        host.start()
        assert neard_of(host) == pid
        assert parent(pid) == owner
        assert host.stop() == 0
    finally:
        if unit is not None:
            unit.process.kill()
            unit.process.wait()


def test_what_is_removed_while_no_supervisor_is_there(host: Supervised) -> None:
    """Nobody would find the guard any more, and it would hold neard's home for ever."""
    host.start()
    pid = neard_of(host)
    kill(host)
    take_away(host.run_dir)
    until("guard and standby end", lambda: not host.processes(), host.evidence)
    host.start()
    assert neard_of(host) != pid
    assert host.stop() == 0
    host.left_nothing()


def test_one_that_cannot_be_made_again_ends_a_standby_in_order(host: Supervised) -> None:
    host.start()
    neard_of(host)
    replace_by_a_file(host.run_dir)
    assert host.ended(40) == 1
    assert any("is gone and cannot be made again" in said for said in host.said("error"))
    until("nothing of it is left", lambda: not host.processes(), host.evidence)
    assert not os.path.lexists(host.home / "validator_key.json")
    host.run_dir.unlink()
    host.start()
    neard_of(host)
    assert host.stop() == 0


def test_the_log_of_a_guard_of_its_own_is_bounded(host: Supervised) -> None:
    host.flags["--neard-log-limit"] = "1"
    host.start()
    neard_of(host)
    log = host.run_dir / "neard.log"
    with log.open("a") as file:
        file.write("x" * 2**20)
    kept = Path(f"{log}.1")
    until("it is cut", lambda: kept.exists() and log.stat().st_size < 2**19, host.evidence, 30)
    until("neard goes on with it", lambda: log.stat().st_size > 0, host.evidence, 30)
    assert kept.stat().st_size + log.stat().st_size <= 2**20
    assert host.stop() == 0
