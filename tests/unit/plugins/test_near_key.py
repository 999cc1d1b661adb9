"""Module near_key through its main(): made once, kept ever after, and the secret never leaves the file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from near_ha.keys import base58
from neard_sim.keys import Signer, verify
from support import ansible_modules, near_keys

pytest.importorskip("ansible.module_utils.testing")

ACCOUNT = "my.pool.near"
LONGEST_LEAK = 8
# With a seed of zeros the secret's digits end as those of the public key, which is no leak.
SEEDS = st.binary(min_size=32, max_size=32).filter(any)


@pytest.fixture(scope="module")
def near_key() -> Any:
    return ansible_modules.load("near_key")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where the key goes, made by somebody with a loose umask."""
    before = os.umask(0)
    yield tmp_path / "validator_key.json"
    os.umask(before)


def run(module: Any, at: Path, *, check: bool = False, **changes: Any) -> dict[str, Any]:
    """A run for the validator key of ACCOUNT; of no secret of the directory, nor a given one, is a part let out."""
    arguments = {"path": str(at), "kind": "validator", "account_id": ACCOUNT, **changes}
    secrets = secrets_in(at.parent) | secrets_of(str(changes.get("secret_key_content", "")))
    result = ansible_modules.run(module, {name: value for name, value in arguments.items() if value is not None},
                                 check=check)  # fmt: skip
    said = result.pop("said")
    for secret in secrets | secrets_in(at.parent):
        pieces = {secret[start : start + LONGEST_LEAK] for start in range(len(secret) - LONGEST_LEAK)}
        assert not [piece for piece in pieces if piece in said]
    # What ansible-core itself adds for every file.
    return {name: value for name, value in result.items() if name not in ("uid", "gid", "size", "state")}


def secrets_of(text: str) -> set[str]:
    return {word for word in text.replace('"', " ").replace("ed25519:", " ").split() if len(word) > 64}


def secrets_in(directory: Path) -> set[str]:
    files = [file for file in directory.iterdir() if file.is_file()]
    return set().union(*(secrets_of(file.read_bytes().decode(errors="ignore")) for file in files))


def key(path: Path, account: str = ACCOUNT, name: str = "the-key", **changes: Any) -> str:
    """Write a key file that is right but for ``changes``, where None takes a field away; its content."""
    Signer.from_name(account, name).write(path)
    fields = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({word: value for word, value in fields.items() if value is not None}))
    return path.read_text()


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def modes(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def untouched(path: Path) -> tuple[int, ...]:
    """What stays as it is where nothing was written; the time of the last access does not."""
    seen = path.lstat()
    return seen.st_mode, seen.st_ino, seen.st_uid, seen.st_gid, seen.st_size, seen.st_mtime_ns


def test_a_key_is_made_once_and_kept_ever_after(near_key: Any, path: Path) -> None:
    first = run(near_key, path)
    content = path.read_bytes()
    second = run(near_key, path)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["public_key"] == second["public_key"] == json.loads(content)["public_key"]
    assert (path.read_bytes(), modes(path), names(path.parent)) == (content, 0o600, [path.name])
    assert second["diff"]["before"] == second["diff"]["after"]


def test_no_two_keys_are_the_same(near_key: Any, path: Path) -> None:
    made = {run(near_key, path.with_name(f"{number}.json"))["public_key"] for number in range(5)}
    assert len(made) == 5


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, account=st.from_regex(r"[a-z0-9]{2,20}(\.[a-z0-9]{1,20}){0,2}", fullmatch=True))
def test_whatever_the_seed_the_file_is_as_neard_reads_it(near_key: Any, seed: bytes, account: str) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_key.secrets, "token_bytes", lambda length: seed[:length])
        path = Path(directory, "validator_key.json")
        result = run(near_key, path, account_id=account)
        document = json.loads(path.read_text())
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        assert document == {
            "account_id": account,
            "public_key": "ed25519:" + base58.encode(public),
            "secret_key": "ed25519:" + base58.encode(seed + public),
        }
        assert result["public_key"] == document["public_key"]
        # Given as text, it is the same key: once alone, once as a file.
        for text in (document["secret_key"], path.read_text()):
            other = Path(directory, "other.json")
            assert run(near_key, other, account_id=account, secret_key_content=text)["changed"]
            assert other.read_bytes() == path.read_bytes()
            other.unlink()


def test_what_is_made_signs_for_its_public_key(near_key: Any, path: Path) -> None:
    public = run(near_key, path)["public_key"]
    assert verify(public, b"block", Signer.read(path).sign(b"block"))


