"""A supervisor whose Consul or whose other node is not as it should be, end to end."""

from __future__ import annotations

import itertools
import os
import select
from pathlib import Path
from typing import Any

import pytest

from near_ha.errors import ControlRefused
from near_ha.transport import control_client
from support.hostile_http import answer
from support.open_consul import consul
from support.real_consul import RealConsul
from support.supervised import Supervised, edit
from support.supervised_hosts import Chain, chain, ends_with_an_error, hosts, stopped_chain
from support.switchable_proxy import proxy_to
from support.waiting import took_s, until

__all__ = ["chain", "consul", "hosts", "stopped_chain"]


pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

# The lease of whoever lives through some heartbeats that fail: twice the least, so that a busy machine does not end it.
LEASE_S = 4.0
GOOD_UNTIL_S = 0.8 * LEASE_S
_numbers = itertools.count()


# --- Consul


def test_a_consul_that_is_not_there_at_the_start_is_waited_for(
    chain: Chain, hosts: list[Supervised], tmp_path: Path
) -> None:
    late = RealConsul(tmp_path)
    host = chain.host("a", late.url)
    hosts.append(host)
    try:
        host.start().reaches("Registering")
        said = host.says("Consul does not answer")
        assert f"127.0.0.1:{late.port}" in said
        until("it has asked again and again", lambda: host.status().get("uptime_ms", 0) > 5_000, host.evidence)
        assert len([message for message in host.said() if "Consul does not answer" in message]) == 1
        host.reaches("Registering")
        assert host.armed_pid() is None
        late.start()
        host.says("Consul answers again")
        host.reaches("Validating")
        until("it signs", chain.signs(host), host.evidence)
        assert host.stop() == 0
        host.left_nothing()
    finally:
        late.stop()
    chain.nothing_was_signed_twice()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"\x16\x03\x01 not HTTP at all\r\n\r\n", id="garbage"),
        pytest.param(answer(b"No cluster leader", "500 Internal Server Error"), id="500"),
        pytest.param(answer({"Results": [], "Errors": None}, X_Consul_Index="7"), id="200 of the wrong shape"),
    ],
)
def test_a_consul_that_answers_nonsense(chain: Chain, hosts: list[Supervised], consul: RealConsul, said: bytes) -> None:
    account = f"nonsense-{next(_numbers)}"
    with proxy_to(consul.port) as to_holder, proxy_to(consul.port) as to_standby:
        holder, standby = chain.host("a", to_holder.url), chain.host("b", to_standby.url)
        hosts += [holder, standby]
        for host in hosts:
            host.flags |= {"--account-id": account, "--lease": str(LEASE_S)}
        holder.start().reaches("Validating")
        standby.start().reaches("Voting")
        until("it signs", chain.signs(holder), holder.evidence)

        # Standing by: it neither goes away nor takes over.
        before = len(standby.said())
        to_standby.answer_with(said)
        standby.says("Consul does not answer", since=before)
        until("it has asked again and again", lambda: to_standby.requests > 10, standby.evidence)
        assert standby.running()
        assert standby.armed_pid() is None
        to_standby.pass_on()
        standby.says("Consul answers again", since=before)
        standby.reaches("Voting")

        # Signing, for less than the lease: nothing happens.
        pid = until("it may sign", holder.armed_pid, holder.evidence)
        before = len(holder.said())
        to_holder.answer_with(said)
        holder.says("Consul does not answer", since=before)
        to_holder.pass_on()
        holder.says("Consul answers again", since=before)
        until("it signs on", lambda: holder.armed_pid() == pid, holder.evidence)

        # Signing, for longer: neard is killed at the deadline, the supervisor lives on as a standby.
        before = len(holder.said())
        to_standby.answer_with(said)
        to_holder.answer_with(said)
        gone = took_s(lambda: ended(pid))
        assert gone < GOOD_UNTIL_S + 1
        until("it was for the deadline", lambda: for_its_deadline(holder, pid, before), holder.evidence)
        until("its supervisor knows", lambda: holder.status().get("neard", {}).get("pid", pid) != pid, holder.evidence)
        assert holder.running()
        until("a standby again", lambda: holder.status().get("neard", {}).get("pid"), holder.evidence)
        to_holder.pass_on()
        to_standby.pass_on()
        until("one of them signs again", lambda: holder.armed_pid() or standby.armed_pid(), holder.evidence, 30)
        for host in hosts:
            assert host.stop() == 0, host.evidence()
            host.left_nothing()
    chain.nothing_was_signed_twice()


def ended(pid: int, within_s: float = 10) -> None:
    """Wait for the end of a process that is not ours, and be woken by it."""
    handle = os.pidfd_open(pid)
    try:
        assert select.select([handle], [], [], within_s)[0], f"{pid} is still there after {within_s:g} s"
    finally:
        os.close(handle)


