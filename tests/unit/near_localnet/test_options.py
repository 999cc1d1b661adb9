from __future__ import annotations

from pathlib import Path

import pytest

from near_localnet.layout import Layout
from near_localnet.options import Options
from near_localnet.problem import Problem


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "localnet.json"
    options = Options(lease_s=7.5, block_time_ms=100, neard="/usr/bin/neard")
    options.save(file)
    assert Options.load(file) == options


def test_unknown_names_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('{"lease_s": 3, "colour": "blue"}')
    assert Options.load(tmp_path / "f") == Options(lease_s=3)


@pytest.mark.parametrize("text", ["", "[]", "null", "{"])
def test_a_broken_state_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(Problem, match=r"f cannot be read"):
        Options.load(tmp_path / "f")


def test_no_state_file_is_no_localnet(tmp_path: Path) -> None:
    assert Options.load(tmp_path / "f") is None


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (Options(lease_s=1.9), "--lease 1.9"),
        (Options(block_time_ms=10), "--block-time-ms 10"),
        (Options(start_delay_ms=-1), "--start-delay -1"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(options: Options, word: str) -> None:
    with pytest.raises(Problem, match=word):
        options.checked()


def test_instances_never_share_an_address_or_a_directory() -> None:
    first, second = Layout.make(Path("/srv"), None, 0), Layout.make(Path("/srv"), None, 7)
    assert first.data == Path("/srv/.data")
    assert second.data != first.data
    assert (first.address, second.address) == ("127.0.0.1", "127.0.7.1")
    assert second.consul_address("consul3") == "127.0.7.3"


@pytest.mark.parametrize("instance", [-1, 255])
def test_an_instance_out_of_range_is_refused(tmp_path: Path, instance: int) -> None:
    with pytest.raises(Problem, match="out of range"):
        Layout.make(tmp_path, None, instance)


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="too long") as caught:
        Layout.make(tmp_path, tmp_path / ("x" * 100), 0)
    assert "--data" in caught.value.hint
