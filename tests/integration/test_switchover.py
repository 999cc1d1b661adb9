"""A switchover on a pair of real supervisors: asked for as people do, judged by Consul, processes and the chain."""

from __future__ import annotations

import base64
import json
import os
import pwd
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from near_ha.errors import ControlRefused
from near_ha.records import consul_keys, lease_record
from near_ha.records.lease_record import LeaseRecord
from near_ha.transport import control_client
from near_supervisor.commandline import main as main_program
from support.ansible_modules import load, run
from support.open_consul import consul
from support.real_consul import RealConsul
from support.supervised import Supervised, edit
from support.supervised_hosts import Chain, chain, stopped_chain
from support.waiting import until

__all__ = ["chain", "consul", "stopped_chain"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ACCOUNT = "pair.near"
LEASE_S = 4
FIELDS = "by, check, force, ignore_doppelganger, member, now, reason, timeout_ms"


class Pair:
    """Two hosts of one validator."""

    def __init__(self, chain: Chain, consul: RealConsul) -> None:
        self.chain, self.consul = chain, consul
        self.hosts = {name: chain.host(name, consul.url) for name in ("a", "b")}
        for host in self.hosts.values():
            host.flags |= {"--account-id": ACCOUNT, "--lease": str(LEASE_S)}

    def roles(self) -> tuple[Supervised, Supervised]:
        """Who validates and who stands by ready, both sure of it."""

        def found() -> tuple[Supervised, Supervised] | None:
            seen = {host.state(): host for host in self.hosts.values()}
            both = seen.get("Validating"), seen.get("Voting")
            return (both[0], both[1]) if both[0] and both[1] and both[1].status()["ready"] else None

        return until("one validates, one stands by", found, self.evidence, 40)

    def lease(self) -> LeaseRecord:
        """As Consul has it."""
        entry = self.consul.entry(consul_keys.leader(ACCOUNT))
        assert entry
        return lease_record.parse(base64.b64decode(entry["Value"]))

    def requests(self) -> list[Any]:
        """Everything that a person's request may change in Consul."""
        keys = (consul_keys.switchover(ACCOUNT), consul_keys.config(ACCOUNT), consul_keys.history(ACCOUNT))
        return [self.consul.entry(key) for key in keys]

    def evidence(self) -> str:
        return "\n".join(host.evidence() for host in self.hosts.values())


@pytest.fixture(scope="module")
def pair(chain: Chain, consul: RealConsul) -> Iterator[Pair]:
    pair = Pair(chain, consul)
    try:
        pair.hosts["a"].start().reaches("Validating")
        pair.hosts["b"].start()
        yield pair
        chain.nothing_was_signed_twice()
    finally:
        for host in pair.hosts.values():
            host.clean_up()


def say(host: Supervised, *words: str) -> int:
    """The shell's verb, on this host."""
    return main_program.main([*words, "--run-dir", str(host.run_dir)])


def failover(host: Supervised, *, check: bool = False, **params: Any) -> dict[str, Any]:
    """The module, on this host."""
    given = {"run_dir": str(host.run_dir), "timeout": 60, **params}
    return run(load("near_failover"), given, check=check)


def test_promote_by_the_module_in_four_steps(pair: Pair) -> None:
    old, new = pair.roles()
    before, term = pair.requests(), pair.lease().term
    predicted = failover(new, action="promote", reason="a new kernel", check=True)
    assert (predicted["changed"], predicted["leader_after"]) == (True, new.name)
    assert pair.requests() == before
    done = failover(new, action="promote", reason="a new kernel")
    assert not done.get("failed"), (done, pair.evidence())
    assert (done["leader_before"], done["leader_after"], done["term"]) == (old.name, new.name, term + 1)
    assert (pair.lease().node_id, pair.lease().term) == (new.name, term + 1)
    assert new.armed_pid()
    assert not old.armed_pid()
    assert 0 < done["gap_ms"] < 1_000 * (LEASE_S + 10)
    until("the chain has its signature", pair.chain.signs(new), pair.evidence)
    again = failover(new, action="promote")
    assert (again["changed"], again["term"]) == (False, term + 1)


def test_demote_by_the_shell_is_in_the_history_and_the_log_says_who_asked(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = pair.roles()
    assert say(old, "demote", "--reason", "it smells of smoke") == 0, pair.evidence()
    assert f"done: {new.name} validates" in capsys.readouterr().out
    assert pair.lease().node_id == new.name
    assert say(new, "history", "--json") == 0
    last = json.loads(capsys.readouterr().out)[-1]
    assert (last["node_id"], last["predecessor"], last["kind"]) == (new.name, old.name, "switchover")
    assert last["reason"] == "it smells of smoke"
    me = f"{pwd.getpwuid(os.getuid()).pw_name} (pid {os.getpid()})"
    assert old.says(f"asked over the control socket by {me}")


def test_two_requests_at_once_are_one_switchover(pair: Pair) -> None:
    old, new = pair.roles()
    term = pair.lease().term
    first = failover(new, action="promote", wait=False)
    second = failover(old, action="promote", node=new.name)
    assert first["changed"], first
    assert not second.get("failed"), second
    assert (second["changed"], pair.lease().node_id, pair.lease().term) == (False, new.name, term + 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"member": 7}, "member is 7. It should be one printable line of at most 1000 characters"),
        ({"member": "x" * 1_001}, "member is 'xxx"),
        ({"reason": "two\nlines"}, "reason is 'two\\nlines'"),
        ({"timeout_ms": True}, "timeout_ms is True. It should be a whole number of milliseconds"),
        ({"timeout_ms": 0}, "timeout 0 ms is not between 1 and 3600000"),
        ({"force": "yes"}, "force is 'yes'. It should be true or false"),
        ({"check": 1}, "check is 1. It should be true or false"),
        ({"chek": True}, f"there is no field 'chek'. There are: {FIELDS}"),
        (["promote"], "the request's body is not a JSON object"),
    ],
)
def test_a_request_that_cannot_be_read_changes_nothing(pair: Pair, body: object, words: str) -> None:
    _, new = pair.roles()
    before = pair.requests()
    with pytest.raises(ControlRefused) as caught:
        control_client.call(new.run_dir / "control.sock", "POST", "/promote", body)
    assert words in str(caught.value)
    assert pair.requests() == before


