from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import pytest

from near_localnet import processes

LOOKS = 300
DATA = Path("/srv/data")


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("/v/bin/python /v/bin/near-supervisor run --neard-home h", "supervisor"),
        ("/v/bin/python /v/bin/kuutamod --neard-home h", "supervisor"),
        ("/v/bin/python -I -S /p/near_guard/__main__.py --run-dir r", "guard"),
        ("/v/bin/python -m near_guard --run-dir r", "guard"),
        # Of a version in which the guard was one file.
        ("/v/bin/python -I -S /p/near_supervisor/guard.py --run-dir r", "guard"),
        ("/d/bin/neard --home h run", "neard"),
        ("/v/bin/python /d/bin/neard --home h run --rpc-addr x", "neard"),
        ("/v/bin/python -m near_localnet.keeper /t/consul agent -config-file f", "keeper"),
        ("/t/consul agent -config-file f", "consul"),
        ("tail -F /srv/data/logs/validator-a.log", ""),
        ("/v/bin/python -m near_localnet status --watch", ""),
        ("", ""),
    ],
)
def test_the_part_is_told_by_the_command_line(command: str, part: str) -> None:
    assert processes.part_of(command.split()) == part


@pytest.mark.parametrize(
    ("command", "cwd", "owner"),
    [
        ("neard --home /srv/data/near/localnet/node1 run", "/", "node1"),
        ("neard --home /srv/data/near/localnet/kuutamod1 run", "/", "validator-b"),
        ("kuutamod --neard-home data/near/localnet/kuutamod0/ --account-id default", "/srv", "validator-a"),
        ("kuutamod --neard-home=data/near/localnet/kuutamod0", "/srv", "validator-a"),
        ("consul agent -config-file /srv/data/consul/consul2.json", "/", "consul2"),
        ("neard --home /srv/data/instances/1/near/localnet/node1 run", "/", ""),
        ("neard --home /elsewhere/node1 run", "/", ""),
    ],
)
def test_a_process_started_by_hand_is_known_by_its_home(command: str, cwd: str, owner: str) -> None:
    assert processes.owner_of(command.split(), Path(cwd), DATA) == owner


def test_a_started_process_is_found_signalled_and_seen_to_end(tmp_path: Path) -> None:
    # Looks like a Consul server: its second word is "agent".
    script = tmp_path / "agent"
    script.write_text("import time\ntime.sleep(60)\n")
    command = [sys.executable, "agent"]
    data = tmp_path / "data"
    data.mkdir()
    sleeper = tmp_path / "run.sh"
    sleeper.write_text(f"#!/bin/sh\ncd {shlex.quote(str(tmp_path))}\nexec {shlex.join(command)}\n")
    sleeper.chmod(0o755)
    started = processes.start([str(sleeper)], data=data, name="consul1", log=tmp_path / "log")
    try:
        while not (found := processes.find(data)):
            assert started.alive()
        assert [(process.pid, process.name, process.part) for process in found] == [(started.pid, "consul1", "consul")]
        found[0].signal(signal.SIGSTOP)
        while not processes.find(data)[0].stopped:
            pass
    finally:
        started.signal(signal.SIGKILL)
    assert processes.wait_gone([started], 5) == []
    assert processes.find(data) == []
    assert processes.find(tmp_path) == []


def test_a_process_that_becomes_another_program_is_seen_all_the_while(tmp_path: Path) -> None:
    """As a script does whose interpreter has a space in its path: pip makes it one of sh, which becomes that Python."""
    program = tmp_path / "near-supervisor"
    program.write_text('#!/bin/sh\nexec "$0" run\n')
    program.chmod(0o700)
    process = processes.start([str(program), "run"], data=tmp_path, name="validator-a", log=tmp_path / "log")
    try:
        missed = sum(not processes.find(tmp_path) for _ in range(LOOKS))
    finally:
        process.signal(signal.SIGKILL)
        processes.wait_gone([process], 5.0)
    assert not missed
