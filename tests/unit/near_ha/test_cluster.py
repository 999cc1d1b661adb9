"""A cluster read from the store's entries, and shown as one document: garbage is named and hides nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.operator.cluster_report import cluster_json
from near_ha.records import cluster, consul_keys, history
from near_ha.records.cluster import Cluster, MemberStatus
from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.history import Change, Kind
from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_ha.records.member_record import Member
from near_ha.records.switchover import Action, Switchover
from near_ha.records.wire import Entry
from near_supervisor.commandline.cluster_text import cluster_text

ACCOUNT = "pool.near"
LEASE = LeaseRecord("a", "host-a", LeaseState.VALIDATING, 10_000, 7, 42, 1_000, "ed25519:KEY")
REQUEST = Switchover("r1", Action.PROMOTE, "b", "somebody", "a test", 1, 7)
CHANGE = Change(7, "a", Kind.FAILOVER, 1, "b", 900)
KEYS = [
    consul_keys.leader(ACCOUNT), consul_keys.config(ACCOUNT), consul_keys.switchover(ACCOUNT),
    consul_keys.history(ACCOUNT), consul_keys.member(ACCOUNT, "a"), consul_keys.member(ACCOUNT, "b/c"),
    consul_keys.last_heartbeat(ACCOUNT), consul_keys.leader(ACCOUNT + "x"), consul_keys.members(ACCOUNT), "", "x",
]  # fmt: skip


def member(name: str, **changes: object) -> Member:
    base = Member(name, f"host-{name}", f"instance-{name}", "Voting", True, "", 1_000, 10_000, "ed25519:KEY")
    return replace(base, **changes)  # type: ignore[arg-type]


def entries(**instead: Entry | None) -> list[Entry]:
    """A cluster of a, which validates, and b, which stands by; each entry can be another one, or left out."""
    found = {
        "lease": Entry(consul_keys.leader(ACCOUNT), LEASE.to_json().encode(), 90, "session-a"),
        "a": Entry(
            consul_keys.member(ACCOUNT, "a"),
            member("a", ready=False, reason="is Validating").to_json().encode(),
            80,
            "session-a",
        ),
        "b": Entry(consul_keys.member(ACCOUNT, "b"), member("b").to_json().encode(), 81, "session-b"),
        "config": Entry(consul_keys.config(ACCOUNT), ClusterConfig(True, "me", "work", 5).to_json().encode(), 82),
        "request": Entry(consul_keys.switchover(ACCOUNT), REQUEST.to_json().encode(), 83),
        "history": Entry(consul_keys.history(ACCOUNT), history.to_json([CHANGE]).encode(), 84),
        **instead,
    }
    return [entry for entry in found.values() if entry is not None]


def read(**instead: Entry | None) -> Cluster:
    return cluster.read(ACCOUNT, entries(**instead))


def test_everything_is_found_under_its_name() -> None:
    found = read()
    assert found.problems == ()
    assert (found.lease, found.lease_session, found.lease_index) == (LEASE, "session-a", 90)
    assert (found.validator and found.validator.member_id, found.leader, found.term) == ("a", "a", 7)
    assert [m.member_id for m in found.members] == ["a", "b"]
    assert (found.config, found.config_index, found.config_known) == (ClusterConfig(True, "me", "work", 5), 82, True)
    assert (found.request, found.request_index, found.changes) == (REQUEST, 83, (CHANGE,))


def test_what_no_member_follows_is_named_and_a_request_or_pause_of_that_kind_is_as_not_there() -> None:
    doubted = {consul_keys.switchover(ACCOUNT), consul_keys.config(ACCOUNT), consul_keys.leader(ACCOUNT)}
    found = cluster.read(ACCOUNT, entries(), lambda entry: "it is not signed" if entry.key in doubted else "")
    assert sorted(found.problems) == [
        f"{key}: it is not signed, so that no member follows it" for key in sorted(doubted)
    ]
    assert (found.request, found.request_index) == (None, 83)
    assert (found.config.paused, found.config_index, found.config_known) == (False, 82, False)
    assert (found.lease, found.leader) == (LEASE, "a"), "who holds it is shown"


def test_an_empty_store_is_a_cluster_that_nobody_knows() -> None:
    found = cluster.read(ACCOUNT, [])
    assert found == Cluster(ACCOUNT)
    assert not found.known
    assert (found.validator, found.leader, found.term, found.member("a")) == (None, "", 0, None)


@given(
    st.lists(
        st.builds(
            Entry, st.sampled_from(KEYS), st.binary(max_size=60), st.integers(1, 2**62), st.none() | st.text(max_size=5)
        ),
        max_size=12,
    )
)
def test_whatever_lies_there_is_a_cluster_with_its_problems_named(found: list[Entry]) -> None:
    seen = cluster.read(ACCOUNT, found)
    json.dumps(cluster_json(seen))
    assert all(problem.startswith(tuple(key for key in KEYS if key)) for problem in seen.problems)
    assert not any(f"{ACCOUNT}x" in problem for problem in seen.problems)


@pytest.mark.parametrize("name", ["lease", "a", "b", "config", "request", "history"])
@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b"[" * 5_000, b"{" + b" " * 300_000])
def test_one_bad_value_costs_only_itself(name: str, raw: bytes) -> None:
    [good] = list(entries(**dict.fromkeys({"lease", "a", "b", "config", "request", "history"} - {name})))
    found = read(**{name: replace(good, value=raw)})
    assert [problem.partition(": ")[0] for problem in found.problems] == [good.key]
    whole = read()
    kept = {"lease", "members", "config", "request", "changes"} - {
        "lease" if name == "lease" else "members" if name in "ab" else {"history": "changes"}.get(name, name)
    }
    assert {field: getattr(found, field) for field in kept} == {field: getattr(whole, field) for field in kept}
    assert len(found.members) == 2
    assert (found.lease_index, found.config_index, found.request_index) == (90, 82, 83)
    assert found.config_known is (name != "config")


def test_a_stranger_that_holds_the_lease_is_named() -> None:
    found = read(lease=Entry(consul_keys.leader(ACCOUNT), b'{"NodeId": "old", "Hostname": "h"}', 90, "session-x"))
    assert (found.lease, found.leader, found.validator, found.term) == (None, "old", None, 0)
    shown = cluster_json(found)
    assert (shown["leader"]["node_id"], shown["leader"]["member_id"], shown["leader"]["alive"]) == ("old", None, True)
    assert (shown["leader"]["term"], shown["lease"]) == (None, None)


# --- who is meant by a name


@pytest.mark.parametrize(
    ("name", "meant"),
    [("a", ["a"]), ("host-a", ["a"]), ("node", ["node-1", "node-2"]), ("node-1", ["node-1"]), ("", []), ("x", []),
     ("host-node-2", ["node-2"]), ("bad", ["bad"])],
)  # fmt: skip
def test_a_member_goes_by_its_id_or_else_by_what_it_is_called(name: str, meant: list[str]) -> None:
    members = (
        MemberStatus("a", member("a"), "s"), MemberStatus("node-1", member("node"), "s"),
        MemberStatus("node-2", member("node", hostname="host-node-2"), "s"), MemberStatus("bad", None, "s"),
        MemberStatus("nameless", member("", hostname=""), "s"),
    )  # fmt: skip
    found = Cluster(ACCOUNT, members=members)
    assert [standing.member_id for standing in found.called(name)] == meant
    one = found.member(name)
    assert (one.member_id if one else None) == (meant[0] if len(meant) == 1 else None)


def test_a_member_id_is_stronger_than_anothers_host_name() -> None:
    members = (MemberStatus("a", member("a"), "s"), MemberStatus("b", member("b", hostname="a"), "s"))
    assert [standing.member_id for standing in Cluster(ACCOUNT, members=members).called("a")] == ["a"]


# --- as one document


def test_the_document_is_whole() -> None:
    shown = cluster_json(read())
    assert set(shown) == {
        "account_id", "leader", "lease", "members", "paused", "request", "history", "warnings", "problems"
    }  # fmt: skip
    assert shown["leader"] == {
        "node_id": "a", "member_id": "a", "hostname": "host-a", "term": 7, "lease_ms": 10_000, "height": 1_000,
        "state": "Validating", "alive": True, "signs_nothing": False,
    }  # fmt: skip
    one, two = shown["members"]
    assert (one["member_id"], one["validator"], one["ready"], one["reason"], one["alive"]) == (
        "a",
        True,
        False,
        "",
        True,
    )
    assert (two["member_id"], two["validator"], two["ready"], two["reason"]) == ("b", False, True, "")
    assert {"hostname", "state", "height", "priority", "version", "neard_version", "lease_ms"} <= set(two)
    assert shown["paused"] == {"paused": True, "by": "me", "reason": "work", "at_ms": 5}
    assert (shown["request"]["action"], shown["request"]["phase"], shown["request"]["open"]) == (
        "promote",
        "asked",
        True,
    )
    assert [(change["term"], change["kind"]) for change in shown["history"]] == [(7, "failover")]
    assert shown["lease"]["seq"] == 42
    assert json.loads(json.dumps(shown)) == shown


def lease(record: LeaseRecord, session: str | None = None) -> Entry:
    return Entry(consul_keys.leader(ACCOUNT), record.to_json().encode(), 90, session)


LEADERS = [
    ("no lease", None, None),
    ("released", lease(replace(LEASE, state=LeaseState.RELEASED)), None),
    ("vacant", lease(replace(LEASE, state=LeaseState.VACANT, node_id="")), None),
    ("fell silent", lease(LEASE), ("a", False)),
    ("a stranger without a lock", Entry(consul_keys.leader(ACCOUNT), b'{"NodeId": "old"}', 90), None),
    ("holds it", lease(LEASE, "session-a"), ("a", True)),
]  # fmt: skip


@pytest.mark.parametrize(("found", "leader"), [row[1:] for row in LEADERS], ids=[row[0] for row in LEADERS])
def test_who_leads(found: Entry | None, leader: tuple[str, bool] | None) -> None:
    shown = cluster_json(read(lease=found))["leader"]
    assert (None if shown is None else (shown["node_id"], shown["alive"])) == leader


def test_a_member_that_is_gone_is_not_ready_whatever_it_said() -> None:
    gone = Entry(consul_keys.member(ACCOUNT, "b"), member("b").to_json().encode(), 81)
    [two] = cluster_json(read(a=None, b=gone))["members"]
    assert (two["ready"], two["alive"], two["reason"]) == (False, False, "its Consul session has ended")


def test_a_member_whose_record_cannot_be_read_is_listed_with_what_is_known() -> None:
    bad = Entry(consul_keys.member(ACCOUNT, "b"), b"garbage", 81, "session-b")
    [two] = cluster_json(read(a=None, b=bad))["members"]
    assert (two["member_id"], two["node_id"], two["ready"], two["alive"]) == ("b", "b", False, True)
    assert (two["reason"], two["state"], two["height"]) == ("its record cannot be read", None, None)


@pytest.mark.parametrize(("reasons", "mute"), [((), False), (("disk",), False), (("signing", "disk"), True)])
def test_a_validator_that_says_that_nothing_of_it_arrives_signs_nothing(reasons: tuple[str, ...], mute: bool) -> None:
    record = member("a", ready=False, reason="is Validating", reasons=reasons).to_json().encode()
    shown = cluster_json(read(a=Entry(consul_keys.member(ACCOUNT, "a"), record, 80, "session-a")))
    assert shown["leader"]["signs_nothing"] is mute
    assert ("SIGNS NOTHING" in cluster_text(shown)) is mute


def with_node_key(name: str, key: str, session: str | None = "") -> Entry:
    raw = member(name, node_public_key=key).to_json().encode()
    return Entry(consul_keys.member(ACCOUNT, name), raw, 80, f"session-{name}" if session == "" else session)


def test_two_hosts_with_one_node_key_are_both_told_so() -> None:
    key = "ed25519:SHARED"
    shown = cluster_json(read(a=with_node_key("a", key), b=with_node_key("b", key), c=with_node_key("c", "ed25519:C")))
    assert [one["reasons"] for one in shown["members"]] == [["node_key"], ["node_key"], []]
    [warning] = shown["warnings"]
    assert f"the neards of a and b have one node key ({key})" in warning
    text = cluster_text(shown)
    assert f"warning:    {warning}\n" in text
    assert "validates, but: node_key" in text


@pytest.mark.parametrize(
    ("key", "session"),
    [("ed25519:B", ""), ("", ""), ("ed25519:A", None)],
    ids=["its own", "an older version does not say", "it is gone"],
)
def test_nobody_else_is(key: str, session: str | None) -> None:
    shown = cluster_json(read(a=with_node_key("a", "ed25519:A"), b=with_node_key("b", key, session)))
    assert [one["reasons"] for one in shown["members"]] == [[], []]
    assert shown["warnings"] == []
    assert cluster_json(read(a=with_node_key("a", ""), b=with_node_key("b", "")))["warnings"] == []


def test_a_member_that_says_it_itself_says_it_once() -> None:
    record = member("a", node_public_key="K", reasons=("node_key", "disk")).to_json().encode()
    said = Entry(consul_keys.member(ACCOUNT, "a"), record, 80, "session-a")
    assert cluster_json(read(a=said, b=with_node_key("b", "K")))["members"][0]["reasons"] == ["node_key", "disk"]
