"""What a key watch says of Consul's history: an index that goes back, also over a time without answers."""

from __future__ import annotations

from itertools import islice
from typing import Any, cast

import pytest

from near_ha.records.wire import Entry
from near_supervisor.io import clock
from near_supervisor.io.consul_agents import Unknown
from near_supervisor.io.key_watch import KeyWatch


class Store:
    """Answers one after another; None is no answer."""

    def __init__(self, *indices: int | None) -> None:
        self._indices = iter(indices)

    def look_at(self, key: str, _index: int, _wait_ms: int) -> tuple[int, Entry | None]:
        index = next(self._indices)
        if index is None:
            raise Unknown("no answer")
        return index, Entry(key, f"value {index}".encode(), index)


@pytest.mark.parametrize(
    ("indices", "turned_back"),
    [((70, 75), False), ((75, 70), True), ((75, None, 70), True), ((70, None, 75), False), ((75, 70, 71), False)],
)
def test_an_index_that_goes_back_is_a_history_that_was_replaced(
    monkeypatch: pytest.MonkeyPatch, indices: tuple[int | None, ...], turned_back: bool
) -> None:
    monkeypatch.setattr(clock, "sleep_ms", lambda _ms: None)
    watch = KeyWatch(lambda _timeout_ms: cast(Any, Store(*indices)), "key", 10_000)
    told = list(islice(watch.changes(), sum(index is not None for index in indices)))
    assert len(told) > 1
    assert watch.turned_back is turned_back
