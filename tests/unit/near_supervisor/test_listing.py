"""The key that the chain lists: a node with another one takes no lease, a new validator and a changed key do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.facts.listing import Listing
from near_supervisor.core.facts.model import Node
from near_supervisor.io import neard_listing
from near_supervisor.io.neard_rpc import NeardRpc, Unreadable
from support.core_play import SETTINGS, D, Play, claimed, record, released
from support.hostile_http import answer, hostile

MINE, OLD = SETTINGS.validator_public_key, "ed25519:OLD"
POOL = replace(SETTINGS, account_id="pool.near", validator_account_id="pool.near")
RELEASED_BY_OLD = released(validator_public_key=OLD)
# What the chain lists, and whether the lease is taken that the old key, or this one, has released.
LISTED = {
    "ours": (Listing(MINE, MINE), True, True),
    "ours, for the first time in the next epoch": (Listing("", MINE), True, True),
    "ours for the last time": (Listing(MINE, ""), True, True),
    "ours from the next epoch on": (Listing(OLD, MINE), False, False),
    "another one": (Listing(OLD, OLD), False, False),
    "another one in the next epoch": (Listing("", OLD), False, False),
    "not at all": (Listing("", ""), False, True),
    "nobody knows": (None, False, True),
}


def standby(listing: Listing | None, settings: object = POOL) -> Play:
    play = Play(Node(settings)).to_voting()  # type: ignore[arg-type]
    play.do(ev.ListingSeen(listing))
    return play


def takes(play: Play, seen: Seen, patience_ms: int = 0) -> bool:
    play.do(ev.LeaseSeen(seen))
    play.wait(patience_ms)
    return any(isinstance(command, cmd.Acquire) for _, command in play.log)


@pytest.mark.parametrize(("listing", "old", "own"), LISTED.values(), ids=LISTED)
def test_a_released_lease_is_taken_with_the_right_key_only(listing: Listing | None, old: bool, own: bool) -> None:
    assert takes(standby(listing), RELEASED_BY_OLD) is old
    assert takes(standby(listing), released()) is own


@pytest.mark.parametrize(("listing", "_old", "own"), LISTED.values(), ids=LISTED)
def test_so_is_one_that_nobody_has(listing: Listing | None, _old: bool, own: bool) -> None:
    """A new validator starts on its first host whatever the chain has of it, unless that is another key."""
    vacant = Seen(51, record(state=LeaseState.VACANT, node_id="", validator_public_key=OLD))
    assert takes(standby(listing), vacant, D) is own


def test_beside_a_validator_with_another_key_the_listing_counts_for_nothing() -> None:
    play = standby(Listing(MINE, MINE))
    assert not takes(play, Seen(50, record(validator_public_key=OLD), "b", "session-b"), 5 * D)
    assert "key_fingerprint" in play.node.against


def test_under_another_name_the_listed_key_may_be_another_validators() -> None:
    play = standby(Listing(MINE, MINE), replace(POOL, account_id="default"))
    assert not takes(play, RELEASED_BY_OLD, 5 * D)


def test_a_changed_key_takes_over_when_its_epoch_begins() -> None:
    play = standby(Listing(OLD, MINE))
    assert not takes(play, RELEASED_BY_OLD, D)
    assert any("from the next one on" in one.text for one in readiness.reasons(play.node))
    play.do(ev.ListingSeen(Listing(MINE, MINE)))
    assert takes(play, RELEASED_BY_OLD)


def test_what_neard_does_not_tell_is_as_it_was() -> None:
    play = standby(Listing(OLD, OLD))
    play.do(ev.ListingSeen(None))
    assert not takes(play, released(), D)


def test_what_another_key_has_released_cannot_be_verified_and_is_waited_out_by_the_listed_one() -> None:
    """The records' key follows from the validator key, so that the old one's release is a claim here."""
    claim = claimed(validator_public_key=OLD)
    assert not takes(standby(None), claim, 5 * D)
    assert not takes(standby(Listing(OLD, MINE)), claim, 5 * D)
    play = standby(Listing(MINE, MINE))
    assert not takes(play, claim, D - 1)
    assert takes(play, claim, 1)


def test_the_text_says_what_to_do() -> None:
    play = standby(None)
    assert not takes(play, RELEASED_BY_OLD)
    (text,) = [one.text for one in readiness.reasons(play.node) if one.name == "key_fingerprint"]
    for words in ("b signed last, with ed25519:OLD", f"was given {MINE}", "--validator-key", "is deleted while nobody"):
        assert words in text


# --- how neard is asked


def seat(account: str, key: object) -> dict[str, object]:
    return {"account_id": account, "public_key": key, "stake": "1"}


def asked(result: object) -> Listing:
    with hostile({"/": answer({"jsonrpc": "2.0", "id": 1, "result": result})}) as server:
        return neard_listing.read(NeardRpc("127.0.0.1", server.port, 500), "pool.near")


def test_both_epochs_are_read() -> None:
    now = [seat("other.near", "ed25519:O"), seat("pool.near", OLD)]
    following = [seat("pool.near", MINE)]
    assert asked({"current_validators": now, "next_validators": following}) == Listing(OLD, MINE)
    assert asked({"current_validators": [], "next_validators": []}) == Listing("", "")


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        {},
        {"current_validators": []},
        {"current_validators": [], "next_validators": {}},
        {"current_validators": [seat("pool.near", 7)], "next_validators": []},
        {"current_validators": [seat("pool.near", "")], "next_validators": []},
        {"current_validators": [seat("pool.near", "k" * 201)], "next_validators": []},
        {"current_validators": [seat("pool.near", "a\nb")], "next_validators": []},
        {"current_validators": [7] * 10_001, "next_validators": []},
    ],
)
def test_what_has_another_shape_is_not_known(result: object) -> None:
    with pytest.raises(Unreadable):
        asked(result)
