"""The order in which a cluster's keys are read, and what is asked where a list is empty."""

from __future__ import annotations

from near_ha.records import cluster_entries, consul_keys
from near_ha.records.wire import Entry

ACCOUNT = "my.pool.near"
CONFIG, LEASE = (Entry(key(ACCOUNT), b"{}", 1) for key in (consul_keys.config, consul_keys.leader))


def read(below: tuple[Entry, ...], *others: Entry) -> tuple[list[str], tuple[Entry, ...]]:
    asked: list[str] = []

    def list_below(prefix: str) -> tuple[Entry, ...]:
        asked.append(prefix)
        return below

    def read_one(key: str) -> tuple[Entry, ...]:
        asked.append(key)
        return tuple(entry for entry in others if entry.key == key)

    found = cluster_entries.read_all(ACCOUNT, list_below, read_one)
    return asked, found


def test_the_lease_is_read_last() -> None:
    assert read((CONFIG,), LEASE) == ([consul_keys.prefix(ACCOUNT), LEASE.key], (CONFIG, LEASE))


def test_where_a_list_is_empty_a_single_key_says_whether_it_may_be_read_and_is_not_thrown_away() -> None:
    assert read((), CONFIG, LEASE) == ([consul_keys.prefix(ACCOUNT), CONFIG.key, LEASE.key], (CONFIG, LEASE))
    assert read(())[1] == ()
