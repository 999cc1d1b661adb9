"""What an operator's asked comes to, for each verb in each state of the cluster: nothing, a refusal, one value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.operator import plan
from near_ha.operator.request import Decision, Nothing, OperatorRequest, Refusal, Verb, Write, decide
from near_ha.records import cluster_config, consul_keys, switchover
from near_ha.records.cluster import Cluster, MemberStatus
from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_ha.records.member_record import Member
from near_ha.records.switchover import Action, Phase, Switchover

KEY = "ed25519:KEY"
LEASE = LeaseRecord("a", "host-a", LeaseState.VALIDATING, 10_000, 7, 42, 1_000, KEY)
REQUEST = Switchover("r0", Action.PROMOTE, "b", "somebody", "", 1, 7)
PROMOTE_B = OperatorRequest(Verb.PROMOTE, "b", "me", "maintenance")
OVERRULING = replace(PROMOTE_B, ignore_doppelganger=True)
CANCEL = OperatorRequest(Verb.CANCEL, by="me")
DEMOTE, PAUSE, RESUME = (
    OperatorRequest(Verb.DEMOTE, by="me"),
    OperatorRequest(Verb.PAUSE, by="me", reason="work"),
    OperatorRequest(Verb.RESUME, by="me"),
)


def standing(name: str, alive: bool = True, **changes: object) -> MemberStatus:
    base = Member(name, f"host-{name}", f"instance-{name}", "Voting", True, "", 1_000, 10_000, KEY)
    return MemberStatus(name, replace(base, **changes), f"session-{name}" if alive else None)  # type: ignore[arg-type]


def held(*members: MemberStatus, **changes: object) -> Cluster:
    """``a`` validates; b and c stand by unless other members are given."""
    a = standing("a", ready=False, reason="is Validating", state="Validating")
    base = Cluster(
        "pool.near", LEASE, "a", "session-a", 90, (a, *(members or (standing("b"), standing("c")))),
        config_index=82, request_index=83,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def free(*members: MemberStatus, state: LeaseState = LeaseState.RELEASED, **changes: object) -> Cluster:
    """Nobody validates."""
    unlocked = replace(held(*members), lease=replace(LEASE, state=state), lease_session=None)
    return replace(unlocked, **changes)  # type: ignore[arg-type]


def came(cluster: Cluster, asked: OperatorRequest) -> Decision:
    decision = decide(cluster, asked, "r1", 1_000)
    if isinstance(decision, Write) and decision.request:
        written = switchover.parse(decision.value.encode())
        assert (written.id, written.phase, written.asked_at_ms) == ("r1", Phase.ASKED, 1_000)
        assert (written.asked_by, written.reason, written.force) == (asked.by, asked.reason, asked.force)
        assert written.ignore_doppelganger is asked.ignore_doppelganger
    return decision


PAUSED = ClusterConfig(True, "other", "upgrade", 5)
OPEN = REQUEST
DONE = replace(REQUEST, phase=Phase.DONE)
STRANGER: dict[str, object] = {"lease": None, "holder": "old", "lease_session": "session-x"}
UNREADY = standing("b", ready=False, reason="is Syncing")

# what it is, the cluster, the asked, what comes of it, words that are said
TABLE: list[tuple[str, Cluster, OperatorRequest, type, list[str]]] = [
    # --- cancel
    ("nothing is under way", held(), CANCEL, Nothing, ["no switchover is under way"]),
    ("it is over", held(request=DONE), CANCEL, Nothing, ["no switchover is under way"]),
    ("it has not begun", held(request=OPEN), CANCEL, Write, ["promote b is called off", "somebody has asked"]),
    ("it has begun", held(request=OPEN.accepted("a", 7, "b", 0)), CANCEL, Refusal, ["has begun", "ends by itself"]),
    # --- promote
    ("a ready standby", held(), PROMOTE_B, Write, ["a hands over to b"]),
    ("by host name", held(), replace(PROMOTE_B, member="host-b"), Write, ["a hands over to b"]),
    ("the validator", held(), replace(PROMOTE_B, member="a"), Nothing, ["a is the validator already (term 7)"]),
    ("the validator, paused", held(config=PAUSED), replace(PROMOTE_B, member="a"), Nothing, ["already"]),
    ("the validator, which waits for the doppelganger check", held(members=(standing("a"), standing("b"))),
     replace(OVERRULING, member="a"), Write, ["a signs, whatever the doppelganger check holds against it"]),
    ("the validator, which signs", held(), replace(OVERRULING, member="a"), Nothing, ["already"]),
    ("another one, whatever it holds", held(), OVERRULING, Write, ["a hands over to b"]),
    ("asked again, now to overrule", held(request=OPEN), OVERRULING, Refusal, ["another switchover is under way"]),
    ("nobody validates", free(), PROMOTE_B, Write, ["nobody validates; the lease goes to b"]),
    ("nobody ever did", Cluster("pool.near", members=(standing("b"),)), PROMOTE_B, Write, ["nobody validates"]),
    ("the validator is dead, its lock too", free(state=LeaseState.VALIDATING), PROMOTE_B, Write, ["goes to b"]),
    ("the validator is no member any more", held(members=(standing("b"),)), PROMOTE_B, Write, ["a hands over to b"]),
    ("not a member", held(), replace(PROMOTE_B, member="x"), Refusal,
     ["'x' is no member", "pool.near", "Members are: a, b, c"]),
    ("nobody named", held(), replace(PROMOTE_B, member=""), Refusal, ["'' is no member"]),
    ("an account nobody has", Cluster("pool.near"), PROMOTE_B, Refusal, ["nobody is a member", "right account id"]),
    ("two of that name", held(standing("node-1", node_id="node"), standing("node-2", node_id="node")),
     replace(PROMOTE_B, member="node"), Refusal, ["2 members of the cluster are called 'node'", "node-1, node-2"]),
    ("its member id", held(standing("node-1", node_id="node"), standing("node-2", node_id="node")),
     replace(PROMOTE_B, member="node-2"), Write, ["a hands over to node"]),
    ("not ready", held(UNREADY), PROMOTE_B, Refusal, ["b is not ready: is Syncing", "use force"]),
    ("not ready, by force", held(UNREADY), replace(PROMOTE_B, force=True), Write, ["hands over to b"]),
    ("gone", held(standing("b", alive=False)), PROMOTE_B, Refusal, ["b is not there", "See near-supervisor status"]),
    ("gone, by force", held(standing("b", alive=False)), replace(PROMOTE_B, force=True), Refusal, ["b is not there"]),
    ("unreadable", held(MemberStatus("b", None, "s")), replace(PROMOTE_B, force=True), Refusal,
     ["record of b cannot be read"]),
    ("another key, by force", held(standing("b", validator_public_key="ed25519:X")), replace(PROMOTE_B, force=True),
     Refusal, ["another validator key (ed25519:X, not ed25519:KEY)"]),
    ("another lease, by force", held(standing("b", lease_ms=4_000)), replace(PROMOTE_B, force=True), Refusal,
     ["b runs with a lease of 4 s, the validator with 10 s"]),

        ("not ready and another lease", held(replace(UNREADY, record=replace(UNREADY.record, lease_ms=4_000))),  # type: ignore[type-var]
     PROMOTE_B, Refusal, ["lease of 4 s", "is Syncing"]),
    ("a new key while nobody holds the old one", free(standing("b", validator_public_key="ed25519:NEW")), PROMOTE_B,
     Write, ["goes to b"]),
    ("a stranger holds the lease", held(**STRANGER), replace(PROMOTE_B, force=True), Refusal,
     ["old holds the lease and is no supervisor of ours", "Stop it where it runs"]),
    ("never by itself, but asked", held(standing("b", priority=0)), PROMOTE_B, Write, ["hands over to b"]),
    ("paused", held(config=PAUSED), PROMOTE_B, Refusal, ["the cluster is paused by other", "use force"]),
    ("paused, by force", held(config=PAUSED), replace(PROMOTE_B, force=True), Write, ["hands over to b"]),
    ("asked twice", held(request=OPEN), PROMOTE_B, Nothing, ["b is about to validate", "somebody has asked (r0)"]),
    ("asked twice, now by force", held(request=OPEN), replace(PROMOTE_B, force=True), Refusal, ["another switchover"]),
    ("another is asked for", held(request=OPEN), replace(PROMOTE_B, member="c"), Refusal,
     ["another switchover is under way: promote b", "r0", "Wait for its end"]),
    ("the validator is about to hand over", held(request=OPEN), replace(PROMOTE_B, member="a"), Refusal,
     ["another switchover"]),
    ("the last one has ended", held(request=DONE), PROMOTE_B, Write, ["hands over"]),
    # --- demote
    ("demote", held(), DEMOTE, Write, ["a hands over to the best standby, b as it looks now"]),
    ("demote whom it is", held(), replace(DEMOTE, member="a"), Write, ["hands over"]),
    ("demote a standby", held(), replace(DEMOTE, member="c"), Nothing, ["c does not validate, a does"]),
    ("demote, nobody validates", free(), DEMOTE, Nothing, ["nobody validates"]),
    ("demote, an account nobody has", Cluster("pool.near"), DEMOTE, Refusal, ["nobody is a member"]),
    ("demote one that is no member", held(), replace(DEMOTE, member="x"), Refusal, ["'x' is no member"]),
    ("demote a stranger", held(**STRANGER), DEMOTE, Refusal, ["old holds the lease and is no member", "Stop it"]),
    ("demote, paused", held(config=PAUSED), DEMOTE, Refusal, ["the cluster is paused"]),
    ("demote, paused, by force", held(config=PAUSED), replace(DEMOTE, force=True), Write, ["hands over"]),
    ("demote, nobody ready", held(UNREADY), DEMOTE, Refusal, ["no standby is ready to take over from a", "is Syncing"]),
    ("demote, nobody ready, by force", held(UNREADY), replace(DEMOTE, force=True), Refusal, ["no standby is ready"]),
    ("demote, only one that must be asked", held(standing("b", priority=0)), DEMOTE, Refusal,
     ["b has failover priority 0"]),
    ("demote, alone", held(members=(standing("a"),)), DEMOTE, Refusal,
     ["no standby is ready to take over from a, it is the only"]),
    ("demote, under way", held(request=OPEN), DEMOTE, Nothing, ["a is about to hand over", "r0"]),
    ("demote who is about to validate", held(request=OPEN), replace(DEMOTE, member="b"), Refusal,
     ["another switchover"]),
    ("demote who has just taken over", held(request=replace(OPEN, target="a")), DEMOTE, Refusal,
     ["another switchover"]),
    ("demote a bystander of a switchover", held(request=OPEN), replace(DEMOTE, member="c"), Nothing,
     ["c does not validate"]),
    # --- pause and resume
    ("pause", held(), PAUSE, Write, ["no role changes by itself any more"]),
    ("pause twice", held(config=PAUSED), PAUSE, Nothing, ["paused already (by other: upgrade)"]),
    ("resume", held(config=PAUSED), RESUME, Write, ["replaced by itself again"]),
    ("resume twice", held(), RESUME, Nothing, ["not paused"]),
    ("pause during a switchover", held(request=OPEN), PAUSE, Write, ["no role"]),
    ("resume what cannot be read", held(config_known=False), RESUME, Write, ["again"]),
    ("pause what cannot be read", held(config_known=False), PAUSE, Write, ["no role"]),
    ("pause an account nobody has", Cluster("pool.near"), PAUSE, Refusal, ["nobody is a member"]),
    ("pause while all members are down", free(members=()), PAUSE, Write, ["no role"]),
    # --- what cannot be
    ("no time", held(), replace(PROMOTE_B, timeout_ms=0), Refusal, ["timeout 0 ms is not between 1 and 3600000"]),
    ("too much time", held(), replace(DEMOTE, timeout_ms=3_600_001), Refusal, ["timeout 3600001 ms"]),
    ("a long story", held(), replace(PROMOTE_B, reason="x" * 501), Refusal,
     ["reason has 501 characters, more than 500"]),
    ("a long name", held(), replace(PAUSE, by="x" * 101), Refusal, ["by has 101 characters"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cluster", "asked", "kind", "words"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_a_request_comes_to(cluster: Cluster, asked: OperatorRequest, kind: type, words: list[str]) -> None:
    decision = came(cluster, asked)
    assert type(decision) is kind, decision
    said = f"{decision.text} {decision.hint}" if isinstance(decision, Refusal) else decision.text
    assert all(word in said for word in words), said


def test_a_switchover_is_written_at_the_index_that_was_read() -> None:
    decision = came(held(), replace(PROMOTE_B, timeout_ms=5_000))
    assert isinstance(decision, Write)
    assert (decision.key, decision.index, decision.request) == (consul_keys.switchover("pool.near"), 83, "r1")
    written = switchover.parse(decision.value.encode())
    assert (written.action, written.target, written.term, written.timeout_ms) == (Action.PROMOTE, "b", 7, 5_000)


def test_a_demote_names_no_target_and_nobody_led_is_term_zero() -> None:
    demote, nobody = came(held(), DEMOTE), came(free(), PROMOTE_B)
    assert isinstance(demote, Write)
    assert isinstance(nobody, Write)
    assert switchover.parse(demote.value.encode()).target == ""
    assert switchover.parse(nobody.value.encode()).term == 0


def test_pausing_says_who_and_why_at_the_index_that_was_read() -> None:
    decision = came(held(), PAUSE)
    assert isinstance(decision, Write)
    assert (decision.key, decision.index, decision.request) == (consul_keys.config("pool.near"), 82, "")
    assert cluster_config.parse(decision.value.encode()) == ClusterConfig(True, "me", "work", 1_000)


def test_who_joins_a_switchover_is_told_which_one_to_follow() -> None:
    joined = came(held(request=OPEN), PROMOTE_B)
    assert isinstance(joined, Nothing)
    assert joined.request == "r0"


# --- of every cluster and every asked

BY, REASON = st.text(max_size=120), st.text(max_size=600)
NAMES = st.sampled_from(["", "a", "b", "c", "host-b", "x", "\x00", "x" * 5_000])
REQUESTS = st.builds(
    OperatorRequest, st.sampled_from(Verb), NAMES, BY, REASON, st.integers(-1, 3_600_001), st.booleans()
)
CHANGES: list[Callable[[Cluster], Cluster]] = [
    lambda c: replace(c, config=PAUSED),
    lambda c: replace(c, config_known=False),
    lambda c: replace(c, request=OPEN),
    lambda c: replace(c, request=replace(OPEN, action=Action.DEMOTE, target="")),
    lambda c: replace(c, request=DONE),
    lambda c: replace(c, lease_session=None),
    lambda c: replace(c, lease_session="session-b"),
    lambda c: replace(c, lease=None),
    lambda c: replace(c, lease=None, lease_index=0, lease_session=None, holder=""),
    lambda c: replace(c, members=()),
    lambda c: replace(c, members=c.members[:1]),
    lambda c: replace(c, members=(c.members[0], UNREADY, MemberStatus("c", None, "s")) if c.members else ()),
    lambda c: replace(c, members=tuple(replace(m, session=None) for m in c.members)),
]


def some_cluster(changes: list[Callable[[Cluster], Cluster]]) -> Cluster:
    cluster = held()
    for change in changes:
        cluster = change(cluster)
    return cluster


@given(st.lists(st.sampled_from(CHANGES), max_size=5).map(some_cluster), REQUESTS)
def test_each_request_in_each_cluster_comes_to_something_that_holds(cluster: Cluster, asked: OperatorRequest) -> None:
    decision = decide(cluster, asked, "r1", 1_000)
    assert decision.text
    assert len(decision.text) < 1_500
    if not isinstance(decision, Write):
        return
    configures = asked.verb in (Verb.PAUSE, Verb.RESUME)
    assert decision.index == (cluster.config_index if configures else cluster.request_index)
    assert len(decision.value) < 16 * 1024
    if asked.verb is Verb.CANCEL:
        ended = switchover.parse(decision.value.encode())
        assert cluster.request is not None
        assert cluster.request.phase is Phase.ASKED
        assert (ended.id, ended.phase) == (cluster.request.id, Phase.FAILED)
        after = replace(cluster, request=ended)
    elif configures:
        written = cluster_config.parse(decision.value.encode())
        after = replace(cluster, config=written, config_known=True)
    else:
        request = switchover.parse(decision.value.encode())
        assert not (cluster.config.paused and not asked.force)
        assert cluster.request is None or not cluster.request.open, "one at a time"
        if request.target:
            target = cluster.member(request.target)
            assert target is not None
            assert target.alive
            assert asked.force or (target.record is not None and target.record.ready)
        after = replace(cluster, request=request)
    assert isinstance(decide(after, asked, "r2", 2_000), Nothing), "a second time it changes nothing"


@given(st.lists(st.sampled_from(CHANGES), max_size=5).map(some_cluster), REQUESTS)
def test_force_allows_no_more_than_unready_targets_and_paused_clusters(
    cluster: Cluster, asked: OperatorRequest
) -> None:
    mild, forced = (decide(cluster, replace(asked, force=force), "r1", 1_000) for force in (False, True))
    if isinstance(mild, Refusal) and isinstance(forced, Write):
        assert cluster.config.paused or "not ready" in mild.text
        written = json.loads(forced.value)
        assert asked.verb is Verb.CANCEL or written["force"] is True
    if isinstance(mild, Write):
        assert isinstance(forced, Write)


# --- who could take over

OBSTACLES = [
    ("ready", standing("b"), [], []),
    ("not ready", UNREADY, ["b is not ready: is Syncing"], [True]),
    ("not ready, no reason given", standing("b", ready=False), ["b is not ready: Voting"], [True]),
    ("gone", standing("b", alive=False), ["b is not there: its Consul session has ended"], [False]),
    ("unreadable", MemberStatus("b", None, "s"), ["the member record of b cannot be read, or no member has signed it"],
     [False]),
    ("another key", standing("b", validator_public_key=""),
     ["b has another validator key (none, not ed25519:KEY)"], [False]),
    ("all of it", standing("b", ready=False, reason="r", validator_public_key="x", lease_ms=1_500),
     ["b has another validator key (x, not ed25519:KEY)", "b runs with a lease of 1.5 s, the validator with 10 s",
      "b is not ready: r"], [False, False, True]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "texts", "forceable"), [row[1:] for row in OBSTACLES], ids=[row[0] for row in OBSTACLES]
)
def test_what_stands_against_a_target(target: MemberStatus, texts: list[str], forceable: list[bool]) -> None:
    against = plan.against(target, KEY, 10_000)
    assert [obstacle.text for obstacle in against] == texts
    assert [obstacle.forceable for obstacle in against] == forceable
    assert plan.stops(against, force=False) == "; ".join(texts)
    assert plan.stops(against, force=True) == "; ".join(t for t, f in zip(texts, forceable, strict=True) if not f)


@pytest.mark.parametrize(
    ("standbys", "best"),
    [
        ([], None),
        ([standing("c"), standing("b")], "b"),
        ([standing("b", priority=50), standing("c", priority=51)], "c"),
        ([standing("b", priority=0)], None),
        ([UNREADY, standing("c", priority=1)], "c"),
        ([standing("b", alive=False), MemberStatus("x", None, "s"), standing("d", lease_ms=1)], None),
    ],
)
def test_the_best_standby(standbys: list[MemberStatus], best: str | None) -> None:
    found = plan.best(standbys, KEY, 10_000)
    assert (found.member_id if found else None) == best