def for_its_deadline(host: Supervised, pid: int, since: int) -> bool:
    """Guard and supervisor kill at the same moment, and whoever is first says why."""
    supervisor = any("killing neard: the lease could not be renewed" in message for message in host.said()[since:])
    return supervisor or f"neard {pid} was killed: its deadline had passed" in host.guard_log()


# --- two nodes that do not fit together


def test_a_node_that_starts_is_shown_to_the_others_with_what_it_waits_for_and_is_not_asked_for_anything(
    chain: Chain, hosts: list[Supervised], consul: RealConsul
) -> None:
    first, second = chain.host("first", consul.url), chain.host("second", consul.url)
    hosts += [first, second]
    for host in hosts:
        host.flags |= {"--account-id": "starters", "--lease": "10"}
    edit(second.home / "sim.json", lambda knobs: knobs.update(never_ready=True))
    first.start().reaches("Validating")
    second.start()

    def others() -> dict[str, dict[str, Any]]:
        document = control_client.call(first.run_dir / "control.sock", "GET", "/cluster")
        return {one["node_id"]: one for one in document["members"] if one["node_id"] != "first"}

    shown = until("it is shown", lambda: others().get("second"), second.evidence)
    assert (shown["starting"], shown["alive"], shown["ready"]) == (True, True, False)
    until("what it waits for", lambda: "the first answer of neard" in others()["second"]["reason"], second.evidence)
    with pytest.raises(ControlRefused, match="second is starting and can be asked for nothing yet"):
        control_client.call(first.run_dir / "control.sock", "POST", "/promote", {"member": "second", "force": True})
    second.stop()
    assert others() == {}, "it takes its record with it"
    # The key's lock would keep the next test's nodes waiting.
    assert first.stop() == 0


def test_a_second_node_with_the_same_home_names_the_first_one_and_harms_it_not(
    chain: Chain, hosts: list[Supervised], consul: RealConsul
) -> None:
    first, second = chain.host("first", consul.url), chain.host("second", consul.url)
    hosts += [first, second]
    second.flags["--neard-home"] = first.flags["--neard-home"]
    first.start().reaches("Validating")
    pid = until("it may sign", first.armed_pid, first.evidence)
    said = second.start().says("one neard home for two nodes", 30)
    for name in ("node 'first' on host", str(first.run_dir), "node 'second' on host", str(second.run_dir)):
        assert name in said
    status = control_client.call(second.run_dir / "control.sock", "GET", "/status")
    assert "node 'first' on host" in status["waits"]["for"]
    assert first.armed_pid() == pid
    assert (second.stop(), first.stop()) == (0, 0)


def test_a_second_node_with_the_same_id_gives_up_and_the_first_goes_on(
    chain: Chain, hosts: list[Supervised], consul: RealConsul
) -> None:
    first, second = chain.host("same", consul.url), chain.host("same", consul.url)
    hosts += [first, second]
    for host in hosts:
        # With one of 2 s, a busy machine that hears nothing of Consul for 1.6 s of these 25 ends the first one's neard.
        host.flags |= {"--account-id": "twins", "--lease": "10"}
    first.start().reaches("Validating")
    pid = until("it may sign", first.armed_pid, first.evidence)
    began = second.start().says("waiting up to", 30)
    assert "node id 'same' is that of two nodes, of this one on host" in began
    ends_with_an_error(second, 40, "node id 'same' is that of two nodes, of this one on host", "--node-id")
    until("the first one signs on", lambda: first.armed_pid() == pid, first.evidence)
    first.reaches("Validating")
    assert first.stop() == 0
    first.left_nothing()
    chain.nothing_was_signed_twice()


def test_different_leases_are_said_aloud_and_the_longer_one_is_waited_out(
    chain: Chain, hosts: list[Supervised], consul: RealConsul
) -> None:
    first, second = chain.host("a", consul.url), chain.host("b", consul.url)
    hosts += [first, second]
    for host in hosts:
        host.flags["--account-id"] = "unequal"
    first.flags["--lease"] = "4"
    first.start().reaches("Validating")
    until("it signs", chain.signs(first), first.evidence)
    second.start().reaches("Voting")
    said = second.says("lease differs")
    assert "--lease 4" in said
    assert "--lease 2" in said
    assert "Give all nodes the same" in said
    # The holder and all that belongs to it are gone without a word.
    first.clean_up()
    waited = took_s(lambda: second.reaches("Validating"))
    assert waited > 4.0 - 0.5, "the holder's own lease was longer"
    until("it signs", chain.signs(second), second.evidence)
    assert second.stop() == 0
    second.left_nothing()
    chain.nothing_was_signed_twice()
