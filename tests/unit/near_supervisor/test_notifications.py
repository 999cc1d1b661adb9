"""What is told to people: each event once, at the right time, and what comes and goes not each time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from near_ha.records.switchover import Action, Phase, Switchover
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES
from near_supervisor.core.facts.consent import Consent
from near_supervisor.core.facts.doppelganger import Look, Mark
from near_supervisor.core.facts.host import Host
from near_supervisor.core.facts.model import Node
from near_supervisor.core.rules.readiness import LASTS_MS
from near_supervisor.notifications import STARTS_MS, Kind, Notification, Told, View, by_hand, news, view
from support.core_play import NO, SETTINGS, Play, held, released

AGAIN_MS = 600_000
STANDBY = View("a", "a", "standby", term=7)
VALIDATOR = View("a", "a", "validator", term=8, leads=True)
NOTHING_THERE = View("a", "a")
DISK = ("disk_full", "no room is left")
KEY = ("key", "the validator key is not there")


@dataclass
class Telling:
    """Views, one after the other, and what was told of them."""

    now: int = 1_000_000
    told: Told = field(default_factory=Told)

    def see(self, seen: View, after: int = 0) -> list[Notification]:
        self.now += after
        self.told, found = news(self.told, seen, self.now, AGAIN_MS)
        return list(found)

    def kinds(self, seen: View, after: int = 0) -> list[str]:
        return [one.kind.value for one in self.see(seen, after)]

    def watch(self, seen: View, duration: int, step: int = 1_000) -> list[Notification]:
        """The same view for a while."""
        found = []
        for _ in range(duration // step):
            found += self.see(seen, step)
        return found


# --- roles


def test_a_change_of_role_is_told_once_with_both_roles() -> None:
    telling = Telling()
    telling.see(STANDBY)
    (told,) = telling.see(VALIDATOR, 10)
    assert (told.kind, told.more) == (Kind.ROLE, {"role": "validator", "before": "standby", "term": 8})
    assert told.text == "a validates (term 8)"
    assert not telling.watch(VALIDATOR, 60_000)
    (told,) = telling.see(replace(NOTHING_THERE, term=8), 10)
    assert (told.more["role"], told.more["before"]) == ("none", "validator")
    (told,) = telling.see(STANDBY, 10)
    assert (told.more["role"], told.more["before"]) == ("standby", "none")


def test_a_standby_that_starts_neard_anew_has_no_other_role() -> None:
    telling = Telling()
    assert telling.kinds(STANDBY) == ["role"]
    assert not telling.see(NOTHING_THERE, 10)
    assert not telling.see(STANDBY, 10)


def test_the_next_supervisor_of_a_signer_tells_nothing_that_is_known() -> None:
    telling = Telling()
    assert not telling.see(NOTHING_THERE)
    assert not telling.see(replace(VALIDATOR, goes_on=True), 10)
    assert telling.kinds(NOTHING_THERE, 10) == ["role"], "its end is news"


# --- readiness


def test_what_lasts_is_told_once_and_its_end_once() -> None:
    telling = Telling()
    telling.see(STANDBY)
    unready = replace(STANDBY, against=(DISK,))
    assert not telling.watch(unready, LASTS_MS)
    (told,) = telling.watch(unready, AGAIN_MS * 3)
    assert (told.kind, told.more) == (Kind.UNREADY, {"reasons": [{"name": "disk_full", "text": "no room is left"}]})
    (told,) = telling.watch(STANDBY, AGAIN_MS)
    assert (told.kind, told.text) == (Kind.READY, "a is ready to take over again")


def test_what_is_over_in_a_moment_is_not_told() -> None:
    telling = Telling()
    telling.see(STANDBY)
    for _ in range(20):
        assert not telling.watch(replace(STANDBY, against=(DISK,)), LASTS_MS - 1_000)
        assert not telling.see(STANDBY, 500)


def test_one_that_comes_and_goes_is_told_at_most_once_in_each_period() -> None:
    telling, found = Telling(), []
    telling.see(STANDBY)
    began = telling.now
    while telling.now < began + 3 * AGAIN_MS:
        found += telling.watch(replace(STANDBY, against=(DISK,)), LASTS_MS + 2_000)
        found += telling.watch(STANDBY, LASTS_MS + 2_000)
    unready = [one for one in found if one.kind is Kind.UNREADY]
    assert 3 <= len(unready) <= 4
    assert len([one for one in found if one.kind is Kind.READY]) == len(unready)


def test_another_reason_is_news_and_the_end_comes_when_all_are_gone() -> None:
    telling = Telling()
    telling.see(STANDBY)
    assert len(telling.watch(replace(STANDBY, against=(DISK,)), 2 * LASTS_MS)) == 1
    (told,) = telling.watch(replace(STANDBY, against=(DISK, KEY)), 2 * LASTS_MS)
    assert [one["name"] for one in told.more["reasons"]] == ["disk_full", "key"]
    assert not telling.watch(replace(STANDBY, against=(KEY,)), 2 * LASTS_MS)
    # Known before, and now for a moment only: people still believe that it is not ready.
    assert not telling.watch(replace(STANDBY, against=(DISK,)), 2 * LASTS_MS)
    assert [one.kind for one in telling.watch(STANDBY, 2 * LASTS_MS)] == [Kind.READY]


def test_a_start_takes_its_time() -> None:
    telling, starts = Telling(), replace(NOTHING_THERE, against=(("state", "is Startup"),))
    assert not telling.watch(starts, STARTS_MS - 1_000)
    assert [one.kind for one in telling.watch(starts, 5_000)] == [Kind.UNREADY]


@pytest.mark.parametrize("seen", [VALIDATOR, replace(STANDBY, closing=True)], ids=["it took over", "it stops"])
def test_who_is_no_standby_is_neither_ready_nor_not(seen: View) -> None:
    telling = Telling()
    telling.see(STANDBY)
    telling.watch(replace(STANDBY, against=(DISK,)), 2 * LASTS_MS)
    assert Kind.READY not in [one.kind for one in telling.watch(replace(seen, against=(KEY,)), 2 * LASTS_MS)]


# --- vetoes


def test_a_doppelganger_is_told_at_once_and_its_end() -> None:
    telling = Telling()
    telling.see(STANDBY)
    vetoed = replace(STANDBY, leads=True, term=8, doppelganger="block 7 has an approval of this validator")
    (told,) = telling.see(vetoed, 10)
    assert (told.kind, told.more["by"]) == (Kind.VETO, "doppelganger")
    assert "block 7" in told.text
    assert not telling.watch(vetoed, 60_000)
    assert telling.kinds(replace(vetoed, doppelganger=""), 10) == ["veto_over"]
    assert not telling.see(vetoed, 10), "in the same term it is known for a while"
    assert telling.kinds(vetoed, AGAIN_MS) == ["veto"]


def test_the_no_of_a_hook_is_told_once_for_each_request() -> None:
    telling = Telling()
    telling.see(STANDBY)
    assert not telling.see(replace(STANDBY, consent=Consent("r1")), 10)
    vetoed = replace(STANDBY, consent=Consent("r1", go=False, reason="backup runs"))
    (told,) = telling.see(vetoed, 10)
    assert (told.kind, told.more) == (Kind.VETO, {"by": "pre_takeover", "reason": "backup runs", "request": "r1"})
    assert not telling.see(vetoed, 10)
    assert not telling.see(replace(STANDBY, consent=Consent("r2", go=True)), 10)


# --- switchovers

ASKED = Switchover("r1", Action.PROMOTE, "a", "alice", "new kernel", 0, term=7)
DONE = ASKED.accepted("b", 7, "a", 0).ended(Phase.DONE, "a", 0, "a validates", 1_250)


def test_the_end_of_a_switchover_is_told_by_the_one_that_ended_it() -> None:
    for name, times in (("a", 1), ("b", 0)):
        telling, seen = Telling(), replace(STANDBY, member_id=name)
        telling.see(replace(seen, request=ASKED))
        found = [one for one in telling.see(replace(seen, request=DONE), 10) if one.kind is Kind.SWITCHOVER]
        assert len(found) == times
    telling.see(replace(STANDBY, request=ASKED))
    (told,) = telling.see(replace(STANDBY, request=DONE), 10)
    assert told.text == "the switchover that alice asked for is done: a validates; nobody signed for 1.25 s"
    assert told.more["request"]["phase"] == "done"


def test_one_that_failed_says_why() -> None:
    telling = Telling()
    telling.see(replace(STANDBY, request=ASKED))
    (told,) = telling.see(replace(STANDBY, request=ASKED.ended(Phase.FAILED, "a", 0, "b is not ready")), 10)
    assert told.text == "the switchover that alice asked for has failed: b is not ready"


def test_one_that_had_ended_before_the_supervisor_began_is_old() -> None:
    assert [one.kind for one in Telling().see(replace(STANDBY, request=DONE))] == [Kind.ROLE]


# --- of a supervisor at work


def follow(play: Play, telling: Telling) -> list[Notification]:
    return telling.see(replace(view(play.node, play.now)), 0)


def test_a_failover_as_the_core_plays_it() -> None:
    play, telling = Play(), Telling()
    play.to_voting()
    assert [one.more["role"] for one in follow(play, telling)] == ["standby"]
    play = Play().to_leadership()
    assert not follow(play, telling)
    play = Play().to_validating()
    (told,) = follow(play, telling)
    assert (told.more["role"], told.more["term"]) == ("validator", 8)
    play.heartbeat(NO)
    play.do(ev.NeardExited(200, "signal 9 (SIGKILL)"))
    (told,) = follow(play, telling)
    assert told.more["role"] == "none"


def test_a_signer_that_stops_validates_until_its_neard_is_gone() -> None:
    play, telling = Play().to_validating(), Telling()
    follow(play, telling)
    play.do(ev.StopAsked("SIGTERM"))
    assert not follow(play, telling)
    play.do(ev.NeardExited(200, "exit code 0"))
    assert [one.more["role"] for one in follow(play, telling)] == ["none"]


def test_the_reasons_are_those_that_keep_it_from_being_ready() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held()), after=10)
    play.do(ev.HostSeen(Host(disk_free_bytes=100, nofile=10)))
    assert [name for name, _text in view(play.node, play.now).against] == ["disk_full"], "limits are only noted"


def test_the_veto_of_the_doppelganger_check_is_seen() -> None:
    play = Play(shows_chain=False).to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(YES))
    out = play.two_heads(head_age_ms=0)
    probe = [one for one in out if isinstance(one, cmd.ProbeChain)][-1]
    assert view(play.node, play.now).doppelganger == ""
    head = play.node.sync.height
    play.do(ev.ChainProbed(probe.above, Look(probe.above, head, Mark(head, "a block"))))
    assert "a block of this validator" in view(play.node, play.now).doppelganger


# --- what is sent


def test_the_document_says_whose_it_is() -> None:
    document = by_hand(Kind.TEST, "does it arrive?", "root").document(SETTINGS, 3, 1_700_000_000_000)
    expected: dict[str, Any] = {
        "event": "test", "text": "does it arrive?", "account_id": "default", "node_id": "a", "hostname": "host-a",
        "number": 3, "at_ms": 1_700_000_000_000, "by": "root",
    }  # fmt: skip
    assert document == expected


def test_a_view_is_made_of_any_facts() -> None:
    assert view(Node(SETTINGS), 0).role == "none"
