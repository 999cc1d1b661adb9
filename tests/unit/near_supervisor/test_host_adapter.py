"""The machine is looked at again and again; neard's files only when they have changed."""

from __future__ import annotations

import queue
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from near_ha.keys import key_file
from near_supervisor.adapters.host import LOOK_EVERY_MS, HostAdapter
from near_supervisor.core.events import HostSeen
from support import near_keys

KEY = "validator_key.json"


class Looked:
    """A HostAdapter on real files; ``look`` lets it look now."""

    def __init__(self, home: Path) -> None:
        self.home, self.key, self.now = home, home / KEY, 0
        near_keys.write(self.key, "one")
        self.own_key = near_keys.write(home / "voter_node_key.json", "two", account_id="node")
        self.shared_key = self.own_key
        (home / "config.json").write_text("{}")
        self.asked = home / "asked"
        self.neard = home / "neard"
        self.neard.write_text(f"#!/bin/sh\necho >> {self.asked}\ngrep -q bad $2/config.json && exit 1\nexit 0\n")
        self.neard.chmod(self.neard.stat().st_mode | stat.S_IXUSR)
        self.options = options = SimpleNamespace(
            neard=str(self.neard),
            neard_home=home,
            run_dir=home / "run",
            guard_is_service=False,
            neard_log_bytes=2_000,
            validator_key=self.key,
            validator_public_key=key_file.read(self.key).public_key,
            node_key=lambda as_validator: self.shared_key if as_validator else self.own_key,
        )
        self.node_key = home / "node_key.json"
        self.node_key.symlink_to(self.own_key)
        config = SimpleNamespace(
            lock_file=home / "data" / "LOCK", node_key_file=self.node_key, validator_key_file=home / "armed.json"
        )
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.side = HostAdapter(cast("Any", options), cast("Any", config), self.said.put)

    def look(self, pid: int | None = None) -> Any:
        self.now += LOOK_EVERY_MS
        self.side.turn(self.now, pid)
        event = self.said.get(timeout=10)
        assert isinstance(event, HostSeen)
        return event.host

    def times_asked(self) -> int:
        return len(self.asked.read_text().splitlines())


@pytest.fixture
def looked(tmp_path: Path) -> Looked:
    return Looked(tmp_path)


def test_all_is_well_and_what_has_no_process_has_no_limits(looked: Looked) -> None:
    host = looked.look()
    assert (host.key, host.preflight, host.nofile) == ("", "", None)
    assert host.disk_free_bytes > 0
    assert looked.look(1).nofile is None or looked.look(1).nofile > 0


def test_between_two_looks_it_rests(looked: Looked) -> None:
    looked.look()
    looked.side.turn(looked.now + LOOK_EVERY_MS - 1, None)
    assert looked.said.empty()


def test_before_the_guard_has_put_the_node_key_in_its_place_nothing_is_known(looked: Looked) -> None:
    looked.node_key.unlink()
    assert looked.look().preflight is None
    assert not looked.asked.exists()
    looked.node_key.symlink_to(looked.own_key)
    assert looked.look().preflight == ""


@pytest.mark.parametrize("changes", [{"account_id": None}, {"secret_key": None}, {"account_id": "A"}])
@pytest.mark.parametrize("role", ["own_key", "shared_key"])
def test_a_node_key_that_neard_would_refuse_is_known_before_it_is_needed(
    looked: Looked, role: str, changes: dict[str, object]
) -> None:
    path = looked.home / "broken_node_key.json"
    near_keys.write(path, "two", **{"account_id": "node", **changes})
    kept = getattr(looked, role)
    setattr(looked, role, path)
    said = looked.look().preflight
    assert "neard would not start with its node key" in said
    assert str(path) in said
    assert "account_id" in said or "secret_key" in said
    setattr(looked, role, kept)
    assert looked.look().preflight == ""


def test_what_is_told_of_files_that_were_moving_is_not_known_and_asked_again(looked: Looked) -> None:
    looked.neard.write_text(
        f"#!/bin/sh\necho >> {looked.asked}\n[ $(wc -l < {looked.asked}) = 1 ] || exit 0\n"
        f"ln -sfn {looked.key} {looked.node_key}\necho Error: node_key.json file issue >&2\nexit 1\n"
    )
    assert looked.look().preflight is None
    assert looked.look().preflight == ""
    assert looked.times_asked() == 2


@pytest.mark.parametrize("name", ["node_key.json", "armed.json", "config.json"])
def test_a_refusal_does_not_outlive_what_was_refused(looked: Looked, name: str) -> None:
    bad = looked.home / "is_bad"
    bad.touch()
    looked.neard.write_text(f"#!/bin/sh\necho >> {looked.asked}\n[ ! -e {bad} ]\n")
    for _ in range(2):
        assert "would not start" in looked.look().preflight
    assert looked.times_asked() == 1
    bad.unlink()
    fresh = looked.home / "fresh"
    fresh.write_bytes(looked.own_key.read_bytes())
    fresh.replace(looked.home / name)
    assert looked.look().preflight == ""


def test_a_refusal_for_something_that_is_no_file_is_asked_for_again(
    looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = looked.home / "is_bad"
    bad.touch()
    looked.neard.write_text(f"#!/bin/sh\n[ ! -e {bad} ]\n")
    assert "would not start" in looked.look().preflight
    bad.unlink()
    monkeypatch.setattr("near_supervisor.adapters.host.REFUSED_AGAIN_MS", 0)
    looked.side._preflight_at = 0
    assert looked.look().preflight == ""


def test_neards_files_are_checked_again_only_when_one_has_changed(looked: Looked) -> None:
    for _ in range(3):
        assert looked.look().preflight == ""
    assert looked.times_asked() == 1
    (looked.home / "config.json").write_text('{"bad": 1}')
    for _ in range(2):
        assert "would not start" in looked.look().preflight
    assert looked.times_asked() == 2


def test_a_key_that_is_gone_changed_or_broken_is_said_without_its_secret(looked: Looked) -> None:
    secret = key_file.read(looked.key).secret_key
    kept = looked.key.read_bytes()
    looked.key.unlink()
    assert "does not exist" in looked.look().key
    near_keys.write(looked.key, "two")
    changed = looked.look().key
    assert "at the start of this supervisor" in changed
    looked.key.write_bytes(kept[:-20])
    broken = looked.look().key
    assert broken
    assert secret not in changed + broken
    looked.key.write_bytes(kept)
    assert looked.look().key == ""


@pytest.mark.parametrize(("service", "most", "left"), [(False, 2_000, 0), (True, 2_000, 5_000), (False, 0, 5_000)])
def test_the_log_of_a_guard_of_our_own_is_bounded(looked: Looked, service: bool, most: int, left: int) -> None:
    log = looked.home / "run" / "neard.log"
    log.parent.mkdir()
    looked.options.guard_is_service, looked.options.neard_log_bytes = service, most
    with log.open("ab") as output:
        output.write(b"x" * 5_000)
        output.flush()
        writer = subprocess.Popen(["sleep", "60"], stdout=output)
        try:
            looked.look(writer.pid)
        finally:
            writer.kill()
            writer.wait()
    assert log.stat().st_size == left
