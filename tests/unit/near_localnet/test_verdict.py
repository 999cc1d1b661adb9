from __future__ import annotations

import json
import time
from pathlib import Path

from near_localnet.demo_gap import DemoGap
from near_localnet.verdict import Judge, retire_log_of_earlier_boot


def entry(boot_s: float, home: str, height: int, *, account: str = "node3") -> str:
    who = {"account": account, "node_id": f"ed25519:{home}", "home": f"/data/near/localnet/{home}", "pid": 7}
    when = {"wall_ns": int(boot_s * 1e9), "boot_ns": int(boot_s * 1e9)}
    return json.dumps({"event": "sign", "kind": "approval", "height": height, "content": f"c{height}", **who, **when})


def log_of(tmp_path: Path, *lines: str) -> Path:
    log = tmp_path / "referee.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return log


def test_the_gap_is_from_the_last_of_the_old_to_the_first_of_the_new(tmp_path: Path) -> None:
    log = log_of(tmp_path, entry(1, "b", 1), entry(2, "a", 2), entry(4.5, "a", 3), entry(7, "b", 4), entry(8, "b", 5))
    gap = Judge(log).gap("node3", "b", since_ns=3_000_000_000)
    assert gap is not None
    assert gap.gap_ms == 2500


def test_there_is_no_gap_before_the_new_one_signs_nor_without_a_log(tmp_path: Path) -> None:
    log = log_of(tmp_path, entry(1, "b", 1), entry(2, "a", 2))
    assert Judge(log).gap("node3", "b", since_ns=3_000_000_000) is None
    assert Judge(tmp_path / "none").gap("node3", "b", since_ns=0) is None
    assert Judge(tmp_path / "none").verdict() is None


def test_a_height_signed_from_two_homes_is_an_offence(tmp_path: Path) -> None:
    honest = Judge(log_of(tmp_path, entry(1, "a", 1), entry(2, "b", 2))).verdict()
    assert honest is not None
    assert honest.clean
    guilty = Judge(log_of(tmp_path, entry(1, "a", 1), entry(2, "b", 1))).verdict()
    assert guilty is not None
    assert not guilty.clean
    assert guilty.double_signatures == 1
    assert guilty.text.startswith("GUILTY: 1 double")


def test_a_log_from_before_the_last_boot_is_set_aside(tmp_path: Path) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    log = log_of(tmp_path, entry(now - 0.01, "a", 1))
    retire_log_of_earlier_boot(log)
    assert log.exists()
    log_of(tmp_path, entry(now + 1000, "a", 1))
    retire_log_of_earlier_boot(log)
    assert not log.exists()
    retire_log_of_earlier_boot(log)


def test_a_gap_holds_up_to_its_bound() -> None:
    assert DemoGap("x", "a", "b", 2.0, 2.0).held
    assert not DemoGap("x", "a", "b", 2.01, 2.0).held
