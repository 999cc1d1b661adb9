"""A localnet that does not come up leaves nothing running, unless somebody wants to look at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_localnet import processes
from near_localnet.layout import Layout
from near_localnet.localnet import Localnet
from near_localnet.options import Options
from near_localnet.problem import Problem
from support.short_paths import short_directory

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
INSTANCE = 202
NO_NEARD = Options(neard=shutil.which("false") or "/bin/false")


@pytest.fixture
def net() -> Iterator[Localnet]:
    with short_directory() as place:
        net = Localnet(Layout(place / "data", INSTANCE), ROOT / ".tools")
        try:
            yield net
        finally:
            net.down()


def test_what_did_not_come_up_is_ended(net: Localnet) -> None:
    with pytest.raises(Problem) as caught:
        net.up(NO_NEARD)
    assert "making the chain failed" in caught.value.message
    assert "Nothing of it runs any more" in caught.value.hint
    assert not processes.find(net.layout.data)


def test_it_is_left_for_whoever_wants_to_look_at_it(net: Localnet) -> None:
    with pytest.raises(Problem) as caught:
        net.up(NO_NEARD, keep=True)
    assert "bin/localnet down" in caught.value.hint
    assert {process.part for process in processes.find(net.layout.data)} == {"consul", "keeper"}


def test_the_command_says_what_to_do_next(net: Localnet) -> None:
    data = str(net.layout.data)
    words = [sys.executable, "-m", "near_localnet", "--data", data, "--instance", str(INSTANCE), "up"]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "NEARD": NO_NEARD.neard}
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"bin/localnet --data {data} --instance {INSTANCE} up --keep" in done.stderr
