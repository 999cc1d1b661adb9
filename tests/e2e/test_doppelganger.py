"""Somebody signs with the validator's key who is no member of the cluster: it is seen on the chain, and not joined."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.localnets import localnet_of_own
from near_ha.errors import NearError
from near_ha.transport import control_client
from near_localnet import bring_up, chain, pair
from near_localnet.layout import VALIDATORS, Validator
from near_localnet.options import Options
from near_localnet.processes import DATA_VARIABLE, NAME_VARIABLE
from near_measure.clock import boot_ns, wait_for
from near_measure.stage import Stage

# Strategy hot stops nothing; the chain goes on without this validator, as it does on mainnet.
OPTIONS = Options(block_time_ms=100, strategy="hot", others_stake=30)
TIMEOUT_S = 30.0
SIGNATURES = 5


@pytest.fixture(scope="module")
def localnet() -> Iterator[Stage]:
    """A localnet whose chain does not need the pair, for this file."""
    with localnet_of_own(OPTIONS) as stage:
        yield stage


class Stray:
    """The old service of a host, which somebody forgot to disable: neard with the key, and no supervisor."""

    def __init__(self, stage: Stage, host: Validator) -> None:
        self._stage, self.host = stage, host
        layout, options = stage.net.layout, stage.net.options()
        self._key = layout.home(host) / "validator_key.json"
        self._key.unlink(missing_ok=True)
        shutil.copy(chain.signer_keys(layout)[1], self._key)
        variables = {**os.environ, **bring_up.environment(layout, options)}
        variables |= {DATA_VARIABLE: str(layout.data), NAME_VARIABLE: host.name}
        with layout.log(host.name).open("ab") as log:
            self._neard = subprocess.Popen(
                [layout.bin / "neard", "--home", layout.home(host), "run"],
                cwd=layout.data, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def signs(self, since_ns: int) -> bool:
        """Has it signed a few times since then?"""
        signed = [one for one in self._stage.signatures() if one.home == self.host.home_name and one.boot_ns > since_ns]
        return len(signed) >= SIGNATURES

    def end(self) -> None:
        """Somebody has found it."""
        self._neard.kill()
        self._neard.wait()
        self._key.unlink(missing_ok=True)


@pytest.fixture
def stray(stage: Stage) -> Iterator[Stray]:
    """Both supervisors have left, and the host that validated signs on without one."""
    active, standby = stage.roles()
    stage.net.stop(standby.name)
    stage.net.stop(active.name)
    since = boot_ns()
    stray = Stray(stage, active)
    try:
        assert wait_for(lambda: stray.signs(since), TIMEOUT_S), "it does not sign"
        yield stray
    finally:
        stray.end()


def told(stage: Stage, host: Validator) -> str:
    """What the supervisor says of somebody else; "" if it says nothing."""
    shown = pair.status(stage.net.layout, host) or {}
    reasons = {one["name"]: one["text"] for one in shown.get("readiness", [])}
    assert bool(reasons.get("doppelganger")) is bool(shown.get("foreign"))
    return str(reasons.get("doppelganger", ""))


def refused(stage: Stage, host: Validator) -> tuple[int, str]:
    """It has the lease, sees the stray, and does not sign. How much its log had before, and what it tells."""
    log = stage.net.layout.log(host.name)
    size = log.stat().st_size
    stage.net.start(host.name)
    assert wait_for(lambda: bool(told(stage, host)), TIMEOUT_S), log.read_bytes()[size:].decode()
    return size, told(stage, host)


def test_a_node_does_not_sign_beside_somebody_else_and_does_when_that_is_over(stage: Stage, stray: Stray) -> None:
    standby = next(host for host in VALIDATORS if host != stray.host)
    size, text = refused(stage, standby)
    assert "an approval" in text or "the signature" in text
    since = boot_ns()
    stage.pass_time(since + round(2 * OPTIONS.lease_s * 1e9))
    stage.require_silent(standby, since)
    assert told(stage, standby), "it still looks"
    stray.end()
    ended = boot_ns()
    stage.takeover(standby, since)
    first = next(one for one in stage.signatures() if one.home == standby.home_name and one.boot_ns > since)
    took_s = (first.boot_ns - ended) / 1e9
    # Of the blocks that were under way the last may still be marked, so it is a lease from then.
    assert took_s >= OPTIONS.lease_s - 0.1, "a lease without a sign of the other one"
    log = stage.net.layout.log(standby.name).read_bytes()[size:].decode()
    assert "SOMEBODY ELSE SIGNS WITH THIS KEY" in log
    assert "nobody else has been seen to sign" in log
    stage.require_clean()


def test_a_person_who_knows_better_overrules_it(stage: Stage, stray: Stray) -> None:
    """What the blocks show is a lease old at the most: the other one is gone, and somebody has seen that."""
    standby = next(host for host in VALIDATORS if host != stray.host)
    refused(stage, standby)
    stray.end()
    ended = boot_ns()
    path: Path = stage.net.layout.run_dir(standby) / "control.sock"
    body = {"member": "", "by": "alice", "reason": "it is scrap", "timeout_ms": 60_000, "check": False}
    with pytest.raises(NearError, match="ignore_doppelgange"):
        control_client.call(path, "POST", "/demote", {**body, "ignore_doppelgange": True})
    asked = control_client.call(path, "POST", "/promote", {**body, "ignore_doppelganger": True})
    assert "whatever the doppelganger check holds against it" in asked["text"]
    stage.takeover(standby, ended)
    assert (boot_ns() - ended) / 1e9 < OPTIONS.lease_s, "it has not waited"

    def noted() -> bool:
        changes = control_client.call(path, "GET", "/cluster")["history"]
        return any("the doppelganger check was overruled by alice" in change["reason"] for change in changes)

    assert wait_for(noted, TIMEOUT_S), control_client.call(path, "GET", "/cluster")["history"]
    stage.require_clean()
