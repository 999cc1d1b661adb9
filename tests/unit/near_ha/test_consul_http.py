"""The small Consul client, against answers that Consul gives and answers that it never would."""

from __future__ import annotations

import base64
import ssl
from typing import Any

import pytest

from near_ha.errors import BadConfig, ConsulRefused, ConsulUnknown, NearError
from near_ha.operator.cluster_options import Access
from near_ha.records.wire import Entry
from near_ha.transport.consul_http import Agents, ConsulHttp, addresses
from support.hostile_http import CLOSE, DRIBBLE, FLOOD, HANG, HostileServer, answer, hostile
from support.ports import free_port
from support.waiting import took_s

ACCOUNT = "my.pool.near"
LEASE, PREFIX = f"kuutamod-leader/{ACCOUNT}", f"near-supervisor/{ACCOUNT}/"
TOKEN = "a-secret-token-of-some-length"
TIMEOUT_S = 0.4
NOTHING = answer(b"", "404 Not Found", X_Consul_Index="7")


def item(key: str = LEASE, **changes: Any) -> dict[str, Any]:
    value = base64.b64encode(b"{}").decode()
    return {"Key": key, "Value": value, "ModifyIndex": 5, "LockIndex": 1, "Flags": 0, **changes}


def found(*items: object) -> bytes:
    return answer(list(items), X_Consul_Index="7")


def client(*servers: HostileServer, token: str = TOKEN) -> ConsulHttp:
    return ConsulHttp(Agents(addresses([server.url for server in servers], None), token), TIMEOUT_S)


def trouble(said: bytes) -> NearError:
    """What is said of a server that answers everything with ``said``; the same for reading and writing."""
    with hostile(said) as server:
        sentences = []
        for ask in (
            lambda: client(server).entries(ACCOUNT),
            lambda: client(server).accounts(),
            lambda: client(server).check_and_set("k", 1, "v"),
        ):
            with pytest.raises(NearError) as caught:
                ask()
            assert server.address in str(caught.value)
            assert TOKEN not in str(caught.value)
            sentences.append(caught.value)
    return sentences[0]


def test_entries_are_the_lease_and_all_below_the_prefix() -> None:
    member = item(f"{PREFIX}members/a", Session="s", Value=None)
    with hostile({f"/v1/kv/{PREFIX}": found(member), f"/v1/kv/{LEASE}": found(item())}) as server:
        assert client(server).entries(ACCOUNT) == (
            Entry(f"{PREFIX}members/a", b"", 5, "s"),
            Entry(LEASE, b"{}", 5, None),
        )
        # The lease last: whoever sees a request that is done sees the lease that it led to.
        assert server.requests == [f"GET /v1/kv/{PREFIX}", f"GET /v1/kv/{LEASE}"]


def test_nothing_is_there() -> None:
    with hostile(NOTHING) as server:
        assert client(server).entries(ACCOUNT) == ()
        assert client(server).accounts() == ()


def test_an_empty_list_is_looked_behind_for_a_403() -> None:
    """Consul leaves out of a list what the token may not read, and says so only of a single key."""
    script = {
        f"/v1/kv/{PREFIX}": NOTHING,
        f"/v1/kv/{LEASE}": NOTHING,
        "*": answer(b"Permission denied", "403 Forbidden"),
    }
    with hostile(script) as server, pytest.raises(ConsulRefused, match=f"may not read {PREFIX}config"):
        client(server).entries(ACCOUNT)


@pytest.mark.parametrize(("said", "stored"), [(b"true", True), (b"false\n", False)])
def test_check_and_set_has_two_answers(said: bytes, stored: bool) -> None:
    with hostile(answer(said)) as server:
        assert client(server).check_and_set("k", 3, "v") is stored


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (answer(b"No cluster leader", "500 Internal Server Error"), "has no leader. Wait until a majority"),
        (answer(b"rpc error making call: No cluster leader", "500 Internal Server Error"), "has no leader"),
        (answer(b"Client sent an HTTP request to an HTTPS server.\n", "400 Bad Request"), "wants https"),
        (answer(b"Service Unavailable", "503 Service Unavailable"), "answers HTTP 503: Service Unavailable"),
        (answer(TOKEN.encode(), "500 Internal Server Error"), "answers HTTP 500: …"),
        (answer(b"\x1b[31mred\x07", "500 Internal Server Error"), "answers HTTP 500: [31mred"),
        (answer(b"", "302 Found", Location="http://127.0.0.1:1/"), "answers HTTP 302: nothing more"),
    ],
)
def test_a_consul_that_cannot_answer_has_a_sentence_of_its_own(said: bytes, sentence: str) -> None:
    error = trouble(said)
    assert isinstance(error, ConsulUnknown)
    assert sentence in str(error)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b"ACL not found", "does not know the token (HTTP 403)"),
        (b"Permission denied", "the token may not read near-supervisor/my.pool.near/"),
        (b"rpc error making call: Permission denied", "the token may not read"),
    ],
)
def test_a_refusal_is_told_from_a_failure(said: bytes, sentence: str) -> None:
    error = trouble(answer(said, "403 Forbidden"))
    assert isinstance(error, ConsulRefused)
    assert sentence in str(error)


