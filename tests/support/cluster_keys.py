"""The keys of a cluster on a real Consul, and anything put into them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.history import Change
from near_ha.records.history import Kind as ChangeKind
from near_ha.records.member_record import Member
from near_ha.records.switchover import Action, Switchover
from near_supervisor.io.consul_access import ConsulAccess
from near_supervisor.io.consul_store import ConsulStore
from support.guarded_consul import a_file, a_token
from support.real_consul import RealConsul
from support.records import KEY, a_store

TIMEOUT_MS = 2_000
LEASE_MS = 2_000
SOON_S = 5.0
REQUEST = Switchover("r1", Action.PROMOTE, "b", "somebody", "a test", 1)
CHANGE = Change(7, "b", ChangeKind.SWITCHOVER, 0, "a", 120, "because", "r1")
PAUSED = ClusterConfig(True, "somebody", "a test", 1).to_json()
GARBAGE = [b"", b"[]", b"\xff\xfe", b"[" * 5_000, b'{"paused": "yes"}', b'{"changes": 7}', b"x" * 300_000]
_numbers = itertools.count()


@pytest.fixture
def store(consul: RealConsul) -> ConsulStore:
    return a_store(consul.url, f"cluster-{next(_numbers)}", TIMEOUT_MS)


def write_signed(store: ConsulStore, key: str, value: str) -> int:
    """Put there what a member says; the key's new index."""
    return write(store, key, KEY.sealed(key, value))


def write(store: ConsulStore, key: str, raw: bytes | str) -> int:
    """Put anything there, as anybody may; the key's new index."""
    client = store._clients[0]
    client.kv.put(key, raw)
    return int(client.kv.get(key)[1]["ModifyIndex"])


def member(name: str) -> Member:
    return Member(name, f"host-{name}", f"instance-{name}", "Voting", True, "", 7, LEASE_MS, "ed25519:KEY")


LEASE_ONLY = 'key "kuutamod-leader/default" { policy = "write" }'


def with_rules(consul: RealConsul, tmp_path: Path, rules: str) -> ConsulStore:
    return a_store(consul.url, "default", TIMEOUT_MS, ConsulAccess(a_file(tmp_path, a_token(consul, rules))))
