"""One key of Consul, read again whenever it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from near_ha.records.wire import Entry

from . import clock
from .consul_agents import Denied, Unknown
from .consul_values import Values

GAP_MS = 20
# A missing key's query wakes with every key beside it: with each heartbeat of the account.
STILL_GAP_MS = 300
RETRY_MS = 300
MIN_WAIT_MS = 1_000


class KeyWatch:
    """Reads ``key`` by blocking queries, each as long as half a lease, through a store of its own.

    ``turned_back``: what it told last was read from a history that is older than one that it had seen.
    """

    def __init__(self, store: Callable[[int], Values], key: str, lease_ms: int) -> None:
        self.key = key
        self._wait_ms = max(MIN_WAIT_MS, lease_ms // 2)
        # Consul adds up to a sixteenth to the wait, so that not all wake at once.
        self._store = store(self._wait_ms * 17 // 16 + 1_000)
        self.turned_back = False
        self._highest = 0

    def changes(self) -> Iterator[Entry | Denied | None]:
        """The entry as it is now, and again after each change, for ever; None while there is no such key.

        ``Denied`` each time that this token may not read it. While Consul does not answer, nothing is said.
        """
        index, last, known = 0, None, False
        while True:
            try:
                answered, entry = self._store.look_at(self.key, index, self._wait_ms)
            except Unknown as error:
                if isinstance(error, Denied):
                    yield error
                index = 0
                clock.sleep_ms(RETRY_MS)
                continue
            # An index that goes back is Consul's way to say that its history was replaced.
            index = answered if answered >= index else 0
            # Also where it did not answer for a while before that, as it does where somebody restores it.
            self.turned_back, self._highest = answered < self._highest, answered
            if known and entry == last:
                clock.sleep_ms(STILL_GAP_MS)
                continue
            last, known = entry, True
            yield entry
            clock.sleep_ms(GAP_MS)
