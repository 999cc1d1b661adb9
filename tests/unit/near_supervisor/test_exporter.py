"""What is served on the exporter address: kuutamod's metrics to the letter, and ours beside them."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from near_ha.errors import BadConfig
from near_ha.records.states import State
from near_supervisor.core.conditions.readiness import NAMES
from near_supervisor.core.events import HostSeen
from near_supervisor.core.facts.host import Host
from near_supervisor.core.facts.leadership import Floor, Leadership
from near_supervisor.core.facts.model import Cluster, EarlyEnds, Node, Starts
from near_supervisor.core.facts.neard import Neard
from near_supervisor.core.facts.signing_check import Counted, begin
from near_supervisor.io import clock, exporter
from near_supervisor.io.exporter import Exporter
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS, Play
from support.ports import free_port

AS_KUUTAMOD = """\
# HELP kuutamod_neard_restarts How often neard has been restarted
# TYPE kuutamod_neard_restarts counter
kuutamod_neard_restarts 1
# HELP kuutamod_state In what state our supervisor statemachine is
# TYPE kuutamod_state gauge
kuutamod_state{type="Registering"} 0
kuutamod_state{type="Shutdown"} 0
kuutamod_state{type="Startup"} 0
kuutamod_state{type="Syncing"} 0
kuutamod_state{type="Validating"} 1
kuutamod_state{type="Voting"} 0
# HELP kuutamod_uptime Time in milliseconds how long daemon is running
# TYPE kuutamod_uptime gauge
kuutamod_uptime 5000
"""


def snapshot(node: Node | None = None, **changes: object) -> Snapshot:
    now = clock.boot_ms()
    return Snapshot(replace(node or Node(SETTINGS), **changes), now, now - 5_000)  # type: ignore[arg-type]


class Shown:
    """A running exporter and what it shows."""

    def __init__(self) -> None:
        self.snapshot = snapshot()
        self.port = free_port()
        self.exporter = Exporter(f"127.0.0.1:{self.port}", lambda: self.snapshot)
        threading.Thread(target=self.exporter.serve, daemon=True).start()

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Shown]:
    shown = Shown()
    yield shown
    shown.exporter._server.shutdown()
    shown.exporter._server.server_close()


@pytest.fixture
def shown(server: Shown) -> Shown:
    server.snapshot = snapshot()
    return server


def test_kuutamods_three_metrics_come_first_and_to_the_letter(shown: Shown) -> None:
    shown.snapshot = snapshot(state=State.VALIDATING, starts=Starts(ends=1))
    status, text = shown.get("/metrics")
    assert status == 200
    assert text.startswith(AS_KUUTAMOD)


def test_without_a_restart_there_is_no_line_about_restarts(shown: Shown) -> None:
    shown.snapshot = snapshot(starts=Starts(ends=0))
    text = shown.get("/metrics")[1]
    assert "kuutamod_neard_restarts" not in text
    assert text.startswith("# HELP kuutamod_state ")


@pytest.mark.parametrize("state", list(State))
def test_exactly_one_state_is_on(state: State) -> None:
    text = exporter.kuutamod_metrics(snapshot(state=state))
    assert re.findall(r'^kuutamod_state\{type="(\w+)"\} 1$', text, re.MULTILINE) == [state.value]
    assert len(re.findall(r"^kuutamod_state\{", text, re.MULTILINE)) == 6


def test_whole_numbers_have_no_fraction_and_fractions_stay(shown: Shown) -> None:
    shown.snapshot = snapshot(replace(Node(SETTINGS), settings=replace(SETTINGS, lease_ms=2_500)))
    text = shown.get("/metrics")[1]
    assert not re.search(r"^[^#].*\.0$", text, re.MULTILINE)
    assert "\nnear_supervisor_lease_seconds 2.5\n" in text
    assert "\nnear_supervisor_ready 0\n" in text


def test_a_pause_is_seen_and_what_is_not_known_is_none(shown: Shown) -> None:
    for paused, shown_as in ((None, 0), (False, 0), (True, 1)):
        shown.snapshot = snapshot(cluster=Cluster(paused=paused))
        assert f"\nnear_supervisor_paused {shown_as}\n" in shown.get("/metrics")[1]
        assert shown.snapshot.status()["paused"] is paused
        assert (", paused" in shown.snapshot.summary()[0]) is bool(paused)


def test_how_long_it_lets_others_go_first_is_seen(shown: Shown) -> None:
    now = clock.boot_ms()
    shown.snapshot = Snapshot(replace(Node(SETTINGS), early_ends=EarlyEnds(cool_until=now + 2_500)), now, now)
    assert "\nnear_supervisor_holds_back_seconds 2.5\n" in shown.get("/metrics")[1]
    shown.snapshot = Snapshot(replace(Node(SETTINGS), early_ends=EarlyEnds(cool_until=now - 1)), now, now)
    assert shown.snapshot.status()["holds_back_ms"] == 0


def test_how_many_chunks_may_still_be_missed_is_seen_of_a_validator_where_the_chain_tells(shown: Shown) -> None:
    node = replace(Node(SETTINGS), leadership=Leadership("s", 9, Floor(1), 0, 0))
    for term, left, seen in ((9, 42, True), (8, 42, False), (9, None, False)):
        shown.snapshot = Snapshot(
            replace(
                node, signing=replace(node.signing, check=replace(begin(term, Counted(0, ()), 0), chunks_left=left))
            ),
            0,
            0,
        )
        assert ("\nnear_supervisor_chunks_left 42\n" in shown.get("/metrics")[1]) is seen


def test_the_whole_text_is_what_prometheus_reads(shown: Shown) -> None:
    shown.snapshot = snapshot(starts=Starts(ends=2))
    families = {family.name: family for family in text_string_to_metric_families(shown.get("/metrics")[1])}
    ours = {name for name in families if not name.startswith("kuutamod_")}
    assert ours
    assert all(name.startswith("near_supervisor_") for name in ours)
    counters = [sample.name for f in families.values() if f.type == "counter" for sample in f.samples]
    assert [name for name in counters if name.startswith("near_") and not name.endswith("_total")] == []
    info = families["near_supervisor_info"].samples[0].labels
    assert (info["node_id"], info["account_id"]) == ("a", "default")


def test_a_holder_shows_its_lease(shown: Shown) -> None:
    play = Play(now=clock.boot_ms()).to_validating()
    shown.snapshot = Snapshot(play.node, play.now, play.now)
    text = shown.get("/metrics")[1]
    assert "\nnear_supervisor_neard_armed 1\n" in text
    assert "\nnear_supervisor_lease_left_seconds 8\n" in text
    assert "\nnear_supervisor_lease_term 8\n" in text


def test_a_name_full_of_quotes_stays_one_label(shown: Shown) -> None:
    name = 'a"b\\c.0'
    shown.snapshot = snapshot(replace(Node(SETTINGS), settings=replace(SETTINGS, node_id=name)))
    families = {family.name: family for family in text_string_to_metric_families(shown.get("/metrics")[1])}
    assert families["near_supervisor_info"].samples[0].labels["node_id"] == name


def test_health_is_the_loop_and_not_the_role(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown.get("/health") == (200, "OK\n")
    now = clock.boot_ms()
    monkeypatch.setattr(clock, "boot_ms", lambda: now + 60_000)
    status, text = shown.get("/health")
    assert status == 503
    assert "has not turned for" in text


def test_the_pid_of_neard_or_nothing(shown: Shown) -> None:
    assert shown.get("/neard-pid") == (200, "")
    shown.snapshot = snapshot(neard=Neard(4242, armed=False, started_at=0))
    assert shown.get("/neard-pid") == (200, "4242")


def test_other_paths_are_not_found_and_say_what_there_is(shown: Shown) -> None:
    for path in ("/", "/metric", "/status"):
        status, text = shown.get(path)
        assert status == 404
        assert "/metrics, /health, /neard-pid" in text


def test_query_and_head_are_understood(shown: Shown) -> None:
    assert shown.get("/health?x=1")[0] == 200
    assert shown.get("/metrics", "HEAD") == (200, "")


def test_a_client_that_says_nothing_holds_up_nobody(shown: Shown) -> None:
    with socket.create_connection(("127.0.0.1", shown.port)) as silent:
        silent.sendall(b"GET /met")
        assert shown.get("/health")[0] == 200


def test_a_taken_port_is_named_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadConfig) as caught:
            Exporter(address, snapshot)
    assert f"--exporter-address {address} cannot be used: Address already in use" in caught.value.message
    assert "another supervisor" in caught.value.hint


@pytest.mark.parametrize("address", ["", "2233", ":2233", "localhost", "127.0.0.1:", "h:http", "h:65536", "h:-1"])
def test_a_malformed_address_is_quoted_with_an_example(address: str) -> None:
    with pytest.raises(BadConfig) as caught:
        Exporter(address, snapshot)
    assert f"--exporter-address {address!r}" in caught.value.message
    assert "127.0.0.1:2233" in caught.value.hint


def test_an_address_of_another_host_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"--exporter-address 192\.0\.2\.1:2233 cannot be used"):
        Exporter("192.0.2.1:2233", snapshot)


def test_ipv6_is_served_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
            port = probe.getsockname()[1]
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    served = Exporter(f"[::1]:{port}", snapshot)
    threading.Thread(target=served.serve, daemon=True).start()
    try:
        connection = http.client.HTTPConnection("::1", port, timeout=5)
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"OK\n"
        connection.close()
    finally:
        served._server.shutdown()
        served._server.server_close()


def test_opening_asks_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> str:
        raise AssertionError("a name server that does not answer would hold up the start")

    monkeypatch.setattr(socket, "getfqdn", asked)
    Exporter(f"127.0.0.1:{free_port()}", snapshot)._server.server_close()


def test_each_reason_against_a_takeover_is_a_sample_of_its_own(shown: Shown) -> None:
    play = Play().to_voting()
    play.do(HostSeen(Host(disk_free_bytes=2**30)))
    shown.snapshot = snapshot(play.node)
    text = shown.get("/metrics")[1]
    assert '\nnear_supervisor_unready{reason="disk"} 1\n' in text
    assert '\nnear_supervisor_unready{reason="sync"} 0\n' in text
    assert text.count("\nnear_supervisor_unready{") == len(NAMES)
