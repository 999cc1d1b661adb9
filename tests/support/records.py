"""Records as a member signs them, and a way to Consul that believes those and no others."""

from __future__ import annotations

from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys
from near_ha.records.lease_record import LeaseRecord
from near_ha.records.switchover import Switchover
from near_supervisor.io.consul_access import ANYBODY, ConsulAccess
from near_supervisor.io.consul_store import ConsulStore

KEY = RecordKey(b"what the members of a test's cluster have in common")
"""Of each cluster that a test plays by hand."""


def a_store(
    urls: str,
    account_id: str,
    timeout_ms: int,
    access: ConsulAccess = ANYBODY,
    *,
    key_lock: str = "",
    records: RecordKey = KEY,
) -> ConsulStore:
    """A member's way to Consul; ``key_lock`` is the Consul key of the lock of its validator key."""
    return ConsulStore(urls, account_id, timeout_ms, records, access, key_lock=key_lock)


def a_lease(account_id: str, record: LeaseRecord, key: RecordKey = KEY) -> str:
    """The value of the lease's key, signed."""
    return key.sealed(consul_keys.leader(account_id), record.to_json())


def a_request(account_id: str, request: Switchover, key: RecordKey = KEY) -> str:
    """The value of the request's key, signed."""
    return key.sealed(consul_keys.switchover(account_id), request.to_json())
