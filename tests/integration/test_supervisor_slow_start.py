"""A neard that migrates its database when it starts: real supervisor and guard, simulated neard."""

from __future__ import annotations

import pytest

from support.supervised import Supervised, edit
from support.supervised_hosts import host, hosts, stopped_chain
from support.waiting import until

__all__ = ["host", "hosts", "stopped_chain"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

MIGRATION_MS = 12_000


def test_a_migration_that_takes_longer_than_a_start_is_left_alone(host: Supervised) -> None:
    edit(host.home / "sim.json", lambda knobs: knobs.update(migration_ms=MIGRATION_MS))
    host.flags["--startup-timeout"] = "3"
    host.start()
    host.says("may migrate its database, so it is left to that")
    waits = host.status()["waits"]
    assert "which works on its start" in waits["for"], waits
    until("neard answers", lambda: host.state() in ("Syncing", "Voting"), host.evidence, 60)
    started = [message for message in host.said("info") if "started as a standby" in message]
    assert len(started) == 1, host.evidence()
    assert not host.said("error"), host.evidence()
    assert host.stop() == 0
    host.left_nothing()


def test_a_migration_has_a_bound(host: Supervised) -> None:
    edit(host.home / "sim.json", lambda knobs: knobs.update(migration_ms=600_000))
    host.flags.update({"--startup-timeout": "2", "--startup-limit": "5"})
    host.start()
    said = host.says("killing neard: neard was not ready after 2 s", timeout_s=30)
    assert "(--startup-limit)" in said
    host.stop()
    host.left_nothing()
