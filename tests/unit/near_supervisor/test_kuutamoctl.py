"""``kuutamoctl active-validator``: what it prints and its three exit statuses, against a scripted Consul."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from near_ha.records.lease_record import LeaseRecord, LeaseState
from near_supervisor.commandline import kuutamoctl
from support.hostile_http import CLOSE, HANG, answer, hostile
from support.ports import free_port

SESSION = "11111111-2222-3333-4444-555555555555"
ENTRY = {
    "Key": "kuutamod-leader/default",
    "ModifyIndex": 9,
    "Session": SESSION,
    "Value": base64.b64encode(b"{}").decode(),
}
INFO = {"ID": SESSION, "Name": "validator-a", "TTL": "10s", "Behavior": "release"}
KEY, SESSION_PATH = "/v1/kv/kuutamod-leader/default", f"/v1/session/info/{SESSION}"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUUTAMO_CONSUL_URL", "KUUTAMO_ACCOUNT_ID", "CONSUL_HTTP_ADDR"):
        monkeypatch.delenv(name, raising=False)


def ok(body: Any) -> bytes:
    return answer(body, X_Consul_Index="9")


def missing() -> bytes:
    return answer(b"", "404 Not Found", X_Consul_Index="9")


def script(entry: bytes | None = None, info: bytes | None = None) -> dict[str, bytes]:
    return {KEY: ok([ENTRY]) if entry is None else entry, SESSION_PATH: ok([INFO]) if info is None else info}


def test_a_leader_is_named() -> None:
    with hostile(script()) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 0


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with hostile(script()) as server:
        kuutamoctl.main(["--consul-url", server.url, "active-validator"])
        assert capsys.readouterr() == ("Name: validator-a\n", "")
        kuutamoctl.main(["--json", "--consul-url", server.url, "active-validator"])
    printed = capsys.readouterr()
    assert json.loads(printed.out) == INFO
    assert printed.err == ""


@pytest.mark.parametrize(
    "entry", [missing(), ok([])], ids=["no key", "an empty list"]
)  # fmt: skip
def test_without_a_key_there_is_no_leader(capsys: pytest.CaptureFixture[str], entry: bytes) -> None:
    with hostile(script(entry)) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 1
    assert capsys.readouterr() == ("", "No leader found\n")


@pytest.mark.parametrize("info", [ok([]), missing()], ids=["gone", "not found"])
def test_a_leader_whose_session_is_gone(capsys: pytest.CaptureFixture[str], info: bytes) -> None:
    with hostile(script(info=info)) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("No leader found")


def test_a_released_lease_has_no_session_either() -> None:
    released = {key: value for key, value in ENTRY.items() if key != "Session"}
    with hostile(script(ok([released]))) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 2


def test_a_vacancy_that_a_candidate_noted_is_no_leader(capsys: pytest.CaptureFixture[str]) -> None:
    record = LeaseRecord("", "host-a", LeaseState.VACANT, 10_000, 0, 1, 0, "ed25519:KEY")
    vacant = {"Key": ENTRY["Key"], "ModifyIndex": 9, "Value": base64.b64encode(record.to_json().encode()).decode()}
    with hostile(script(entry=ok([vacant]))) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 1
    assert capsys.readouterr().err == "No leader found\n"


def test_the_account_and_the_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile({"/v1/kv/kuutamod-leader/pool.near": ok([ENTRY]), SESSION_PATH: ok([INFO])}) as server:
        monkeypatch.setenv("KUUTAMO_CONSUL_URL", server.url)
        monkeypatch.setenv("KUUTAMO_ACCOUNT_ID", "pool.near")
        assert kuutamoctl.main(["active-validator"]) == 0
        assert kuutamoctl.main(["--account-id", "other", "active-validator"]) == 1


def test_an_empty_variable_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUUTAMO_CONSUL_URL", "")
    monkeypatch.setenv("KUUTAMO_ACCOUNT_ID", "")
    kuutamoctl.main(["active-validator"])
    assert "--consul-url has" not in capsys.readouterr().err


BROKEN_ENTRIES = {
    "closed": CLOSE,
    "500": answer(b"No cluster leader", "500 Internal Server Error"),
    "403": answer(b"Permission denied", "403 Forbidden"),
    "garbage": answer(b"<html>"),
    "a number": ok(7),
    "numbers": ok([7]),
    "a text": ok("x"),
    "no index": answer(b"<html>404</html>", "404 Not Found"),
    "a session that is no text": ok([{**ENTRY, "Session": {"a": 1}}]),
}


@pytest.mark.parametrize("entry", list(BROKEN_ENTRIES.values()), ids=list(BROKEN_ENTRIES))
def test_a_broken_consul_is_named_and_is_no_crash(capsys: pytest.CaptureFixture[str], entry: bytes) -> None:
    with hostile(script(entry)) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 1
        printed = capsys.readouterr()
        assert server.address in printed.err
    assert printed.out == ""
    assert printed.err.startswith("kuutamoctl: Consul cannot be asked: ")
    assert "--consul-url" in printed.err


@pytest.mark.parametrize("info", [ok(["x"]), ok([{}]), ok([[1]]), ok(7), ok("abc"), ok([{"Name": 7}]), CLOSE])
def test_a_broken_session_is_no_crash(capsys: pytest.CaptureFixture[str], info: bytes) -> None:
    with hostile(script(info=info)) as server:
        assert kuutamoctl.main(["--consul-url", server.url, "active-validator"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("kuutamoctl: Consul cannot be asked: ")


def test_nothing_listening(capsys: pytest.CaptureFixture[str]) -> None:
    assert kuutamoctl.main(["--consul-url", f"http://127.0.0.1:{free_port()}", "active-validator"]) == 1
    assert "Does an agent run at --consul-url?" in capsys.readouterr().err


def test_the_next_agent_is_asked_after_one_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kuutamoctl, "_TIMEOUT_MS", 200)
    with hostile(HANG) as silent, hostile(script()) as server:
        urls = f"http://127.0.0.1:{free_port()},{silent.url},{server.url}"
        assert kuutamoctl.main(["--consul-url", urls, "active-validator"]) == 0


def test_a_malformed_url_is_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    assert kuutamoctl.main(["--consul-url", "localhost", "active-validator"]) == 1
    assert "--consul-url has 'localhost'" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["who"], ["--json"]])
def test_a_wrong_command_line_says_how_it_goes(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        kuutamoctl.main(argv)
    assert caught.value.code == 2
    assert "active-validator" in capsys.readouterr().err
