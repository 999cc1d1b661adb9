"""Bad input, end to end: real supervisors, guards, Consul and simulated neards.

Each case ends in a sentence that names the thing, its value and the next step, with the right exit status,
and never with a neard left behind that may sign.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.test_neard_sim_support import Net
from near_localnet.neard_files import duration
from support import near_keys
from support.hostile_http import answer
from support.ports import free_port
from support.real_consul import RealConsul, real_consul
from support.supervised import Supervised, edit, standby_home
from support.switchable_proxy import proxy_to
from support.waiting import took_s, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BLOCK_MS = 150
SOON_S = 10.0
# The lease of whoever lives through some heartbeats that fail: twice the least, so that a busy machine does not end it.
LEASE_S = 4.0
GOOD_UNTIL_S = 0.8 * LEASE_S
_names = itertools.count()


class Chain:
    """node0 to node2 of a simulated chain; node3's keys are those of the pairs that the tests make."""

    def __init__(self, root: Path) -> None:
        self.net = Net(root, start_delay_ms=200)
        for node in self.net.nodes.values():
            edit(node.home / "config.json", self._pace)
        self.keys = root / "node3"

    @staticmethod
    def _pace(config: dict[str, dict[str, object]]) -> None:
        config["consensus"] |= {
            "min_block_production_delay": duration(BLOCK_MS),
            "max_block_production_delay": duration(2 * BLOCK_MS),
        }

    def host(self, name: str, consul_url: str = "") -> Supervised:
        """A new host with a home of its own, for the account ``default``."""
        home_name = f"host{next(_names)}"
        self.net._add_pair_node(home_name)
        home = self.net.nodes.pop(home_name).home
        edit(home / "config.json", self._pace)
        standby_home(home)
        host = Supervised(name, home, self.keys, self.net.binary, self.net.env)
        host.flags["--consul-url"] = consul_url or f"http://127.0.0.1:{free_port()}"
        host.flags["--near-boot-nodes"] = json.loads((self.net.root / "node1/config.json").read_text())["network"][
            "boot_nodes"
        ]
        return host

    def signs(self, host: Supervised) -> Callable[[], bool]:
        """Has ``host`` signed something?"""
        home = str(host.home.resolve())
        log = self.net.referee_log
        return lambda: any(
            entry["event"] == "sign" and entry["home"] == home
            for entry in map(json.loads, log.read_text().splitlines())
        )

    def nothing_was_signed_twice(self) -> None:
        """The referee's word."""
        verdict = self.net.verdict()
        assert verdict.clean, verdict


