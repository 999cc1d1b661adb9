"""What is asked of the machine and of ``neard validate-config``: with real files, limits and processes."""

from __future__ import annotations

import contextlib
import os
import resource
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_supervisor.io import host_look, preflight

SECRET = "ed25519:" + "3" * 87


def neard(tmp_path: Path, script: str) -> str:
    program = tmp_path / "neard"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def checked(tmp_path: Path, script: str, timeout_ms: int = 10_000) -> str | None:
    return preflight.validate_config(neard(tmp_path, script), tmp_path / "home", timeout_ms)


def test_it_is_asked_to_check_its_config_and_nothing_else(tmp_path: Path) -> None:
    said = tmp_path / "said"
    assert checked(tmp_path, f'echo "$@" > {said}') == ""
    assert said.read_text() == f"--home {tmp_path / 'home'} validate-config\n"


def test_no_token_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "secret")
    assert checked(tmp_path, 'test -z "$CONSUL_HTTP_TOKEN"') == ""


def test_what_is_wrong_comes_as_one_line_without_secrets(tmp_path: Path) -> None:
    text = (
        f"2026-01-01 INFO config: validating\\nError: \\nThe following failed:\\n\\033[31mbad key {SECRET}\\tin it\\n"
        "\\nStack backtrace:\\n   0: anyhow::error\\n"
    )
    problem = checked(tmp_path, f"printf '{text}' >&2; exit 1")
    assert problem is not None
    assert problem.endswith("would not start: The following failed: [31mbad key ed25519:... in it")
    assert problem.isprintable()
    assert "INFO" not in problem


LOG = "2026-11-30T00:45:25.2Z  INFO config: validating config"
TRACE = "\n".join(f"  {at}: neard::{'x' * 100}" for at in range(300))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            f"{LOG}\nError: \nThe following config checks failed:\nnode_key.json file issue: Failed reading node key"
            " file from h/node_key.json\nPlease fix the config json files and validate again!\n\nStack backtrace:\n"
            f"{TRACE}",
            "node_key.json file issue: Failed reading node key file from h/node_key.json",
        ),
        (
            f'{LOG}\nError: config.json file issue: Error("EOF while parsing", line: 2)\n\nStack backtrace:\n{TRACE}',
            'config.json file issue: Error("EOF while parsing", line: 2)',
        ),
        (
            f"{LOG}\nError: boot_nodes\n\nCaused by:\n    invalid format: ed25519:5rc@nosuch.invalid:24567\n",
            "boot_nodes Caused by: invalid format: ed25519:5rc@nosuch.invalid:24567",
        ),
        (
            f"{LOG}\nthread 'main' (7) panicked at src/x.rs:1:2:\nassertion failed\nstack backtrace:\n{TRACE}",
            "thread 'main' (7) panicked at src/x.rs:1:2: assertion failed",
        ),
        (
            f"{LOG}\nthread 'main' panicked at src/x.rs:1:2:\nno peer\nnote: run with `RUST_BACKTRACE=1`",
            "thread 'main' panicked at src/x.rs:1:2: no peer",
        ),
    ],
)
def test_the_reason_is_what_neard_says_and_no_stack(tmp_path: Path, said: str, reason: str) -> None:
    (tmp_path / "text").write_text(said)
    problem = checked(tmp_path, f"cat {tmp_path / 'text'} >&2; exit 1")
    assert problem is not None
    assert problem.endswith(f"so neard would not start: {reason}")


def test_no_backtrace_is_asked_for(tmp_path: Path) -> None:
    problem = checked(tmp_path, 'echo "Error: $RUST_BACKTRACE $RUST_LIB_BACKTRACE" >&2; exit 1')
    assert problem is not None
    assert problem.endswith(": 0 0")


@pytest.mark.parametrize(
    ("script", "known"),
    [
        ("exit 0", True),
        ("exit 1", True),
        ("kill -ABRT $$", True),
        ("exit 2", False),
        ("kill -KILL $$", False),
        ('echo "Error: couldn\'t set the file descriptor limit to 65535" >&2; exit 1', False),
    ],
)
def test_only_neards_own_refusal_is_a_no(tmp_path: Path, script: str, known: bool) -> None:
    assert (checked(tmp_path, script) is not None) is known


def test_a_neard_that_is_not_there_or_is_no_program_is_not_known(tmp_path: Path) -> None:
    assert preflight.validate_config(str(tmp_path / "none"), tmp_path) is None
    (tmp_path / "text").write_text("x")
    assert preflight.validate_config(str(tmp_path / "text"), tmp_path) is None


def test_output_without_end_takes_no_memory_and_what_was_said_last_counts(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    problem = checked(tmp_path, "head -c 50000000 /dev/zero >&2; printf '\\nError: too much' >&2; exit 1")
    assert problem is not None
    assert problem.endswith("too much")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.parametrize("output", ["", ">/dev/null 2>&1"])
def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, output: str) -> None:
    pids = tmp_path / "pids"
    assert checked(tmp_path, f"sleep 60 & echo $$ $! > {pids}\nexec {output or '2>&2'}\nwait", 500) is None
    deadline = time.monotonic() + 5
    while any(map(lives, map(int, pids.read_text().split()))):
        assert time.monotonic() < deadline, pids.read_text()
        time.sleep(0.01)


def lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def test_the_free_space_is_that_of_the_nearest_directory_that_is_there(tmp_path: Path) -> None:
    there, coming = host_look.disk_free_bytes(tmp_path), host_look.disk_free_bytes(tmp_path / "home" / "data")
    assert there is not None
    assert coming is not None
    assert abs(there - coming) < 2**30
    assert host_look.disk_free_bytes(Path("/proc/self")) == 0


def test_the_limit_is_the_hard_one_of_that_process() -> None:
    assert host_look.nofile(os.getpid()) == resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@pytest.fixture
def proc(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "7").mkdir()
    yield tmp_path


@pytest.mark.parametrize(
    "text", ["", "Max open files", "Max open files   1024", "Max open files  1024  many  files", "\0"]
)
def test_limits_that_cannot_be_understood_are_not_known(proc: Path, text: str) -> None:
    (proc / "7" / "limits").write_text(text)
    assert host_look.nofile(7, proc) is None
    assert host_look.nofile(8, proc) is None
