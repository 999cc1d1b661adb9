"""Signed values: what verifies, and everything that must not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.errors import BadConfig, BadKey
from near_ha.keys import key_file, record_key
from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys
from support import near_keys
from support.records import KEY

LEASE = consul_keys.leader("my.pool.near")
VALUE = json.dumps({"NodeId": "a", "state": "Released", "term": 7, "seq": 9, "height": 100, "final": True})
SEALED = KEY.sealed(LEASE, VALUE)
WRONG = "its signature is not that of this cluster's key"

scalars = st.none() | st.booleans() | st.integers() | st.text()
documents = st.dictionaries(st.text().filter(lambda name: name != "mac"), scalars | st.lists(scalars))


@given(documents)
def test_what_a_member_has_signed_verifies_and_is_otherwise_as_it_was(document: dict[str, object]) -> None:
    sealed = KEY.sealed(LEASE, json.dumps(document))
    assert KEY.doubt(LEASE, sealed.encode()) == ""
    assert {name: value for name, value in json.loads(sealed).items() if name != "mac"} == document


def test_the_order_of_fields_and_blanks_are_no_part_of_it() -> None:
    turned = json.dumps(dict(reversed(json.loads(SEALED).items())), indent=3)
    assert KEY.doubt(LEASE, turned.encode()) == ""


@pytest.mark.parametrize(
    "change",
    [{"height": 0}, {"term": 8}, {"seq": 10}, {"NodeId": "b"}, {"state": "Vacant"}, {"more": 1}, {"term": 7.0}],
)
def test_no_field_can_be_changed_or_added(change: dict[str, object]) -> None:
    assert KEY.doubt(LEASE, json.dumps({**json.loads(SEALED), **change}).encode()) == WRONG


@pytest.mark.parametrize("name", list(json.loads(VALUE)))
def test_no_field_can_be_taken_out(name: str) -> None:
    rest = {key: value for key, value in json.loads(SEALED).items() if key != name}
    assert KEY.doubt(LEASE, json.dumps(rest).encode()) == WRONG


@pytest.mark.parametrize(
    "other",
    [
        consul_keys.leader("other.pool.near"), consul_keys.last_heartbeat("my.pool.near"),
        consul_keys.switchover("my.pool.near"), "",
    ],
)  # fmt: skip
def test_it_counts_under_its_own_key_of_consul_only(other: str) -> None:
    """A signed heartbeat is no request, and one account's record is none of another with the same validator key."""
    assert KEY.doubt(other, SEALED.encode()) == WRONG


def test_another_key_is_another_cluster() -> None:
    assert RecordKey(b"another").doubt(LEASE, SEALED.encode()) == WRONG


@pytest.mark.parametrize("mac", ["", "0" * 64, 7, None, True, ["x"], {"x": 1}, "\ud800", "ä" * 64])
@pytest.mark.parametrize("lenient", [False, True])
def test_a_signature_that_is_none(mac: object, lenient: bool) -> None:
    key = RecordKey(b"secret", accepts_unsigned=lenient)
    doubt = key.doubt(LEASE, json.dumps({**json.loads(VALUE), "mac": mac}).encode())
    assert doubt == (WRONG if mac is not None else "" if lenient else "it is not signed")


def test_what_is_not_signed_passes_only_where_it_may() -> None:
    assert KEY.doubt(LEASE, VALUE.encode()) == "it is not signed"
    lenient = RecordKey(b"secret", accepts_unsigned=True)
    assert lenient.doubt(LEASE, VALUE.encode()) == ""
    assert lenient.doubt(LEASE, SEALED.encode()) == WRONG, "signed with another key"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"{",
        b'{"a": ' + b"[" * 60_000,
        b'{"mac": "x", "a": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_nonsense_is_never_believed_and_raises_nothing(raw: bytes) -> None:
    assert KEY.doubt(LEASE, raw) == WRONG


@given(st.binary(max_size=200))
def test_bytes_of_any_kind(raw: bytes) -> None:
    assert KEY.doubt(LEASE, raw)


def test_what_is_signed_shows(tmp_path: Path) -> None:
    assert record_key.is_signed(SEALED.encode())
    assert not record_key.is_signed(VALUE.encode())
    assert not record_key.is_signed(b"[]")


# --- where the key comes from


def test_it_follows_from_the_validators_key_and_shows_nothing_of_it(tmp_path: Path) -> None:
    path = near_keys.write(tmp_path / "validator_key.json")
    path.chmod(0o600)
    key = record_key.of_validator(key_file.read(path))
    assert key.doubt(LEASE, record_key.load(path).sealed(LEASE, VALUE).encode()) == ""
    seed = key_file.read(path).seed()
    assert RecordKey(seed).doubt(LEASE, key.sealed(LEASE, VALUE).encode()) == WRONG, "not the seed as it is"
    assert seed.hex() not in repr(key) + repr(vars(key))


def test_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "record_key"
    path.write_text("0a" * 32 + "\n")
    path.chmod(0o400)
    assert record_key.load(path).doubt(LEASE, RecordKey(b"\x0a" * 32).sealed(LEASE, VALUE).encode()) == ""


@pytest.mark.parametrize(
    ("text", "mode", "error", "words"),
    [
        ("0a" * 32, 0o404, BadConfig, "every user of this host"), ("0a" * 31, 0o400, BadConfig, "64 hexadecimal"),
        ("", 0o400, BadConfig, "64 hexadecimal"), ("{}", 0o400, BadKey, "public_key"),
    ],
)  # fmt: skip
def test_a_file_that_is_none(tmp_path: Path, text: str, mode: int, error: type[Exception], words: str) -> None:
    path = tmp_path / "record_key"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(error, match=words) as caught:
        record_key.load(path)
    assert not text or text not in str(caught.value)
    with pytest.raises(BadConfig, match="cannot be read"):
        record_key.load(tmp_path / "missing")
