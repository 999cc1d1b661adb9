"""The socket in the run directory: private, and made again where it was removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_guard.kernel import boot_ms
from near_guard.locks import hold
from near_guard.request import Refused
from support.guard_rig import GuardRig, alive, wait_for

SLEEP = ("sleep", "60")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def test_its_socket_is_private(rig: GuardRig) -> None:
    assert (rig.run_dir / "guard.sock").stat().st_mode & 0o777 == 0o600


def test_a_guard_whose_directory_is_gone_ends_with_its_standby(tmp_path: Path) -> None:
    """It held the home for ever, and the next guard waited for it."""
    with GuardRig(tmp_path, linger_s=0) as rig:
        pid = rig.start(*SLEEP)["pid"]
        shutil.rmtree(rig.run_dir)
        rig.socket.close()
        assert rig.process.wait(10) == 0
        assert not alive(pid)
        assert "this one ends" in rig.log.read_text()


def test_a_guard_whose_directory_is_gone_leaves_a_signer_to_its_deadline(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        pid = rig.start(*SLEEP, armed=True, ms=2_500)["pid"]
        began = boot_ms()
        shutil.rmtree(rig.run_dir)
        rig.socket.close()
        assert rig.process.wait(10) == 0
        assert not alive(pid)
        assert boot_ms() - began >= 2_300
        assert not os.path.lexists(rig.link)


def test_a_guard_whose_place_another_one_has_taken_ends(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        shutil.rmtree(rig.run_dir)
        rig.run_dir.mkdir()
        other = hold(str(rig.run_dir / "guard.lock"), "elsewhere")
        socket_file = rig.run_dir / "guard.sock"
        socket_file.write_text("the other one's")
        rig.socket.close()
        assert rig.process.wait(10) == 0
        assert "this one ends" in rig.log.read_text()
        assert socket_file.read_text() == "the other one's"
        os.close(other)


@pytest.mark.parametrize("what", ["socket", "directory"])
def test_it_is_found_again_where_its_socket_was(tmp_path: Path, what: str) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        pid = rig.start(*SLEEP, armed=True)["pid"]
        if what == "socket":
            (rig.run_dir / "guard.sock").unlink()
        else:
            shutil.rmtree(rig.run_dir)
            rig.run_dir.mkdir()
        rig.socket.close()
        wait_for(rig._connected, "it listens again")
        assert rig.ask("hello")["neard"]["pid"] == pid
        assert alive(pid)
        with pytest.raises(Refused):
            hold(str(rig.run_dir / "guard.lock"), "elsewhere")


def test_what_it_and_its_next_neard_say_goes_to_the_log_that_is_there(tmp_path: Path) -> None:
    rig = GuardRig(tmp_path)
    rig.log = rig.run_dir / "neard.log"
    with rig:
        rig.ask("hello")
        shutil.rmtree(rig.run_dir)
        rig.run_dir.mkdir()
        rig.ask("listen")
        rig.start("sh", "-c", "echo here I am")
        rig.exit_event()
        assert "here I am" in rig.log.read_text()
        assert "has ended with exit code 0" in rig.log.read_text()


def test_it_listens_again_when_it_is_asked_to(rig: GuardRig) -> None:
    rig.start(*SLEEP, armed=True)
    assert rig.ask("listen")["ok"], "nothing is missing"
    shutil.rmtree(rig.run_dir)
    assert "error" in rig.ask("listen"), "there is no directory"
    rig.run_dir.mkdir()
    assert rig.ask("listen")["ok"]
    assert (rig.run_dir / "guard.sock").stat().st_mode & 0o777 == 0o600
    assert rig.ask("hello")["neard"]["armed"], "the supervisor that is there stays"
    rig.socket.close()
    wait_for(rig._connected, "the next supervisor finds it")
    assert rig.ask("hello")["ok"]
