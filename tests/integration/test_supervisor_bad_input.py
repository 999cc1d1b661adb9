"""Bad input, end to end: real supervisors, guards, Consul and simulated neards.

Each case ends in a sentence that names the thing, its value and the next step, with the right exit status,
and never with a neard left behind that may sign.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support import near_keys
from support.supervised import Supervised, edit
from support.supervised_hosts import SOON_S, Chain, host, hosts, refuses, stopped_chain
from support.waiting import until

__all__ = ["host", "hosts", "stopped_chain"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

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
