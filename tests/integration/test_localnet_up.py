"""A localnet that does not come up leaves nothing running, unless somebody wants to look at it."""

from __future__ import annotations

import os
import re
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


def command(net: Localnet) -> list[str]:
    """How its localnet is spoken to."""
    words = [sys.executable, "-m", "near_localnet", "--data", str(net.layout.data)]
    return [*words, "--instance", str(net.layout.instance)]


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
    done = subprocess.run(
        [*command(net), "up"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "NEARD": NO_NEARD.neard},
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"bin/localnet --data {data} --instance {INSTANCE} up --keep" in done.stderr


def test_of_two_at_once_one_comes_up_and_the_other_leaves_nothing() -> None:
    with short_directory() as place:
        nets = [Localnet(Layout(place / name, INSTANCE), ROOT / ".tools") for name in ("a", "b")]
        try:
            starts = [
                subprocess.Popen([*command(net), "up"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for net in nets
            ]
            said = [start.communicate(timeout=180)[1] for start in starts]
            ended = [start.returncode for start in starts]
            assert sorted(ended) == [0, 1], said
            loser = ended.index(1)
            assert re.search(r"which .* needs, is taken by python", said[loser]), said[loser]
            assert not processes.find(nets[loser].layout.data)
            assert nets[1 - loser].status().healthy
        finally:
            for net in nets:
                net.down()
