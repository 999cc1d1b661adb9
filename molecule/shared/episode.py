"""One fault, from a cluster that is whole to one that is whole again, judged by the hosts' logs of signatures alone."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from types import TracebackType

from cluster import Cluster
from evidence import ask
from near_measure import pressure
from near_measure.clock import boot_ns, seconds
from near_measure.signatures import Signature, longest_silence
from observer import ROOT, Host, until

# What a case may cost: the simulated neard takes a second to start.
LEASE_S = 5.0
NEARD_START_S = 1.0
SLACK_S = 1.0
AT_ONCE_S = NEARD_START_S + SLACK_S
AFTER_LEASE_S = LEASE_S + NEARD_START_S + SLACK_S
# What the loss of Consul's leader costs (docs/reference/configuration.md); the others may see the last heartbeat only
# after that.
ELECTION_S = 4.0
# The same where that leader still speaks, and only hears nobody: it votes, too. Measured on Consul 1.8.7: n = 30, p50
# 3.2 s, max 5.8 s.
DISTURBED_ELECTION_S = 6.0
# Longer than any pause between two blocks, and shorter than any change of the signer.
NO_GAP_S = NEARD_START_S

WHOLE_S = 90.0
STEADY_S = 2.0
STEADY_PAUSE_S = 1.0
# Of each host, where a case fails.
EVIDENCE_LINES = 100


@dataclass(frozen=True)
class Case:
    """What one case has come to.

    ``busy_s``: for how long, until another one signed, processes waited for a processor. ``missed_blocks`` are the
    account's, as the chain counts them.
    """

    scenario: str
    event: str
    lease_s: float
    silence_s: float
    bound_s: float
    busy_s: float
    missed_blocks: int
    before: str
    after: str


class Episode:
    """A context: strike in it, and heal; leaving it waits for a whole cluster and judges.

    ``active`` is the node that validated on entering, ``standbys`` the others, ``asked`` a standby's host.
    Raises AssertionError when the cluster does not become whole, when anything was ever signed twice, or when nobody
    signed for longer than ``bound_s`` and for as long as the machine was too busy.
    """

    def __init__(self, cluster: Cluster, event: str, bound_s: float) -> None:
        self.cluster, self.event, self.bound_s = cluster, event, bound_s
        self.active, self.standbys = "", list[str]()
        self._busy_s: float | None = None

    @property
    def host(self) -> Host:
        """The host that validated on entering."""
        return self.cluster.nodes[self.active]

    @property
    def asked(self) -> Host:
        """A host that did not, and which can be asked meanwhile."""
        return self.cluster.nodes[self.standbys[0]]

    def takes_consul_too(self, election_s: float = ELECTION_S) -> None:
        """The host's server of Consul will be gone with it: where that leads, the others need an election, too."""
        leader = str(self.asked.fetch(f"{self.cluster.consul.url}/v1/status/leader", self.cluster.consul))
        if leader.rpartition(":")[0] in self.host.run("hostname", "-I").split():
            self.bound_s += election_s

    def __enter__(self) -> Episode:
        """Waits for a cluster that is whole, of which nobody holds back, and whose signer does not pause."""
        asked = next(iter(self.cluster.nodes.values()))
        self.cluster.wait_whole(asked, WHOLE_S)
        servers = len(self.cluster.scenario.groups["consul_servers"])
        until("every server of Consul has a vote", WHOLE_S, lambda: asked.voters(self.cluster.consul) == servers)
        until("nobody holds back", WHOLE_S, lambda: not any(map(self.cluster.holds_back_s, self.cluster.nodes)))
        self._steady()
        self.active = self.cluster.active(asked)
        self.standbys = [node for node in self.cluster.nodes if node != self.active]
        assert self.cluster.signer() == self.active
        self._missed = self.cluster.missed_blocks()
        self.since_ns, self._waited_s = boot_ns(), pressure.cpu_waited_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Judges; a case that has failed by itself prints what its hosts say instead."""
        if kind is None:
            self._judge()
        elif self.active:
            print(self.evidence())

    def _judge(self) -> None:
        busy = self._busy()
        self.cluster.wait_whole(self.asked, WHOLE_S)
        self._steady()
        until_ns = boot_ns()
        verdict = self.cluster.scenario.signatures().verdict(self.cluster.account)
        silence = self.silence_s(until_ns)
        after = self.cluster.signer()
        case = Case(
            os.environ["MOLECULE_SCENARIO_NAME"],
            self.event,
            self.cluster.lease_s,
            round(silence, 3),
            self.bound_s,
            busy,
            self.cluster.missed_blocks() - self._missed,
            self.active,
            after,
        )
        note(case)
        print(
            f"{self.event}: nobody signed for {silence:.2f} s, at most {self.bound_s:g} s;"
            f" {case.missed_blocks} blocks missed; {self.active} -> {after}"
        )
        assert verdict.clean, verdict
        late = f"{self.event}: nobody signed for {silence:.2f} s; for {busy} s processes waited for a processor"
        assert silence <= self.bound_s + busy, f"{late}\n{self.evidence()}"

    def signatures(self) -> list[Signature]:
        """What has been signed since the strike."""
        return [it for it in self.cluster.signatures() if it.boot_ns >= self.since_ns]

    def silence_s(self, until_ns: int | None = None) -> float:
        """The longest time since the strike in which nobody signed, in seconds."""
        return longest_silence(self.signatures(), self.since_ns, until_ns or boot_ns())

    def taken_over(self) -> str:
        """Waits until another host signs; its node. How long that may take is judged at the end, by ``bound_s``."""
        until(
            "another host signs",
            WHOLE_S,
            lambda: self.cluster.signer() not in ("", self.active),
            lambda: self.cluster.states(self.asked),
        )
        self._busy()
        return self.cluster.signer()

    def goes_on(self, for_s: float) -> None:
        """Watches for so long; raises AssertionError when another one than the active host signs."""
        assert self.went_on(for_s), self.story()

    def went_on(self, for_s: float) -> bool:
        """Watches for so long whether nobody but the active host signs."""
        ends = time.monotonic() + for_s
        while time.monotonic() < ends:
            if self.cluster.signer() != self.active:
                return False
            time.sleep(0.2)
        return True

    def has_not_signed_since(self, node: str, when_ns: int) -> bool:
        """Whether this node has been silent since then."""
        name = self.cluster.nodes[node].name
        return not any(it.home == name and it.boot_ns >= when_ns for it in self.cluster.signatures())

    def story(self) -> str:
        """Who signed from when to when since the strike, a line for each process; for people."""
        lines: list[str] = []
        runs: list[list[Signature]] = []
        for it in self.signatures():
            if runs and (runs[-1][-1].home, runs[-1][-1].pid) == (it.home, it.pid):
                runs[-1].append(it)
            else:
                runs.append([it])
        for run in runs:
            first, last = (seconds(self.since_ns, it.boot_ns) for it in (run[0], run[-1]))
            lines.append(f"  {first:7.2f} to {last:7.2f} s  {run[0].home} (pid {run[0].pid}): {len(run)} signatures")
        return "\n".join(lines)

    def evidence(self) -> str:
        """Who signed, and what supervisors, guards and Consul's servers have said since the strike; for people."""
        since_s = (boot_ns() - self.since_ns) / 1e9 + 1
        units = "-u 'near-*' -u consul"
        journal = f"journalctl --no-pager -o short-precise --since=-{since_s:.0f}s {units} | tail -n {EVIDENCE_LINES}"
        said = [f"--- {host.name}\n{ask(host.name, journal) or '(no answer)'}" for host in self.cluster.nodes.values()]
        return "\n".join([self.story(), *said])

    def _busy(self) -> float:
        """Seconds in which processes waited for a processor, from the strike to the first call."""
        if self._busy_s is None:
            self._busy_s = round(pressure.cpu_waited_s() - self._waited_s, 2)
        return self._busy_s

    def _steady(self) -> None:
        def is_steady() -> bool:
            now = boot_ns()
            return longest_silence(self.cluster.signatures(), now - round(STEADY_S * 1e9), now) <= STEADY_PAUSE_S

        until("the signer does not pause", WHOLE_S, is_steady, lambda: self.cluster.states(self.asked_or_any()))

    def asked_or_any(self) -> Host:
        """A host to ask, also before it is known who is active."""
        return self.asked if self.standbys else next(iter(self.cluster.nodes.values()))


def note(case: Case) -> None:
    """Appends a case to the file from which `bin/bench table` makes its rows: .data/molecule/cases.jsonl."""
    place = ROOT / ".data" / "molecule"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "cases.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(case)) + "\n")
