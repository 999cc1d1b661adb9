"""What can happen to a pair and its Consul, within what it has to survive. Each strikes; others heal.

A fault returns when its part is over: what it broke is put right by ``Stage.restore`` afterwards. ``bound`` is the
longest time without a signature that it may cost, in seconds, by the lease and neard's start delay.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from near_ha.errors import NearError
from near_ha.records import consul_keys
from near_ha.transport import control_client
from near_localnet import consul_cluster
from near_localnet.layout import ACCOUNT, CONSUL_PORT, CONSUL_SERVERS, Validator
from near_localnet.localnet import HOST
from near_localnet.problem import Problem
from near_measure import consul_probe
from near_measure.clock import NS, boot_ns
from near_measure.stage import Stage

Strike = Callable[[Stage, random.Random], None]
Bound = Callable[[float, float], float]

# On top of each bound: the machine that plays it all is busy.
SLACK_S = 1.0
_HTTP_S = 2.0


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    ``companion``: it may also strike while another one lasts. ``leaves_one``: nobody can take over until it is healed.
    ``slow``: what comes of it is seen only some time later.
    """

    name: str
    text: str
    strike: Strike
    bound: Bound
    companion: bool = False
    leaves_one: bool = False
    slow: bool = False


def nobody_away(lease: float, _delay: float) -> float:
    """The signer signs on; less than a lease of silence, as a sign of a change would be more."""
    return lease / 2


def at_once(_lease: float, delay: float) -> float:
    """The other one waits for nothing but its own neard."""
    return delay + SLACK_S


def twice_at_once(lease: float, delay: float) -> float:
    """One change, and another one before the first new signer has signed."""
    return 2 * at_once(lease, delay)


def after_lease(lease: float, delay: float) -> float:
    """The other one has to see a whole lease go by."""
    return lease + delay + SLACK_S


def after_two_leases(lease: float, delay: float) -> float:
    """Nobody can tell how long the lease was away, or Consul was."""
    return 2 * lease + delay + 2 * SLACK_S


# --- strikes


def _kill(part: str, of: int) -> Strike:
    def strike(stage: Stage, _rng: random.Random) -> None:
        stage.net.kill(stage.roles()[of].name, part)

    return strike


def _host_killed(stage: Stage, _rng: random.Random) -> None:
    stage.net.kill(stage.roles()[0].name)


def _stopped(stage: Stage, _rng: random.Random) -> None:
    stage.net.stop(stage.roles()[0].name)


def _supervisor_and_guard(stage: Stage, _rng: random.Random) -> None:
    old = stage.roles()[0]
    for process in [*stage.net.select(old.name, "supervisor"), *stage.net.select(old.name, "guard")]:
        process.signal(signal.SIGKILL)


def _supervisor_back(stage: Stage, rng: random.Random) -> None:
    old = stage.roles()[0]
    stage.net.kill(old.name, "supervisor")
    _pass(stage, rng.uniform(0, stage.options.lease_s / 3))
    stage.net.start(old.name)


def _frozen(of: int, least: float, most: float) -> Strike:
    """For that many leases."""

    def strike(stage: Stage, rng: random.Random) -> None:
        name = stage.roles()[of].name
        stage.net.freeze(name)
        _pass(stage, rng.uniform(least, most) * stage.options.lease_s)
        stage.net.thaw(name)

    return strike


def _consul_leader(stage: Stage, _rng: random.Random) -> None:
    leader = consul_cluster.leader(stage.net.layout)
    if leader in CONSUL_SERVERS:
        stage.net.kill(leader, "consul")


def _consul_frozen(count: int, least: float, most: float) -> Strike:
    """So many servers for that many leases."""

    def strike(stage: Stage, rng: random.Random) -> None:
        chosen = rng.sample(CONSUL_SERVERS, count)
        for name in chosen:
            stage.net.freeze(name)
        _pass(stage, rng.uniform(least, most) * stage.options.lease_s)
        for name in chosen:
            stage.net.thaw(name)

    return strike


def _session_destroyed(stage: Stage, _rng: random.Random) -> None:
    entry = consul_probe.lease_entry(stage.net.layout)
    if entry and entry.get("Session"):
        _consul(stage, "PUT", f"/v1/session/destroy/{entry['Session']}")


def _lease_deleted(stage: Stage, _rng: random.Random) -> None:
    _consul(stage, "DELETE", f"/v1/kv/{quote(consul_keys.leader(ACCOUNT))}")


def _asked(route: str, of: int) -> Strike:
    def strike(stage: Stage, _rng: random.Random) -> None:
        _request(stage, stage.roles()[of], route)

    return strike


