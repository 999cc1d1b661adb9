"""A supervisor that comes back with other settings over a signer that runs on, with a real guard."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_ha.errors import BadConfig
from near_supervisor import signer_settings
from near_supervisor.adapters.guard import GuardAdapter
from near_supervisor.commandline import options
from near_supervisor.commandline.options import Options
from near_supervisor.core.facts.leadership import SavedState
from near_supervisor.io import neard_config
from near_supervisor.io.run_dir import RunDir
from support import near_keys
from support.guard_rig import GuardRig, alive, wait_for

MEMORY = SavedState("session-a", 7, 1_000)
CONFIG = {"rpc": {"addr": "127.0.0.1:3030"}}
KEYS = ("validator_key", "voter_node_key")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    """A guard whose home is one that neard can be started with, and nobody connected to it."""
    rig = GuardRig(tmp_path)
    (rig.home / "config.json").write_text(json.dumps(CONFIG))
    for name in KEYS:
        near_keys.write(tmp_path / f"{name}.json")
    with rig:
        yield rig


def words(rig: GuardRig) -> list[str]:
    keys = [f"--{name.replace('_', '-')}={rig.home.parent / name}.json" for name in KEYS]
    return [f"--neard-home={rig.home}", f"--run-dir={rig.run_dir}", "--neard=/bin/true", "--account-id-differs", *keys]


def checked(rig: GuardRig, *changes: str) -> Options:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, {})
    return options.check(parser.parse_args([*words(rig), *changes]), {})


def signs(rig: GuardRig, ms: int = 60_000, tag: str = MEMORY.tag) -> int:
    """A signer of the remembered term, whose supervisor has crashed."""
    pid = int(rig.start("sleep", "60", armed=True, ms=ms, tag=tag)["pid"])
    rig.socket.close()
    directory = RunDir(rig.run_dir)
    directory.remember(MEMORY, signer_settings.of(checked(rig), neard_config.read(rig.home)))
    directory._lock.close()
    return pid


def comes_back(rig: GuardRig, *changes: str) -> GuardAdapter:
    """The next supervisor, as far as it is checked before it begins."""
    directory = RunDir(rig.run_dir)
    try:
        return GuardAdapter(checked(rig, *changes), directory, lambda _event: None)
    finally:
        directory._lock.close()


def change_config(rig: GuardRig, **changes: object) -> None:
    (rig.home / "config.json").write_text(json.dumps({**CONFIG, **changes}))


@pytest.mark.parametrize(
    ("name", "flag", "old", "new"),
    [
        ("--account-id", "--account-id=other.near", "'default'", "'other.near'"),
        ("--node-id", "--node-id=validator-9", "'node'", "'validator-9'"),
        ("the public key of --validator-key", "", near_keys.pair("validator_key")[0], near_keys.pair("other")[0]),
        ("rpc.addr of config.json", "", "'127.0.0.1:3030'", "'127.0.0.1:4040'"),
        ("validator_key_file of config.json", "", "validator_key.json", "elsewhere.json"),
    ],
)
def test_what_the_lease_hangs_on_is_not_changed_under_a_signer(
    rig: GuardRig, name: str, flag: str, old: str, new: str
) -> None:
    pid = signs(rig)
    if name.startswith("the public"):
        flag = f"--validator-key={near_keys.write(rig.home.parent / 'other.json')}"
    if name.startswith("rpc"):
        change_config(rig, rpc={"addr": "127.0.0.1:4040"})
    if name.startswith("validator_key_file"):
        change_config(rig, validator_key_file="elsewhere.json")
    with pytest.raises(BadConfig) as caught:
        comes_back(rig, *([flag] if flag else []))
    assert f"{name} was " in caught.value.message
    assert old in caught.value.message
    assert new in caught.value.message
    assert f"neard {pid} signs under settings that have changed" in caught.value.message
    assert "near-supervisor demote" in caught.value.hint
    assert alive(pid), "it signs on, for as long as its lease goes"
    assert (rig.run_dir / "leadership.json").exists(), "so that the old value takes it up again"
    assert comes_back_as_it_was(rig)


def comes_back_as_it_was(rig: GuardRig) -> bool:
    change_config(rig)
    return comes_back(rig)._memory == MEMORY


def test_another_home_with_the_same_run_directory_is_refused(rig: GuardRig, tmp_path: Path) -> None:
    signs(rig)
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(BadConfig, match="--neard-home was"):
        comes_back(rig, f"--neard-home={other}")


def test_the_process_ends_with_status_1_and_leaves_guard_and_neard_alone(rig: GuardRig) -> None:
    pid = signs(rig)
    program = Path(sys.executable).with_name("near-supervisor")
    done = subprocess.run(
        [program, "run", *words(rig), "--account-id=other.near"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "--account-id was 'default' and is now 'other.near'" in done.stderr
    assert alive(pid)
    assert rig.process.poll() is None


@pytest.mark.parametrize(
    "flag",
    ["--lease=60", "--strategy=restart", "--failover-priority=5", "--startup-timeout=5", "--consul-url=http://c:1"],
)
def test_what_does_no_harm_is_changed_while_it_signs(rig: GuardRig, flag: str) -> None:
    signs(rig)
    assert comes_back(rig, flag)._memory == MEMORY


def test_so_are_another_path_of_the_same_key_and_another_block_time(rig: GuardRig) -> None:
    signs(rig)
    same = near_keys.write(rig.home.parent / "moved.json", "validator_key")
    change_config(rig, consensus={"min_block_production_delay": {"secs": 1, "nanos": 0}})
    assert comes_back(rig, f"--validator-key={same}")._memory == MEMORY


def test_once_the_guard_has_ended_the_signer_the_new_value_is_taken(
    rig: GuardRig, caplog: pytest.LogCaptureFixture
) -> None:
    pid = signs(rig, ms=600)
    with pytest.raises(BadConfig):
        comes_back(rig, "--account-id=other.near")
    wait_for(lambda: not alive(pid), "the guard ends it at its deadline")
    assert comes_back(rig, "--account-id=other.near")._memory is None
    assert "--account-id changed since the last leadership, whose lease runs out by itself" in caplog.text
    assert not (rig.run_dir / "leadership.json").exists()


def test_without_a_guard_there_is_no_signer(rig: GuardRig) -> None:
    signs(rig)
    rig.process.kill()
    rig.process.wait()
    assert comes_back(rig, "--account-id=other.near")._memory is None


def test_a_signer_of_another_term_is_nobodys_and_the_core_ends_it(rig: GuardRig) -> None:
    signs(rig, tag="session-b/3")
    assert comes_back(rig, "--account-id=other.near")._memory is None


def test_what_an_older_version_has_not_kept_is_as_it_was(rig: GuardRig) -> None:
    signs(rig)
    file = rig.run_dir / "leadership.json"
    document = json.loads(file.read_text())
    unusable: list[object] = [{}, {"--lease": "4"}, [], "x", None]
    for settings in unusable:
        file.write_text(json.dumps({**document, "settings": settings}))
        assert comes_back(rig, "--account-id=other.near")._memory == MEMORY
    del document["settings"]
    file.write_text(json.dumps(document))
    assert comes_back(rig, "--account-id=other.near")._memory == MEMORY


def test_looking_for_the_signer_loses_no_descriptor_and_keeps_nobody_away(rig: GuardRig) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    signs(rig)
    before = descriptors()
    for _ in range(5):
        with pytest.raises(BadConfig):
            comes_back(rig, "--node-id=x")
    assert descriptors() == before
    assert rig._connected()
    assert rig.ask("hello").get("ok")
