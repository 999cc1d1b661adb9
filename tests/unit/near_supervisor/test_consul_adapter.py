"""How the driver asks Consul: whatever keeps the lease alive has to keep the session alive that holds it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from near_ha.records.member_record import Member
from near_supervisor.adapters import consul
from near_supervisor.adapters.consul import ConsulAdapter
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts import lease
from near_supervisor.core.facts.answer import YES, Answer
from support.waiting import until

OPTIONS: dict[str, Any] = {
    "consul_url": "http://localhost:8500",
    "account_id": "pool",
    "validator_account_id": "pool",
    "validator_public_key": "ed25519:KEY",
    "record_key": None,
    "consul_access": None,
}


@pytest.mark.parametrize("lease_ms", [2_000, 10_000, 20_000, 60_000])
def test_a_consul_that_is_fast_enough_for_the_lease_is_fast_enough_for_its_session(
    monkeypatch: pytest.MonkeyPatch, lease_ms: int
) -> None:
    """Found by bin/simulate: of 3 s for each, a Consul that took 0.35 of ten left nobody registered."""
    timeouts: list[int] = []

    def store(_url: str, _account_id: str, timeout_ms: int, *_rest: Any, **_named: Any) -> None:
        timeouts.append(timeout_ms)

    monkeypatch.setattr(consul, "ConsulStore", store)
    options: Any = SimpleNamespace(**OPTIONS, lease_ms=lease_ms)
    ConsulAdapter(options, "a", "instance", lambda _event: None, lambda: "")
    assert len(timeouts) == 3
    assert min(timeouts) == lease.request_timeout_ms(lease_ms) > lease_ms * 35 // 100
    assert max(timeouts) >= 3_000


class SlowStore:
    """What is asked of the member records takes until ``goes_on``; what is done is told in order."""

    goes_on = threading.Event()
    done: ClassVar[list[str]] = []

    def __init__(self, *_given: Any, **_named: Any) -> None:
        pass

    def renew_session(self, session: str) -> Answer:
        self.done.append(f"renew {session}")
        return YES

    def publish_member(self, _member_id: str, session: str, member: Member) -> None:
        self.goes_on.wait(10)
        self.done.append(f"publish {session} {member.state}")

    def drop_member(self, _member_id: str, session: str) -> None:
        self.done.append(f"drop {session}")

    def destroy_session(self, session: str) -> None:
        self.done.append(f"destroy {session}")


def test_member_records_never_hold_the_session_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by bin/simulate: all of them on one worker were more than a Consul that takes 0.35 D has time for."""
    monkeypatch.setattr(consul, "ConsulStore", SlowStore)
    options: Any = SimpleNamespace(
        **OPTIONS, lease_ms=10_000, node_id="a", hostname="host-a", failover_priority=100, node_public_key=""
    )
    heard: list[ev.Event] = []
    side = ConsulAdapter(options, "a", "instance", heard.append, lambda: "")
    for state in ("Syncing", "Registering", "Voting"):
        side.carry_out(cmd.PublishMember("session-1", state, False, "", 0))
    side.carry_out(cmd.DropSession("session-1"))
    side.carry_out(cmd.RenewSession("session-2"))
    until("the session is renewed", lambda: bool(heard), lambda: str(SlowStore.done))
    assert SlowStore.done == ["renew session-2"]
    SlowStore.goes_on.set()
    until("all is done", lambda: "destroy session-1" in SlowStore.done, lambda: str(SlowStore.done))
    # Nothing is written with a session that is gone, and nothing that is old by then.
    assert SlowStore.done[1:][-3:] == ["publish session-1 Voting", "drop session-1", "destroy session-1"]
    assert "publish session-1 Registering" not in SlowStore.done
