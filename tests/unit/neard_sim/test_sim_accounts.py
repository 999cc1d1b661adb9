"""Who holds which validator key, as nodes come to know it, and over which connection messages for it go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neard_sim.accounts import AccountData, Accounts
from neard_sim.gossip import Gossip
from neard_sim.key_routes import KeyRoutes

S = 1_000_000_000
KEYS = {"k", "other"}


def member(name: str, key: str | None = "k") -> Accounts:
    accounts = Accounts(name, f"{name}:1", renew_every=900 * S)
    accounts.hold(key)
    return accounts


def said(accounts: Accounts, now: int = 0, delay: int = 0) -> AccountData:
    item = accounts.due(now, KEYS, delay)
    assert item is not None
    return item


def answer(accounts: Accounts, item: AccountData, now: int = 0) -> AccountData:
    """What it passes on of this statement, or says to it."""
    found = accounts.hear(item, now, KEYS)
    assert found is not None
    return found


def test_a_holder_says_so_once_then_anew_at_the_pace_of_renewals() -> None:
    one = member("a")
    first = said(one)
    assert first == AccountData("k", "a", (("a", "a:1"),), 1, 0)
    assert one.due(899 * S, KEYS, 0) is None
    assert said(one, 900 * S) == replace(first, version=2, timestamp_ns=900 * S)


@pytest.mark.parametrize(("key", "keys"), [(None, KEYS), ("k", {"other"})])
def test_who_holds_no_key_of_a_validator_says_nothing(key: str | None, keys: set[str]) -> None:
    assert member("a", key).due(0, keys, 0) is None


def test_nothing_is_said_before_the_delay_is_over() -> None:
    one = member("a")
    assert one.due(S, KEYS, 3 * S) is None
    assert one.known(KEYS) == []
    assert one.due(4 * S - 1, KEYS, 3 * S) is None
    assert not one.says("k")
    assert said(one, 4 * S, 3 * S).timestamp_ns == 4 * S
    assert one.says("k")
    assert one.holders() == {"k": "a"}


def test_a_key_given_up_before_the_delay_is_over_is_never_told() -> None:
    one = member("a")
    one.due(0, KEYS, 3 * S)
    one.hold(None)
    assert one.due(9 * S, KEYS, 3 * S) is None
    rival = said(member("b"))
    assert answer(one, rival) == rival, "and nobody is contradicted"


def test_a_successor_signs_higher_than_what_it_has_heard() -> None:
    old, new, other = member("a"), member("b", None), member("c", None)
    first = said(old)
    assert answer(new, first) == first
    new.hold("k")
    latest = said(new, S)
    assert (latest.peer_id, latest.version) == ("b", 2)
    assert answer(other, latest) == latest
    assert other.hear(said(member("a")), 0, KEYS) is None, "older"
    assert other.known(KEYS) == [latest]


@pytest.mark.parametrize("key", ["k", None], ids=["still has its key", "has given it up"])
def test_whoever_has_said_that_it_holds_a_key_answers_its_successor_at_once(key: str | None) -> None:
    """nearcore keeps the signer of its last statement, though the key is gone: H6 of sim-vs-real."""
    old, new, other = member("a"), member("b", None), member("c", None)
    answer(new, said(old))
    old.hold(key)
    new.hold("k")
    theirs = said(new, S)
    mine = answer(old, theirs, S)
    assert (mine.peer_id, mine.version) == ("a", theirs.version + 1)
    for item in (theirs, mine):
        assert answer(other, item) == item
    assert other.holders() == {"k": "a"}
    assert answer(new, mine, S).version == mine.version + 1, "for ever, with two of them"


def test_a_process_that_starts_afresh_contradicts_nobody() -> None:
    rival = said(member("b"))
    assert answer(member("a", None), rival) == rival


def test_of_one_version_the_later_counts() -> None:
    other, first = member("c", None), said(member("a"), S)
    assert answer(other, first) == first
    assert other.hear(replace(said(member("b")), timestamp_ns=S - 1), 0, KEYS) is None
    later = said(member("b"), 2 * S)
    assert answer(other, later) == later


class TestGossip:
    """Peers are plain texts here."""

    def test_the_first_goes_at_once_and_what_follows_together_ten_seconds_later(self) -> None:
        gossip: Gossip[str] = Gossip()
        one, two = said(member("a")), said(member("b"))
        gossip.add(["p", "q"], [one])
        assert gossip.due(0, ["p", "q"]) == [("p", [one]), ("q", [one])]
        gossip.add(["p"], [replace(two, version=2)])
        gossip.add(["p"], [replace(one, version=3), replace(one, account_key="other")])
        gossip.add(["p"], [replace(two, version=2)])
        assert gossip.due(10 * S - 1, ["p", "q"]) == []
        latest = [replace(one, version=3), replace(one, account_key="other")]
        assert gossip.due(10 * S, ["p", "q"]) == [("p", latest)]

    def test_a_peer_that_comes_again_is_told_at_once(self) -> None:
        gossip: Gossip[str] = Gossip()
        item = said(member("a"))
        gossip.add(["p"], [item])
        gossip.due(0, ["p"])
        gossip.due(S, [])
        gossip.add(["p"], [item])
        assert gossip.due(2 * S, ["p"]) == [("p", [item])]

    def test_nothing_new_is_no_message(self) -> None:
        gossip: Gossip[str] = Gossip()
        gossip.add(["p"], [])
        assert gossip.due(0, ["p"]) == []


def test_what_is_said_of_strangers_is_left_out() -> None:
    one = member("a", None)
    assert one.hear(AccountData("stranger", "b", (), 1, 0), 0, KEYS) is None
    assert one.known(KEYS | {"stranger"}) == []


@pytest.mark.parametrize(
    "wire",
    [
        [],
        ["k", "a", [], 0, 0],
        ["k", "a", [], 2**64, 0],
        ["k", "a", [], 1, -1],
        ["k", "a", 5, 1, 0],
        ["k", "a", [], None, 0],
    ],
)
def test_malformed_statements_are_refused(wire: list[object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        AccountData.from_wire(wire)


def test_a_statement_travels() -> None:
    item = said(member("a"))
    assert AccountData.from_wire(item.to_wire()) == item


class TestKeyRoutes:
    """Links are plain texts here."""

    @pytest.fixture
    def routes(self) -> KeyRoutes[str]:
        return KeyRoutes(enabled=True)

    def test_the_first_link_of_a_key_stays_until_it_closes(self, routes: KeyRoutes[str]) -> None:
        assert routes.claim("k", "first") is None
        assert routes.claim("k", "second") == "first"
        assert (routes.carries("first"), routes.carries("second"), routes.refusals) == (True, False, 1)
        routes.release("first")
        assert routes.claim("k", "second") is None
        assert (routes.carries("first"), routes.carries("second"), routes.refusals) == (False, True, 1)

    def test_a_link_that_says_so_again_is_no_rival_of_itself(self, routes: KeyRoutes[str]) -> None:
        assert [routes.claim("k", "first") for _ in range(2)] == [None, None]
        assert routes.claim("k", "its twin", replaces="first") is None
        routes.release("first")
        assert routes.carries("its twin")

    def test_a_peer_without_a_key_gets_nothing_for_validators(self, routes: KeyRoutes[str]) -> None:
        routes.claim("k", "first")
        routes.claim(None, "first")
        assert not routes.carries("first")
        assert routes.claim("k", "second") is None

    def test_a_peer_has_one_key(self, routes: KeyRoutes[str]) -> None:
        routes.claim("k", "first")
        routes.claim("other", "first")
        assert routes.claim("k", "second") is None

    def test_without_it_everybody_gets_everything(self) -> None:
        routes: KeyRoutes[str] = KeyRoutes(enabled=False)
        assert [routes.claim("k", name) for name in ("first", "second")] == [None, None]
        assert routes.carries("anybody")
        assert routes.refusals == 0
