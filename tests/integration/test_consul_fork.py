"""The adapter's tests once more with py-consul: the fork that is still maintained, under the same import name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

FORK = "py-consul==1.8.0"
FETCH_S = 60
TESTS = Path(__file__).with_name("consul_store")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``import consul`` finds the fork."""
    target = tmp_path / "fork"
    fetch = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--target",
        str(target),
        FORK,
    ]
    try:
        done = subprocess.run(
            [sys.executable, *fetch],
            capture_output=True,
            text=True,
            timeout=FETCH_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip could not fetch {FORK} within {FETCH_S} s")
    if done.returncode != 0:
        pytest.skip(f"pip could not fetch {FORK}: {done.stderr.strip().splitlines()[-1:]}")
    environ = {**os.environ, "PYTHONPATH": str(target)}
    where = [sys.executable, "-c", "import consul; print(consul.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, check=True, env=environ).stdout
    assert Path(found).is_relative_to(target), "these tests would run with python-consul2 again"
    return environ


def test_the_adapter_works_with_the_living_fork_too(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(TESTS)],
        cwd=TESTS.parents[2], env=environ, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
