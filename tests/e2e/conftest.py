"""One localnet for all end-to-end tests, put right before each of them; and what a failed one shows."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.hand_started import HandStarted
from e2e.localnets import NEARD, localnet_of_own
from near_localnet.options import Options
from near_measure.evidence import evidence
from near_measure.stage import Stage

HERE = Path(__file__).parent
TIMEOUT_S = 600 if NEARD else 180
"""A test that fails waits out several bounds of tens of seconds, and is to say so rather than to be cut off."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def localnet() -> Iterator[Stage]:
    """Up once for the session, down in any case."""
    with localnet_of_own(Options(block_time_ms=100)) as stage:
        yield stage


@pytest.fixture
def stage(localnet: Stage) -> Stage:
    """The localnet with one host Validating, the other Voting, Consul complete and a steady signer."""
    localnet.restore()
    return localnet


@pytest.fixture
def by_hand(stage: Stage) -> Iterator[HandStarted]:
    """Starts supervisors as a person would, and ends them after the test."""
    hand_started = HandStarted(stage)
    yield hand_started
    hand_started.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the evidence to a failure while the localnet still is as the failure left it."""
    report = yield
    used: dict[str, Any] = getattr(item, "funcargs", {})
    stage = used.get("localnet")
    if report.failed and isinstance(stage, Stage):
        report.sections.append(("localnet", evidence(stage.net)))
    return report