def test_an_unready_target_is_refused_and_nothing_changes(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = pair.roles()
    pid = new.status()["neard"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        until("it is not ready", lambda: not new.status()["ready"], pair.evidence)
        until("the others know", lambda: not _member(old, new.name)["ready"], pair.evidence)
        before = pair.requests()
        assert say(old, "promote", new.name) == 3
        assert f"{new.name} is not ready" in capsys.readouterr().err
        assert say(old, "demote") == 3
        assert "no standby is ready to take over" in capsys.readouterr().err
        assert pair.requests() == before
        assert old.state() == "Validating"
    finally:
        os.kill(pid, signal.SIGCONT)
    pair.roles()


def test_a_standby_whose_neard_would_not_start_says_so_everywhere_and_nobody_hands_over_to_it(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    active, standby = pair.roles()
    config = standby.home / "config.json"
    whole = config.read_text()

    def reasons() -> list[str]:
        members = run(load("near_failover_info"), {"run_dir": str(standby.run_dir)})["members"]
        return next(list(member["reasons"]) for member in members if member["node_id"] == standby.name)

    edit(config, lambda document: document["consensus"].update(min_num_peers="many"))
    try:
        # The files are looked at every 10 s, and with the lowest priority.
        until("the members know it", lambda: "preflight" in reasons(), pair.evidence, 40)
        assert "(preflight)" in standby.says("takes over only if no other one can (preflight)", 30)
        shown = {reason["name"]: reason for reason in standby.status()["readiness"]}
        assert "'many'" in shown["preflight"]["text"]
        assert (shown["preflight"]["blocks"], shown["preflight"]["last"]) == (False, True)
        before = pair.requests()
        for words in (("promote", standby.name), ("promote", standby.name, "--check")):
            assert say(active, *words) == 3
            told = capsys.readouterr().err
            assert f"{standby.name} is not ready" in told
            assert "'many'" in told
        refused = failover(standby, action="promote", check=True)
        assert refused["failed"]
        assert "'many'" in refused["msg"]
        assert pair.requests() == before
        assert active.state() == "Validating"
    finally:
        edit(config, lambda document: document.update(json.loads(whole)))
    standby.says("preflight does not speak against a takeover any more", 30)
    until("the members know it", lambda: "preflight" not in reasons(), pair.evidence)


def test_a_paused_cluster_replaces_nobody_until_it_is_resumed_and_says_so_aloud(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = pair.roles()
    assert say(new, "pause", "--reason", "works") == 0
    for host in (old, new):
        host.says("the cluster is paused: no failover until")
        assert host.status()["paused"] is True
    assert say(new, "promote") == 3
    assert "the cluster is paused" in capsys.readouterr().err
    term = pair.lease().term
    old.clean_up()
    until("it knows that nobody validates", lambda: _leader(new) is None, pair.evidence, 60)
    assert (new.state(), pair.lease().term) == ("Voting", term)
    assert say(new, "resume") == 0
    new.reaches("Validating", 60)
    assert pair.lease().term == term + 1
    old.start()
    pair.roles()


def test_a_dead_validator_is_waited_out_and_its_successor_promoted(pair: Pair) -> None:
    old, new = pair.roles()
    old.clean_up()
    done = failover(new, action="promote")
    assert not done.get("failed"), (done, pair.evidence())
    assert pair.lease().node_id == new.name
    old.start()
    pair.roles()


def _member(host: Supervised, name: str) -> dict[str, Any]:
    members = run(load("near_failover_info"), {"run_dir": str(host.run_dir)})["members"]
    return next(member for member in members if member["node_id"] == name)


def _leader(host: Supervised) -> Any:
    found = run(load("near_failover_info"), {"run_dir": str(host.run_dir)})["leader"]
    return found if found and found["alive"] else None
