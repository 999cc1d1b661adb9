"""Key files: every refusal names the file and what is wrong with it, and never a part of the secret."""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from near_ha.errors import BadKey
from near_ha.keys import base58, key_file
from support import near_keys

PUBLIC, SECRET = near_keys.pair("the-key")
SECRET_TEXT = SECRET.removeprefix("ed25519:")
LONGEST_LEAK = 8
NOBODY = 65534


def refuse(path: Path) -> BadKey:
    """The refusal, after it was checked that nothing of the secret is in it, however it is shown."""
    with pytest.raises(BadKey) as caught:
        key_file.read(path)
    error = caught.value
    shown = f"{error} {error!r} {error.message} {error.hint} {''.join(traceback.format_exception(error))}"
    pieces = [SECRET_TEXT[at : at + LONGEST_LEAK] for at in range(len(SECRET_TEXT) - LONGEST_LEAK)]
    assert not [piece for piece in pieces if piece in shown]
    assert str(path) in str(error)
    return error


def with_fields(**changes: object) -> Callable[[Path], None]:
    return lambda path: (near_keys.write(path, "the-key", **changes), None)[1]


def with_text(text: str | bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(text.encode() if isinstance(text, str) else text), None)[1]


OTHER_PUBLIC = near_keys.pair("another-key")[0]
SHORT_SECRET = "ed25519:" + base58.encode(base58.decode(SECRET_TEXT)[:63])
CASES: list[tuple[str, Callable[[Path], None], str]] = [
    ("missing", lambda _path: None, "does not exist"),
    ("a directory", Path.mkdir, "cannot be read: Is a directory"),
    ("empty", with_text(""), "not valid JSON"),
    ("cut off", with_text(json.dumps(near_keys.document("the-key"))[:-4]), "not valid JSON"),
    ("only the secret", with_text(SECRET), "not valid JSON"),
    ("the secret as a string", with_text(json.dumps(SECRET)), "does not hold a JSON object"),
    ("a list", with_text(json.dumps([PUBLIC, SECRET])), "does not hold a JSON object"),
    ("encrypted", with_text("$ANSIBLE_VAULT;1.1;AES256\n3136"), "is encrypted with Ansible Vault"),
    ("not text", with_text(b"\xff\xfe" + SECRET.encode()), "not valid JSON"),
    ("nested without end", with_text('{"a":' * 10_000), "not valid JSON"),
    ("too large", with_text(SECRET + " " * 70_000), "larger than 65536 bytes"),
    ("mismatched", with_fields(public_key=OTHER_PUBLIC), "public key does not correspond to secret key in key file"),
    ("no public key", with_fields(public_key=None), "public_key is missing"),
    ("public key is a number", with_fields(public_key=7), "public_key is missing or not a string"),
    ("account is a list", with_fields(account_id=[SECRET]), "account_id is not a string"),
    ("no secret", with_fields(secret_key=None), "exactly one of secret_key and private_key"),
    ("two secrets", with_fields(private_key=SECRET), "exactly one of secret_key and private_key"),
    ("secret is an object", with_fields(secret_key={"key": SECRET}), "exactly one of secret_key and private_key"),
    ("fields exchanged", with_fields(public_key=SECRET, secret_key=PUBLIC), "public_key has 64 bytes instead of 32"),
    ("another curve", with_fields(secret_key="secp256k1:" + SECRET_TEXT), "secret_key does not start with 'ed25519:'"),
    ("a bad digit", with_fields(secret_key=SECRET[:-1] + "0"), "secret_key is not base58"),
    ("a byte short", with_fields(secret_key=SHORT_SECRET), "secret_key has 63 bytes instead of 64"),
    ("a line end inside", with_fields(secret_key=SECRET + "\n"), "secret_key is not base58"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), [pytest.param(make, text, id=name) for name, make, text in CASES])
def test_a_bad_file_is_refused_by_name_and_the_secret_stays_secret(
    tmp_path: Path, make: Callable[[Path], None], text: str
) -> None:
    path = tmp_path / "validator_key.json"
    make(path)
    assert text in str(refuse(path))


