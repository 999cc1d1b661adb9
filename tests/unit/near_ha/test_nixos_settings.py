"""settings.json of a managed NixOS host: each role's part in its place."""

from __future__ import annotations

import pytest

from near_ha.errors import BadConfig
from near_ha.host import nixos_settings


def test_each_role_has_its_part_and_another_account_stays() -> None:
    known = {"enable": True, "consul": {"enable": True, "user": "raft"}, "validators": {"a.near": {"lease": 10}}}
    part = {"consul": {"enable": True}, "validators": {"b.near": {"lease": 5}}, "binary": None}
    found = nixos_settings.merged({**known, "binary": "/old"}, part)
    assert found["consul"] == {"enable": True, "user": "raft"}
    assert found["validators"] == {"a.near": {"lease": 10}, "b.near": {"lease": 5}}
    assert "binary" not in found


def test_an_account_is_replaced_as_a_whole_and_can_be_taken_out() -> None:
    known = {"validators": {"a.near": {"lease": 10, "writePaths": ["/x"]}}}
    assert nixos_settings.merged(known, {"validators": {"a.near": {"lease": 5}}}) == {
        "validators": {"a.near": {"lease": 5}}
    }
    assert nixos_settings.merged(known, {"validators": {"a.near": None}}) == {"validators": {}}


def test_the_same_settings_are_the_same_bytes() -> None:
    one, other = {"b": 1, "a": {"d": 1, "c": 2}}, {"a": {"c": 2, "d": 1}, "b": 1}
    assert nixos_settings.text(one) == nixos_settings.text(other)
    assert nixos_settings.parse(nixos_settings.text(one), "x") == one


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_what_is_no_table_is_named(text: str) -> None:
    with pytest.raises(BadConfig, match="/etc/nixos/x is no"):
        nixos_settings.parse(text, "/etc/nixos/x")


def test_a_system_that_disagrees_with_the_inventory_is_told_by_the_variable() -> None:
    has = {"NEAR_SUPERVISOR_LEASE": "10", "KUUTAMO_NODE_ID": "one"}
    assert nixos_settings.disagreements(has, {"NEAR_SUPERVISOR_LEASE": 10.0, "KUUTAMO_NODE_ID": "one"}) == []
    assert nixos_settings.disagreements(has, {"NEAR_SUPERVISOR_LEASE": 5, "KUUTAMO_ACCOUNT_ID": "a.near"}) == [
        "KUUTAMO_ACCOUNT_ID is not set there, and a.near in the inventory",
        "NEAR_SUPERVISOR_LEASE is 10 there, and 5 in the inventory",
    ]
