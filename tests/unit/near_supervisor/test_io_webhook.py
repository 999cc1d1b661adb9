"""A post to an operator's address, and everything that an address can do to it; its secrets are nowhere else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from near_ha.errors import BadConfig
from near_supervisor.io.webhook import Posted, Webhook
from support.accepting import Accepting
from support.hostile_http import CLOSE, DRIBBLE, FLOOD, HANG, HostileServer, answer

TIMEOUT_MS = 10_000
SHORT_MS = 500


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer({})
    yield server
    server.close()


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o400)
    return path


def post(webhook: Webhook, timeout_ms: int = TIMEOUT_MS) -> Posted:
    return webhook.post(b'{"event": "test"}', "near-supervisor/test", timeout_ms)


class Listening:
    """Keeps what one client has sent, and answers 204."""

    def __init__(self) -> None:
        self.heard = b""
        self._accepting = Accepting(self._serve)
        self.url = f"http://127.0.0.1:{self._accepting.port}"

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        while b"\r\n\r\n" not in self.heard or not self.heard.endswith(b"}"):
            self.heard += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def close(self) -> None:
        self._accepting.close()


@pytest.fixture
def listening() -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.close()


@pytest.mark.parametrize(
    ("token", "header"),
    [("abc123\n", "Authorization: Bearer abc123"), ("X-Api-Key: k 1\n", "X-Api-Key: k 1"), ("X-Key:k\n", "X-Key: k")],
)
def test_it_is_posted_as_json_with_the_token(listening: Listening, tmp_path: Path, token: str, header: str) -> None:
    token_file = secret(tmp_path / "token", token)
    assert post(Webhook(f"{listening.url}/a/b?c=d", token_file=token_file)) == Posted()
    head, body = listening.heard.split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a/b?c=d HTTP/1.1"
    assert {header, "Content-Type: application/json", "User-Agent: near-supervisor/test"} <= set(lines)
    assert body == b'{"event": "test"}'


@pytest.mark.parametrize(
    ("said", "problem", "again"),
    [
        (answer(b"ok"), "", False),
        (answer(b"", status="202 Accepted"), "", False),
        (answer(b"no", status="500 Oops"), "answers with status 500", True),
        (answer(b"no", status="429 Slow down"), "answers with status 429", True),
        (answer(b"no", status="403 Forbidden"), "answers with status 403", False),
        (CLOSE, "", True),
        (b"SSH-2.0-OpenSSH\r\n", "", True),
        (answer(b"ok").removesuffix(b"ok") + FLOOD, "", False),
        (b"HTTP/1.1 200 OK\r\n\r\n" + FLOOD, "it is larger than", True),
    ],
    ids=["200", "202", "500", "429", "403", "closed", "no HTTP", "more than promised", "a body without end"],
)
def test_each_answer(server: HostileServer, said: bytes, problem: str, again: bool) -> None:
    server.script = {"*": said}
    posted = post(Webhook(server.url))
    assert problem in posted.problem
    assert posted.again is again
    assert bool(posted.problem) is (bool(problem) or again)


@pytest.mark.parametrize("said", [HANG, DRIBBLE], ids=["hangs", "dribbles"])
def test_one_that_takes_its_time_is_given_up(server: HostileServer, said: bytes) -> None:
    server.script = {"*": said}
    began = monotonic()
    assert post(Webhook(server.url), SHORT_MS) == Posted(f"{server.url}/...: no answer in time", again=True)
    assert monotonic() - began < 5


def test_a_redirect_is_not_followed(server: HostileServer) -> None:
    server.script = {"/here": answer(b"", status="307 There", Location=f"{server.url}/there"), "/there": answer(b"")}
    posted = post(Webhook(f"{server.url}/here"))
    assert posted == Posted(f"{server.url}/... answers with status 307, and redirects are not followed")
    assert server.requests == ["POST /here"]


def test_a_proxy_of_the_environment_is_not_asked(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.script = {"*": answer(b"")}
    assert post(Webhook(server.url)) == Posted()


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert post(Webhook(url)) == Posted(f"{url}/...: Connection refused", again=True)


def test_its_files_are_read_again_for_each_post(listening: Listening, server: HostileServer, tmp_path: Path) -> None:
    url_file, token_file = secret(tmp_path / "url", f"{server.url}/old\n"), secret(tmp_path / "token", "old")
    webhook = Webhook(url_file=url_file, token_file=token_file)
    for path, text in ((url_file, f"{listening.url}/new"), (token_file, "new")):
        path.unlink()
        secret(path, text)
    assert post(webhook) == Posted()
    assert b"POST /new " in listening.heard
    assert b"Bearer new" in listening.heard
    token_file.unlink()
    assert "token" in post(webhook).problem


def test_the_secrets_are_in_no_word_of_it(server: HostileServer, tmp_path: Path) -> None:
    server.script = {"*": answer(b"", status="403 No")}
    url_file = secret(tmp_path / "url", f"{server.url}/hooks/SECRET?key=SECRET")
    webhook = Webhook(url_file=url_file, token_file=secret(tmp_path / "token", "SECRET"))
    assert "SECRET" not in f"{webhook!r} {webhook} {webhook.address()!r} {post(webhook)} {webhook.address().shown}"
    assert "SECRET" not in f"{Webhook(f'{server.url}/SECRET')!r}"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://h/SECRET", "holds no http or https URL"),
        ("https:///SECRET", "holds no http or https URL"),
        ("https://h:99999/SECRET", "holds no http or https URL"),
        ("https://h/SECRET x", "holds no http or https URL"),
        ("https://h/SECRET\r\nX: y", "holds no http or https URL"),
        ("https://me:SECRET@h/", "holds a name or a password"),
        ("http://[::1/SECRET", "holds no http or https URL"),
    ],
)
def test_an_address_that_cannot_be_is_refused_and_not_shown(url: str, words: str) -> None:
    with pytest.raises(BadConfig, match=words) as caught:
        Webhook(url)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "two words", "a\nb", "é", "x" * 5000])
def test_a_token_that_is_none_is_not_sent_and_not_shown(tmp_path: Path, text: str) -> None:
    webhook = Webhook("https://h/", token_file=secret(tmp_path / "token", text))
    for said in (webhook.against(), post(webhook).problem):
        assert "--notify-token-file" in said
        assert not text or text not in said.replace(str(tmp_path), "")


def test_a_secret_that_everybody_can_read_is_not_used(tmp_path: Path) -> None:
    path = secret(tmp_path / "url", "https://h/SECRET")
    path.chmod(0o444)
    for said in (Webhook(url_file=path).against(), post(Webhook(url_file=path)).problem):
        assert "every user of this host can get at the URL" in said


def test_a_token_on_a_wire_that_others_can_read_is_told(tmp_path: Path) -> None:
    token_file = secret(tmp_path / "token", "t")
    assert "others can read the token" in Webhook("http://h/", token_file=token_file).against()
    assert Webhook("https://h/", token_file=token_file).against() == ""
