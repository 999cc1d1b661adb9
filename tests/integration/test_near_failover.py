"""near_failover and near_failover_info through their main(), on a real Consul, by both ways.

Each change is played in four steps: check mode, a look past the code (nothing has changed), the change, the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from near_ha.records.switchover import Phase
from support import ansible_modules
from support.guarded_consul import MASTER, guarded
from support.played_cluster import ACCOUNT, GAP_MS, PlayedCluster, cluster, control_socket
from support.real_consul import RealConsul

__all__ = ["cluster", "guarded"]

pytest.importorskip("ansible.module_utils.testing")
pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def consul(guarded: RealConsul) -> RealConsul:
    return guarded


@pytest.fixture(params=["socket", "consul"])
def way(request: pytest.FixtureRequest, cluster: PlayedCluster, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The options of each way; on the control socket this host is validator-2."""
    if request.param == "consul":
        yield {"consul_url": cluster.consul.url, "consul_token": MASTER, "account_id": ACCOUNT}
    else:
        with control_socket(cluster, tmp_path, "validator-2"):
            yield {"run_dir": str(tmp_path)}


def failover(*, check: bool = False, **options: Any) -> dict[str, Any]:
    result = ansible_modules.run(ansible_modules.load("near_failover"), options, check=check)
    assert MASTER not in result["said"].replace(f'"consul_token": "{MASTER}"', "")
    return result


def info(**options: Any) -> dict[str, Any]:
    return ansible_modules.run(ansible_modules.load("near_failover_info"), options)


