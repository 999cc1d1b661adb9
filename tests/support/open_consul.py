"""A Consul that asks nobody for a token, as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.real_consul import RealConsul, real_consul


@pytest.fixture(scope="module")
def consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealConsul]:
    """One for all tests of a module."""
    with real_consul(tmp_path_factory.mktemp("consul")) as running:
        yield running
