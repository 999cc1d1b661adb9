"""Real supervisors with hooks: what is told, who may say no to what, and that nobody waits for any of it."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from near_ha.records import consul_keys, lease_record
from near_ha.records.lease_record import LeaseRecord
from near_supervisor.commandline import main as main_program
from near_supervisor.core.facts import lease
from support.hostile_http import HANG, HostileServer
from support.open_consul import consul
from support.real_consul import RealConsul
from support.supervised import Supervised
from support.supervised_hosts import Chain, chain, stopped_chain
from support.waiting import until

__all__ = ["chain", "consul", "stopped_chain"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ACCOUNT = "hooks.near"
LEASE_S = 4
HOOK_S = 2
# Reads what it is given, and does what the file beside it says: nothing of it is decided by the supervisor.
PRE_TAKEOVER = """#!/bin/sh
cat >> {directory}/asked
. {directory}/does
"""
NOTIFY = """#!/bin/sh
cat >> {directory}/told
. {directory}/notify-does
"""


class Hooked:
    """Two hosts of one validator; each has its hooks and what they wrote in a directory of its own."""

    def __init__(self, chain: Chain, consul: RealConsul, root: Path, server: HostileServer) -> None:
        self.chain, self.consul = chain, consul
        self.hosts = {name: chain.host(name, consul.url) for name in ("a", "b")}
        self.places: dict[str, Path] = {}
        for name, host in self.hosts.items():
            place = self.places[name] = root / name
            place.mkdir()
            for file, text in (("pre_takeover", PRE_TAKEOVER), ("notify", NOTIFY)):
                (place / file).write_text(text.format(directory=place))
                (place / file).chmod(0o755)
            host.flags |= {
                "--account-id": ACCOUNT,
                "--lease": str(LEASE_S),
                "--pre-takeover": str(place / "pre_takeover"),
                "--pre-takeover-timeout": str(HOOK_S),
                "--notify-command": str(place / "notify"),
                "--notify-url": server.url,
                "--notify-timeout": "3",
            }
        self.everywhere("exit 0", "exit 0")

    def everywhere(self, pre_takeover: str, notify: str) -> None:
        """What the hooks of both do from now on."""
        for name in self.places:
            self.at(name, pre_takeover, notify)

    def at(self, name: str, pre_takeover: str, notify: str = "exit 0") -> None:
        """What the hooks of one host do from now on."""
        for file, text in (("does", pre_takeover), ("notify-does", notify)):
            new = self.places[name] / f"{file}.new"
            new.write_text(text + "\n")
            new.replace(self.places[name] / file)

    def told(self, host: Supervised) -> list[dict[str, Any]]:
        """The notifications of one host."""
        path = self.places[host.name] / "told"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def asked(self, host: Supervised) -> list[dict[str, Any]]:
        """What the hook of one host was asked."""
        path = self.places[host.name] / "asked"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

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

    def evidence(self) -> str:
        return "\n".join(host.evidence() for host in self.hosts.values())


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    """The web address of both: it hangs, always."""
    server = HostileServer({"*": HANG})
    yield server
    server.close()


@pytest.fixture(scope="module")
def pair(
    chain: Chain, consul: RealConsul, server: HostileServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hooked]:
    pair = Hooked(chain, consul, tmp_path_factory.mktemp("hooks"), server)
    try:
        pair.hosts["a"].start().reaches("Validating")
        pair.hosts["b"].start()
        yield pair
        chain.nothing_was_signed_twice()
    finally:
        for host in pair.hosts.values():
            host.clean_up()


@pytest.fixture(autouse=True)
def as_they_were(pair: Hooked) -> Iterator[None]:
    pair.everywhere("exit 0", "exit 0")
    yield
    pair.everywhere("exit 0", "exit 0")


def say(host: Supervised, *words: str) -> int:
    """The shell's verb, on this host."""
    return main_program.main([*words, "--run-dir", str(host.run_dir)])


def kinds(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["event"], one.get("role", "")) for one in told]


def test_a_planned_switchover_asks_the_target_and_is_told_by_each_host(pair: Hooked) -> None:
    old, new = pair.roles()
    before = {host.name: len(pair.told(host)) for host in (old, new)}
    assert say(old, "promote", new.name, "--reason", "a new kernel") == 0, pair.evidence()
    (asked,) = pair.asked(new)
    assert (asked["event"], asked["request"]["target"], asked["request"]["reason"]) == (
        "pre_takeover", new.name, "a new kernel",
    )  # fmt: skip
    assert not pair.asked(old)
    until(
        "the new one tells both",
        lambda: {("role", "validator"), ("switchover", "")} <= set(kinds(pair.told(new)[before[new.name] :])),
        pair.evidence,
    )
    until(
        "the old one tells that it stands by",
        lambda: kinds(pair.told(old)[before[old.name] :])[-1:] == [("role", "standby")],
        pair.evidence,
    )
    assert ("role", "none") in kinds(pair.told(old)[before[old.name] :])
    last = next(one for one in reversed(pair.told(new)) if one["event"] == "switchover")
    assert last["request"]["phase"] == "done"
    assert "the switchover that" in last["text"]


