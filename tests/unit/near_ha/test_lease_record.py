"""The leader's record: what is written is read again, and nothing that is read does harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.errors import BadRecord
from near_ha.records import lease_record
from near_ha.records.lease_record import LeaseRecord, LeaseState

RECORD = LeaseRecord("a", "host-a", LeaseState.VALIDATING, 10_000, 7, 42, 1234, "ed25519:KEY", "b", "because")
KUUTAMOD = b'{"NodeId":"validator-b","Hostname":"host-b"}'
COUNT = st.integers(0, 2**62)
RECORDS = st.builds(
    LeaseRecord, st.text(max_size=50), st.text(max_size=50), st.sampled_from(LeaseState), st.integers(0, 3_600_000),
    COUNT, COUNT, COUNT, st.text(max_size=50), st.text(max_size=50), st.text(max_size=50),
)  # fmt: skip
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(LeaseState),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [*json.loads(RECORD.to_json()), "surprise"]


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(RECORD.to_json()), **changes}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(RECORD.to_json()).items() if key != name}).encode()


@given(RECORDS)
def test_what_is_written_is_read_again(record: LeaseRecord) -> None:
    assert lease_record.parse(record.to_json().encode()) == record


def test_the_names_on_the_wire_are_those_of_the_contract() -> None:
    assert json.loads(RECORD.to_json()) == {
        "NodeId": "a", "Hostname": "host-a", "state": "Validating", "lease_ms": 10_000, "term": 7, "seq": 42,
        "height": 1234, "handover_to": "b", "reason": "because", "validator_public_key": "ed25519:KEY",
        "chain_ms": 0, "unsigned_ms": 0, "final": False, "leaves": False,
    }  # fmt: skip


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_bad_record(raw: bytes) -> None:
    try:
        lease_record.parse(raw)
    except BadRecord:
        return


@given(st.dictionaries(st.sampled_from(FIELDS), ANY_VALUE))
def test_any_json_is_a_record_within_bounds_or_a_bad_record(changes: dict[str, Any]) -> None:
    try:
        record = lease_record.parse(changed(**changes))
    except BadRecord:
        return
    assert 0 <= record.lease_ms <= 3_600_000
    assert min(record.term, record.seq, record.height) >= 0
    assert isinstance(record.state, LeaseState)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"\xff\xff", "not JSON", id="not text"),
        pytest.param(b"[" * 10_000, "nested too deeply", id="deep"),
        pytest.param(b"9" * 10_000, "not JSON", id="an endless number"),
        pytest.param(b" " * 20_000, "larger than 16384", id="large"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(KUUTAMOD, "has state None", id="kuutamod's own value"),
        pytest.param(changed(state="validating"), "has state 'validating'", id="wrong case"),
        pytest.param(changed(state=["Released"]), "has state ['Released']", id="state is a list"),
        pytest.param(changed(lease_ms=-1), "lease_ms = -1", id="negative"),
        pytest.param(changed(lease_ms=3_600_001), "lease_ms = 3600001", id="a lease without end"),
        pytest.param(changed(term=True), "term = True", id="a boolean"),
        pytest.param(changed(height=1.5), "height = 1.5", id="a fraction"),
        pytest.param(changed(seq="1"), "seq = '1'", id="a number as text"),
        pytest.param(changed(height=2**64), "height = 18446744073709551616", id="larger than the chain counts"),
        pytest.param(without("height"), "height = None", id="no height"),
        pytest.param(changed(NodeId=7), "NodeId = 7", id="a name that is a number"),
        pytest.param(changed(handover_to=None), "handover_to = None", id="null"),
    ],
)
def test_a_bad_record_says_what_is_wrong_with_it(raw: bytes, text: str) -> None:
    with pytest.raises(BadRecord) as caught:
        lease_record.parse(raw)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (KUUTAMOD, "validator-b"), (RECORD.to_json().encode(), "a"), (b"{}", ""), (b"[]", ""), (b"", ""),
        (b"\xff", ""), (b'{"NodeId": 7}', ""), (b"[" * 10_000, ""),
    ],
)  # fmt: skip
def test_the_holder_is_named_where_the_record_names_one(raw: bytes, name: str) -> None:
    assert lease_record.holder_name(raw) == name
