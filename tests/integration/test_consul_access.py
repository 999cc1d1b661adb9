"""Consul with ACLs and with TLS: what the daemon needs, no less and no more, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from near_ha.records import consul_keys
from near_ha.records.lease_record import LeaseState
from near_supervisor.commandline import kuutamoctl
from near_supervisor.core.facts.answer import Kind
from near_supervisor.core.facts.lease_view import How
from near_supervisor.io.consul_access import ConsulAccess
from near_supervisor.io.consul_store import ConsulStore, Refused, Unknown
from support.consul_papers import papers, tls_config
from support.documented_rights import ACCOUNT, POLICY, READER
from support.guarded_consul import a_file, a_token, guarded, made_token
from support.lease_holder import TIMEOUT_MS, TTL_MS, acquire, index, member, vacant, value
from support.real_consul import RealConsul, real_consul
from support.records import a_store

__all__ = ["guarded", "papers"]

pytestmark = pytest.mark.integration

RULES = [line for line in POLICY.splitlines() if line and not line.startswith("#")]


@pytest.fixture(autouse=True)
def nobody_elses_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSUL_HTTP_TOKEN", raising=False)


def store(consul: RealConsul, token_file: Path | None) -> ConsulStore:
    return a_store(consul.url, ACCOUNT, TIMEOUT_MS, ConsulAccess(token_file))


def play_everything(store: ConsulStore) -> None:
    """Every request that the supervisor ever makes; AssertionError, Unknown or Refused at the first that fails."""
    mine = store.create_session("a", TTL_MS, 0)
    assert store.claim_member("a", mine, member("x")) is None
    store.publish_member("a", mine, member("x"))
    assert [member.session for member in store.members()] == [mine]
    assert store.look(0, 100)[1].index is None
    answers = [
        store.note_vacancy(vacant(), None),
        acquire(store, How.TAKEOVER, index(store), mine, value()),
        store.heartbeat(mine, value()),
        store.renew_session(mine),
        store.release(mine, value(state=LeaseState.RELEASED)),
    ]
    assert [answer.kind for answer in answers] == [Kind.YES] * 5, answers
    store.drop_member("a", mine)
    assert store.members() == ()
    for key in (consul_keys.config(ACCOUNT), consul_keys.switchover(ACCOUNT), consul_keys.history(ACCOUNT)):
        assert store.check_and_set(key, 0, "{}").kind is Kind.YES
        assert store.look_at(key, 0, 100)[1] is not None
    assert len(store.entries()) == 6
    store.destroy_session(mine)
    assert store.renew_session(mine).kind is Kind.NO


@pytest.fixture
def empty(guarded: RealConsul) -> RealConsul:
    guarded.ask("DELETE", "/v1/kv/?recurse")
    return guarded


def test_the_policy_of_the_documentation_suffices(empty: RealConsul, tmp_path: Path) -> None:
    play_everything(store(empty, a_file(tmp_path, a_token(empty, POLICY))))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("instead", ["", "read"])
def test_every_rule_of_it_is_needed(empty: RealConsul, tmp_path: Path, rule: str, instead: str) -> None:
    less = POLICY.replace(rule, rule.replace('"write"', '"read"') if instead else "")
    assert less != POLICY
    with pytest.raises((AssertionError, Unknown, Refused)):
        play_everything(store(empty, a_file(tmp_path, a_token(empty, less))))


def test_it_opens_no_other_account(empty: RealConsul, tmp_path: Path) -> None:
    token = a_file(tmp_path, a_token(empty, POLICY))
    other = a_store(empty.url, "other.pool.near", TIMEOUT_MS, ConsulAccess(token))
    with pytest.raises(Unknown, match="Permission denied"):
        other.look(0, 100)
    assert other.note_vacancy(vacant(), None).kind is Kind.UNKNOWN


@pytest.mark.parametrize("token", ["", "99999999-2222-3333-4444-555555555555"], ids=["no token", "an unknown one"])
def test_a_denial_says_nothing_about_who_holds_the_lease(empty: RealConsul, tmp_path: Path, token: str) -> None:
    (tmp_path / "denied").mkdir()
    denied = store(empty, a_file(tmp_path / "denied", token) if token else None)
    allowed = store(empty, a_file(tmp_path, a_token(empty, POLICY)))
    mine = allowed.create_session("a", TTL_MS, 0)
    assert allowed.note_vacancy(vacant(), None).kind is Kind.YES
    assert acquire(allowed, How.TAKEOVER, index(allowed), mine, value()).kind is Kind.YES
    for said in (denied.heartbeat(mine, value()), denied.renew_session(mine), denied.release(mine, value())):
        assert said.kind is Kind.UNKNOWN
        assert "--consul-token-file" in said.reason
        assert "99999999" not in said.reason
    allowed.destroy_session(mine)


def test_rights_that_are_taken_away_are_not_a_lost_lease_and_a_new_token_is_read(
    empty: RealConsul, tmp_path: Path
) -> None:
    token = made_token(empty, POLICY)
    mine = store(empty, a_file(tmp_path, token["SecretID"]))
    session = mine.create_session("a", TTL_MS, 0)
    mine.note_vacancy(vacant(), None)
    assert acquire(mine, How.TAKEOVER, index(mine), session, value()).kind is Kind.YES
    empty.ask("DELETE", f"/v1/acl/token/{token['AccessorID']}")
    assert mine.heartbeat(session, value()).kind is Kind.UNKNOWN
    a_file(tmp_path, a_token(empty, POLICY))
    assert mine.heartbeat(session, value()).kind is Kind.UNKNOWN, "this denial makes it look"
    assert mine.heartbeat(session, value()).kind is Kind.YES
    mine.destroy_session(session)


def test_the_file_wins_over_the_environment(empty: RealConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "99999999-2222-3333-4444-555555555555")
    play_everything(store(empty, a_file(tmp_path, a_token(empty, POLICY))))
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", a_token(empty, POLICY))
    empty.ask("DELETE", "/v1/kv/?recurse")
    play_everything(store(empty, None))


def test_kuutamoctl_needs_only_to_read(empty: RealConsul, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mine = store(empty, a_file(tmp_path, a_token(empty, POLICY)))
    session = mine.create_session("validator-a", TTL_MS, 0)
    mine.note_vacancy(vacant(), None)
    assert acquire(mine, How.TAKEOVER, index(mine), session, value()).kind is Kind.YES
    ask = ["--consul-url", empty.url, "--account-id", ACCOUNT]
    reader = a_file(tmp_path, a_token(empty, READER))
    assert kuutamoctl.main([*ask, "--consul-token-file", str(reader), "active-validator"]) == 0
    assert capfd.readouterr().out == "Name: validator-a\n"
    assert kuutamoctl.main([*ask, "active-validator"]) == 1
    assert "--consul-token-file" in capfd.readouterr().err
    mine.destroy_session(session)


# --- TLS


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, papers: Path) -> Iterator[RealConsul]:
    with real_consul(tmp_path_factory.mktemp("consul"), **tls_config(papers)) as running:  # type: ignore[arg-type]
        yield running


def client(papers: Path) -> ConsulAccess:
    names = ("consul-agent-ca.pem", "dc1-client-consul-0.pem", "dc1-client-consul-0-key.pem")
    return ConsulAccess(None, *(papers / name for name in names))


def test_a_client_with_the_right_certificates_does_everything(tls: RealConsul, papers: Path) -> None:
    play_everything(a_store(tls.https_url, ACCOUNT, TIMEOUT_MS, client(papers)))


@pytest.mark.parametrize("lacking", ["everything", "its own certificate", "the right authority"])
def test_without_them_it_does_not_know_and_says_what_to_look_at(tls: RealConsul, papers: Path, lacking: str) -> None:
    whole = client(papers)
    access = {
        "everything": ConsulAccess(),
        "its own certificate": ConsulAccess(ca_file=whole.ca_file),
        "the right authority": ConsulAccess(None, whole.cert_file, whole.cert_file, whole.key_file),
    }[lacking]
    said = a_store(tls.https_url, ACCOUNT, TIMEOUT_MS, access).note_vacancy(vacant(), None)
    assert said.kind is Kind.UNKNOWN
    assert "--consul-ca-file" in said.reason


def test_http_to_an_https_agent_is_named(tls: RealConsul) -> None:
    with pytest.raises(Unknown, match=r"https:// in --consul-url"):
        a_store(tls.https_url.replace("https", "http"), ACCOUNT, TIMEOUT_MS).look(0, 100)
