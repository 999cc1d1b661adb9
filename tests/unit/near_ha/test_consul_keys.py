"""Names of keys: a Consul of today (1.21.5) takes only these letters, in what is read as well."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from near_ha.records import consul_keys
from support import near_keys

TAKEN = re.compile(r"^[a-zA-Z0-9,_./\-?&=]+$")
ACCOUNT, NODE = "my-pool_1.near", "host-1.example"
PUBLIC = near_keys.pair("the-key")[0]


@pytest.mark.parametrize(
    "name",
    [
        consul_keys.leader, consul_keys.last_heartbeat, consul_keys.members, consul_keys.prefix,
        consul_keys.switchover, consul_keys.config, consul_keys.history,
        consul_keys.starting, lambda account: consul_keys.starting_node(account, NODE, "0123456789abcdef"),
        lambda account: consul_keys.member(account, NODE), lambda account: consul_keys.validator_key(account, PUBLIC),
    ],
)  # fmt: skip
def test_no_name_has_a_letter_that_consul_refuses(name: Callable[[str], str]) -> None:
    assert TAKEN.match(name(ACCOUNT))


def test_each_validator_key_has_a_lock_of_its_own_below_its_account() -> None:
    locks = {consul_keys.validator_key(ACCOUNT, near_keys.pair(name)[0]) for name in ("one", "two", "three")}
    assert len(locks) == 3
    assert all(lock.startswith(f"near-supervisor/{ACCOUNT}/keys/ed25519-") for lock in locks)
