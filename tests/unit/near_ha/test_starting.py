"""A node that starts is shown, with what it waits for, and is nobody's candidate."""

from __future__ import annotations

from dataclasses import replace

from near_ha.operator import report
from near_ha.operator.cluster_groups import Host, Place, places
from near_ha.operator.cluster_report import cluster_json
from near_ha.operator.request import OperatorRequest, Refusal, Verb, decide
from near_ha.records import cluster, consul_keys
from near_ha.records.cluster import Cluster
from near_ha.records.wire import Entry
from near_supervisor.commandline.cluster_text import cluster_text
from unit.near_ha.test_cluster import ACCOUNT, entries, member

WAITS = "is Startup, waits for the first answer of neard 100"


def starts(name: str, session: str | None = "session-x", **changes: object) -> Entry:
    """Whoever starts says so; that it says of itself that it is ready counts for nothing."""
    record = member(name, state="Startup", reason=WAITS, **changes)
    key = consul_keys.starting_node(ACCOUNT, name, record.instance)
    return Entry(key, record.to_json().encode(), 85, session)


def seen(*more: Entry, **instead: Entry | None) -> Cluster:
    return cluster.read(ACCOUNT, [*entries(**instead), *more])


def test_it_is_shown_with_what_it_waits_for_and_is_never_ready() -> None:
    document = cluster_json(seen(starts("c", ready=True)))
    [one] = [each for each in document["members"] if each["starting"]]
    assert (one["member_id"], one["alive"], one["ready"], one["validator"]) == ("c", True, False, False)
    assert one["reason"] == WAITS
    assert cluster_text(document).splitlines()[-1].endswith(f"not yet: {WAITS}")
    found = places(document, [Host("c", account_id=ACCOUNT)])
    assert found.hosts["c"] == Place("near_unready", WAITS, "Startup")


def test_nobody_hands_over_to_it_whatever_it_says() -> None:
    alone = seen(starts("c", ready=True), b=None, request=None, config=None)
    assert [one.member_id for one in alone.members] == ["a"]
    for force in (False, True):
        promote = OperatorRequest(Verb.PROMOTE, "c", "me", "", 1_000, force)
        refused = decide(alone, promote, "r2", 1)
        assert isinstance(refused, Refusal)
        assert f"c is starting and can be asked for nothing yet: it {WAITS}" in refused.text
        demote = decide(alone, OperatorRequest(Verb.DEMOTE, "", "me", "", 1_000, force), "r2", 1)
        assert isinstance(demote, Refusal)
    assert report.successor(cluster_json(alone), OperatorRequest(Verb.DEMOTE, "", "me", "", 1_000)) == ""


def test_it_stands_in_the_place_of_its_record_from_before_until_it_is_a_member() -> None:
    gone = Entry(consul_keys.member(ACCOUNT, "b"), member("b").to_json().encode(), 81, None)
    for before in (gone, replace(gone, session="session-b")):
        for both in ((before, starts("b")), (starts("b"), before)):
            [_a, b] = cluster_json(seen(*both, b=None))["members"]
            assert (b["starting"], b["ready"], b["reason"]) == (True, False, WAITS), "a session outlives a crash"
    again = replace(gone, session="session-c", index=99)
    for both in ((again, starts("b")), (starts("b"), again)):
        document = cluster_json(seen(*both, b=None))
        [_a, b] = document["members"]
        assert (b["starting"], b["ready"]) == (False, True), "the same installation is a member now"
        assert document["warnings"] == []


def test_whoever_holds_the_lease_validates_whatever_its_supervisor_does() -> None:
    [a, _b] = cluster_json(seen(starts("a")))["members"]
    assert (a["starting"], a["validator"]) == (False, True)


def test_what_its_session_has_left_is_nobody_and_what_cannot_be_read_is_named() -> None:
    assert seen(starts("c", session=None)).starting == ()
    broken = replace(starts("c"), value=b"{")
    assert [consul_keys.starting(ACCOUNT) in problem for problem in seen(broken).problems] == [True]


def test_two_nodes_with_one_id_are_named_with_their_hosts() -> None:
    other = starts("b", instance="another", hostname="host-x")
    document = cluster_json(seen(other))
    assert [each["starting"] for each in document["members"]] == [False, False]
    [warning] = document["warnings"]
    assert warning.startswith("2 nodes have the id b, on host-b (Voting) and host-x (Startup), so that only the first")
    assert f"warning:    {warning}" in cluster_text(document)
    assert cluster_json(seen())["warnings"] == []
