"""Who holds which validator key, as nodes come to know it, and over which connection messages for it go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neard_sim.accounts import AccountData, Accounts
from neard_sim.key_routes import KeyRoutes

S = 1_000_000_000
KEYS = {"k", "other"}


def member(name: str, key: str | None = "k") -> Accounts:
    accounts = Accounts(name, f"{name}:1", offer_every=60 * S, renew_every=900 * S)
    accounts.hold(key)
    return accounts


def said(accounts: Accounts, now: int = 0, delay: int = 0) -> AccountData:
    item = accounts.due(now, KEYS, delay)
    assert item is not None
    return item


def test_a_holder_says_so_once_then_again_at_the_pace_of_offers_and_anew_at_that_of_renewals() -> None:
    one = member("a")
    first = said(one)
    assert first == AccountData("k", "a", (("a", "a:1"),), 1, 0)
    assert one.due(59 * S, KEYS, 0) is None
    assert said(one, 60 * S) == first
    assert said(one, 900 * S) == replace(first, version=2, timestamp_ns=900 * S)


@pytest.mark.parametrize(("key", "keys"), [(None, KEYS), ("k", {"other"})])
def test_who_holds_no_key_of_a_validator_says_nothing(key: str | None, keys: set[str]) -> None:
    assert member("a", key).due(0, keys, 0) is None


def test_with_a_delay_the_node_itself_knows_at_once_and_the_others_later() -> None:
    one = member("a")
    assert one.due(S, KEYS, 3 * S) is None
    assert [item.peer_id for item in one.shown(KEYS)] == ["a"]
    assert one.known(KEYS) == []
    assert one.due(4 * S - 1, KEYS, 3 * S) is None
    assert said(one, 4 * S, 3 * S).timestamp_ns == S
    assert len(one.known(KEYS)) == 1


def test_a_key_given_up_before_the_delay_is_over_is_never_told() -> None:
    one = member("a")
    one.due(0, KEYS, 3 * S)
    one.hold(None)
    assert one.due(9 * S, KEYS, 3 * S) is None
    assert one.shown(KEYS) == []


def test_a_successor_signs_higher_than_what_it_has_heard() -> None:
    old, new, other = member("a"), member("b", None), member("c", None)
    assert new.hear(said(old), KEYS)
    new.hold("k")
    latest = said(new, S)
    assert (latest.peer_id, latest.version) == ("b", 2)
    assert other.hear(latest, KEYS)
    assert not other.hear(said(member("a")), KEYS), "older"
    assert other.shown(KEYS) == [latest]


@pytest.mark.parametrize("rivals", [1, 5])
def test_two_live_holders_overrule_each_other_for_ever(rivals: int) -> None:
    one, two, other = member("a"), member("b"), member("c", None)
    mine = said(one)
    assert not two.hear(mine, KEYS)
    theirs = replace(said(two), version=rivals)
    seen = []
    for second in range(2, 12, 2):
        assert not one.hear(theirs, KEYS), "a holder answers instead of passing it on"
        mine = said(one, second * S)
        assert mine.version == theirs.version + 1
        two.hear(mine, KEYS)
        theirs = said(two, (second + 1) * S)
        for item in (mine, theirs):
            assert other.hear(item, KEYS)
            seen.append(other.shown(KEYS)[0].peer_id)
    assert seen == ["a", "b"] * 5


def test_rivals_are_answered_at_most_once_a_second() -> None:
    one = member("a")
    rival = replace(said(one), peer_id="b", version=2)
    one.hear(rival, KEYS)
    assert said(one, S // 2).version == 3, "the first time at once"
    one.hear(replace(rival, version=4), KEYS)
    assert one.due(S, KEYS, 0) is None
    assert said(one, 2 * S).version == 5


def test_what_is_said_of_strangers_is_left_out() -> None:
    one = member("a", None)
    assert not one.hear(AccountData("stranger", "b", (), 1, 0), KEYS)
    assert one.shown(KEYS | {"stranger"}) == []


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
