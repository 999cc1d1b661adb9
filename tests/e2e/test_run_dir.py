"""The run directory of the signer is removed: it is made again, or the lease goes to the other host in order."""

from __future__ import annotations

from e2e.localnets import SLACK_S
from near_bench import measure
from near_ha.errors import NearError
from near_ha.transport import control_client
from near_localnet.layout import Validator
from near_measure.clock import NS, boot_ns, seconds, wait_for
from near_measure.signatures import longest_silence
from near_measure.stage import Stage
from support.taken_away import replace_by_a_file, take_away

FOUND_AGAIN_S = 10.0


def status(stage: Stage, host: Validator) -> dict[str, object]:
    """Of the control socket at the host's path; {} where nobody answers."""
    try:
        return control_client.call(stage.net.layout.run_dir(host) / "control.sock", "GET", "/status")
    except NearError:
        return {}


def test_a_signer_whose_run_directory_is_removed_signs_on_and_survives_a_crash(stage: Stage) -> None:
    signer, _ = stage.roles()
    pid, since = stage.neard_pid(signer), boot_ns()
    take_away(stage.net.layout.run_dir(signer))
    assert wait_for(lambda: status(stage, signer).get("state") == "Validating", FOUND_AGAIN_S), "nobody answers"
    assert wait_for((stage.net.layout.run_dir(signer) / "guard.sock").exists, FOUND_AGAIN_S)
    assert wait_for((stage.net.layout.run_dir(signer) / "leadership.json").exists, FOUND_AGAIN_S)

    stage.net.kill(signer.name, "supervisor")
    stage.net.start(signer.name)
    stage.pass_time(boot_ns() + round(2 * stage.options.lease_s * NS))
    assert stage.neard_pid(signer) == pid, "the signer was not taken up again"
    assert stage.roles()[0] == signer
    assert longest_silence(stage.signatures(), since, boot_ns()) < stage.options.start_delay_ms / 1000
    stage.require_clean()


def test_a_signer_whose_run_directory_cannot_be_made_again_hands_over_in_order(stage: Stage) -> None:
    """As the end by SIGTERM: a hand-over, and not the wait for a lease."""
    stage.ready_to_take()
    old, new = stage.roles()
    place, since = stage.net.layout.run_dir(old), boot_ns()
    replace_by_a_file(place)
    try:
        gap = stage.takeover(new, since)
        taken = boot_ns()
        assert wait_for(lambda: not stage.net.select(old.name, "neard"), FOUND_AGAIN_S), "its neard runs on"
        stage.require_silent(old, taken)
    finally:
        place.unlink()
    bound = measure.AT_ONCE.bound_s(stage.options)
    assert bound is not None
    assert gap <= bound + SLACK_S
    # Noticed with the next heartbeat; asking who stands by takes a moment more.
    assert seconds(since, taken) <= stage.options.lease_s + bound + SLACK_S
    stage.require_clean()
