"""near_failover and near_failover_info through main(), with recorded answers; what the action plugin makes of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import ansible_modules
from support.control_answers import behind, http
from support.hostile_http import HANG, Script, answer, hostile

pytest.importorskip("ansible.module_utils.testing")

ACCOUNT = "my.pool.near"
NO_LEADER = answer(b"No cluster leader", "500 Internal Server Error")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules have copies of their own of what they share."""
    for name, bound in (("by_socket", "_STATUS_S"), ("by_consul", "_ASK_S")):
        monkeypatch.setattr(ansible_modules.imported(f"plugins.module_utils.near_ha.transport.{name}"), bound, 0.3)


def both(**options: Any) -> list[dict[str, Any]]:
    """What either module answers to these options."""
    promote = {"action": "promote", "node": "validator-2", **options}
    return [
        ansible_modules.run(ansible_modules.load("near_failover"), promote),
        ansible_modules.run(ansible_modules.load("near_failover"), promote, check=True),
        ansible_modules.run(ansible_modules.load("near_failover_info"), options),
    ]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (NO_LEADER, "has no leader. Wait until a majority of its servers is there again"),
        (HANG, "does not answer (nothing in 0.3 s). Is that the right address"),
        (answer({"hello": "world"}), "is not Consul. Is that the right address"),
        (answer(b"ACL not found", "403 Forbidden"), "does not know the token (HTTP 403). Give the SecretID"),
    ],
    ids=["no leader", "hung", "not Consul", "wrong token"],
)
def test_consul_cannot_say(script: Script | bytes, sentence: str) -> None:
    with hostile(script) as server:
        for result in both(consul_url=server.url, consul_token="secret-word", account_id=ACCOUNT):
            assert result["failed"]
            assert not result.get("changed", False)
            assert sentence in result["msg"]
            assert "secret-word" not in result["msg"]
        assert {request.partition(" ")[0] for request in server.requests} == {"GET"}


def test_there_is_no_control_socket(tmp_path: Path) -> None:
    for result in both(run_dir=str(tmp_path)):
        assert f"no control socket at {tmp_path}/control.sock. Is the supervisor running" in result["msg"]
        assert result["code"] == "control"
    for result in both(account_id="nobody.near"):
        assert "no supervisor of account nobody.near runs on this host" in result["msg"]


def test_the_control_socket_belongs_to_a_process_that_hangs(tmp_path: Path) -> None:
    with behind(tmp_path / "control.sock", None):
        (result, *_rest) = both(run_dir=str(tmp_path))
    assert "does not answer (nothing in 0.3 s). It may hang, or be stopped" in result["msg"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (http(json.dumps({"account_id": "other.near"}).encode()), "is that of account other.near, not my.pool.near"),
        (http(b"{}"), "is that of account , not my.pool.near"),
        (http(b'["a"]'), "the answer is not a JSON object"),
        (http(b"{}", "404 Not Found"), "HTTP 404"),
    ],
)
def test_the_control_socket_is_not_the_right_one(tmp_path: Path, said: bytes, sentence: str) -> None:
    with behind(tmp_path / "control.sock", said):
        result = ansible_modules.run(
            ansible_modules.load("near_failover"),
            {"action": "promote", "run_dir": str(tmp_path), "account_id": ACCOUNT},
        )
    assert sentence in result["msg"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"action": "promot"}, "value of action must be one of: promote, demote, pause, resume, cancel, got: promot"),
        ({"action": "promote", "reason": "a\nb"}, "is more than one printable line. Say it in one line"),
        ({"action": "promote", "timeout": 0}, "a timeout of 0 s is not between 1 and 9000"),
        ({"action": "promote", "consul_token": "x"}, "missing parameter(s) required by 'consul_token': consul_url"),
        ({"action": "promote", "run_dir": "/r", "consul_url": "http://h"}, "mutually exclusive: run_dir|consul_url"),
        ({"action": "promote", "consul_url": "localhost"}, "the Consul URL 'localhost' is none"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], sentence: str) -> None:
    result = ansible_modules.run(ansible_modules.load("near_failover"), options)
    assert sentence in result["msg"]


