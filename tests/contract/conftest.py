"""One chain for all facts; a subject that is started afresh, without a key, for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.chain_under_test import ChainUnderTest
from near_localnet.options import Options, chosen_neard
from near_measure.stage import layout_of_own

HERE = Path(__file__).parent
REAL_BLOCK_MS, SIMULATED_BLOCK_MS = 600, 200
TIMEOUT_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def running() -> Iterator[ChainUnderTest]:
    """The chain, ended in any case."""
    neard = chosen_neard()
    options = Options(neard=neard, block_time_ms=REAL_BLOCK_MS if neard else SIMULATED_BLOCK_MS, stop_delay_ms=300)
    with layout_of_own() as layout:
        made = ChainUnderTest(layout, options)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture
def home(running: ChainUnderTest) -> Iterator[ChainUnderTest]:
    """The chain with a subject that is not started yet."""
    kept = (running.home / "config.json").read_text()
    running.end()
    yield running
    running.end()
    (running.home / "config.json").write_text(kept)


@pytest.fixture
def neard(home: ChainUnderTest) -> ChainUnderTest:
    """The chain with a subject that runs, in sync, without a key."""
    home.begin()
    return home
