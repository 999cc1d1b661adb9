from __future__ import annotations

from pathlib import Path

import pytest

from near_bench import cli, rows
from near_localnet.localnet import main_part
from near_measure.machine import facts
from near_measure.stage import INSTANCES, free_instance, layout_of_own


def test_defaults_are_those_of_the_promise() -> None:
    given = cli.parser().parse_args(["failover"])
    assert (given.runs, given.lease, given.block_time_ms, given.start_delay_ms) == (10, 4.0, 100, 1000)
    assert given.rows == [row for row in rows.ROWS if row.name != "chain-halt"], "that takes ten minutes a run"


def test_rows_are_chosen_in_the_order_given() -> None:
    given = cli.parser().parse_args(["failover", "--rows", "host-freeze,neard-kill"])
    assert [row.name for row in given.rows] == ["host-freeze", "neard-kill"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["failover", "--rows", "nonsense"], "there is no row 'nonsense'; there are graceful-stop"),
        (["failover", "--runs", "0"], "at least 1"),
        ([], "COMMAND"),
    ],
)
def test_wrong_usage(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_lease_that_cannot_work_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["failover", "--lease", "1"]) == 1
    assert "--lease 1 is too short" in capsys.readouterr().err


def test_help_says_what_exit_status_3_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["failover", "--help"])
    assert "3    everything was measured and nothing signed twice, but a bound was missed" in capsys.readouterr().out


def test_own_layout_is_removed_in_the_end(tmp_path: Path) -> None:
    assert free_instance() in INSTANCES
    with layout_of_own(instance=140) as layout:
        assert layout.data.is_dir()
        assert layout.instance == 140
    assert not layout.data.exists()
    with layout_of_own(data=tmp_path) as layout:
        assert layout.data == tmp_path
    assert tmp_path.exists()


def test_main_parts() -> None:
    assert [main_part(name) for name in ("validator-a", "node0", "consul1")] == ["supervisor", "neard", "keeper"]


def test_machine_facts_name_no_path() -> None:
    found = facts(Path(__file__).parent)
    assert found["cores"] >= 1
    assert found["memory_gib"] >= 1
    assert not any("/" in str(value) for name, value in found.items() if name != "distribution")
