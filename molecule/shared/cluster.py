"""The hosts of one validator account: who is active, who could take over, and who really signs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from near_measure.signatures import Signature, SignatureLog
from observer import ConsulAccess, Host, Scenario, docker, until

HOME = "/var/lib/near/neard"


@dataclass
class Cluster:
    """One account of a scenario. `nodes`: its hosts by their name in Consul, which is that of the inventory entry."""

    scenario: Scenario
    account: str
    nodes: dict[str, Host]
    home: str = HOME
    lease_s: float = 10.0
    consul: ConsulAccess = field(default_factory=ConsulAccess)
    _logs: dict[str, SignatureLog] = field(default_factory=dict)

    def active(self, asked: Host) -> str:
        """Who holds the lease, by the Consul agent of one host; empty unless it validates with a live session."""
        record = asked.lease(self.account, self.consul)
        return str(record["NodeId"]) if record.get("state") == "Validating" and record["Session"] else ""

    def states(self, asked: Host) -> dict[str, tuple[str, bool]]:
        """State and readiness of each node, by the Consul agent of one host."""
        members = {node: asked.member(self.account, node, self.consul) for node in self.nodes}
        return {node: (str(it.get("state", "")), it.get("ready") is True) for node, it in members.items()}

    def whole(self, asked: Host) -> bool:
        """Whether one validates and every other one could take over."""
        active, states = self.active(asked), self.states(asked)
        others = [state for node, state in states.items() if node != active]
        return bool(active) and states[active][0] == "Validating" and others == [("Voting", True)] * len(others)

    def wait_whole(self, asked: Host, timeout_s: float) -> float:
        """Waits for that; the seconds it took. Raises AssertionError with the states."""
        what = f"one validates for {self.account}, the others are ready"
        return until(what, timeout_s, lambda: self.whole(asked), lambda: self.states(asked))

    def signatures(self) -> list[Signature]:
        """All that the hosts have signed for the account, in order of time; ``home`` is the name of the host."""
        found: list[Signature] = []
        for host in self.nodes.values():
            file = self.scenario.referee / f"{host.name}-{self.account}.log"
            log = self._logs.setdefault(host.name, SignatureLog(file, self.account))
            found += [replace(signature, home=host.name) for signature in log.poll()]
        return sorted(found, key=lambda signature: signature.boot_ns)

    def signer(self) -> str:
        """The node that signed last, by the log of signatures; empty if none has."""
        signatures = self.signatures()
        host = signatures[-1].home if signatures else ""
        return next((node for node, it in self.nodes.items() if it.name == host), "")

    def holds_back_s(self, node: str) -> float:
        """How long this node still lets others go first, after leaderships of its own that ended early."""
        status = self.nodes[node].run("near-supervisor", "status", "--json", "--account-id", self.account)
        return float(json.loads(status)["holds_back_ms"]) / 1000

    def missed_blocks(self) -> int:
        """How many blocks of this epoch the account has not made, as the chain counts them."""
        (chain,) = self.scenario.groups["chain"]
        return chain.missed_blocks(self.account)

    def has_key(self, node: str) -> bool:
        """Whether this node's neard finds the validator key in its home; root may not look through a guard here."""
        look = f"runuser -u \"$(stat -c %U '{self.home}')\" -- test -r '{self.home}/validator_key.json'"
        return self.nodes[node].run("sh", "-c", f"{look} && echo yes || echo no").strip() == "yes"

    def kill_active(self) -> tuple[str, Host]:
        """Takes the power from the active host; its node, and another host that can be asked."""
        active = self.active(next(iter(self.nodes.values())))
        docker("kill", "--signal=KILL", self.nodes[active].name)
        return active, next(host for node, host in self.nodes.items() if node != active)

    def start_all(self) -> None:
        """Gives power to every host that has none."""
        for host in self.nodes.values():
            docker("start", host.name)
