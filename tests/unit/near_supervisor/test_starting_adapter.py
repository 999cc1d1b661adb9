"""When a node says that it starts, and when it stops to say so."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from near_supervisor.adapters import starting
from near_supervisor.adapters.starting import AGAIN_MS, BEGINS_MS, StartingAdapter
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES, Answer
from near_supervisor.io.consul_store import Unknown
from support.core_play import NO, Play


class Store:
    """Notes what it is asked for; ``renews`` is what it says of the session."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.renews: Answer = YES
        self.is_silent = False

    def create_session(self, name: str, _ttl_ms: int, _lock_delay_ms: int, behavior: str) -> str:
        if self.is_silent:
            raise Unknown("no answer")
        self.asked.append(f"create {name} {behavior}")
        return f"s{len(self.asked)}"

    def renew_session(self, _session: str) -> Answer:
        return self.renews

    def publish_starting(self, node_id: str, session: str, member: Any) -> None:
        self.asked.append(f"{node_id} {session} {member.state} {member.ready} {member.reason}")

    def destroy_session(self, session: str) -> None:
        self.asked.append(f"destroy {session}")


class AtOnce:
    """A worker that does what it is given before it returns."""

    def __init__(self, _name: str) -> None:
        pass

    def submit(self, work: Callable[[], None], _otherwise: Callable[[], None]) -> None:
        work()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(starting, "ConsulStore", lambda *_given: made)
    monkeypatch.setattr(starting, "Worker", AtOnce)
    return made


@pytest.fixture
def adapter(store: Store) -> StartingAdapter:
    names = ("consul_url", "account_id", "record_key", "consul_access")
    options: Any = SimpleNamespace(**dict.fromkeys(names), node_id="a", lease_ms=10_000)

    def member(news: cmd.PublishMember) -> Any:
        return SimpleNamespace(state=news.state, ready=news.ready, reason=news.reason)

    return StartingAdapter(options, "a", member)


def begun() -> Play:
    play = Play()
    play.do(ev.Tick())
    return play


def test_it_says_what_it_waits_for_until_it_is_a_member(store: Store, adapter: StartingAdapter) -> None:
    play = begun()
    adapter.turn(0, play.node)
    assert store.asked == [], "one that is there at once needs say nothing"
    adapter.turn(BEGINS_MS, play.node)
    adapter.turn(BEGINS_MS + 1, play.node)
    assert store.asked == ["create a delete", "a s1 Startup False is Startup, waits for its guard"]
    play.do(ev.GuardReady())
    adapter.turn(BEGINS_MS + 2, play.node)
    assert store.asked[2:] == ["a s1 Startup False is Startup, waits for neard to be started"]
    adapter.turn(BEGINS_MS + 2 + AGAIN_MS, play.node)
    assert len(store.asked) == 4, "again, so that its session lives"
    adapter.turn(BEGINS_MS + 3 + AGAIN_MS, Play().to_voting().node)
    adapter.turn(BEGINS_MS + 4 + AGAIN_MS, Play().to_voting().node)
    assert store.asked[4:] == ["destroy s1"]


def test_a_session_that_is_gone_is_made_again_and_a_consul_that_is_silent_is_asked_again(
    store: Store, adapter: StartingAdapter
) -> None:
    node, store.is_silent = begun().node, True
    adapter.turn(0, node)
    adapter.turn(BEGINS_MS, node)
    assert store.asked == []
    store.is_silent = False
    adapter.turn(BEGINS_MS + AGAIN_MS, node)
    store.renews = NO
    adapter.turn(BEGINS_MS + 2 * AGAIN_MS, node)
    assert [asked for asked in store.asked if asked.startswith("create")] == ["create a delete"] * 2


def test_it_takes_its_record_with_it(store: Store, adapter: StartingAdapter) -> None:
    play = begun()
    adapter.close()
    assert store.asked == []
    adapter.turn(0, play.node)
    adapter.turn(BEGINS_MS, play.node)
    play.do(ev.StopAsked("SIGTERM"))
    adapter.turn(BEGINS_MS + 1, play.node)
    adapter.close()
    assert store.asked[2:] == ["destroy s1"]
