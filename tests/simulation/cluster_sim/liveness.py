"""Once the faults stop it has to work: one signer, everybody else ready; it stays so, and hands over when asked."""

from __future__ import annotations

from near_ha.records.states import State
from near_ha.records.switchover import Action, Phase
from near_supervisor.core import events as ev
from near_supervisor.core.facts.lease_view import How

from . import hook
from .cluster import Cluster
from .host import Host
from .world import Violation

LOOK_MS = 250
# The bound for recovery: multiples of the longest lease, and what restarts and pauses take
# (docs/explanation/testing.md). On top of this and of the bound for a hand-over comes the time by which a head lags: so
# long has a successor to wait for it.
RECOVERY_LEASES = 3
RECOVERY_MS = 30_000
# kuutamod may take 85 s to stop, and is waited out for 90 s after its session.
KUUTAMOD_MS = 240_000
# The longest timeout of a request, the leases that come on top of it, and time to see it.
OLD_REQUEST_MS = 120_000
BY_REQUEST = 0.5
HANDOVER_MS = 30_000
READY = (State.VOTING.value, State.VALIDATING.value)


def must_recover(cluster: Cluster) -> dict[str, int]:
    """Stop the faults; how long each step then took. Violation when one takes longer than its bound."""
    cluster.calm()
    recovery, signer = _recover(cluster)
    if cluster.peace_ms and signer != "kuutamod":
        _end_requests(cluster)
        signer = _recover(cluster)[1]
        _stay(cluster, signer)
    if signer == "kuutamod":
        return {"recovery beside kuutamod": recovery}
    successor = _successor(cluster, signer)
    if successor is not None and cluster.requests.rng.random() < BY_REQUEST:
        return {"recovery": recovery, "switchover": _switch_over(cluster, successor)}
    return {"recovery": recovery, "handover": _hand_over(cluster, signer)}


def _recover(cluster: Cluster) -> tuple[int, str]:
    """How long until one signer has everybody else ready behind it, for a whole lease; and who that is."""
    world, steady = cluster.world, cluster.longest_lease_ms
    bound = RECOVERY_LEASES * steady + (RECOVERY_MS if cluster.kuutamod is None else KUUTAMOD_MS)
    bound += cluster.longest_lag_ms + cluster.owed_ms
    began = since = world.now
    signer = _only_signer(cluster)
    while not signer or world.now - since < steady:
        world.run(world.now + LOOK_MS)
        if _only_signer(cluster) != signer or not signer:
            signer, since = _only_signer(cluster), world.now
        if since - began > bound:
            raise Violation(f"{bound / 1000:g} s after the last fault {cluster.signers} sign; states: {cluster.states}")
    return since - began, signer


def _stay(cluster: Cluster, signer: str) -> None:
    """Nothing is wrong, so nothing changes."""
    world, armed = cluster.world, cluster.chain.armed
    until = world.now + cluster.peace_ms
    while world.now < until:
        world.run(world.now + LOOK_MS)
        if cluster.chain.armed != armed:
            raise Violation(f"{signer} signed in peace, and stopped: {cluster.chain.armed}, {cluster.states}")


def _only_signer(cluster: Cluster) -> str:
    """Who signs, with everybody else ready; "" when that cannot be said."""
    if len(cluster.signers) == 1 and all(host.runs and host.state in READY for host in cluster.hosts):
        return cluster.signers[0]
    return ""


def _hand_over(cluster: Cluster, signer: str) -> int:
    """A graceful stop of the signer ends with somebody signing: another one, or the same one after its restart."""
    world, before = cluster.world, cluster.chain.armed
    waits = _remembers_a_later_term(cluster)
    host = next(host for host in cluster.hosts if host.name == signer)
    world.note(signer, "is asked to stop")
    if host.supervisor is not None:
        host.supervisor.post(ev.StopAsked("SIGTERM"))
    began, bound = world.now, _longest_hand_over(cluster)
    while not cluster.signers or cluster.chain.armed == before:
        if world.now - began >= bound:
            raise Violation(f"{bound / 1000:g} s after {signer} was stopped nobody signs: {cluster.states}")
        world.run(world.now + LOOK_MS)
    if "kuutamod" not in cluster.signers and not waits and cluster.consul.last_way is not How.RELEASED:
        raise Violation(f"{signer} was stopped, and the lease came to {cluster.signers} by {cluster.consul.last_way}")
    return world.now - began


def _remembers_a_later_term(cluster: Cluster) -> bool:
    """Terms have begun anew, and somebody takes what is signed in them for records that were put back."""
    record = cluster.consul.seen.record
    return record is not None and any(host.kept_term > record.term for host in cluster.hosts)


def _longest_hand_over(cluster: Cluster) -> int:
    """The bound for a hand-over, in milliseconds.

    A chain that was slow lies below what it could have gained. That is no reason to wait for longer: a signer that
    has shown two heads names no more than what it may have signed, and the process after a crash names no more.
    """
    bound = HANDOVER_MS + cluster.longest_lag_ms + cluster.owed_ms
    if cluster.consul.was_emptied:
        # Terms may have begun anew. Who remembers a higher one takes the release for an old one, and waits for the
        # height of the last heartbeat instead: what could have been signed within a lease.
        bound += cluster.longest_lease_ms
    return bound


def _successor(cluster: Cluster, signer: str) -> Host | None:
    """A standby that may be asked to take over: one with the signer's lease."""
    lease_ms = next(host.settings.lease_ms for host in cluster.hosts if host.name == signer)
    standbys = [host for host in cluster.hosts if host.name != signer and host.settings.lease_ms == lease_ms]
    return cluster.requests.rng.choice(standbys) if standbys else None


def _end_requests(cluster: Cluster) -> None:
    """The request that is open, if one is, is carried out or called off."""
    world, requests = cluster.world, cluster.requests
    began = world.now
    while requests.request is not None and requests.request.open:
        if world.now - began > OLD_REQUEST_MS:
            raise Violation(f"{OLD_REQUEST_MS / 1000:g} s without an event, and {requests.request} is still open")
        world.run(world.now + LOOK_MS)


def _switch_over(cluster: Cluster, successor: Host) -> int:
    """A promotion that is asked for ends as done, with the one who was named signing."""
    _end_requests(cluster)
    world, requests, record = cluster.world, cluster.requests, cluster.consul.seen.record
    began, bound = world.now, _longest_hand_over(cluster)
    requests.ask(Action.PROMOTE, successor.settings.member_id, record.term if record else 0)
    if requests.request is not None and not requests.request.now:
        # So long may be waited for heights without a block to make.
        bound += requests.request.timeout_ms // 2
    if successor.settings.pre_takeover:
        bound += hook.LONGEST_MS
    while requests.request is None or requests.request.open or not cluster.signers:
        if "kuutamod" in cluster.signers:
            # It takes a lease that is free at once, whoever was named; then the request ends when its time is over.
            took = world.now - began
            _end_requests(cluster)
            return took
        if world.now - began >= bound:
            raise Violation(
                f"{bound / 1000:g} s after {successor.name} was to be promoted: {requests.request}, {cluster.states}"
            )
        world.run(world.now + LOOK_MS)
    if requests.request.phase is Phase.FAILED:
        world.reached["switchover that failed in peace"] += 1
    elif cluster.signers != [successor.name]:
        raise Violation(f"{requests.request} is done, and {cluster.signers} sign")
    return world.now - began
