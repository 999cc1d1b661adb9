"""The values of a whole cluster in Consul: read together, watched one by one, changed by check-and-set."""

from __future__ import annotations

from typing import Any

from near_ha.records import consul_keys
from near_ha.records.wire import Entry
from near_supervisor.core.facts.answer import YES, Answer, Kind

from .consul_agents import Agents, Refused, Unknown, encode, entry_of, index_of


class Values(Agents):
    """Reads and changes the keys that belong to the cluster and to no node."""

    def entries(self) -> tuple[Entry, ...]:
        """All that the store has of this account: what is below its prefix, and the lease. Consistent reads.

        The lease comes last: who holds it by then had claimed a member record before. Unknown when Consul does not
        say, Denied when this token may not read them.
        """
        prefix, lease = consul_keys.prefix(self.account_id), consul_keys.leader(self.account_id)
        found = self._ask(lambda client: _list(*client.kv.get(prefix, recurse=True)))
        if not found:
            # What a token may not read is left out of a list; of one key it is said.
            self._read(consul_keys.config(self.account_id))
        held = self._read(lease)[1]
        return found if held is None else (*found, held)

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
