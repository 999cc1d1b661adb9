from __future__ import annotations

from pathlib import Path

import pytest

from near_localnet.consul_install import donor_of, find_consul
from near_localnet.private_apt import os_release, private_apt_conf
from near_localnet.problem import Problem


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_named_consul_comes_first_then_path_then_the_fetched_one(tmp_path: Path) -> None:
    named = program(tmp_path / "named" / "my-consul")
    in_path = program(tmp_path / "path" / "consul")
    fetched = program(tmp_path / "tools" / "bin" / "consul")
    tools = tmp_path / "tools"
    assert find_consul(tools, {"CONSUL": str(named), "PATH": str(in_path.parent)}) == named
    assert find_consul(tools, {"PATH": str(in_path.parent)}) == in_path
    assert find_consul(tools, {"PATH": str(tmp_path)}) == fetched
    assert find_consul(tmp_path / "empty", {"PATH": str(tmp_path)}) is None


def test_a_consul_that_cannot_be_run_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="CONSUL=/no/such/consul"):
        find_consul(tmp_path, {"CONSUL": "/no/such/consul", "PATH": ""})


@pytest.mark.parametrize(
    ("text", "suite"),
    [
        ('ID=debian\nVERSION_CODENAME="trixie"\n', "bullseye"),
        ("ID=ubuntu\nID_LIKE=debian\n", "jammy"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "jammy"),
    ],
)
def test_derivatives_count_as_what_they_are_like(text: str, suite: str) -> None:
    assert donor_of(os_release(text)).suite == suite


def test_other_distributions_are_told_what_to_do() -> None:
    with pytest.raises(Problem, match="not 'fedora'") as caught:
        donor_of(os_release("# comment\nID=fedora\n"))
    assert "CONSUL=/path/to/consul" in caught.value.hint


def test_apt_keeps_everything_below_its_own_directory(tmp_path: Path) -> None:
    text = private_apt_conf(tmp_path)
    places = [line for line in text.splitlines() if line.startswith("Dir::")]
    assert all(str(tmp_path) in line or '"-"' in line for line in places)
    assert "#clear APT::Update::Post-Invoke;" in text
