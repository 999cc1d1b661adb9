"""The adapter to Consul on a real server: each test has an account of its own, so that one server serves them all.

The same files run with py-consul, the living fork of python-consul2, in ``test_consul_fork.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from near_supervisor.io.consul_store import ConsulStore
from support.lease_holder import TIMEOUT_MS
from support.real_consul import RealConsul, real_consul
from support.records import a_store

_numbers = itertools.count()


@pytest.fixture(scope="session")
def consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealConsul]:
    with real_consul(tmp_path_factory.mktemp("consul")) as running:
        yield running


@pytest.fixture
def account() -> str:
    """The name of an account that no other test has."""
    return f"account-{next(_numbers)}"


@pytest.fixture
def store(consul: RealConsul, account: str) -> ConsulStore:
    return a_store(consul.url, account, TIMEOUT_MS)
