"""What a neard can do, by its version; of what names no release nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import hot_takeover
from near_supervisor.core.facts.abilities import Ability, has, unknown
from near_supervisor.core.facts.settings import Strategy
from support.core_play import SETTINGS, Play

DOCUMENT = (Path(__file__).parents[3] / "docs" / "explanation" / "hot-takeover.md").read_text()


@pytest.mark.parametrize(
    ("version", "takes_key", "keeps_data"),
    [
        ("1.34.0", False, False),
        ("1.40.0", False, False),
        ("2.0.0", False, False),
        ("2.1.1", False, False),
        ("2.2.0-rc.1", True, False),
        ("2.2.0", True, False),
        ("2.9.1", True, False),
        ("2.10.0", True, False),
        ("2.10.7", True, False),
        ("2.11.0-rc.1", True, True),
        ("2.11.0", True, True),
        ("2.13.0", True, True),
        ("3.0.0", True, True),
        ("10.0.0", True, True),
        ("trunk", None, None),
        ("", None, None),
        ("2.11", None, None),
        ("2.11.x", None, None),
        ("v2.11.0", None, None),
        ("nightly-2026-06-22", None, None),
        ("²." * 2 + "²", None, None),
        ("2." + "9" * 5_000 + ".0", None, None),
    ],
)
def test_what_each_version_can(version: str, takes_key: bool | None, keeps_data: bool | None) -> None:
    assert has(version, Ability.TAKES_KEY) is takes_key
    assert has(version, Ability.KEEPS_SHADOWS_DATA) is keeps_data


@pytest.mark.parametrize("ability", Ability)
def test_the_first_release_of_each_is_in_the_document(ability: Ability) -> None:
    assert f"| {ability.first} |" in DOCUMENT


@pytest.mark.parametrize(
    ("version", "words"),
    [("trunk", "calls itself trunk"), ("", "does not say its version"), ("mine", "version 'mine' is no release")],
)
def test_what_names_no_release_is_a_reason_of_its_own(version: str, words: str) -> None:
    assert words in unknown(version)
    play = standby(version)
    assert words in hot_takeover.against(play.node)
    assert "nobody knows whether it takes a key while it runs" in hot_takeover.against(play.node)


def standby(version: str, **changes: object) -> Play:
    settings = {"strategy": Strategy.AUTO, "validator_account_id": "pool.near", "keeps_shards_of": "pool.near"}
    play = Play()
    play.node = replace(play.node, settings=replace(SETTINGS, **{**settings, **changes}))  # type: ignore[arg-type]
    for event in (ev.Tick(), ev.GuardReady(), ev.NeardStarted(100, armed=False)):
        play.do(event)
    play.poll(version=version, chain_id="mainnet")
    return play


def remarks(play: Play) -> list[str]:
    said = [command for _, command in play.log if isinstance(command, cmd.Log)]
    return [one.message for one in said if "state-transition data" in one.message]


@pytest.mark.parametrize(("version", "told"), [("2.10.0", True), ("2.11.0", False), ("trunk", False)])
def test_a_shadow_of_an_older_neard_is_told_what_its_first_chunks_may_lack(version: str, told: bool) -> None:
    play = standby(version)
    play.poll(version=version, chain_id="mainnet")
    assert len(remarks(play)) == told
    if told:
        assert "neard 2.10.0" in remarks(play)[0]
        assert "2.11" in remarks(play)[0]
    assert not remarks(standby(version, keeps_shards_of="*"))
