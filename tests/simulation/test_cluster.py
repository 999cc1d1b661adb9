"""The same cluster, with Hypothesis choosing what goes wrong: a failure shrinks to the fewest and simplest faults."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cluster_sim.cluster import Cluster
from cluster_sim.faults import FAULTS, strike
from cluster_sim.liveness import must_recover
from cluster_sim.world import World

HOLDER = 3


class AnyFaults(RuleBasedStateMachine):
    """Faults in any order, at any distance. The rules are checked by the models, which raise a Violation."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        """The seed is for what the models leave to chance: delays, sizes, clocks."""
        self.cluster = Cluster(World(seed))

    @rule(duration=st.integers(1, 30_000))
    def time_passes(self, duration: int) -> None:
        world = self.cluster.world
        world.run(world.now + duration)

    @rule(kind=st.sampled_from(sorted(FAULTS)), host=st.integers(0, HOLDER), then=st.sampled_from([0, 50, 1_500]))
    def something_fails(self, kind: str, host: int, then: int) -> None:
        hosts = self.cluster.hosts
        chosen = self.cluster.holder if host == HOLDER else None
        strike(self.cluster, kind, chosen or hosts[host % len(hosts)])
        self.time_passes(then)

    def teardown(self) -> None:
        """And when the faults stop, it has to work."""
        if hasattr(self, "cluster"):
            must_recover(self.cluster)


AnyFaults.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
# Against what hangs, and no measure of speed: beside ten other programs a hundred examples took six minutes.
TestAnyFaults = pytest.mark.timeout(3_600)(AnyFaults.TestCase)
