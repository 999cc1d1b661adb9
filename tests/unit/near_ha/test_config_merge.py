"""neard's config.json, merged key by key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.host import config_merge, relaxed_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(max_size=2), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("base", "wanted", "merged"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, {"a": None, "b": None}, {}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": "NoShards"}, {"a": {"ShadowValidator": "x"}}, {"a": {"ShadowValidator": "x"}}),
        ({"a": {"ShadowValidator": "x"}}, {"a": "NoShards"}, {"a": "NoShards"}),
        ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
    ],
)
def test_merge(base: dict[str, Any], wanted: dict[str, Any], merged: dict[str, Any]) -> None:
    assert config_merge.merge(base, wanted) == merged


@given(DOCUMENTS, DOCUMENTS)
def test_a_second_merge_changes_nothing_and_neither_touches_its_input(base: Any, wanted: Any) -> None:
    before = json.dumps([base, wanted])
    once = config_merge.merge(base, wanted)
    assert config_merge.changed_keys(once, config_merge.merge(once, wanted)) == []
    assert json.dumps([base, wanted]) == before


@given(DOCUMENTS, DOCUMENTS)
def test_no_changed_key_means_the_same_document(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (config_merge.changed_keys(one, other) == []) is same


@given(DOCUMENTS)
def test_what_is_rendered_is_read_back(document: Any) -> None:
    assert relaxed_json.loads(config_merge.render(document)) == document


def test_the_order_of_the_file_stays() -> None:
    assert list(config_merge.merge({"z": 1, "a": 2}, {"m": 3, "z": 4})) == ["z", "a", "m"]


def test_changed_keys_are_paths() -> None:
    before = {"rpc": {"addr": "a", "x": 1}, "archive": False, "gone": {"deep": 1}}
    after = {"rpc": {"addr": "b", "x": 1}, "archive": 0, "new": None}
    assert config_merge.changed_keys(before, after) == ["archive", "gone", "new", "rpc.addr"]


def test_neard_reloads_only_these() -> None:
    paths = ["expected_shutdown", "resharding_config.batch_size", "rpc.addr", "validator_key_file"]
    assert config_merge.restart_keys(paths) == ["rpc.addr", "validator_key_file"]


def test_secrets_are_found_and_not_shown() -> None:
    document = {
        "a": [{"secret_key": "ed25519:xyz"}],
        "telemetry": {"endpoints": ["https://me:pass@host/x"]},
        "api_token": "t",
        "validator_key_file": "validator_key.json",
        "private_key": "",
    }
    assert config_merge.secret_keys(document) == ["a.0.secret_key", "api_token"]
    text = json.dumps(config_merge.shown(document))
    assert "xyz" not in text
    assert "pass" not in text
    assert '"validator_key.json"' in text


def test_comments_are_noticed() -> None:
    assert relaxed_json.has_comments('{"a": 1} // here')
    assert not relaxed_json.has_comments('{"a": "// not here"}')
