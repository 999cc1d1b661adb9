"""What the outside is shown of a supervisor: one plain value for metrics, control socket and probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from near_ha.operator.cluster_report import request_json
from near_ha.records.states import State
from near_supervisor.core.conditions import hot_takeover, reach, signing, waits
from near_supervisor.core.conditions.readiness import FROM_CONSUL, Reason, Weight, reasons, unready
from near_supervisor.core.conditions.signing import Signs
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.neard import Guard
from near_supervisor.core.facts.signing_check import KINDS
from near_supervisor.core.machine import lease_left_ms

from . import __version__


@dataclass(frozen=True)
class Snapshot:
    """The facts after one step, at ``now`` (boot time, milliseconds)."""

    node: Node
    now: int
    started_at: int
    guard_pid: int | None = None

    @property
    def uptime_ms(self) -> int:
        """Milliseconds since the daemon began."""
        return self.now - self.started_at

    @property
    def neard_pid(self) -> int | None:
        """Pid of the running neard."""
        return self.node.neard.pid if self.node.neard else None

    def summary(self) -> tuple[str, str]:
        """State, leader and sync, and what changes all the time: for the service manager's status line."""
        leader, sync = self._leader(), self.node.sync
        signer = f"leader {leader['node_id']}" if leader else "no leader known"
        if self._is_blind():
            signer = "leader not known: Consul does not answer"
        in_sync, why_not = ("in sync", "") if sync.synced else ("not in sync", f": {sync.reason}")
        paused = ", paused" if self.node.cluster.paused else ""
        return f"{self.node.state.value}, {signer}, {in_sync}{paused}", f"height {sync.height}{why_not}"

    def status(self) -> dict[str, Any]:
        """The answer to ``GET /status``; times in milliseconds, heights as the chain counts them."""
        node, settings = self.node, self.node.settings
        leadership, neard, out_of_reach = node.leadership, node.neard, reach.against(node, self.now)
        readiness = self._readiness()
        first = min((one for one in readiness if one["blocks"] or one["last"]), key=lambda it: it["last"], default=None)
        return {
            "version": __version__,
            "node_id": settings.node_id,
            "member_id": settings.member_id,
            "hostname": settings.hostname,
            "account_id": settings.account_id,
            "validator_public_key": settings.validator_public_key,
            "state": node.state.value,
            "ready": not (unready(node) or out_of_reach),
            # A signer need not be ready to take over.
            "reason": "" if node.state is State.VALIDATING or first is None else first["text"],
            # Also of a validator: what would be against its next start.
            "readiness": readiness,
            "lease_ms": settings.lease_ms,
            # Null: it has none, or it is not known whether it still has.
            "lease_left_ms": self._lease_left_ms(),
            "term": leadership.term if leadership else node.last_term,
            "session": node.session.id if node.session else None,
            "neard": {
                "pid": neard.pid if neard else None,
                "armed": node.armed,
                "answers": bool(neard and neard.answered),
                "restarts": node.starts.ends,
                # How the one before ended, if nobody had told it to.
                "crash": self._crash(),
            },
            # Null: nothing is missing. ``then`` comes after ``left_ms`` (null: there is no such moment).
            "waits": self._waits(),
            "sync": {
                "synced": node.sync.synced,
                "reason": node.sync.reason,
                "height": node.sync.height,
                "peers": node.sync.peers,
            },
            # Null: nobody, or not known; then who it was when Consul answered last.
            "leader": self._leader(),
            "leader_before_silence": self._last_known() if self._is_blind() else None,
            "priority": settings.priority,
            "takeover": {
                "strategy": settings.strategy.value,
                "hot": not hot_takeover.against_as_it_runs(node),
                "reason": hot_takeover.against_as_it_runs(node),
            },
            # Does what it signs get into the blocks of others? Null: it is no validator.
            "signing": self._signing(),
            # What the chain took of it, since it signs; null: not known, or it does not sign.
            "proof": self._proof(),
            "chunks_left": self._chunks_left(),
            # Does the chain have something of this validator that neither its predecessor nor its neard has made?
            "foreign": bool(
                leadership and ((node.signing.check and node.signing.check.foreign) or self._says_doppelganger())
            ),
            # It lets others go first, after leaderships of its own that ended early.
            "holds_back_ms": max(0, node.early_ends.cool_until - self.now),
            # Null: it has not been seen yet, or ever.
            "paused": node.cluster.paused,
            "switchover": request_json(node.switchover.request)
            if node.switchover.request and node.switchover.request.open
            else None,
            "guard": {"pid": self.guard_pid, "attached": node.guard is Guard.READY},
            # heartbeat_ms is that of the last heartbeat; null: there was none.
            "consul": {
                "answers": node.consul.silent_since is None and not out_of_reach,
                "silent_ms": reach.unheard_ms(node, self.now) or 0,
                "heartbeat_ms": node.consul.heartbeat_ms,
            },
            "uptime_ms": self.uptime_ms,
        }

    def _crash(self) -> dict[str, Any] | None:
        crash = self.node.starts.crash
        if crash is None:
            return None
        return {"how": crash.how, "last_words": crash.last_words, "ago_ms": self.now - crash.at}

    def _waits(self) -> dict[str, Any] | None:
        wait = waits.of(self.node, self.now)
        if wait is None:
            return None
        left_ms = None if wait.until is None else max(0, wait.until - self.now)
        return {"for": wait.what, "left_ms": left_ms, "then": wait.then}

    def _says_doppelganger(self) -> bool:
        return any(reason.name == "doppelganger" for reason in reasons(self.node))

    def _signing(self) -> dict[str, Any] | None:
        node = self.node
        if node.leadership is None or not node.armed:
            return None
        answer, reason = signing.answer(node)
        silence = node.signing.silence if answer is Signs.NO else None
        return {"answer": answer.value, "reason": reason, "silent_ms": self.now - silence.since if silence else 0}

    def _proof(self) -> dict[str, dict[str, Any]] | None:
        proof, leadership = self.node.signing.check, self.node.leadership
        if proof is None or leadership is None or proof.term != leadership.term:
            return None
        found = zip(KINDS, proof.tallies, strict=True)
        return {
            kind: {"expected": tally.total.expected, "produced": tally.total.produced, "finding": tally.finding.value}
            for kind, tally in found
        }

    def _chunks_left(self) -> int | None:
        proof, leadership = self.node.signing.check, self.node.leadership
        return (
            proof.chunks_left
            if proof is not None and leadership is not None and proof.term == leadership.term
            else None
        )

    def _readiness(self) -> list[dict[str, Any]]:
        found, silent = reasons(self.node), reach.against(self.node, self.now)
        if silent:
            # That nobody knows who validates, and what somebody is who does, must not stand side by side.
            found = tuple([_from_before(reason) if reason.name in FROM_CONSUL else reason for reason in found])
            found = (*found, Reason(reach.NAME, silent, Weight.BLOCKS))
        return [_reason(reason) for reason in found]

    def _is_blind(self) -> bool:
        """Is it unknown here who holds the lease? A holder knows it until its deadline, whatever Consul says."""
        return reach.unheard_ms(self.node, self.now) is not None and not lease_left_ms(self.node, self.now)

    def _lease_left_ms(self) -> int | None:
        return None if self._is_blind() else lease_left_ms(self.node, self.now)

    def _leader(self) -> dict[str, Any] | None:
        return None if self._is_blind() else self._last_known()

    def _last_known(self) -> dict[str, Any] | None:
        """Who holds the lease, as this node was told; None when nobody does or it has not looked."""
        node, settings = self.node, self.node.settings
        if node.leadership is not None:
            return {
                "node_id": settings.node_id,
                "hostname": settings.hostname,
                "term": node.leadership.term,
                "age_ms": 0,
            }
        seen = node.candidate.watch.seen if node.candidate.watch else None
        if node.candidate.watch is None or seen is None or seen.session is None:
            return None
        return {
            "node_id": seen.holder,
            "hostname": seen.record.hostname if seen.record else None,
            "term": seen.record.term if seen.record else None,
            "age_ms": self.now - node.candidate.watch.since,
        }


def _from_before(reason: Reason) -> Reason:
    return Reason(reason.name, f"when Consul answered last, {reason.text}", reason.weight)


def _reason(reason: Reason) -> dict[str, Any]:
    """``blocks``: it does not stand; ``last``: it is not ready either, and stands after all that are."""
    return {
        "name": reason.name,
        "text": reason.text,
        "blocks": reason.blocks,
        "last": reason.weight is Weight.LAST,
    }
