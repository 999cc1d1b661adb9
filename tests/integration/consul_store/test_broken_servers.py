"""What a broken server says is never a no, and never an exception."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from near_supervisor.core.facts.answer import Answer, Kind
from near_supervisor.io.consul_store import ConsulStore, Unknown
from support.hostile_http import CLOSE, HANG, answer, hostile
from support.lease_holder import CHANGES, NO_SESSION, TTL_MS, member
from support.ports import free_port
from support.records import a_store
from support.waiting import took_s

pytestmark = pytest.mark.integration

TXN_OK = {"Results": [{"KV": {"Key": "another/key", "Session": NO_SESSION}}], "Errors": None}
BROKEN: dict[str, bytes] = {
    "closes": CLOSE,
    "garbage": b"\x16\x03\x01\x02garbage",
    "a greeting": b"SSH-2.0-OpenSSH_9.6\r\n",
    "status 500": answer(b"No cluster leader", "500 Internal Server Error"),
    "status 500 with a 409 inside": answer(b"409 {}", "500 Internal Server Error"),
    "status 503": answer(b"", "503 Service Unavailable"),
    "status 403": answer(b"Permission denied", "403 Forbidden"),
    "status 401": answer(b"ACL support disabled", "401 Unauthorized"),
    "status 400": answer(b"Bad request", "400 Bad Request"),
    "status 404 of a stranger": answer(b"<html>404 Not Found</html>", "404 Not Found"),
    "status 409 of a stranger": answer(b"<html>Conflict</html>", "409 Conflict"),
    "status 409 without reasons": answer({"Errors": []}, "409 Conflict"),
    "status 409, permission denied": answer(
        {"Results": None, "Errors": [{"OpIndex": 0, "What": "Permission denied"}]}, "409 Conflict"
    ),
    "status 429": answer(b"429", "429 Too Many Requests"),
    "status 302 to itself": answer(b"", "302 Found", Location="/"),
    "200 without JSON": answer(b"OK"),
    "200 with nothing": answer(b""),
    "200 nested without end": answer(b"[" * 100_000),
    "200 cut off": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"Results": [',
    "200 and null": answer(None),
    "200 and true": answer(True),
    "200 and a number": answer(7),
    "200 and a list": answer([]),
    "200 and a list of lists": answer([[1]]),
    "200 and an object": answer({}),
    "200 and no results": answer({"Results": [], "Errors": None}),
    "200 and null results": answer({"Results": None, "Errors": None}),
    "200 and errors": answer({"Results": [{"KV": {}}], "Errors": [{"What": "?"}]}),
    "200 and the results of another key": answer(TXN_OK),
    "200 with an index and a wrong entry": answer([{"Value": 7}], X_Consul_Index="3"),
    "200 with an index and no entry": answer({"ID": []}, X_Consul_Index="3"),
    "200 with index zero": answer([], X_Consul_Index="0"),
    "200 with a wild index": answer([], X_Consul_Index="many"),
    "not UTF-8": answer(b'{"Results": ["\xff"]}'),
}  # fmt: skip

QUESTIONS: dict[str, Callable[[ConsulStore], object]] = {
    "look": lambda store: store.look(0, 100),
    "create a session": lambda store: store.create_session("a", TTL_MS, 0),
    "claim a member": lambda store: store.claim_member("a", NO_SESSION, member("one")),
}
SHORT_MS = 300
SOON_S = 5.0


@pytest.mark.parametrize("said", list(BROKEN.values()), ids=list(BROKEN))
def test_a_change_that_a_broken_server_was_asked_for_is_not_known(said: bytes) -> None:
    with hostile(said) as server:
        store = a_store(server.url, "default", SHORT_MS)
        answers = {name: change(store) for name, change in CHANGES.items()}
    assert {name: given.kind for name, given in answers.items()} == dict.fromkeys(CHANGES, Kind.UNKNOWN), answers
    assert all(given.reason for given in answers.values())


@pytest.mark.parametrize("said", list(BROKEN.values()), ids=list(BROKEN))
def test_a_question_to_a_broken_server_has_no_answer(said: bytes) -> None:
    with hostile(said) as server:
        store = a_store(server.url, "default", SHORT_MS)
        for name, question in QUESTIONS.items():
            if name == "look" and said == BROKEN["status 404 of a stranger"]:
                continue  # without X-Consul-Index it is unknown, too; tried below
            with pytest.raises(Unknown) as caught:
                question(store)
            assert server.address in str(caught.value) or "Consul" in str(caught.value) or "lease" in str(caught.value)


@pytest.mark.parametrize("said", list(BROKEN.values()), ids=list(BROKEN))
def test_members_and_housekeeping_survive_a_broken_server(said: bytes) -> None:
    with hostile(said) as server:
        store = a_store(server.url, "default", SHORT_MS)
        store.drop_member("a", NO_SESSION)
        for question in (
            store.members,
            lambda: store.publish_member("a", NO_SESSION, member("one")),
            lambda: store.destroy_session(NO_SESSION),
        ):
            try:
                question()
            except Unknown:
                continue
        # What a renewal is answered with is not looked at beyond its status.
        if not said.startswith(b"HTTP/1.1 200") or b"100\r\n" in said:
            assert store.renew_session(NO_SESSION).kind is Kind.UNKNOWN


@pytest.mark.parametrize(("info", "kind"), [([{"ID": NO_SESSION}], Kind.UNKNOWN), ([], Kind.NO)])
def test_a_renewal_that_is_denied_is_a_no_only_if_a_consistent_read_agrees(info: list[object], kind: Kind) -> None:
    """A Consul leader that was restarted and elected again denies sessions for a moment that are there."""
    denied = answer(f"Session id '{NO_SESSION}' not found".encode(), "404 Not Found")
    seen = answer(info, X_Consul_Index="7")
    script = {f"/v1/session/renew/{NO_SESSION}": denied, f"/v1/session/info/{NO_SESSION}": seen}
    with hostile(script) as server:
        assert a_store(server.url, "default", SHORT_MS).renew_session(NO_SESSION).kind is kind


def test_a_404_without_consuls_index_says_nothing_about_the_lease() -> None:
    with hostile(BROKEN["status 404 of a stranger"]) as server, pytest.raises(Unknown):
        a_store(server.url, "default", SHORT_MS).look(0, 100)


def test_nothing_listening_is_not_known() -> None:
    store = a_store(f"http://127.0.0.1:{free_port()}", "default", SHORT_MS)
    assert {change(store).kind for change in CHANGES.values()} == {Kind.UNKNOWN}
    assert store.renew_session(NO_SESSION).kind is Kind.UNKNOWN
    for question in QUESTIONS.values():
        with pytest.raises(Unknown):
            question(store)


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_server_that_hangs_costs_its_timeout_and_no_more(name: str) -> None:
    with hostile(HANG) as server:
        store = a_store(server.url, "default", SHORT_MS)
        given: list[Answer] = []
        assert took_s(lambda: given.append(CHANGES[name](store))) < SHORT_MS / 1000 + 1
    assert given[0].kind is Kind.UNKNOWN


def test_a_hanging_look_ends_too() -> None:
    def look() -> None:
        with pytest.raises(Unknown):
            a_store(server.url, "default", SHORT_MS).look(5, 100)

    with hostile(HANG) as server:
        assert took_s(look) < SOON_S
