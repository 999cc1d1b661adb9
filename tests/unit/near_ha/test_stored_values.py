"""Values in Consul other than the lease: what is written is read again, and whatever lies there is read or refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.errors import BadRecord
from near_ha.records import cluster_config, history, lease_record, member_record, switchover, wire
from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.history import Change, Kind
from near_ha.records.member_record import Member
from near_ha.records.switchover import Action, Phase, Switchover

REQUEST = Switchover(
    "r1", Action.PROMOTE, "b", "somebody", "a test", 1, 7, 60_000,
    True, True, True, Phase.DONE, "a", "b", 2, "x", 9, "note",
)  # fmt: skip
MEMBER = Member(
    "a", "host-a", "0123456789abcdef", "Voting", True, "", 7, 10_000, "ed25519:KEY", 50, "1.0", "2.7", ("disk",)
)
CONFIG = ClusterConfig(True, "somebody", "a test", 1)
CHANGE = Change(7, "b", Kind.FAILOVER, 1, "a", 12_000, "went silent", "")
CHANGES = history.to_json([CHANGE])

TEXT, NAME, COUNT = st.text(max_size=30), st.text(min_size=1, max_size=30), st.integers(0, 2**53)
REQUESTS = st.builds(
    Switchover, NAME, st.sampled_from(Action), NAME, TEXT, TEXT, COUNT, COUNT, st.integers(0, 3_600_000),
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(Phase), TEXT, TEXT, COUNT, TEXT, st.none() | COUNT,
    TEXT,
)  # fmt: skip
MEMBERS = st.builds(
    Member, TEXT, TEXT, TEXT, TEXT, st.booleans(), TEXT, COUNT, st.integers(0, 3_600_000), TEXT,
    st.integers(0, 100), TEXT, TEXT,
    st.lists(st.sampled_from(["disk", "sync", "a" * 40, "_9"]), max_size=20).map(tuple),
)  # fmt: skip
CONFIGS = st.builds(ClusterConfig, st.booleans(), TEXT, TEXT, COUNT)
A_CHANGE = st.builds(Change, COUNT, TEXT, st.sampled_from(Kind), COUNT, TEXT, st.none() | COUNT, TEXT, TEXT, TEXT)

PARSERS: dict[str, tuple[Callable[[bytes], object], str]] = {
    "switchover": (switchover.parse, REQUEST.to_json()),
    "member": (member_record.parse, MEMBER.to_json()),
    "config": (cluster_config.parse, CONFIG.to_json()),
    "history": (history.parse, CHANGES),
}
EVERY = pytest.mark.parametrize(("parse", "good"), PARSERS.values(), ids=PARSERS)
ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["promote", "done"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request: Switchover) -> None:
    assert switchover.parse(request.to_json().encode()) == request


@given(MEMBERS)
def test_a_member_is_read_as_it_was_written(member: Member) -> None:
    raw = member.to_json().encode()
    assert member_record.parse(raw) == member
    assert member_record.instance_of(raw) == member.instance


@given(CONFIGS)
def test_a_configuration_is_read_as_it_was_written(config: ClusterConfig) -> None:
    assert cluster_config.parse(config.to_json().encode()) == config


def test_a_proof_is_added_to_its_term() -> None:
    changes = tuple(Change(term, "a", Kind.RELEASE, 1) for term in (7, 8))
    proven = history.proven(changes, 7, "1 of 1 blocks")
    assert [change.proof for change in proven] == ["1 of 1 blocks", ""]
    assert history.parse(history.to_json(proven).encode()) == proven
    assert history.proven(changes, 9, "x") == changes


def test_last_words_are_added_to_their_term_and_have_a_bound() -> None:
    changes = tuple(Change(term, "a", Kind.RELEASE, 1) for term in (7, 8))
    ended = history.ended(changes, 7, "x" * 10_000)
    stored = history.to_json(ended)
    assert [change.last_words for change in history.parse(stored.encode())] == ["x" * history.MAX_WORDS, ""]
    assert history.ended(changes, 9, "x") == changes


@given(st.lists(A_CHANGE, max_size=5))
def test_a_history_is_read_as_it_was_written(changes: list[Change]) -> None:
    assert history.parse(history.to_json(changes).encode()) == tuple(changes)


@EVERY
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_bad_record(parse: Callable[[bytes], object], good: str, raw: bytes) -> None:
    try:
        parse(raw)
    except BadRecord as error:
        assert len(str(error)) < 500


@EVERY
@given(data=st.data())
def test_any_json_is_a_value_or_a_bad_record(parse: Callable[[bytes], object], good: str, data: st.DataObject) -> None:
    document = json.loads(good)
    changes = data.draw(st.dictionaries(st.sampled_from([*document, "surprise"]), ANY_VALUE))
    try:
        parse(json.dumps({**document, **changes}).encode())
    except BadRecord as error:
        assert len(str(error)) < 500


@EVERY
def test_no_depth_of_nesting_is_more_than_a_bad_record(parse: Callable[[bytes], object], good: str) -> None:
    """What the JSON reader takes just so may be too deep for whoever shows it."""
    first, *_others = document = json.loads(good)
    rest = json.dumps({**document, first: "HERE"})
    for depth in range(1, sys.getrecursionlimit() + 50):
        try:
            assert parse(rest.replace('"HERE"', "[" * depth + "]" * depth).encode()) == ()
        except BadRecord as error:
            assert "nested too deeply" in str(error) or first in str(error)


def test_a_value_at_the_edge_of_what_can_be_shown_is_shown() -> None:
    deep: list[object] = []
    for _ in range(sys.getrecursionlimit() * 20):
        deep = [deep]
    assert wire.shown(deep) == "something nested too deeply"
    # Taken apart by hand: its end alone would go just as deep.
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


@EVERY
@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xff", b"[]", b"null", b"7", b"9" * 10_000, b'{"a":' * 3_000, b"{" + b" " * 300_000 + b"}", b"{}"],
)
def test_what_is_no_such_value_is_refused(parse: Callable[[bytes], object], good: str, raw: bytes) -> None:
    with pytest.raises(BadRecord):
        parse(raw)


def changed(good: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads(good), **changes}).encode()


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("switchover", {"action": "promoted"}, "action = 'promoted'"),
    ("switchover", {"action": "x" * 4_000}, "action = 'xxx"),
    ("switchover", {"phase": None}, "phase = None"),
    ("switchover", {"id": ""}, "has no id"),
    ("switchover", {"target": ""}, "has no target"),
    ("switchover", {"timeout_ms": 3_600_001}, "timeout_ms = 3600001"),
    ("switchover", {"force": 1}, "force = 1"),
    ("switchover", {"gap_ms": -1}, "gap_ms = -1"),
    ("switchover", {"reason": "x" * 4_001}, "reason = 'xxx"),
    ("switchover", {"term": True}, "term = True"),
    ("member", {"priority": 101}, "priority = 101"),
    ("member", {"ready": "yes"}, "ready = 'yes'"),
    ("member", {"lease_ms": 3_600_001}, "lease_ms = 3600001"),
    ("member", {"height": 1.5}, "height = 1.5"),
    ("member", {"height": float("nan")}, "height = nan"),
    ("member", {"node_id": None}, "node_id = None"),
    ("config", {"paused": None}, "paused = None"),
    ("config", {"paused": "false"}, "paused = 'false'"),
    ("config", {"at_ms": -1}, "at_ms = -1"),
    ("history", {"changes": {}}, "no list of changes"),
]


@pytest.mark.parametrize(("kind", "changes", "text"), BAD, ids=[f"{row[0]} {row[2][:20]}" for row in BAD])
def test_a_bad_value_says_which_field_holds_what(kind: str, changes: dict[str, Any], text: str) -> None:
    parse, good = PARSERS[kind]
    with pytest.raises(BadRecord) as caught:
        parse(changed(good, **changes))
    assert text in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", ["switchover", "member", "config"])
def test_what_a_later_version_adds_is_not_looked_at(kind: str) -> None:
    parse, good = PARSERS[kind]
    assert parse(changed(good, surprise=[1, 2])) == parse(good.encode())


def test_a_member_record_of_an_older_version_has_the_usual_priority() -> None:
    old = {
        name: value
        for name, value in json.loads(MEMBER.to_json()).items()
        if name not in ("priority", "version", "neard_version")
    }
    assert member_record.parse(json.dumps(old).encode()) == replace(MEMBER, priority=100, version="", neard_version="")


def test_half_a_character_becomes_one_that_can_be_written_anywhere() -> None:
    raw = CONFIG.to_json().replace('"a test"', '"a \\ud800 test"').encode()
    assert cluster_config.parse(raw).reason == "a ? test"


# --- what is written can be read, however long its texts are


LONG = "\U0001f600" * 5_000


def test_a_member_with_a_reason_without_end_stays_readable() -> None:
    found = member_record.parse(replace(MEMBER, ready=False, reason=LONG).to_json().encode())
    assert found.reason == LONG[:500]


def test_an_outcome_without_end_is_cut() -> None:
    ended = replace(REQUEST, phase=Phase.ACCEPTED).ended(Phase.FAILED, "a", 5, LONG)
    assert switchover.parse(ended.to_json().encode()) == ended
    assert not ended.open


def test_the_history_keeps_what_fits_and_the_newest_of_it() -> None:
    wordy = [replace(CHANGE, term=term, reason=LONG) for term in range(150)]
    raw = history.to_json(wordy).encode()
    assert len(raw) <= 200 * 1024
    found = history.parse(raw)
    assert 10 < len(found) < 100
    assert [change.term for change in found] == list(range(150 - len(found), 150))
    assert history.parse(history.to_json(history.added(found, replace(CHANGE, term=150))).encode())[-1].term == 150


def test_the_history_keeps_a_hundred() -> None:
    changes: tuple[Change, ...] = ()
    for term in range(150):
        changes = history.added(changes, replace(CHANGE, term=term))
    assert [change.term for change in changes] == list(range(50, 150))
    assert history.parse(history.to_json(changes).encode()) == changes


def test_a_term_is_noted_once() -> None:
    once = history.added((), CHANGE)
    assert history.added(once, replace(CHANGE, node_id="c", reason="again")) == once


def test_one_bad_change_does_not_cost_the_others() -> None:
    good = json.loads(CHANGES)["changes"][0]
    bad: list[object] = [7, None, {}, {**good, "kind": "coup"}, {**good, "term": -1}, {**good, "gap_ms": "x"}, [good]]
    assert history.parse(json.dumps({"changes": [*bad, good]}).encode()) == (CHANGE,)


# --- how a request moves


def test_a_request_moves_from_asked_to_accepted_to_its_end() -> None:
    asked = Switchover("r1", Action.DEMOTE, "", "somebody", "a test", 1, 7)
    accepted = asked.accepted("a", 8, "b", 10)
    done = accepted.ended(Phase.DONE, "b", 20, "b validates", 900)
    assert [step.open for step in (asked, accepted, done)] == [True, True, False]
    assert (accepted.source, accepted.target, accepted.term, accepted.moved_by) == ("a", "b", 8, "a")
    assert (done.moved_by, done.moved_at_ms, done.gap_ms, done.id) == ("b", 20, 900, "r1")


@pytest.mark.parametrize(
    ("raw", "instance"),
    [(b"", ""), (b"[]", ""), (b"{}", ""), (b'{"instance": 7}', ""), (b'{"instance": "i", "state": 7}', "i")],
)
def test_the_instance_is_read_of_a_record_that_cannot_be_read_otherwise(raw: bytes, instance: str) -> None:
    assert member_record.instance_of(raw) == instance


def test_a_holders_name_is_not_looked_for_in_a_value_without_end() -> None:
    assert lease_record.holder_name(b'{"NodeId": "a", "x": "' + b"x" * 400_000 + b'"}') == ""


TOO_MANY = ["a"] * (wire.MAX_NAMES + 1)


@pytest.mark.parametrize(
    "reasons",
    ["x", {"x": 1}, None, 7, [7], [None], [["x"]], [""], ["X"], ["x\n"], ["a b"], ["a" * 41], TOO_MANY],
)  # fmt: skip
def test_reasons_that_are_no_short_names_make_a_record_that_nobody_believes(reasons: object) -> None:
    raw = json.dumps({**json.loads(MEMBER.to_json()), "reasons": reasons}).encode()
    with pytest.raises(BadRecord, match="reasons"):
        member_record.parse(raw)


def test_a_record_of_before_there_were_reasons_has_none() -> None:
    document = json.loads(MEMBER.to_json())
    del document["reasons"]
    assert member_record.parse(json.dumps(document).encode()) == replace(MEMBER, reasons=())
