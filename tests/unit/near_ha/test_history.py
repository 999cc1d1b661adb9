"""near_ha.records.history: the order of the changes, whenever each was written."""

from __future__ import annotations

import pytest

from near_ha.records.history import KEEP, Change, Kind, added


def change(term: int, at_ms: int) -> Change:
    return Change(term, "a", Kind.FAILOVER, at_ms)


def terms(*changes: Change) -> list[int]:
    known: tuple[Change, ...] = ()
    for one in changes:
        known = added(known, one)
    return [one.term for one in known]


def test_a_term_is_there_once() -> None:
    assert terms(change(7, 10), change(7, 20)) == [7]


@pytest.mark.parametrize("late", [7, 8])
def test_what_could_not_be_written_for_minutes_comes_before_what_came_after_it(late: int) -> None:
    """The last entry is who validates."""
    quick = [change(term, 10 * term) for term in (6, 7, 8, 9) if term != late]
    assert terms(*quick, change(late, 10 * late)) == [6, 7, 8, 9]


def test_terms_that_begin_anew_come_last() -> None:
    """Somebody has deleted all that Consul had of the lease."""
    assert terms(change(8, 80), change(1, 90), change(2, 95)) == [8, 1, 2]


def test_what_is_too_old_to_be_kept_is_not_put_back() -> None:
    many = [change(term, term) for term in range(2, KEEP + 2)]
    assert terms(*many, change(1, 1)) == [one.term for one in many]
