"""The hosts of one validator account: who is active, who could take over, and who really signs."""

from __future__ import annotations

from dataclasses import dataclass, field

from witness import ConsulAccess, Host, Scenario, docker, until

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

    def signer(self) -> str:
        """The node that signed last, by the log of signatures; empty if none has."""
        host = self.scenario.last_signer(self.account)
        return next((node for node, it in self.nodes.items() if it.name == host), "")

    def has_key(self, node: str) -> bool:
        """Whether the validator key lies in the home of this node's neard."""
        return self.nodes[node].has(f"{self.home}/validator_key.json")

    def kill_active(self) -> tuple[str, Host]:
        """Takes the power from the active host; its node, and another host that can be asked."""
        active = self.active(next(iter(self.nodes.values())))
        docker("kill", "--signal=KILL", self.nodes[active].name)
        return active, next(host for node, host in self.nodes.items() if node != active)

    def start_all(self) -> None:
        """Gives power to every host that has none."""
        for host in self.nodes.values():
            docker("start", host.name)
