"""A localnet whose supervisors have hooks: what of a failover is told, and what a veto stops, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.localnets import SLACK_S, localnet_of_own
from near_bench import measure
from near_localnet.layout import Validator
from near_localnet.options import Options
from near_measure.clock import boot_ns, wait_for
from near_measure.stage import Stage
from near_supervisor.commandline import main as main_program
from support.short_paths import short_directory

TOLD_WITHIN_S = 10.0
# One line for each notification; what a file beside it says decides about a takeover.
NOTIFY = "#!/bin/sh\ncat >> {directory}/told\n"
PRE_TAKEOVER = "#!/bin/sh\ntest ! -e {directory}/veto || {{ cat {directory}/veto; exit 1; }}\n"


@pytest.fixture(scope="module")
def hooks() -> Iterator[Path]:
    """A directory with both programs, and what they wrote and are to do."""
    with short_directory() as directory:
        for name, text in (("notify", NOTIFY), ("pre_takeover", PRE_TAKEOVER)):
            (directory / name).write_text(text.format(directory=directory))
            (directory / name).chmod(0o755)
        yield directory


@pytest.fixture(scope="module")
def localnet(hooks: Path) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEAR_SUPERVISOR_NOTIFY_COMMAND", str(hooks / "notify"))
        patch.setenv("NEAR_SUPERVISOR_PRE_TAKEOVER", str(hooks / "pre_takeover"))
        with localnet_of_own(Options(block_time_ms=100)) as stage:
            yield stage


def told(hooks: Path, since: int = 0) -> list[dict[str, Any]]:
    """What both hosts have told, in the order in which it came."""
    path = hooks / "told"
    return [json.loads(line) for line in path.read_text().splitlines()[since:]] if path.exists() else []


def roles(hooks: Path, host: Validator, since: int) -> list[str]:
    """The roles that the host has told of."""
    return [one["role"] for one in told(hooks, since) if one["event"] == "role" and one["node_id"] == host.name]


def test_a_failover_is_told_by_both_hosts(stage: Stage, hooks: Path) -> None:
    stage.ready_to_take()
    old, new = stage.roles()
    assert wait_for(lambda: bool(told(hooks)), TOLD_WITHIN_S), "nothing was told when they started"
    before, since = len(told(hooks)), boot_ns()
    stage.net.kill(old.name, "neard")
    stage.takeover(new, since)
    assert wait_for(lambda: roles(hooks, new, before) == ["validator"], TOLD_WITHIN_S), told(hooks, before)
    assert wait_for(lambda: roles(hooks, old, before) == ["none", "standby"], TOLD_WITHIN_S + SLACK_S), told(
        hooks, before
    )
    stage.require_clean()


def test_a_veto_refuses_a_promote_and_does_not_stop_a_failover(
    stage: Stage, hooks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.ready_to_take()
    old, new = stage.roles()
    pid, before = stage.neard_pid(old), len(told(hooks))
    (hooks / "veto").write_text("the backup runs until 6\n")
    try:
        asked = ["promote", new.name, "--run-dir", str(stage.net.layout.run_dir(old))]
        assert main_program.main(asked) == 4
        assert f"pre_takeover of {new.name} is against it: the backup runs until 6" in capsys.readouterr().err
        assert stage.neard_pid(old) == pid
        assert stage.roles()[0] == old
        assert wait_for(lambda: any(one["event"] == "veto" for one in told(hooks, before)), TOLD_WITHIN_S)

        since = boot_ns()
        stage.net.kill(old.name)
        gap = stage.takeover(new, since)
    finally:
        (hooks / "veto").unlink()
    bound = measure.AFTER_LEASE.bound_s(stage.options)
    assert bound is not None
    assert gap <= bound + SLACK_S
    assert wait_for(lambda: "validator" in roles(hooks, new, before), TOLD_WITHIN_S)
    stage.require_clean()
