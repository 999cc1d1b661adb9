"""near_config writes two files into neard's home, and both are neard's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.ansible_modules import load, run

NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_stamp_belongs_to_whom_the_configuration_belongs(tmp_path: Path) -> None:
    config, stamp = tmp_path / "config.json", tmp_path / "restart.stamp"
    config.write_text("{}")
    values = {"store": {"path": "elsewhere"}}
    wanted = {"path": str(config), "values": values, "restart_stamp": str(stamp), "owner": str(NOBODY), "mode": "0640"}
    assert run(load("near_config"), wanted)["changed"]
    assert [path.stat().st_uid for path in (config, stamp)] == [NOBODY, NOBODY]
    assert not run(load("near_config"), wanted)["changed"]