def test_promote(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    wanted = {**way, "action": "promote", "node": "validator-2", "reason": "a test", "timeout": 30}
    before = cluster.store()

    predicted = failover(**wanted, check=True)
    assert (predicted["changed"], predicted["leader_before"], predicted["leader_after"]) == (
        True, "validator-1", "validator-2",
    )  # fmt: skip
    assert (predicted["steps"], predicted["request"]) == ([], "")
    assert cluster.store() == before

    done = failover(**wanted)
    assert (done["changed"], done["leader_before"], done["leader_after"]) == (True, "validator-1", "validator-2")
    assert (done["term"], done["gap_ms"], done["phase"]) == (8, GAP_MS, "done")
    assert done["diff"] == predicted["diff"] == {
        "before": "leader: validator-1\npaused: no\n", "after": "leader: validator-2\npaused: no\n",
    }  # fmt: skip
    texts = [step["text"] for step in done["steps"]]
    assert texts[0] == "asked: validator-1 hands over to validator-2"
    assert "nobody signed for 1.23 s" in texts[-1]
    assert [step["at_s"] for step in done["steps"]] == sorted(step["at_s"] for step in done["steps"])
    now = cluster.cluster()
    assert now.leader == "validator-2"
    assert now.request is not None
    assert (now.request.id, now.request.phase, now.request.reason) == (done["request"], Phase.DONE, "a test")
    # Two phases and the way back fit into the time that the module waits.
    assert now.request.timeout_ms == 12_000

    before = cluster.store()
    again = failover(**wanted)
    assert (again["changed"], again["leader_after"]) == (False, "validator-2")
    assert "validator-2 is the validator already (term 8)" in again["msg"]
    assert cluster.store() == before


def test_demote(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    wanted = {**way, "action": "demote", "node": "validator-1", "timeout": 30}
    before = cluster.store()
    predicted = failover(**wanted, check=True)
    assert (predicted["changed"], predicted["leader_after"]) == (True, "validator-2")
    assert cluster.store() == before
    assert failover(**wanted)["leader_after"] == cluster.cluster().leader == "validator-2"
    again = failover(**wanted)
    assert (again["changed"], again["msg"]) == (False, "validator-1 does not validate, validator-2 does")


def test_pause_and_resume(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    for action, paused in (("pause", True), ("resume", False)):
        wanted = {**way, "action": action, "reason": "works", "asked_by": "me"}
        before = cluster.store()
        predicted = failover(**wanted, check=True)
        assert (predicted["changed"], predicted["paused_after"]) == (True, paused)
        assert cluster.store() == before
        done = failover(**wanted)
        assert (done["changed"], done["paused_before"], done["paused_after"]) == (True, not paused, paused)
        assert done["leader_after"] == "validator-1"
        config = cluster.cluster().config
        assert (config.paused, config.by, config.reason) == (paused, "me", "works")
        assert not failover(**wanted)["changed"]


def test_this_host_is_meant_where_no_node_is_named(cluster: PlayedCluster, tmp_path: Path) -> None:
    with control_socket(cluster, tmp_path, "validator-2"):
        assert not failover(run_dir=str(tmp_path), action="demote")["changed"]
        assert failover(run_dir=str(tmp_path), action="promote", timeout=30)["leader_after"] == "validator-2"
        assert failover(run_dir=str(tmp_path), action="demote", timeout=30)["leader_after"] == "validator-1"


def test_past_the_supervisors_this_host_is_a_member_or_nothing_is_done(
    cluster: PlayedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    way: dict[str, Any] = {"consul_url": cluster.consul.url, "consul_token": MASTER}
    monkeypatch.setattr("socket.gethostname", lambda: "controller")
    refused = failover(**way, action="promote")
    assert "'controller' is no member of the cluster of account my.pool.near. Members are:" in refused["msg"]
    monkeypatch.setattr("socket.gethostname", lambda: "host-2")
    assert failover(**way, action="promote", timeout=30)["leader_after"] == "validator-2"
    assert failover(**way, action="demote", timeout=30)["leader_after"] == "validator-1"


def test_who_does_not_wait_is_told_the_id(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    cluster.script = "ignored"
    asked = failover(**way, action="promote", node="validator-2", wait=False)
    request = cluster.cluster().request
    assert request is not None
    assert (asked["changed"], asked["request"], asked["phase"]) == (True, request.id, "asked")
    assert [step["text"] for step in asked["steps"]] == ["asked: validator-1 hands over to validator-2"]


def test_who_asks_for_the_same_again_waits_for_it(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    first = failover(**way, action="promote", node="validator-2", wait=False)
    second = failover(**way, action="promote", node="validator-2", timeout=30)
    assert (second["changed"], second["leader_after"]) == (False, "validator-2")
    # Unless it was over before.
    assert second["request"] in (first["request"], "")


def test_a_reason_without_end_is_refused(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    before = cluster.store()
    refused = failover(**way, action="promote", node="validator-2", reason="x" * 501)
    assert "reason has 501 characters, more than 500. Say it in fewer words" in refused["msg"]
    assert cluster.store() == before


def test_nobody_validates_and_one_is_promoted(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    cluster.give_back("validator-1")
    done = failover(**way, action="promote", node="validator-2", timeout=30)
    assert (done["leader_before"], done["leader_after"]) == ("", "validator-2")
    assert done["diff"]["before"].startswith("leader: nobody")


# --- bad input: one sentence each, and nothing is changed


def prepare_unready(cluster: PlayedCluster) -> None:
    cluster.publish("validator-2", ready=False, reason="120 blocks behind")


def prepare_gone(cluster: PlayedCluster) -> None:
    cluster.leave("validator-2")


def prepare_other_key(cluster: PlayedCluster) -> None:
    cluster.publish("validator-2", validator_public_key="ed25519:other")


def prepare_request(cluster: PlayedCluster) -> None:
    cluster.script = "ignored"
    failover(consul_url=cluster.consul.url, consul_token=MASTER, action="promote", node="validator-2", wait=False)


def prepare_pause(cluster: PlayedCluster) -> None:
    failover(consul_url=cluster.consul.url, consul_token=MASTER, action="pause", asked_by="ann")


@pytest.mark.parametrize(
    ("prepare", "node", "force", "sentence"),
    [
        (None, "stranger", False, "'stranger' is no member of the cluster of account my.pool.near. Members are:"),
        (prepare_unready, "validator-2", False, "validator-2 is not ready: 120 blocks behind. Wait until it is, or"),
        (prepare_gone, "validator-2", True, "validator-2 is not there: its Consul session has ended"),
        (prepare_other_key, "validator-2", True, "validator-2 has another validator key (ed25519:other, not"),
        (
            prepare_request,
            "validator-2",
            True,
            "another switchover is under way: promote validator-2, as Ansible has asked",
        ),
        (prepare_pause, "validator-2", False, "the cluster is paused by ann. Resume it first, or use force"),
    ],
    ids=["no member", "unready", "gone", "another key", "another switchover", "paused"],
)
@pytest.mark.parametrize("check", [True, False], ids=["check", "for good"])
def test_what_cannot_be_is_refused(
    cluster: PlayedCluster,
    way: dict[str, Any],
    *,
    prepare: Callable[[PlayedCluster], None] | None,
    node: str,
    force: bool,
    sentence: str,
    check: bool,
) -> None:
    if prepare is not None:
        prepare(cluster)
    before = cluster.store()
    refused = failover(**way, action="promote", node=node, force=force, check=check)
    assert (refused["failed"], refused["changed"], refused["code"]) == (True, False, "refused")
    assert sentence in refused["msg"]
    assert refused["leader_before"] == refused["leader_after"] == "validator-1"
    assert cluster.store() == before


def test_force_is_for_what_costs_only_time(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    prepare_unready(cluster)
    prepare_pause(cluster)
    done = failover(**way, action="promote", node="validator-2", force=True, timeout=30)
    assert (done["leader_after"], done["paused_after"]) == ("validator-2", True)


def test_a_switchover_that_fails_says_why_and_who_validates(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    cluster.script = "failed"
    failed = failover(**way, action="promote", node="validator-2", timeout=30)
    assert (failed["failed"], failed["code"], failed["phase"]) == (True, "switchover_failed", "failed")
    assert "validator-2 did not take over, validator-1 validates again" in failed["msg"]
    assert failed["leader_after"] == "validator-1"


@pytest.mark.parametrize(("script", "phase"), [("ignored", "asked"), ("stuck", "accepted")])
def test_a_timeout_fails_with_everything_known(
    cluster: PlayedCluster, way: dict[str, Any], script: str, phase: str
) -> None:
    cluster.script = script
    late = failover(**way, action="promote", node="validator-2", timeout=1)
    assert (late["failed"], late["code"], late["phase"], late["changed"]) == (True, "timeout", phase, True)
    request = cluster.cluster().request
    assert request is not None
    assert request.id == late["request"]
    assert f"after 1 s request {request.id} has not ended (it is {phase})" in late["msg"]
    assert "validator-1 validates, as far as can be seen" in late["msg"]
    assert (late["leader_before"], late["leader_after"], late["term"]) == ("validator-1", "validator-1", 7)
    assert late["steps"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"consul_token": "22222222-2222-3333-4444-555555555555"}, "does not know the token (HTTP 403)"),
        ({}, "does not let anybody without a token"),
        (
            {"consul_token": MASTER, "account_id": "nobody.near"},
            "has no cluster of account nobody.near. Is the account",
        ),
        ({"consul_token": MASTER, "account_id": "a/b"}, "'a/b' is not an account id"),
        ({"consul_token": "two words"}, "the Consul token is not a token"),
    ],
    ids=["wrong token", "no token", "account nobody has", "no account id", "no token at all"],
)
def test_who_may_not_or_asks_for_what_is_not_there(
    cluster: PlayedCluster, options: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSUL_HTTP_TOKEN", raising=False)
    before = cluster.store()
    way = {"consul_url": cluster.consul.url, "account_id": ACCOUNT, **options}
    for refused in (failover(**way, action="promote", node="validator-2"), info(**way)):
        assert refused["failed"]
        assert sentence in refused["msg"]
        assert "two words" not in refused["msg"]
    assert cluster.store() == before


def test_a_token_that_may_only_read_reads_and_no_more(cluster: PlayedCluster) -> None:
    rules = 'key_prefix "kuutamod-leader/" { policy = "read" } key_prefix "near-supervisor/" { policy = "read" }'
    cluster.consul.ask("PUT", "/v1/acl/policy", {"Name": "reader", "Rules": rules})
    token = cluster.consul.ask("PUT", "/v1/acl/token", {"Policies": [{"Name": "reader"}]})["SecretID"]
    way = {"consul_url": cluster.consul.url, "consul_token": token}
    assert info(**way)["leader"]["node_id"] == "validator-1"
    refused = failover(**way, action="promote", node="validator-2")
    assert refused["code"] == "consul_refused"
    assert "the token may not write near-supervisor/my.pool.near/switchover" in refused["msg"]
    assert cluster.cluster().request is None


def test_the_least_rights_of_an_operator(cluster: PlayedCluster) -> None:
    """As docs/reference/configuration.md has them."""
    own = f"near-supervisor/{ACCOUNT}/"
    rules = [f'key "kuutamod-leader/{ACCOUNT}" {{ policy = "read" }}', f'key_prefix "{own}" {{ policy = "read" }}']
    rules += [f'key "{own}{name}" {{ policy = "write" }}' for name in ("switchover", "config")]
    cluster.consul.ask("PUT", "/v1/acl/policy", {"Name": "operator", "Rules": "\n".join(rules)})
    token = cluster.consul.ask("PUT", "/v1/acl/token", {"Policies": [{"Name": "operator"}]})["SecretID"]
    way: dict[str, Any] = {"consul_url": cluster.consul.url, "consul_token": token}
    assert failover(**way, action="promote", node="validator-2", timeout=30)["leader_after"] == "validator-2"
    assert failover(**way, action="pause")["paused_after"]
    assert info(**way)["account_id"] == ACCOUNT


def test_the_token_of_the_environment_and_of_a_file(
    cluster: PlayedCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = cluster.consul.url
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", MASTER)
    assert info(consul_url=url)["account_id"] == ACCOUNT
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "wrong")
    file = tmp_path / "token"
    file.write_text(f"{MASTER}\n")
    file.chmod(0o644)
    assert "every user of this host can get at the token" in info(consul_url=url, consul_token_file=str(file))["msg"]
    file.chmod(0o400)
    assert info(consul_url=url, consul_token_file=str(file))["account_id"] == ACCOUNT


def test_an_agent_that_is_away_is_passed_over(cluster: PlayedCluster) -> None:
    urls = ["http://127.0.0.1:1", cluster.consul.url]
    assert info(consul_url=urls, consul_token=MASTER)["leader"]["term"] == 7
    away = info(consul_url=urls[0], consul_token=MASTER, account_id=ACCOUNT)
    assert "Consul at http://127.0.0.1:1 does not answer (Connection refused)" in away["msg"]


def test_what_info_tells_is_what_is_there(cluster: PlayedCluster, way: dict[str, Any]) -> None:
    prepare_unready(cluster)
    before = cluster.store()
    found = info(**way)
    assert cluster.store() == before
    assert (found["changed"], found["account_id"], found["leader"]["node_id"]) == (False, ACCOUNT, "validator-1")
    members = {member["member_id"]: member for member in found["members"]}
    assert (members["validator-2"]["ready"], members["validator-2"]["reason"]) == (False, "120 blocks behind")
    assert (members["validator-1"]["validator"], members["validator-2"]["validator"]) == (True, False)
    assert (found["request"], found["history"], found["problems"]) == (None, [], [])
    assert found["paused"]["paused"] is False
    failover(**way, action="promote", node="validator-2", force=True, timeout=30)
    later = info(**way)
    assert later["request"]["phase"] == "done"
    assert [change["node_id"] for change in later["history"]] == ["validator-2"]


def test_info_sends_nothing_but_get(cluster: PlayedCluster, tmp_path: Path) -> None:
    with control_socket(cluster, tmp_path, "validator-2") as said:
        info(run_dir=str(tmp_path))
    assert said == ["GET /status", "GET /cluster"]