@pytest.fixture(scope="module")
def stopped_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Homes and keys, nothing running."""
    chain = Chain(tmp_path_factory.mktemp("chain"))
    try:
        yield chain
    finally:
        chain.net.close()


@pytest.fixture(scope="module")
def chain(stopped_chain: Chain) -> Chain:
    """Three of four validators make blocks."""
    names = ("node0", "node1", "node2")
    stopped_chain.net.start(*names)
    for name in names:
        stopped_chain.net.follows(name)
    return stopped_chain


@pytest.fixture(scope="module")
def consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealConsul]:
    with real_consul(tmp_path_factory.mktemp("consul")) as running:
        yield running


@pytest.fixture
def hosts() -> Iterator[list[Supervised]]:
    """Hosts to clean up after the test."""
    hosts: list[Supervised] = []
    try:
        yield hosts
    finally:
        for host in hosts:
            host.clean_up()


@pytest.fixture
def host(stopped_chain: Chain, hosts: list[Supervised]) -> Supervised:
    """A host that is configured well, with no Consul and perhaps no chain behind it."""
    hosts.append(stopped_chain.host("a"))
    return hosts[0]


def refuses(host: Supervised, *words: str, within_s: float = SOON_S, before: Callable[[], None] | None = None) -> str:
    """It ends with status 1 and one error that has all these words; nothing is left behind. Returns that error."""
    return ends_with_an_error(host.start(before), within_s, *words)


def ends_with_an_error(host: Supervised, within_s: float, *words: str) -> str:
    """As ``refuses``, for one that runs already."""
    assert host.ended(within_s) == 1, host.evidence()
    assert "Traceback" not in host.log(), host.log()
    errors = host.said("error")
    found = [message for message in errors if all(word in message for word in words)]
    assert found, f"no error with all of {words}\n{host.evidence()}"
    host.left_nothing()
    return found[0]


# --- key files


@pytest.mark.parametrize("name", ["validator-key", "validator-node-key", "voter-node-key"])
def test_a_missing_key_file(host: Supervised, name: str) -> None:
    host.flags[f"--{name}"] = "/nowhere/key.json"
    refuses(host, "/nowhere/key.json", "does not exist", "copy the key there")


def without_override() -> None:
    """Root without the right to read everything: the files of others, and its own of mode 000, are closed."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_an_unreadable_key_file(host: Supervised, tmp_path: Path) -> None:
    path = Path(shutil.copy(host.flags["--validator-key"], tmp_path / "validator_key.json"))
    path.chmod(0)
    host.flags["--validator-key"] = str(path)
    refuses(host, str(path), "Permission denied", "read access", before=without_override)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("not valid JSON", "backup")),
        ("{" * 50_000, ("not valid JSON", "backup")),
        ("[]", ("does not hold a JSON object",)),
        (json.dumps(near_keys.document("x") | {"secret_key": "ed25519:0"}), ("secret_key is not base58", "backup")),
        (
            json.dumps(near_keys.document("x") | {"public_key": near_keys.pair("y")[0]}),
            ("public key does not correspond to secret key", near_keys.pair("y")[0], "backup"),
        ),
        (
            json.dumps(near_keys.two_halves("x")),
            ("does not follow from the secret key", near_keys.pair("x")[0], "backup"),
        ),
    ],
    ids=["empty", "nested", "a list", "malformed", "mismatched", "another seed"],
)
def test_a_bad_key_file_is_named_and_never_quoted(
    host: Supervised, tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "validator_key.json"
    path.write_text(text)
    host.flags["--validator-key"] = str(path)
    refuses(host, str(path), *words)
    assert near_keys.pair("x")[1][10:] not in host.log()


def test_a_validator_key_inside_neards_home(host: Supervised) -> None:
    inside = Path(shutil.copy(host.flags["--validator-key"], host.home / "validator_key.json"))
    host.flags["--validator-key"] = str(inside)
    assert host.start().ended(SOON_S) == 1, host.evidence()
    (error,) = host.said("error")
    assert str(inside) in error
    assert "Move it out of neard's home" in error
    assert host.processes() == {}
    assert inside.is_file(), "an operator's key is left where it was"


def test_a_validator_key_inside_neards_home_through_a_link(host: Supervised, tmp_path: Path) -> None:
    inside = Path(shutil.copy(host.flags["--validator-key"], host.home / "validator_key.json"))
    (tmp_path / "link").symlink_to(host.home)
    host.flags["--validator-key"] = str(tmp_path / "link" / "validator_key.json")
    assert host.start().ended(3) == 1, host.evidence()
    assert "Move it out of neard's home" in host.said("error")[0]
    assert inside.is_file(), "an operator's key is left where it was"


@pytest.mark.parametrize("flag", ["--voter-node-key", "--validator-node-key"])
def test_a_node_key_that_is_the_file_neard_reads(host: Supervised, flag: str) -> None:
    inside = Path(shutil.copy(host.home / "voter_node_key.json", host.home / "node_key.json"))
    host.flags[flag] = str(inside)
    assert host.start().ended(3) == 1, host.evidence()
    assert any(flag in message and str(inside) in message for message in host.said("error"))
    assert inside.is_file()
    assert not inside.is_symlink(), "an operator's key is left where it was"


# --- configuration


def test_a_lease_of_one_second(host: Supervised) -> None:
    host.flags["--lease"] = "1"
    refuses(host, "--lease 1 is not between 2 and 600 seconds", "10 suits")


def test_a_config_without_rpc(host: Supervised) -> None:
    edit(host.home / "config.json", lambda config: config.pop("rpc"))
    refuses(
        host,
        str(host.home / "config.json"),
        "has no rpc section",
        '"rpc": {"addr": "127.0.0.1:3030", "cors_allowed_origins"',
    )


def test_a_home_without_config(host: Supervised) -> None:
    (host.home / "config.json").unlink()
    refuses(host, str(host.home / "config.json"), "does not exist", "init")


def test_a_malformed_consul_url(host: Supervised) -> None:
    host.flags["--consul-url"] = "localhost:8500"
    refuses(host, "'localhost:8500'", "http://localhost:8500")


def test_an_exporter_port_that_is_taken(host: Supervised) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        host.flags["--exporter-address"] = address
        refuses(host, f"--exporter-address {address}", "Address already in use", "another supervisor")


def test_a_second_supervisor_on_one_run_directory(
    stopped_chain: Chain, host: Supervised, hosts: list[Supervised]
) -> None:
    host.start()
    until("the first one has its neard", lambda: host.status().get("neard", {}).get("pid"), host.evidence)
    second = stopped_chain.host("b")
    hosts.append(second)
    second.flags["--run-dir"] = host.flags["--run-dir"]
    refuses(second, f"run directory {host.run_dir}", "another near-supervisor is running", "--run-dir")
    assert host.running()
    until("the first one goes on", lambda: host.status().get("neard", {}).get("pid"), host.evidence)
    assert host.stop() == 0
    host.left_nothing()


# --- neard


def test_a_neard_that_never_becomes_ready_is_tried_three_times(host: Supervised) -> None:
    edit(host.home / "sim.json", lambda knobs: knobs.update(never_ready=True))
    host.flags["--startup-timeout"] = "1"
    refuses(host, "neard was started 3 times and never became ready", "neard's log", within_s=30)
    assert len([message for message in host.said("info") if "started as a standby" in message]) == 3
    assert [message for message in host.said("error") if "neard was not ready after 1 s" in message]


def test_a_neard_that_dies_at_once_is_tried_three_times(host: Supervised) -> None:
    edit(host.home / "sim.json", lambda knobs: knobs.update(panic_on_start=True))
    refuses(host, "neard was started 3 times and never became ready", "neard's log", within_s=30)
    assert [message for message in host.said("warn") if "SIGABRT" in message]


def test_a_foreign_process_that_holds_the_data_directory(host: Supervised) -> None:
    lock = host.home / "data" / "LOCK"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    inode = lock.stat().st_ino
    hold = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as foreign:
        try:
            assert foreign.stdout
            foreign.stdout.readline()
            refuses(host, f"process {foreign.pid} (", str(lock), "Stop that process", "never delete LOCK", within_s=30)
            assert foreign.poll() is None, "somebody else's process is left alone"
        finally:
            foreign.kill()
    assert lock.stat().st_ino == inode


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
    account = f"nonsense-{next(_names)}"
    with proxy_to(consul.port) as to_holder, proxy_to(consul.port) as to_standby:
        holder, standby = chain.host("a", to_holder.url), chain.host("b", to_standby.url)
        hosts += [holder, standby]
        for host in hosts:
            host.flags |= {"--account-id": account, "--lease": str(LEASE_S)}
        holder.start().reaches("Validating")
        standby.start().reaches("Voting")
        until("it signs", chain.signs(holder), holder.evidence)

        # MemberStatus by: it neither goes away nor takes over.
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
    assert "node id 'same' is in use by host" in began
    ends_with_an_error(second, 40, "node id 'same' is in use by host", "--node-id")
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
