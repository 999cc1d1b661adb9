"""Supervisors that end and come back: nothing stays locked, nothing is signed twice, a detached signer goes on."""

from __future__ import annotations

import signal
import subprocess

from e2e.hand_started import HandStarted, program
from e2e.localnets import SLACK_S
from near_bench import measure, plays
from near_ha.records.states import State
from near_localnet.demo import LOCK_ERROR
from near_measure.clock import NS, boot_ns, wait_for
from near_measure.signatures import change_gap, longest_silence
from near_measure.stage import Stage

STATE_TIMEOUT_S = 30.0
RELEASED = "released the lease"


def test_killed_supervisor_and_guard_come_back_without_a_lock_error(stage: Stage) -> None:
    """What kuutamod could not do: its neard lived on as an orphan, and kept the database locked."""
    old, _ = stage.roles()
    logs = [stage.net.layout.log(old.name), stage.net.layout.run_dir(old) / "neard.log"]
    sizes = [log.stat().st_size for log in logs]
    plays.supervisor_and_guard_killed(stage)
    stage.net.wait_state(old.name, State.VOTING, STATE_TIMEOUT_S)
    for log, size in zip(logs, sizes, strict=True):
        assert LOCK_ERROR not in log.read_bytes()[size:].decode(errors="replace")
    stage.require_clean()


def test_two_sigterms_in_a_row_stay_safe(stage: Stage, by_hand: HandStarted) -> None:
    """The second one kills neard instead of stopping it; the order (neard gone, released, exit) stays."""
    old, new = stage.roles()
    # Only a child of the test can be asked for its exit status: make one the active.
    stage.net.stop(new.name)
    child = by_hand.start(new)
    stage.net.wait_state(new.name, State.VOTING, STATE_TIMEOUT_S)
    plays.graceful_stop(stage)
    stage.net.wait_state(new.name, State.VALIDATING, STATE_TIMEOUT_S)
    stage.net.wait_state(old.name, State.VOTING, STATE_TIMEOUT_S)

    log = stage.net.layout.log(new.name)
    size, since = log.stat().st_size, boot_ns()
    child.send_signal(signal.SIGTERM)
    child.send_signal(signal.SIGTERM)
    assert child.wait(STATE_TIMEOUT_S) == 0
    ended = boot_ns()
    assert RELEASED in log.read_bytes()[size:].decode()
    bound = measure.AT_ONCE.bound_s(stage.options)
    assert bound is not None
    assert stage.takeover(old, since) <= bound + SLACK_S
    stage.require_silent(new, ended)
    assert not stage.net.select(new.name, "neard")
    stage.require_clean()


def test_detached_signer_goes_on_and_is_found_again(stage: Stage) -> None:
    """An upgrade of the supervisor: it leaves, the next one finds guard and neard, and nobody notices."""
    signer, other = stage.roles()
    pid = stage.neard_pid(signer)
    stage.steady(stage.options.lease_s)
    since = boot_ns()
    run_dir = str(stage.net.layout.run_dir(signer))
    subprocess.run([program("near-supervisor"), "detach", "--run-dir", run_dir], check=True, timeout=STATE_TIMEOUT_S)
    assert wait_for(lambda: not stage.net.select(signer.name, "supervisor"), STATE_TIMEOUT_S), "it does not leave"
    assert stage.neard_pid(signer) == pid
    stage.net.start(signer.name)
    stage.net.wait_state(signer.name, State.VALIDATING, STATE_TIMEOUT_S)
    # Had the new one not moved the deadline on, neard would be gone before the lease is over.
    end = since + round((stage.options.lease_s + 1) * NS)
    found = stage.watch(end)
    assert stage.neard_pid(signer) == pid
    assert change_gap(found, since, end) == 0
    assert longest_silence(found, since, end) < stage.options.start_delay_ms / 1000
    stage.require_silent(other, since)
    stage.require_clean()
