"""The process: lock, signals, exit statuses, ports, faults of RPC."""

from __future__ import annotations

import functools
import resource
import signal
import socket
import subprocess
import urllib.error
from collections.abc import Iterator
from time import monotonic

import pytest

from support.sim_net import Net, running
from support.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Three chain nodes that keep running; tests may do with the pair what they like."""
    with running(tmp_path_factory.mktemp("net"), "node0", "node1", "node2") as net:
        yield net


@pytest.fixture
def pair(net: Net) -> Iterator[Net]:
    """The network, with a pair0 that is stopped and has no knobs set, before and after."""
    yield net
    node = net["pair0"]
    node.kill()
    for name in ("sim.json", "validator_key.json", "log"):
        (node.home / name).unlink(missing_ok=True)


def _up(net: Net) -> None:
    net["pair0"].start()
    net.until("pair0 is in sync", lambda: not net["pair0"].syncing())


def test_a_second_process_on_one_home_aborts_with_rocksdbs_words(pair: Net) -> None:
    _up(pair)
    second = pair["pair0"].start()
    assert second.wait(10) == -signal.SIGABRT
    data = pair["pair0"].home / "data"
    log = pair["pair0"].log()
    assert f"start_with_config: unable to open database at {data}" in log
    assert f"Caused by:\n    IO error: While lock file: {data}/LOCK: Resource temporarily unavailable" in log
    assert not pair["pair0"].syncing()
    pair["pair0"].kill()
    assert (data / "LOCK").exists()
    _up(pair)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_before_rpc_kills(pair: Net, number: signal.Signals) -> None:
    pair["pair0"].knobs(never_ready=True)
    process = pair["pair0"].start()
    pair.until("loading has begun", lambda: "opened a new rocksdb instance" in pair["pair0"].log())
    process.send_signal(number)
    assert process.wait(5) == -number
    assert "Traceback" not in pair["pair0"].log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_a_running_node_stops_it_with_status_0(pair: Net, number: signal.Signals) -> None:
    pair["pair0"].knobs(stop_delay_ms=300)
    _up(pair)
    process = pair["pair0"].process
    assert process is not None
    began = monotonic()
    process.send_signal(number)
    assert process.wait(5) == 0
    assert monotonic() - began > 0.25
    assert f'stopping, this may take a few minutes sig=OsSignal("{number.name}")' in pair["pair0"].log()


@pytest.mark.parametrize("gone", [True, False])
def test_a_stopping_node_signs_on_for_a_while_with_or_without_rpc(pair: Net, gone: bool) -> None:
    pair.give_key("pair0")
    pair["pair0"].knobs(stop_delay_ms=1200, stop_keeps_signing_ms=600, stop_rpc_gone=gone)
    _up(pair)
    process = pair["pair0"].process
    assert process is not None
    before = len(pair.signed("pair0"))
    process.terminate()
    until("a signature during the stop", lambda: len(pair.signed("pair0")) > before + 4, pair.evidence, 2)
    assert process.poll() is None
    assert bool(pair["pair0"].status()) is not gone
    process.terminate()
    assert process.wait(5) == 0
    last = pair.referee_log.read_text().splitlines()
    ours = [line for line in last if str(pair["pair0"].home) in line]
    assert '"event":"drop"' in ours[-1], ours[-3:]
    assert '"event":"alive"' in ours[-2], ours[-3:]


def test_a_lost_sigterm_can_be_ordered(pair: Net) -> None:
    pair["pair0"].knobs(ignore_sigterm=True)
    _up(pair)
    process = pair["pair0"].process
    assert process is not None
    process.terminate()
    pair.grows("pair0", 10)
    assert process.poll() is None
    pair["pair0"].knobs(ignore_sigterm=False)

    def ask_again() -> bool:
        process.terminate()
        return process.poll() is not None

    # Every signal of the many must be swallowed, up to the very end of the process.
    pair.until("it is no longer lost", ask_again, 5)
    assert process.returncode == 0


def test_rpc_comes_up_after_the_start_delay_counted_from_exec(pair: Net) -> None:
    pair["pair0"].knobs(start_delay_ms=800)
    began = monotonic()
    pair["pair0"].start()
    pair.until("RPC is up", pair["pair0"].status)
    assert monotonic() - began > 0.75


@pytest.mark.parametrize("which", ["rpc", "network"])
def test_a_taken_port_aborts(pair: Net, which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flag = "--rpc-addr" if which == "rpc" else "--network-addr"
        assert pair["pair0"].start(flag, f"127.0.0.1:{port}").wait(10) == -signal.SIGABRT
    assert "ddress already in use" in pair["pair0"].log()


def test_a_database_that_cannot_be_written_to_aborts(pair: Net) -> None:
    _up(pair)
    process = pair["pair0"].process
    assert process is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
    assert process.wait(10) == -signal.SIGABRT
    _up(pair)


def test_panics_can_be_ordered(pair: Net) -> None:
    _up(pair)
    process = pair["pair0"].process
    assert process is not None
    process.terminate()
    assert process.wait(5) == 0
    pair["pair0"].knobs(panic_on_start=True)
    assert pair["pair0"].start().wait(10) == -signal.SIGABRT
    pair["pair0"].knobs(panic_on_start=False, panic_after_sigkill=True)
    _up(pair)
    pair["pair0"].kill()
    assert pair["pair0"].start().wait(10) == -signal.SIGABRT
    _up(pair)


def test_a_broken_config_aborts_and_validate_config_says_why(pair: Net) -> None:
    key = pair["pair0"].home / "validator_key.json"
    key.write_text('{"account_id": "node3", "public_')
    assert pair["pair0"].start().wait(10) == -signal.SIGABRT
    assert "Error loading config" in pair["pair0"].log()
    done = subprocess.run(
        [pair.binary, "--home", pair["pair0"].home, "validate-config"], capture_output=True, check=False, timeout=10
    )
    assert done.returncode == 1
    assert b"The following config checks failed:" in done.stderr
    assert b"validator_key.json" in done.stderr


def test_faults_of_rpc_come_and_go_while_the_node_runs(pair: Net) -> None:
    _up(pair)
    node = pair["pair0"]

    def answer() -> str:
        try:
            node.get("/status")
        except urllib.error.HTTPError as error:
            return str(error.code)
        except TimeoutError:
            return "timeout"
        except (OSError, ConnectionError) as error:
            return type(getattr(error, "reason", error)).__name__
        return "ok"

    def acts(wanted: str) -> bool:
        return answer() == wanted

    for fault, wanted in [("503", "503"), ("refuse", "ConnectionRefusedError"), ("none", "ok"), ("hang", "timeout")]:
        node.knobs(rpc_fault=fault)
        pair.until(f"{fault} acts", functools.partial(acts, wanted))
    node.knobs(rpc_fault="slow:400")
    pair.until("hanging ends", lambda: answer() == "ok")
    began = monotonic()
    assert answer() == "ok"
    assert monotonic() - began > 0.39
    assert pair["node0"].height() - node.height() < 50, "the chain side of the node went on all the time"


def test_expected_shutdown_stops_the_node_at_its_height(pair: Net) -> None:
    height = pair["node0"].height() + 20
    pair["pair0"].edit("config.json", lambda document: document.update(expected_shutdown=height))
    try:
        process = pair["pair0"].start()
        assert process.wait(20) == 0
    finally:
        pair["pair0"].edit("config.json", lambda document: document.update(expected_shutdown=None))
    assert "expected shutdown triggered" in pair["pair0"].log()


@pytest.mark.parametrize(
    ("args", "status"), [(["run", "--nonsense"], 2), (["frobnicate"], 2), ([], 2), (["--version"], 0)]
)
def test_exit_statuses_of_the_command_line(net: Net, args: list[str], status: int) -> None:
    done = subprocess.run([net.binary, *args], capture_output=True, check=False, timeout=10)
    assert done.returncode == status, done.stderr
