"""Which agent is asked, by what right, whatever the environment says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from near_ha.errors import BadConfig
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_store import Unknown
from support.guarded_consul import MASTER, guarded
from support.hostile_http import answer, hostile
from support.lease_holder import (
    CHANGES,
    NO_SESSION,
    TIMEOUT_MS,
    TTL_MS,
    acquire,
    holder,
    index,
    member,
    refused,
    session,
    vacant,
    value,
)
from support.ports import free_port
from support.real_consul import RealConsul
from support.records import a_store
from support.waiting import until

__all__ = ["guarded"]

pytestmark = pytest.mark.integration

NO_LEADER = answer(b"No cluster leader", "500 Internal Server Error")

# --- rights


def test_a_token_that_lost_its_rights_is_told_nothing_not_no(
    guarded: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSUL_HTTP_TOKEN", raising=False)
    store = a_store(guarded.url, "default", TIMEOUT_MS)
    answers = {name: change(store) for name, change in CHANGES.items()}
    assert {name: given.kind for name, given in answers.items()} == dict.fromkeys(CHANGES, Kind.UNKNOWN), answers
    assert "ermission denied" in answers["heartbeat"].reason
    with pytest.raises(Unknown, match="ermission denied"):
        store.create_session("a", TTL_MS, 0)


def test_a_token_of_the_environment_is_used_for_every_call(
    guarded: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", MASTER)
    store = a_store(guarded.url, "default", TIMEOUT_MS)
    # The token itself takes a moment to exist after the election.
    until("the token is known", lambda: _tried(lambda: store.create_session("b", TTL_MS, 0)), guarded.evidence)
    mine = holder(store)
    assert store.heartbeat(mine, value()).kind is Kind.YES
    assert store.look(0, 1_000)[1].session == mine
    assert store.claim_member("a", mine, member("one")) is None
    assert len(store.members()) == 1
    assert store.renew_session(mine).kind is Kind.YES


def _tried(question: Callable[[], str]) -> str:
    try:
        return question()
    except Unknown:
        return ""


# --- the list of agents


def test_after_a_dont_know_the_next_agent_is_asked_and_stays_the_one(consul: RealConsul, account: str) -> None:
    with hostile(NO_LEADER) as broken:
        store = a_store(f"{broken.url}, http://127.0.0.1:{free_port()},{consul.url}", account, TIMEOUT_MS)
        first, second = store.heartbeat(NO_SESSION, value()), store.heartbeat(NO_SESSION, value())
        assert (first.kind, second.kind) == (Kind.UNKNOWN, Kind.UNKNOWN)
        mine = store.create_session("a", TTL_MS, 0)
        assert store.note_vacancy(vacant(), None).kind is Kind.YES
        assert acquire(store, How.TAKEOVER, index(store), mine, value()).kind is Kind.YES
        assert store.heartbeat(mine, value()).kind is Kind.YES
        assert len(broken.requests) == 1


def test_after_a_no_the_same_agent_is_asked_again(consul: RealConsul, account: str) -> None:
    with hostile(NO_LEADER) as broken:
        store = a_store(f"{consul.url},{broken.url}", account, TIMEOUT_MS)
        refused(store.heartbeat(NO_SESSION, value()), "")
        refused(store.heartbeat(NO_SESSION, value()), "")
        assert broken.requests == []


def test_the_last_agent_is_followed_by_the_first(consul: RealConsul, account: str) -> None:
    store = a_store(f"{consul.url},http://127.0.0.1:{free_port()}", account, TIMEOUT_MS)
    store._next_agent()
    assert store.heartbeat(NO_SESSION, value()).kind is Kind.UNKNOWN
    assert store.heartbeat(NO_SESSION, value()).kind is Kind.NO


# --- the environment


@pytest.mark.parametrize("variable", ["CONSUL_HTTP_ADDR", "http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_no_variable_sends_us_to_another_agent_than_the_url_says(
    consul: RealConsul, account: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with hostile(NO_LEADER) as other:
        monkeypatch.setenv(variable, other.address if variable == "CONSUL_HTTP_ADDR" else other.url)
        store = a_store(consul.url, account, TIMEOUT_MS)
        assert store.heartbeat(session(store), value()).kind is Kind.NO
        assert other.requests == []


def test_a_malformed_address_in_the_environment_stops_nobody_or_says_so(
    consul: RealConsul, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "https://consul.example:8501:x")
    try:
        store = a_store(consul.url, account, TIMEOUT_MS)
    except BadConfig as error:
        assert "CONSUL_HTTP_ADDR" in str(error)
        assert error.hint
        return
    assert store.heartbeat(session(store), value()).kind is Kind.NO


PLAIN = re.compile(r"[a-zA-Z0-9,_./?&=-]+")


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b", "ä", "a&b=c", 'a"b', "a.b"])
def test_an_account_of_any_letters_is_one_and_the_same_key_for_every_call(
    consul: RealConsul, account: str, name: str
) -> None:
    store = a_store(consul.url, f"{name}-{account}", TIMEOUT_MS)
    try:
        mine = holder(store)
    except Unknown as error:
        # Consul 1.21 takes no other letters in a key, to read or to write: nobody gets a lease of that name, and is
        # told why.
        assert "invalid key name" in str(error)
        assert not PLAIN.fullmatch(name)
        return
    assert store.look(0, 1_000)[1].session == mine
    assert store.claim_member(name, mine, member("one")) is None
    assert [found.member_id for found in store.members()] == [name]
