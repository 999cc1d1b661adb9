"""Fixtures of the scenarios failover-*: their cluster, whole before the first case and after the last one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster import Cluster
from episode import LEASE_S, WHOLE_S
from observer import Scenario


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three hosts, one of which validates."""
    scenario = Scenario.load()
    (account,) = scenario.variables["molecule_accounts"]
    cluster = Cluster(scenario, account, {host.name: host for host in scenario.groups["validators"]}, lease_s=LEASE_S)
    cluster.start_all()
    cluster.wait_whole(scenario.groups["validators"][0], WHOLE_S)
    yield cluster
    cluster.start_all()
