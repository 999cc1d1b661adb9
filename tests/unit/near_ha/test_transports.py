"""Which way is gone, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from near_ha.errors import BadConfig, NearError
from near_ha.operator.cluster_options import Access
from near_ha.transport import by_socket
from near_ha.transport.choice import open_way
from support.control_answers import behind, http

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("transport.consul_http", "transport.by_consul", "operator.request", "records.cluster")


def test_who_asks_a_control_socket_loads_nothing_of_consul(tmp_path: Path) -> None:
    """On a target every module is compiled anew for each task, and near_failover_info has 300 ms."""
    program = (
        "import sys\nfrom near_ha import errors\nfrom near_ha.operator import cluster_options\n"
        "from near_ha.transport import choice\n"
        "try:\n  choice.open_way(cluster_options.Access(run_dir=sys.argv[1]))\n"
        "except errors.ControlError:\n  print(*sys.modules)"
    )
    environ = {"PYTHONPATH": str(ROOT / "plugins" / "module_utils")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "near_ha.transport.by_socket" in loaded
    assert not {f"near_ha.{name}" for name in HEAVY} & {*loaded}


@pytest.fixture
def run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(by_socket, "RUN_DIRECTORY", tmp_path)
    return tmp_path


def refused(access: Access) -> NearError:
    with pytest.raises(NearError) as caught:
        open_way(access)
    return caught.value


def test_the_only_supervisor_of_a_host_needs_no_name(run_directory: Path) -> None:
    (run_directory / "a.near").mkdir()
    with behind(run_directory / "a.near" / "control.sock", http(b'{"account_id": "a.near", "member_id": "m"}')):
        assert open_way(Access()).account_id == "a.near"


def test_of_two_supervisors_one_has_to_be_named(run_directory: Path) -> None:
    for account in ("a.near", "b.near"):
        (run_directory / account).mkdir()
        (run_directory / account / "control.sock").touch()
    error = refused(Access())
    assert isinstance(error, BadConfig)
    assert str(error) == "no account_id is given, and 2 run on this host. Name one of: a.near, b.near"
    assert "Accounts that have one here: a.near, b.near" in str(refused(Access(account_id="c.near")))


def test_a_host_without_supervisors_says_so(run_directory: Path) -> None:
    assert f"no control socket below {run_directory}" in str(refused(Access()))
    assert "Accounts that have one here: none" in str(refused(Access(account_id="c.near")))