def test_who_has_no_token_is_told_to_get_one() -> None:
    with hostile(answer(b"Permission denied", "403 Forbidden")) as server, pytest.raises(ConsulRefused) as caught:
        client(server, token="").entries(ACCOUNT)
    assert "does not let anybody without a token read" in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        answer({"a": 1}),
        answer(b"not json", X_Consul_Index="7"),
        answer(b"[" * 100_000, X_Consul_Index="7"),
        answer([]),
        answer([item()]),
        answer(b"", "404 Not Found"),
        found("text"),
        found(item(Key=7)),
        found(item(Value="***")),
        found(item(Value=5)),
        found(item(ModifyIndex="5")),
        found(item(ModifyIndex=-1)),
        found(item(ModifyIndex=True)),
        found(item(Session=["s"])),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + FLOOD,
    ],
)
def test_what_is_not_consul_is_called_so(said: bytes) -> None:
    error = trouble(said)
    assert isinstance(error, ConsulUnknown)
    assert "is not Consul. Is that the right address" in str(error)


@pytest.mark.parametrize("said", [HANG, DRIBBLE, CLOSE])
def test_silence_ends_in_time(said: bytes) -> None:
    with hostile(said) as server:

        def ask() -> None:
            with pytest.raises(ConsulUnknown, match="Consul"):
                client(server).entries(ACCOUNT)

        assert took_s(ask) < 10 * TIMEOUT_S


def test_the_next_agent_is_asked_and_remembered() -> None:
    with hostile(HANG) as hung, hostile(NOTHING) as well:
        consul = client(hung, well)
        assert consul.entries(ACCOUNT) == ()
        assert len(hung.requests) == 1
        assert len(well.requests) == 3


def test_a_refusal_is_the_answer_of_all() -> None:
    with hostile(answer(b"Permission denied", "403 Forbidden")) as first, hostile(NOTHING) as second:
        with pytest.raises(ConsulRefused):
            client(first, second).entries(ACCOUNT)
        assert second.requests == []


def test_tls_that_fails_is_said_to_be_that() -> None:
    with hostile(CLOSE) as server:
        tls = addresses([server.url.replace("http:", "https:")], ssl.create_default_context())
        with pytest.raises(ConsulUnknown, match=r"Consul at https://127.0.0.1:\d+"):
            ConsulHttp(Agents(tls), TIMEOUT_S).entries(ACCOUNT)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8500",
        "ftp://h",
        "http://",
        "http://h:0",
        "http://h:99999",
        "http://h/x",
        "http://h?x",
        "http://u:p@h",
    ],
)
def test_a_url_that_is_none_is_quoted_without_its_password(url: str) -> None:
    with pytest.raises(BadConfig, match="the Consul URL") as caught:
        addresses([url], None)
    assert "u:p" not in str(caught.value)


def test_addresses_have_consuls_port_where_none_is_given() -> None:
    assert [(a.host, a.port) for a in addresses(["http://h", "http://[::1]:1/"], None)] == [("h", 8500), ("::1", 1)]


@pytest.mark.parametrize(
    ("access", "sentence"),
    [
        (
            Access(consul_urls=("http://h",), ca_file="/ca.pem"),
            "the CA file /ca.pem is given, but no Consul URL is https",
        ),
        (Access(consul_urls=("https://h",), ca_file="/nonexistent"), "the TLS files cannot be used (No such file"),
        (Access(consul_urls=("http://h",), token="a\nb"), "the Consul token is not a token"),
        (
            Access(consul_urls=("http://h",), token_file="/nonexistent"),
            "the Consul token file /nonexistent cannot be read",
        ),
    ],
)
def test_options_that_cannot_work_are_said_before_anybody_is_asked(access: Access, sentence: str) -> None:
    with pytest.raises(BadConfig) as caught:
        access.agents()
    assert sentence in str(caught.value)


def test_no_token_shows_in_a_repr() -> None:
    access = Access(consul_urls=(f"http://127.0.0.1:{free_port()}",), token=TOKEN)
    assert TOKEN not in repr(access) + repr(access.agents())
