"""An operator's program: what it is given, what is made of its end, and that nothing of it stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from near_supervisor.io.hook_process import Ran, environment, run
from support.waiting import until

TIMEOUT_MS = 10_000
Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a program of a shell script."""

    def make(text: str) -> list[str]:
        path = tmp_path / "hook"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return [str(path)]

    return make


def runs(command: list[str], given: bytes = b"{}\n", timeout_ms: int = TIMEOUT_MS) -> Ran:
    return run(command, given, environment({}, {}), timeout_ms)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_it_gets_the_document_and_its_end_is_known(script: Script, tmp_path: Path) -> None:
    document = json.dumps({"text": 'it\'s "so" $(touch x)'}).encode()
    assert runs(script(f"cat > {tmp_path}/got; echo done"), document) == Ran(0, "", "done")
    assert (tmp_path / "got").read_bytes() == document


def test_a_large_document_and_a_program_that_reads_nothing(script: Script, tmp_path: Path) -> None:
    large = b"x" * 1_000_000
    assert runs(script(f"cat > {tmp_path}/got"), large).problem == ""
    assert (tmp_path / "got").stat().st_size == len(large)
    assert runs(script("exit 0"), large) == Ran(0, "")
    assert runs(script("exec 0<&- 1>&- 2>&-; sleep 0.2; exit 4"), large) == Ran(4, "it ended with status 4")


def test_words_are_words_and_no_shell_reads_them(script: Script, tmp_path: Path) -> None:
    command = [*script(f'printf "%s|" "$@" > {tmp_path}/got'), "a b", "$(touch x)", "; exit 3"]
    assert runs(command).problem == ""
    assert (tmp_path / "got").read_text() == "a b|$(touch x)|; exit 3|"


def test_its_environment_holds_no_secret(script: Script, tmp_path: Path) -> None:
    mine = {
        "CONSUL_HTTP_TOKEN": "secret",
        "CREDENTIALS_DIRECTORY": "/x",
        "NOTIFY_SOCKET": "/y",
        "PATH": "/usr/bin:/bin",
    }
    given = environment(mine, {"NEAR_EVENT": "test"})
    assert run(script(f"env > {tmp_path}/got; pwd >> {tmp_path}/got"), b"", given, TIMEOUT_MS).problem == ""
    found = (tmp_path / "got").read_text().splitlines()
    assert {line.partition("=")[0] for line in found[:-1]} <= {
        "PATH",
        "LANG",
        "NEAR_EVENT",
        "PWD",
        "_",
        "SHLVL",
        "OLDPWD",
    }
    assert "NEAR_EVENT=test" in found
    assert found[-1] == "/"


def test_no_file_of_this_process_is_open_in_it(script: Script, tmp_path: Path) -> None:
    with (tmp_path / "mine").open("w") as mine:
        os.set_inheritable(mine.fileno(), True)
        runs(script(f"ls -l /proc/$$/fd > {tmp_path}/got"))
    assert "mine" not in (tmp_path / "got").read_text()


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("echo first; echo 'backup runs' >&2; echo; exit 3", "it ended with status 3", "backup runs"),
        ("kill -9 $$", "it was ended by signal 9", ""),
        ("printf '\\033[31mred\\007\\000 \\303\\050 end'; exit 1", "it ended with status 1", "red �( end"),
        (f"echo token=abcdefgh ed25519:{'3D4Yud' * 14}", "", "token=*** ed25519:***"),
    ],
    ids=["status", "signal", "what a terminal obeys", "secrets"],
)  # fmt: skip
def test_how_it_ended_and_what_it_said_last(script: Script, text: str, problem: str, line: str) -> None:
    ran = runs(script(text))
    assert (ran.problem, ran.last_line) == (problem, line)


def test_what_it_writes_is_bounded(script: Script) -> None:
    ran = runs(script("head -c 3000000 /dev/zero | tr '\\0' x; exit 1"))
    assert ran.problem == "it ended with status 1"
    assert len(ran.last_line) <= 300


@pytest.mark.parametrize("path", ["/nothing/there", "/etc/passwd"])
def test_what_cannot_be_started_is_told(path: str) -> None:
    ran = runs([path])
    assert ran.status is None
    assert ran.problem.startswith(f"{path} cannot be started: ")


def test_what_is_no_program_and_what_everybody_can_change_is_not_run(script: Script, tmp_path: Path) -> None:
    (command,) = script("")
    Path(command).write_bytes(b"\x7fELF nothing")
    assert "cannot be started" in runs([command]).problem
    (command,) = script(f"touch {tmp_path}/ran")
    Path(command).chmod(0o777)
    assert "every user of this host can change it" in runs([command]).problem
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    [
        "sleep 60 & sleep 60",
        "trap '' TERM HUP INT; sleep 60 & while :; do sleep 1; done",
        "sleep 60 & exec 1>&- 2>&-; wait",
    ],
    ids=["hangs", "hears no signal", "has closed its output"],
)  # fmt: skip
def test_one_that_hangs_is_ended_with_all_that_it_has_started(script: Script, tmp_path: Path, text: str) -> None:
    began = monotonic()
    ran = runs(
        script(f"echo $$ > {tmp_path}/pids; {text.replace('&', f'& echo $! >> {tmp_path}/pids;', 1)}"), timeout_ms=700
    )
    assert 0.6 < monotonic() - began < 5
    assert ran == Ran(None, "it was ended after 0.7 s", ran.last_line)
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    until("all of it is gone", lambda: all(gone(pid) for pid in pids))


def test_what_it_leaves_behind_holds_nobody_up_and_does_not_stay(script: Script, tmp_path: Path) -> None:
    began = monotonic()
    ran = runs(script(f"sleep 60 & echo $! > {tmp_path}/pid; echo done"))
    assert (ran.problem, ran.last_line) == ("", "done")
    assert monotonic() - began < 5
    left = int((tmp_path / "pid").read_text())
    until("what it has left is gone", lambda: gone(left))