def test_what_is_wrong_between_hosts_is_a_warning_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """From ansible-core 2.23 on a result may not carry it: the module has to say it itself."""
    module = ansible_modules.load("near_failover_info")

    class Way:
        def look(self) -> dict[str, Any]:
            return {"account_id": ACCOUNT, "members": [], "warnings": ["the neards of a and b have one node key"]}

    monkeypatch.setattr(module, "open_way", lambda _access: Way())
    result = ansible_modules.run(module, {"account_id": ACCOUNT})
    assert result["warnings"] == ["the neards of a and b have one node key"]
    assert result["account_id"] == ACCOUNT


# --- the action plugin


@pytest.fixture(scope="module")
def plugin() -> Any:
    return ansible_modules.imported("plugins.action.near_failover")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"_raw_params": "promote"}, {"action": "promote"}),
        ({"_raw_params": " promote  validator-2 "}, {"action": "promote", "node": "validator-2"}),
        ({"_raw_params": "pause", "reason": "works"}, {"action": "pause", "reason": "works"}),
        ({"action": "demote"}, {"action": "demote"}),
        ({}, {}),
    ],
)
def test_words_become_options(plugin: Any, given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert plugin.arguments(given, "me") == {**meant, "asked_by": "me"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"_raw_params": "promote a b"}, "'promote a b' is more than a word and a node"),
        ({"_raw_params": "promote", "action": "demote"}, "action is given twice, as 'promote' and as action=demote"),
        ({"_raw_params": "promote a", "node": "b"}, "node is given twice, as 'a' and as node=b"),
    ],
)
def test_words_that_mean_nothing(plugin: Any, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match="near_failover: ") as caught:
        plugin.arguments(given, "me")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("accounts", "found"),
    [
        ({"a": None, "b": None}, ["a", "b"]),
        ({"a": "x.near", "b": "x.near"}, ["a", "b"]),
        ({"a": "x.near", "b": "y.near"}, ["a"]),
        ({"a": None}, ["a"]),
    ],
)
def test_hosts_of_another_account_are_no_rivals(plugin: Any, accounts: dict[str, Any], found: list[str]) -> None:
    hostvars = {host: {"supervisor_account_id": name} if name else {} for host, name in accounts.items()}
    task_vars = {"inventory_hostname": "a", "ansible_play_batch": list(accounts), "hostvars": hostvars}
    assert plugin.rivals(task_vars) == found


@pytest.mark.parametrize(
    ("given", "variables", "found"),
    [
        ({}, {}, {}),
        ({}, {"supervisor_account_id": "my.near"}, {"account_id": "my.near"}),
        ({}, {"supervisor_account_id": "my.near", "near_run_dir": "/r"}, {"account_id": "my.near", "run_dir": "/r"}),
        ({"account_id": "other.near"}, {"supervisor_account_id": "my.near", "near_run_dir": "/r"}, {}),
        ({"run_dir": "/x"}, {"supervisor_account_id": "my.near", "near_run_dir": "/r"}, {"account_id": "my.near"}),
        (
            {"consul_url": ["http://c:8500"]},
            {"supervisor_account_id": "my.near", "near_run_dir": "/r"},
            {"account_id": "my.near"},
        ),
    ],
)
def test_the_inventory_says_which_cluster_where_the_task_does_not(
    given: dict[str, Any], variables: dict[str, Any], found: dict[str, Any]
) -> None:
    """Two accounts on one machine are two entries, and each entry's command is about its own account."""
    host_defaults = ansible_modules.imported("plugins.plugin_utils.host_defaults")
    task = {"action": "promote", **given}
    templates = {name: f"{{{{ {name} }}}}" for name in variables}
    shown = host_defaults.with_host(task, templates, lambda text: variables[text.strip("{ }")])
    assert shown == {**task, **found}