def _two_promotes(stage: Stage, _rng: random.Random) -> None:
    """Both, at once: one is done, the other one refused or nothing."""
    for host in reversed(stage.roles()):
        _request(stage, host, "promote")


def _paused_and_killed(stage: Stage, rng: random.Random) -> None:
    """A pause, the loss of the standby meanwhile, and its end."""
    old, new = stage.roles()
    _request(stage, old, "pause")
    # Where another fault has killed it already, the pause has to end all the same.
    with contextlib.suppress(Problem):
        stage.net.kill(new.name)
    _pass(stage, rng.uniform(0, stage.options.lease_s))
    _request(stage, old, "resume")


def _request(stage: Stage, host: Validator, route: str) -> None:
    """A refusal is an answer, too: another request may be under way."""
    with contextlib.suppress(NearError):
        control_client.call(stage.net.layout.run_dir(host) / "control.sock", "POST", f"/{route}", {"by": "chaos"})


def _consul(stage: Stage, method: str, path: str) -> None:
    """Asks the first server that answers."""
    for server in CONSUL_SERVERS:
        connection = http.client.HTTPConnection(stage.net.layout.consul_address(server), CONSUL_PORT, timeout=_HTTP_S)
        try:
            connection.request(method, path)
            if connection.getresponse().status == http.client.OK:
                return
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()


def _pass(stage: Stage, duration_s: float) -> None:
    stage.watch(boot_ns() + round(duration_s * NS))


ACTIVE, STANDBY = 0, 1
FAULTS = (
    Fault("neard-killed", "SIGKILL to the signing neard", _kill("neard", ACTIVE), at_once),
    # Its supervisor cannot be told that neard is gone, and does not give the lease back.
    Fault("guard-killed", "SIGKILL to the signer's guard", _kill("guard", ACTIVE), after_lease),
    Fault("supervisor-killed", "SIGKILL to the signer's supervisor", _kill("supervisor", ACTIVE), after_lease),
    Fault("supervisor-back", "the same, and it is back within a third of the lease", _supervisor_back, after_lease),
    Fault("supervisor-and-guard-killed", "SIGKILL to both of the signer", _supervisor_and_guard, after_lease),
    Fault("host-killed", "SIGKILL to all of the signer's host", _host_killed, after_lease),
    Fault("host-frozen", "the signer's host frozen, for longer than the lease", _frozen(ACTIVE, 1.2, 3), after_lease),
    Fault("host-paused", "the signer's host frozen, for less than the lease", _frozen(ACTIVE, 0.1, 0.6), after_lease),
    Fault("stopped", "SIGTERM to the signer's supervisor", _stopped, at_once),
    Fault(
        "standby-killed",
        "SIGKILL to all of the standby's host",
        _kill(HOST, STANDBY),
        nobody_away,
        companion=True,
        leaves_one=True,
    ),
    Fault(
        "standby-neard",
        "SIGKILL to the standby's neard",
        _kill("neard", STANDBY),
        nobody_away,
        companion=True,
        leaves_one=True,
    ),
    Fault("standby-frozen", "the standby's host frozen", _frozen(STANDBY, 0.5, 3), nobody_away),
    Fault("consul-leader", "SIGKILL to Consul's leader", _consul_leader, after_two_leases, companion=True),
    Fault("consul-server", "a Consul server frozen", _consul_frozen(1, 0.5, 2), after_two_leases),
    Fault(
        "consul-majority", "two Consul servers frozen, less than a lease", _consul_frozen(2, 0.1, 0.5), after_two_leases
    ),
    Fault(
        "consul-gone",
        "all Consul servers frozen, longer than a lease",
        _consul_frozen(3, 1.2, 2),
        lambda lease, delay: 2 * lease + after_two_leases(lease, delay),
    ),
    Fault(
        "session-destroyed",
        "an operator destroys the signer's session",
        _session_destroyed,
        after_two_leases,
        slow=True,
    ),
    Fault("lease-deleted", "an operator deletes the lease", _lease_deleted, after_two_leases, slow=True),
    Fault("promote", "the standby is promoted", _asked("promote", STANDBY), at_once, slow=True),
    Fault("demote", "the signer is demoted", _asked("demote", ACTIVE), at_once, slow=True),
    # Either is a switchover, and the second one may come right after the first.
    Fault("two-promotes", "both are promoted at once", _two_promotes, twice_at_once, slow=True),
    Fault("paused", "a pause, and the standby is lost meanwhile", _paused_and_killed, nobody_away),
)