@pytest.mark.parametrize("mode", ["0400", "0600"])
def test_at_no_instant_can_others_open_it(
    near_key: Any, path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            seen.extend(modes(file) for file in path.parent.iterdir())
            result = real(*args, **kwargs)
            seen.extend(modes(file) for file in path.parent.iterdir())
            return result

        return call

    for name in ("open", "fchown", "fchmod", "fsync", "link", "replace", "rename", "fdopen"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    run(near_key, path, mode=mode)
    run(near_key, path, mode=mode, force=True, backup=True)
    assert not [bits for bits in seen if bits & 0o077]
    assert len(seen) > 10
    assert {modes(file) for file in path.parent.iterdir()} == {int(mode, 8)}


def test_no_process_is_started_that_could_show_it(near_key: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    content = key(path)
    path.unlink()
    assert run(near_key, path, secret_key_content=content)["changed"]
    assert run(near_key, path, mode="0400", force=True, backup=True)["changed"]


def test_it_is_on_the_disk_before_it_has_its_name(near_key: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, bool]] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    run(near_key, path)
    assert synced == [(False, False), (True, True)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_owner_and_group_are_given_and_kept(near_key: Any, path: Path) -> None:
    run(near_key, path, owner="nobody", group="65533")
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)
    run(near_key, path, force=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)
    assert run(near_key, path, owner="0", check=True)["changed"]
    assert run(near_key, path, owner="0")["changed"]
    assert not run(near_key, path, owner="root")["changed"]
    assert (path.stat().st_uid, path.stat().st_gid) == (0, 65533)


def test_another_mode_is_set_and_a_key_that_others_could_read_is_warned_of(near_key: Any, path: Path) -> None:
    content = key(path)
    path.chmod(0o644)
    for check in (True, False):
        result = run(near_key, path, check=check)
        assert result["changed"]
        assert "mode 0644" in result["diff"]["before"]
        assert "mode 0600" in result["diff"]["after"]
        assert "had mode 0644" in result["warnings"][0]
        assert ("would be 0600" if check else "is now 0600") in result["warnings"][0]
    again = run(near_key, path)
    assert (again["changed"], again["warnings"], path.read_text()) == (False, [], content)


def nothing(_path: Path) -> None:
    """Nothing is at the path."""


REFUSED: dict[str, tuple[Callable[[Path], Any], dict[str, Any], str, str]] = {
    "another account": (
        lambda path: key(path, "other.near"), {},
        "holds the key of 'other.near'", "Check path, kind and account_id"),
    "another account, with force": (
        lambda path: key(path, "other.near"), {"force": True}, "holds the key of 'other.near'", "Nothing was changed"),
    "another account, to be removed": (
        lambda path: key(path, "other.near"), {"state": "absent", "force": True}, "'other.near'", "Nothing was"),
    "a node key in its place": (lambda path: key(path, "node"), {}, "holds the key of 'node'", "Check path"),
    "a node key to be removed as some validator's": (
        lambda path: key(path, "node"), {"state": "absent", "force": True, "account_id": None},
        "holds the key of 'node'", "Check path"),
    "a validator key in the place of a node key": (
        key, {"kind": "node", "account_id": None}, "not a node key", "Check path"),
    "a validator key to be removed as a node key": (
        key, {"kind": "node", "account_id": None, "state": "absent", "force": True}, "not a node key", "Check path"),
    "cut off": (lambda path: path.write_text(key(path)[:-4]), {}, "is not valid JSON", "Restore"),
    "cut off, to be removed": (
        lambda path: path.write_text(key(path)[:-4]), {"kind": "node", "account_id": None, "state": "absent"},
        "is not valid JSON", "give force: true"),
    "encrypted on the controller": (
        lambda path: path.write_text("$ANSIBLE_VAULT;1.1;AES256\n3"), {}, "encrypted with Ansible Vault", "decrypted"),
    "another public key": (
        lambda path: key(path, public_key=Signer.from_name("x").public_key), {},
        "does not correspond to secret key", "Restore"),
    "halves that are two keys'": (
        lambda path: path.write_text(json.dumps(near_keys.two_halves("x") | {"account_id": ACCOUNT})), {},
        "does not follow from the secret key", "Restore"),
    "another curve": (
        lambda path: key(path, public_key="secp256k1:" + "2" * 88), {}, "does not start with 'ed25519:'", "ed25519"),
    "a link": (lambda path: path.symlink_to("/etc/near/key.json"), {}, "symbolic link to /etc/near/key.json", "Give"),
    "a link, to be removed": (
        lambda path: path.symlink_to("/none"), {"state": "absent", "force": True}, "symbolic link to /none", "Give"),
    "a directory": (Path.mkdir, {"force": True}, "is not a file", "Give the path of a key file"),
    "a validator key to be removed": (key, {"state": "absent"}, "may be the only copy", "give force: true"),
    "another key is given": (
        key, {"secret_key_content": "ed25519:" + base58.encode(Signer.from_name("x").seed
              + base58.decode(Signer.from_name("x").public_key[8:]))},
        "holds another key", "give force: true"),
    "no account": (nothing, {"account_id": None}, "account_id is missing", "Give the account"),
    "no account name": (nothing, {"account_id": "My Pool"}, "'My Pool' is no NEAR account", "Give the account"),
    "a node key with an account": (nothing, {"kind": "node"}, "a node key has no account", "Leave it out"),
    "no such user": (nothing, {"owner": "no-such-user"}, "'no-such-user' is no user", "Make the user first"),
    "no such group": (nothing, {"group": "no-such-group"}, "'no-such-group' is no group", "Make the group first"),
    "not a whole path": (nothing, {"path": "key.json"}, "does not begin with '/'", "Give the whole path"),
    "no directory": (nothing, {"path": "/none/key.json"}, "/none, the directory of the key", "Make it first"),
    "nothing given": (nothing, {"secret_key_content": ""}, "neither a key file's text nor a secret key", "Give one"),
    "another account's given": (
        nothing, {"secret_key_content": json.dumps(near_keys.document("x"))}, "of 'test.near'",
        "Give the key of that"),
    "halves that are two keys' given": (
        nothing, {"secret_key_content": json.dumps(near_keys.two_halves("x"))}, "does not follow", "Restore"),
    "another curve given": (nothing, {"secret_key_content": "secp256k1:abc"}, "does not start with 'ed25519:'", "Only"),
    "a given file that is not there": (nothing, {"secret_key_path": "/none"}, "secret_key_path /none cannot", "Check"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_what_is_refused_says_what_is_wrong_and_what_next_and_is_left_alone(
    near_key: Any, path: Path, name: str, check: bool
) -> None:
    prepare, arguments, wrong, hint = REFUSED[name]
    prepare(path)
    before = [(file, untouched(file)) for file in path.parent.iterdir()]
    result = run(near_key, path, check=check, **arguments)
    assert result["failed"]
    assert wrong in result["msg"]
    assert hint in result["msg"]
    assert result["code"] in ("bad_key", "bad_config")
    assert [(file, untouched(file)) for file in path.parent.iterdir()] == before


def test_a_given_file_that_others_can_read_is_refused_and_one_of_another_account_too(
    near_key: Any, path: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source.json"
    key(source, "other.near")
    assert "holds the key of 'other.near'" in run(near_key, path, secret_key_path=str(source))["msg"]
    public = json.loads(key(source))["public_key"]
    source.chmod(0o640)
    assert "has mode 0640" in run(near_key, path, secret_key_path=str(source))["msg"]
    source.chmod(0o400)
    assert not path.exists()
    assert run(near_key, path, secret_key_path=str(source))["public_key"] == public
    assert not run(near_key, path, secret_key_path=str(source))["changed"]


def test_a_file_in_other_words_is_kept_as_it_is(near_key: Any, path: Path) -> None:
    secret = json.loads(key(path))["secret_key"]
    content = "// from the pool\n" + key(path, secret_key=None, private_key=secret)
    path.write_text(content)
    path.chmod(0o600)
    result = run(near_key, path, secret_key_content=secret, force=True)
    assert (result["changed"], path.read_text()) == (False, content)


@pytest.mark.parametrize("account", ["node", ""])
def test_a_node_key_is_kept_under_each_name_that_neard_takes(near_key: Any, path: Path, account: str | None) -> None:
    key(path, account_id=account)
    path.chmod(0o600)
    result = run(near_key, path, kind="node", account_id=None)
    assert (result["changed"], result["account_id"]) == (False, "node")


def test_a_node_key_without_an_account_is_refused_before_neard_refuses_it(near_key: Any, path: Path) -> None:
    key(path, account_id=None)
    refused = run(near_key, path, kind="node", account_id=None)
    assert "account_id is missing" in refused["msg"]
    assert 'Write "account_id": "node" into it' in refused["msg"]


def test_check_mode_says_what_the_run_then_does_and_does_nothing(near_key: Any, path: Path) -> None:
    given = key(path.with_name("given.json"), name="given")
    path.with_name("given.json").unlink()
    steps: list[dict[str, Any]] = [
        {}, {}, {"mode": "0400"}, {"force": True}, {"secret_key_content": given, "force": True},
        {"secret_key_content": given}, {"state": "absent"}, {"state": "absent", "force": True}, {"state": "absent"},
    ]  # fmt: skip
    for step in steps:
        before = [(file, file.read_bytes(), modes(file)) for file in path.parent.iterdir()]
        predicted = run(near_key, path, check=True, **step)
        assert [(file, file.read_bytes(), modes(file)) for file in path.parent.iterdir()] == before
        happened = run(near_key, path, **step)
        assert predicted.get("changed") == happened.get("changed"), step
        assert predicted.get("msg") == happened.get("msg"), step
        if predicted.get("public_key"):
            assert predicted["public_key"] == happened["public_key"], step
            assert predicted.get("diff") == happened.get("diff"), step
    assert not path.exists()


def test_force_makes_another_key_and_a_backup_keeps_the_first(near_key: Any, path: Path) -> None:
    first = key(path)
    result = run(near_key, path, force=True, backup=True)
    backup = Path(result["backup_file"])
    assert (backup.read_text(), modes(backup)) == (first, 0o600)
    assert json.loads(path.read_text())["secret_key"] != json.loads(first)["secret_key"]
    assert json.loads(first)["public_key"] in result["diff"]["before"]
    assert result["public_key"] in result["diff"]["after"]


def test_force_replaces_and_removes_what_is_no_key(near_key: Any, path: Path) -> None:
    path.write_text("{")
    assert "not readable as a key" in run(near_key, path, force=True)["diff"]["before"]
    assert json.loads(path.read_text())["account_id"] == ACCOUNT
    path.write_text("{")
    assert run(near_key, path, state="absent", force=True)["changed"]
    assert not path.exists()


def test_a_removed_key_is_named_and_what_is_not_there_need_not_be_removed(near_key: Any, path: Path) -> None:
    public = json.loads(key(path))["public_key"]
    result = run(near_key, path, state="absent", force=True, backup=True)
    assert (result["changed"], result["public_key"]) == (True, public)
    assert public in result["diff"]["before"]
    assert names(path.parent) == [Path(result["backup_file"]).name]
    assert not run(near_key, path, state="absent")["changed"]
    assert not run(near_key, path, path=str(path.parent / "none" / "key.json"), state="absent")["changed"]


def test_a_node_key_is_removed_without_force(near_key: Any, path: Path) -> None:
    key(path, "node")
    assert run(near_key, path, kind="node", account_id=None, state="absent")["changed"]
    assert not path.exists()


def test_a_key_that_appears_meanwhile_is_not_overwritten(
    near_key: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (path.write_text("the other run's"), real(fd))[1])
    result = run(near_key, path)
    assert "made by something else meanwhile" in result["msg"]
    assert (path.read_text(), names(path.parent)) == ("the other run's", [path.name])


def test_a_full_disk_leaves_the_key_that_was_there(near_key: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = key(path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in run(near_key, path, force=True)["msg"]
    assert (path.read_text(), names(path.parent)) == (content, [path.name])


def test_without_cryptography_no_key_is_made_and_every_other_one_is_checked_all_the_same(
    near_key: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_key._ed25519, "AVAILABLE", False)
    for check in (True, False):
        said = run(near_key, path, check=check)["msg"]
        assert "apt-get install python3-cryptography" in said
        assert "pip install cryptography" in said
    assert not path.exists()
    halves = json.dumps(near_keys.two_halves("x"))
    assert "does not follow" in run(near_key, path, secret_key_content=halves)["msg"]
    given = key(path)
    path.unlink()
    assert run(near_key, path, secret_key_content=given)["changed"] is True
    assert run(near_key, path)["changed"] is False


def test_the_examples_do_what_they_say(near_key: Any, path: Path) -> None:
    given = key(path)
    path.unlink()
    tasks = [task["validator_ha.near.near_key"] for task in yaml.safe_load(near_key.EXAMPLES)
             if "validator_ha.near.near_key" in task]  # fmt: skip
    changed = []
    for task in tasks:
        # As whoever runs the tests, and not in /etc.
        own = {**task, "path": str(path.with_name(Path(task["path"]).name)), "account_id": task.get("account_id")}
        own |= {name: str(os.geteuid()) for name in ("owner", "group") if name in task}
        if "secret_key_content" in task:
            path.unlink()
            own["secret_key_content"] = given
        changed.append(run(near_key, Path(own.pop("path")), **own)["changed"])
    assert changed == [True] * 4
    kept = sorted(file.name for file in path.parent.iterdir())
    assert kept[1:] == ["voter_node_key.json"]
    assert kept[0].startswith("validator_key.json.")
