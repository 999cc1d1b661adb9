"""Leases of other names: one that may be this validator's is a reason to wait, before anybody has held ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.lease_view import Seen
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.other_locks import OtherLock
from support.core_play import SETTINGS, D, Play, released

KUUTAMOD = OtherLock("default-of-kuutamod", "kuutamod-1")
SAME_KEY = OtherLock("old.near", "validator-1", SETTINGS.validator_public_key)
OTHER_VALIDATOR = OtherLock("two.near", "validator-9", "ed25519:OTHER")


def standby(*locks: OtherLock, known: tuple[str, ...] = (), asked: bool = True) -> Play:
    """A new cluster's first node, which has waited for longer than a vacancy takes."""
    play = Play(Node(replace(SETTINGS, other_locks=known))).to_voting()
    play.do(ev.MembersSeen(play.now, (), locks if asked else None))
    play.do(ev.LeaseSeen(Seen(None)))
    return play


def notes_vacancy(play: Play) -> bool:
    return any(isinstance(command, cmd.MarkMissing) for _, command in play.log)


def text(play: Play) -> str:
    return next((one.text for one in readiness.reasons(play.node) if one.name == "other_lock"), "")


def test_a_kuutamod_under_another_name_keeps_the_first_node_from_trying() -> None:
    play = standby(KUUTAMOD)
    play.wait(20 * D)
    assert not notes_vacancy(play)
    for words in ("kuutamod-leader/default-of-kuutamod (kuutamod-1)", "--account-id", "--other-locks default-of-kuut"):
        assert words in text(play)
    assert "other_lock" in play.said()
    play.do(ev.MembersSeen(play.now, (), ()))
    assert notes_vacancy(play), "it has gone"


@pytest.mark.parametrize("locks", [(), (OTHER_VALIDATOR,)])
def test_whoever_is_surely_another_validator_is_no_reason(locks: tuple[OtherLock, ...]) -> None:
    assert notes_vacancy(standby(*locks))


def test_nor_is_one_that_is_known_to_be() -> None:
    assert notes_vacancy(standby(KUUTAMOD, known=("x", KUUTAMOD.account_id)))
    assert not notes_vacancy(standby(KUUTAMOD, known=("x",)))


def test_once_somebody_of_this_name_has_held_the_lease_it_is_none() -> None:
    play = Play().to_voting()
    play.do(ev.MembersSeen(play.now, (), (KUUTAMOD,)))
    assert play.one(cmd.Acquire, play.do(ev.LeaseSeen(released())))


def test_the_same_key_under_another_name_always_is() -> None:
    """A supervisor of the version before knows no lock of the key."""
    play = Play().to_voting()
    play.do(ev.MembersSeen(play.now, (), (SAME_KEY,)))
    play.do(ev.LeaseSeen(released()))
    play.wait(20 * D)
    assert not play.one(cmd.Acquire, [command for _, command in play.log if isinstance(command, cmd.Acquire)])
    assert "kuutamod-leader/old.near (validator-1)" in text(play)


def test_what_is_not_known_is_no_reason_and_what_was_known_stays() -> None:
    assert notes_vacancy(standby(asked=False))
    play = standby(KUUTAMOD)
    play.do(ev.MembersSeen(play.now, None))
    assert text(play)
