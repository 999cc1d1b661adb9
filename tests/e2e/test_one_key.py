"""Two supervisors have one validator key and two names for it: they are two clusters, and one of them signs."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Iterator

import pytest

from e2e.hand_started import HandStarted
from near_localnet import pair
from near_localnet.layout import ACCOUNT, CONSUL_PORT, CONSUL_SERVERS, VALIDATORS, Layout, Validator
from near_measure.clock import boot_ns, wait_for
from near_measure.stage import Stage

NAMES = dict(zip(VALIDATORS, ("my.pool.near", ACCOUNT), strict=True))
FIRST_S = 40.0
LEASES = 3


@pytest.fixture
def empty(stage: Stage, by_hand: HandStarted) -> Iterator[Stage]:
    """The chain without the pair, and a Consul that knows of nothing."""
    for host in VALIDATORS:
        stage.net.stop(host.name)
    forget(stage.net.layout)
    yield stage
    by_hand.end()
    forget(stage.net.layout)


def forget(layout: Layout) -> None:
    connection = http.client.HTTPConnection(layout.consul_address(CONSUL_SERVERS[0]), CONSUL_PORT, timeout=5)
    connection.request("DELETE", "/v1/kv/?recurse")
    assert connection.getresponse().read().strip() == b"true"
    connection.close()


def command(stage: Stage, host: Validator) -> list[str]:
    words = pair.command(stage.net.layout, host, stage.net.options())
    words[words.index("--account-id") + 1] = NAMES[host]
    return words


def validating(stage: Stage) -> list[Validator]:
    shown = {host: pair.status(stage.net.layout, host) or {} for host in VALIDATORS}
    return [host for host, status in shown.items() if status.get("state") == "Validating"]


def reasons(stage: Stage, host: Validator) -> dict[str, str]:
    return {one["name"]: one["text"] for one in (pair.status(stage.net.layout, host) or {}).get("readiness", [])}


def test_two_names_for_one_key_started_together_are_one_signer(empty: Stage, by_hand: HandStarted) -> None:
    """Found by an outside review: both validated, and 94 heights were signed twice."""
    began = boot_ns()
    children = {host: by_hand.start(host, command(empty, host)) for host in VALIDATORS}
    assert wait_for(lambda: bool(validating(empty)), FIRST_S)
    (signer,) = validating(empty)
    other = next(host for host in VALIDATORS if host != signer)
    assert wait_for(lambda: "key_lock" in reasons(empty, other), FIRST_S), reasons(empty, other)
    text = reasons(empty, other)["key_lock"]
    assert NAMES[signer] in text
    assert NAMES[other] in text
    empty.pass_time(boot_ns() + round(LEASES * empty.options.lease_s * 1e9))
    assert validating(empty) == [signer]
    empty.require_silent(other, began)
    empty.require_clean()

    # It gives the lock of the key back with its lease, and the other name may have it.
    since = boot_ns()
    children[signer].send_signal(signal.SIGINT)
    assert children[signer].wait(FIRST_S) == 0
    empty.takeover(other, since)
    empty.require_clean()


def test_a_signer_that_is_killed_is_waited_out_under_the_other_name(empty: Stage, by_hand: HandStarted) -> None:
    signer, other = VALIDATORS
    children = {signer: by_hand.start(signer, command(empty, signer))}
    assert wait_for(lambda: validating(empty) == [signer], FIRST_S)
    children[other] = by_hand.start(other, command(empty, other))
    assert wait_for(lambda: "key_lock" in reasons(empty, other), FIRST_S)
    since = boot_ns()
    children[signer].kill()
    empty.takeover(other, since)
    empty.require_clean()