@pytest.mark.parametrize("verb", ["promote", "demote"])
@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("echo 'checks the database'; echo 'backup runs until 6'; exit 1", "backup runs until 6"),
        ("sleep 60", f"it was ended after {HOOK_S} s"),
        ("kill -9 $$", "it was ended by signal 9"),
    ],
    ids=["says no", "hangs", "breaks off"],
)
def test_a_veto_refuses_what_was_planned_and_says_why(
    pair: Hooked, capsys: pytest.CaptureFixture[str], verb: str, does: str, why: str
) -> None:
    old, new = pair.roles()
    term, pid = pair.lease().term, old.armed_pid()
    pair.at(new.name, does)
    words = ("promote", new.name) if verb == "promote" else ("demote", old.name)
    assert say(old, *words) == 4, pair.evidence()
    assert f"pre_takeover of {new.name} is against it: {why}" in capsys.readouterr().err
    assert (pair.lease().term, old.armed_pid()) == (term, pid), "the validator has signed on"
    until("it is told", lambda: pair.told(new)[-1]["event"] == "veto", pair.evidence)
    assert why in pair.told(new)[-1]["reason"]


def test_force_does_not_ask(pair: Hooked) -> None:
    old, new = pair.roles()
    asked = len(pair.asked(new))
    pair.at(new.name, "exit 1")
    assert say(old, "promote", new.name, "--force") == 0, pair.evidence()
    assert len(pair.asked(new)) == asked
    assert pair.lease().node_id == new.name


def test_hooks_and_an_address_that_hang_cost_no_heartbeat(pair: Hooked) -> None:
    """The command hangs, each time until it is ended, the address always; and a hand-over is asked for."""
    old, new = pair.roles()
    pair.everywhere("sleep 60", "sleep 55")
    for host in (old, new):
        for number in range(100):
            assert say(host, "notify", f"{number}") == 0
    assert say(new, "promote", "--no-wait") == 0
    began, seq, term = monotonic(), pair.lease().seq, pair.lease().term
    slowest = 0
    while monotonic() < began + 2 * LEASE_S:
        slowest = max(slowest, int(old.status()["consul"]["heartbeat_ms"]))
    expected = 2 * LEASE_S * 1000 / lease.heartbeat_interval(LEASE_S * 1000)
    assert pair.lease().term == term
    assert pair.lease().seq - seq >= expected - 2
    assert slowest < LEASE_S * 1000 * 0.25
    until("the request has failed", lambda: old.status()["switchover"] is None, pair.evidence)
    dropped = 'near_supervisor_notifications_total{receiver="webhook",result="dropped"}'
    count = next(line for line in metrics(old).splitlines() if line.startswith(dropped)).split()[-1]
    assert int(count) > 20


def metrics(host: Supervised) -> str:
    with urllib.request.urlopen(f"http://{host.flags['--exporter-address']}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def test_a_hook_never_stops_a_failover(pair: Hooked) -> None:
    """The validator's host is gone while the standby's hook hangs or says no to whatever it is asked."""
    old, new = pair.roles()
    pair.at(new.name, "exit 1")
    asked, term = len(pair.asked(new)), pair.lease().term
    old.clean_up()
    new.reaches("Validating", 40)
    assert (pair.lease().node_id, pair.lease().term) == (new.name, term + 1)
    assert len(pair.asked(new)) == asked, "nobody has planned it"
    old.start()
    pair.roles()


def test_a_supervisor_that_ends_says_so_in_time(pair: Hooked) -> None:
    old, new = pair.roles()
    told, began = len(pair.told(old)), monotonic()
    assert old.stop() == 0
    assert monotonic() - began < 10, "an address that hangs gets a moment and no more"
    assert ("role", "none") in kinds(pair.told(old)[told:])
    new.reaches("Validating", 40)
    old.start()
    pair.roles()


def test_a_hook_does_not_outlive_its_question(pair: Hooked) -> None:
    old, new = pair.roles()
    place = pair.places[new.name]
    pair.at(new.name, f"echo $$ > {place}/pid; sleep 60")
    assert say(old, "promote", new.name) == 4
    pid = int((place / "pid").read_text())
    until("it is gone", lambda: not Path(f"/proc/{pid}").exists(), pair.evidence)
    assert new.running()


def test_a_supervisor_that_detaches_leaves_no_hook(pair: Hooked) -> None:
    """Of a standby, whose next supervisor has no deadline to be there by."""
    _, standby = pair.roles()
    place = pair.places[standby.name]
    pair.at(standby.name, "exit 0", f"echo $$ > {place}/pid; sleep 60")
    (place / "pid").unlink(missing_ok=True)
    assert say(standby, "notify") == 0
    until("it runs", (place / "pid").exists, pair.evidence)
    pid = int((place / "pid").read_text())
    assert say(standby, "detach") == 0
    assert standby.ended(10) == 0
    # Its own limit is 3 s from its start.
    until("it is gone", lambda: not Path(f"/proc/{pid}").exists(), pair.evidence, 2)
    standby.start()
    pair.roles()
