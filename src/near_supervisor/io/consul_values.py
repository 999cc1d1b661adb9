"""The values of a whole cluster in Consul: read together, watched one by one, changed by check-and-set."""

from __future__ import annotations

from typing import Any

from near_ha.records import cluster_entries
from near_ha.records.wire import Entry
from near_supervisor.core.facts.answer import YES, Answer, Kind

from .consul_agents import Agents, Refused, Unknown, encode, entry_of, index_of


class Values(Agents):
    """Reads and changes the keys that belong to the cluster and to no node."""

    def entries(self) -> tuple[Entry, ...]:
        """All that the store has of this account: what is below its prefix, and the lease. Consistent reads.

        Unknown when Consul does not say, Denied when this token may not read them.
        """
        return cluster_entries.read_all(self.account_id, self._below, self._one)

    def _below(self, prefix: str) -> tuple[Entry, ...]:
        return self._ask(lambda client: _list(*client.kv.get(prefix, recurse=True)))

    def _one(self, key: str) -> tuple[Entry, ...]:
        entry = self._read(key)[1]
        return () if entry is None else (entry,)

    def look_at(self, key: str, index: int, wait_ms: int) -> tuple[int, Entry | None]:
        """``key`` once it differs from ``index`` (0 = now), or after ``wait_ms``; and the index for the next call.

        None when there is no such key. Unknown when Consul does not say, Denied when this token may not read it.
        """
        return self._read(key, index=index or None, wait=f"{wait_ms}ms")

    def put(self, key: str, index: int, value: str) -> None:
        """Set ``key`` if its ModifyIndex still is ``index`` (0 = there is no key); Refused, Unknown or Denied."""
        self._transact([{"Verb": "cas", "Key": key, "Index": index, "Value": encode(value)}])

    def check_and_set(self, key: str, index: int, value: str) -> Answer:
        """As ``put``. *No*: somebody else has changed it since."""
        try:
            self.put(key, index, value)
        except Refused as refused:
            return Answer(Kind.NO, str(refused))
        except Unknown as unknown:
            return Answer(Kind.UNKNOWN, str(unknown))
        return YES


def _list(answered: object, found: Any) -> tuple[Entry, ...]:
    index_of(answered)
    return tuple(map(entry_of, found or ()))