@pytest.mark.parametrize("name", [name for name, _, text in CASES if "account_id" not in text])
def test_most_refusals_say_what_to_do_next(tmp_path: Path, name: str) -> None:
    make = next(make for case, make, _ in CASES if case == name)
    path = tmp_path / "validator_key.json"
    make(path)
    error = refuse(path)
    assert error.hint or "must be there" in error.message


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Tests may run as root, who can read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = near_keys.write(tmp_path / "validator_key.json", "the-key")
    path.chmod(0)
    with without_privileges():
        error = refuse(path)
    assert "Permission denied" in str(error)
    assert "read access" in error.hint


def test_a_good_file_is_read_and_its_secret_does_not_show(tmp_path: Path) -> None:
    read = key_file.read(near_keys.write(tmp_path / "validator_key.json", "the-key"))
    assert (read.account_id, read.public_key, read.secret_key) == ("test.near", PUBLIC, SECRET)
    assert SECRET_TEXT not in repr(read)
    assert SECRET_TEXT not in str(read)


def test_the_newer_field_name_and_comments_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "validator_key.json"
    path.write_text(
        f'// a key\n{{"account_id": "test.near", "public_key": "{PUBLIC}", "private_key": "{SECRET}"}} # end'
    )
    read = key_file.read(path)
    assert (read.account_id, read.secret_key) == ("test.near", SECRET)


@pytest.mark.parametrize("swap", [str.upper, lambda _curve: ""])
def test_however_the_curve_is_written_the_keys_are_told_as_neard_tells_them(
    tmp_path: Path, swap: Callable[[str], str]
) -> None:
    public, secret = (swap("ed25519:") + key.removeprefix("ed25519:") for key in (PUBLIC, SECRET))
    read = key_file.read_whole(near_keys.write(tmp_path / "k.json", "the-key", public_key=public, secret_key=secret))
    assert (read.public_key, read.secret_key) == (PUBLIC, SECRET)


@pytest.mark.parametrize("account", [SECRET, SECRET_TEXT[:50], SECRET_TEXT[:50] + ".near", "a" * 65])
def test_an_account_that_may_be_a_key_or_is_too_long_is_not_quoted(tmp_path: Path, account: str) -> None:
    path = near_keys.write(tmp_path / "validator_key.json", "the-key", account_id=account)
    assert f"account_id of {len(account)} characters is no NEAR account" in str(refuse(path))


@pytest.mark.parametrize("kind", key_file.Kind)
def test_what_is_wrong_with_an_account_is_said_with_the_next_step(tmp_path: Path, kind: key_file.Kind) -> None:
    path = near_keys.write(tmp_path / "k.json", "the-key", account_id="My Pool")
    with pytest.raises(BadKey, match=r"k\.json: account_id 'My Pool' is no NEAR account: .*2 to 64") as caught:
        key_file.read(path, kind)
    step = 'Write "account_id": "node" into it' if kind is key_file.Kind.NODE else "Write the account that it signs for"
    assert step in caught.value.hint
    assert kind.value in caught.value.hint


def test_a_secret_key_of_which_only_the_alias_is_there_is_missed_in_a_node_key(tmp_path: Path) -> None:
    path = near_keys.write(tmp_path / "k.json", "the-key", secret_key=None, private_key=SECRET)
    with pytest.raises(BadKey, match=r"k\.json: secret_key must be there, as a string"):
        key_file.read(path, key_file.Kind.NODE)


def test_a_text_to_make_a_file_of_needs_no_account_but_a_right_one(tmp_path: Path) -> None:
    document = near_keys.document("the-key")
    assert key_file.given(json.dumps(document), "it").account_id == "test.near"
    assert key_file.given(json.dumps(document | {"account_id": ""}), "it").public_key == PUBLIC
    del document["account_id"]
    assert key_file.given(json.dumps(document), "it").secret_key == SECRET
    with pytest.raises(BadKey, match="no NEAR account"):
        key_file.given(json.dumps(document | {"account_id": "A"}), "it")
