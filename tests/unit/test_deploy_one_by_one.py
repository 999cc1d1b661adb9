"""A deploy over a cluster that runs: what it says first, and what it waits for between two standbys."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.debian_units import DebianHost
from support.pages import ROOT

PLAYBOOKS = ROOT / "playbooks"
ACCOUNT = "my.pool.near"


def tasks(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((PLAYBOOKS / "tasks" / name).read_text())
    return found


def host(**given: Any) -> DebianHost:
    return DebianHost(supervisor_account_id=ACCOUNT, **given)


def status(state: str, *names: str) -> dict[str, Any]:
    return {"state": state, "reason": names[0] if names else "", "readiness": [{"name": name} for name in names]}


# --- between two standbys


@pytest.mark.parametrize(
    ("seen", "goes_on"),
    [
        (None, False),
        (status("Startup", "state", "sync"), False),
        (status("Syncing", "state", "sync"), False),
        (status("Registering", "state"), False),
        (status("Voting"), True),
        (status("Voting", "disk", "chain_key"), True),
        (status("Voting", "sync"), False),
        (status("Validating", "sync"), True),
    ],
    ids=["no answer", "starts", "syncs", "registers", "ready", "a wait mends nothing", "behind", "took over"],
)
def test_the_next_standby_waits_for_this_one(seen: dict[str, Any] | None, goes_on: bool) -> None:
    wait, judge = tasks("wait_for_standby.yml")
    there = host(__near_standby={"status": seen})
    assert there.value(f"{{{{ {wait['until']} }}}}") is goes_on
    mine = DebianHost(
        supervisor_account_id=ACCOUNT,
        __near_standby={"status": seen},
        __near_mine=there.value(judge["vars"]["__near_mine"]),
    )
    assert mine.value(f"{{{{ {judge['ansible.builtin.assert']['that']} }}}}") is goes_on
    sentence = mine.value(judge["ansible.builtin.assert"]["fail_msg"])
    assert "the same command carries on" in sentence
    assert "nobody could take over" in sentence


def test_standbys_are_done_one_by_one_and_the_signer_last() -> None:
    plays = yaml.safe_load((PLAYBOOKS / "deploy.yml").read_text())
    by_name = {play["name"]: play for play in plays}
    standbys, signers = (
        by_name[name] for name in ("Supervisors of standbys, one by one", "Supervisors of the hosts that sign, last")
    )
    assert (standbys["serial"], signers["serial"]) == (1, 1)
    assert plays.index(standbys) < plays.index(signers)
    (wait,) = standbys["post_tasks"]
    assert wait["ansible.builtin.import_tasks"] == "tasks/wait_for_standby.yml"


# --- what is said before the first change


def said(armed: bool = False, installed: bool = True, keys: tuple[str, ...] = (), node_keys: bool = True) -> str:
    (task,) = tasks("say_needs.yml")
    facts = {
        "__supervisor_before": {
            "neard": {"armed": armed},
            "supervisor": {"installed": installed},
            "keys": {
                "/etc/near/neard/voter_node_key.json": {"exists": node_keys},
                "/etc/near/supervisor/x/validator_key.json": {"exists": False},
            },
        },
        "__neard_node": {"initialised": True},
        "__neard_would": {"restart_keys": list(keys)},
    }
    there = host(**facts)
    for name, value in task["vars"].items():
        facts[name] = [there.value(part) for part in value] if isinstance(value, list) else there.value(value)
        there = host(**facts)
    if not there.value(f"{{{{ {task['when']} }}}}"):
        return ""
    return " ".join(str(there.value(task["ansible.builtin.debug"]["msg"])).split())


def test_each_host_is_told_what_it_needs_and_when_it_gets_it() -> None:
    tracking = ("tracked_shards_config", "store.load_mem_tries_for_tracked_shards")
    assert said() == ""
    standby = said(keys=tracking)
    assert f"has to be restarted for {', '.join(tracking)} of /var/lib/near/neard/config.json" in standby
    assert "in its turn, and the next host of the account waits until this one is ready" in standby
    signer = said(armed=True, keys=tracking, node_keys=False)
    assert "is left alone" in signer
    assert f"ansible-playbook playbooks/switchover.yml -i INVENTORY -e switchover_account={ACCOUNT}" in signer
    assert "node keys of its own (/etc/near/neard/voter_node_key.json)" in signer
    assert "It has no supervisor yet" in said(installed=False, keys=tracking)


def test_what_a_role_leaves_on_the_signer_comes_with_the_command() -> None:
    run = yaml.safe_load((ROOT / "roles" / "supervisor" / "tasks" / "run.yml").read_text())
    sentence = run[-1]["ansible.builtin.debug"]["msg"]
    assert "playbooks/switchover.yml -i INVENTORY -e switchover_account=" in sentence
