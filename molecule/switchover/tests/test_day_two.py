"""The README's commands for day two, as they stand there; playbooks that move the validator, or work on a host."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import Cluster
from observer import Host, Scenario, until
from plays import INVENTORY, PLAYBOOKS, Played, play

ROOT = PLAYBOOKS.parent
START_S = 60.0
RETURN_S = 90.0
COMMAND_S = 240
WATCH_S = 3
ACCOUNT = "node3"
WORKED, MENDED = "/root/worked", "/root/mended"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    nodes = {f"validator{number}": Host(f"near-switchover-host{number}") for number in (1, 2, 3)}
    cluster = Cluster(Scenario.load(), ACCOUNT, nodes)
    cluster.wait_whole(nodes["validator1"], START_S)
    yield cluster
    # Whatever a test broke is whole again for a second `molecule verify`.
    cluster.start_all()
    for host in nodes.values():
        host.run("rm", "-f", MENDED, WORKED)
    nodes["validator1"].run("near-supervisor", "resume")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout, with the operator's inventory in it."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("ansible.cfg", "playbooks", "plugins", "roles", "tools", "src"):
        (directory / name).symlink_to(ROOT / name)
    (directory / "inventory.yml").symlink_to(INVENTORY)
    return directory


def readme(number: int) -> list[str]:
    """The commands of a block of the README's section, without their comments."""
    section = (ROOT / "README.md").read_text().partition("\n## Day two\n")[2].partition("\n## ")[0]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[number]
    return [line for line in block.splitlines() if line and not line.startswith("#")]


def command(directory: Path, line: str) -> Played:
    """What a line comes to, typed into a shell of the controller; again while a host is not ready, as it says to.

    A neard that has signed is started afresh some leases after it gave its role away.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
    environ |= {name: os.environ[name] for name in os.environ if name.startswith("MOLECULE_EPHEMERAL")}
    environ |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal"}
    ends: list[Played] = []

    def taken() -> bool:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=directory,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        ends.append(Played(done.returncode, done.stdout))
        return done.returncode == 0 or "is not ready" not in done.stdout

    until(line, RETURN_S, taken, lambda: ends[-1].output)
    return ends[-1]


def typed(host: Host, words: list[str]) -> str:
    """What a command prints on a host; typed again while a host is not ready, like ``command``."""
    shown: list[str] = []

    def taken() -> bool:
        try:
            shown.append(host.run(*words))
        except OSError as refused:
            assert "is not ready" in str(refused), refused
            return False
        return True

    until(" ".join(words), RETURN_S, taken)
    return shown[-1]


def active(cluster: Cluster) -> str:
    """Who holds the lease, by Consul."""
    return cluster.active(cluster.nodes["validator1"])


def really(cluster: Cluster, node: str) -> None:
    """That ``node`` validates, by Consul, the key on the hosts and the log of signatures; the others are ready."""
    cluster.wait_whole(cluster.nodes["validator1"], RETURN_S)
    assert active(cluster) == node
    assert [name for name in cluster.nodes if cluster.has_key(name)] == [node]
    until(f"{node} signs", 20, lambda: cluster.signer() == node, cluster.signer)


def paused(cluster: Cluster) -> bool:
    """Whether the failover is, by Consul."""
    return cluster.nodes["validator1"].kv(f"near-supervisor/{ACCOUNT}/config", cluster.consul).get("paused") is True


def lease(cluster: Cluster) -> tuple[str, int]:
    """Holder and term."""
    record = cluster.nodes["validator1"].lease(ACCOUNT, cluster.consul)
    return str(record["NodeId"]), int(record["term"])


@pytest.mark.timeout(900)
def test_the_readmes_commands_of_the_controller(cluster: Cluster, checkout: Path) -> None:
    before = active(cluster)
    seen = []
    for line in readme(0):
        word = shlex.split(line.partition("#")[0])
        rehearsed = command(checkout, f"{line.partition('#')[0]} --check")
        holder = lease(cluster)
        assert (rehearsed.status, "FAILED" in rehearsed.output) == (0, False), f"{line}\n{rehearsed.output}"
        assert lease(cluster) == holder, line
        done = command(checkout, line)
        assert done.status == 0, f"{line}\n{done.output}"
        action = next(iter(word[word.index("-a") + 1].split())) if "-a" in word else "info"
        seen.append(action)
        if action == "info":
            assert all(f"{node} | SUCCESS" in done.output for node in cluster.nodes), done.output
            assert f'"node_id": "{before}"' in done.output
        elif action == "promote":
            assert ("CHANGED" in done.output) is (before != word[1]), done.output
            really(cluster, word[1])
            again = command(checkout, line)
            assert (again.status, "CHANGED" in again.output) == (0, False), again.output
        elif action == "demote":
            assert "CHANGED" in done.output
            assert active(cluster) not in ("", word[1])
            really(cluster, active(cluster))
        else:
            assert paused(cluster) is (action == "pause"), done.output
    assert seen == ["info", "promote", "demote", "pause", "resume"]


@pytest.mark.timeout(900)
def test_the_readmes_commands_on_a_host(cluster: Cluster) -> None:
    node = next(node for node in cluster.nodes if node != active(cluster))
    host = cluster.nodes[node]
    seen: dict[str, Callable[[], bool]] = {
        "promote": lambda: active(cluster) == node,
        "demote": lambda: active(cluster) not in ("", node),
        "pause": lambda: paused(cluster),
        "resume": lambda: not paused(cluster),
    }
    for line in readme(1):
        words = shlex.split(line.partition("#")[0])
        holder = lease(cluster)
        if "--watch" in words:
            shown = host.run("sh", "-c", f"timeout {WATCH_S} {' '.join(words)} || test $? = 124")
            assert f"validator:  {holder[0]}" in shown
            continue
        shown = typed(host, words)
        if "--check" in words:
            assert lease(cluster) == holder
        elif words[1] == "history":
            assert re.search(rf"{node} .* switchover .* new kernel on the other one", shown), shown
        elif words[1] == "cancel":
            assert "no switchover is under way" in shown
        else:
            assert seen[words[1]](), f"{line}\n{shown}"
        cluster.wait_whole(host, RETURN_S)


@pytest.mark.timeout(300)
def test_one_play_promotes_one_host(cluster: Cluster, checkout: Path) -> None:
    holder = lease(cluster)
    refused = command(checkout, "ansible validators -i inventory.yml -m near_failover -a promote")
    assert refused.status != 0
    assert "CHANGED" not in refused.output, refused.output
    assert lease(cluster) == holder


@pytest.mark.timeout(600)
def test_a_switchover_is_rehearsed_and_then_seen_on_the_chain(cluster: Cluster) -> None:
    before = active(cluster)
    target = next(node for node in cluster.nodes if node != before)
    rehearsal = play("switchover", "--check", switchover_to=target)
    assert rehearsal.status == 0, rehearsal.output[-3000:]
    assert f"{before} hands over to {target}" in rehearsal.words
    assert active(cluster) == before
    played = play("switchover", switchover_to=target)
    assert played.status == 0, played.output[-3000:]
    assert re.search(rf"{target} validates.*; nobody signed for \d+\.\d\d s", played.words), played.output[-3000:]
    assert "the chain has counted new blocks, chunks or endorsements of node3" in played.words, played.output[-3000:]
    really(cluster, target)


@pytest.mark.timeout(900)
def test_maintenance_of_the_signer_hands_over_works_and_brings_it_back(cluster: Cluster, tmp_path: Path) -> None:
    before = active(cluster)
    work = tmp_path / "work.yml"
    work.write_text(
        "- name: See that nothing runs\n"
        "  ansible.builtin.command: {argv: [sh, -c, '! pgrep -x neard']}\n"
        "  changed_when: false\n"
        "- name: Leave a trace\n"
        f"  ansible.builtin.copy: {{dest: {WORKED}, content: '', mode: '0600'}}\n"
    )
    rehearsal = play("maintenance", "--check", "--limit", before, maintenance_tasks=str(work))
    assert rehearsal.status == 0, rehearsal.output[-3000:]
    assert (active(cluster), paused(cluster)) == (before, False)
    played = play("maintenance", "--limit", before, maintenance_tasks=str(work))
    assert played.status == 0, played.output[-3000:]
    assert cluster.nodes[before].has(WORKED)
    assert not paused(cluster)
    assert active(cluster) not in ("", before)
    really(cluster, active(cluster))


@pytest.mark.timeout(900)
def test_work_that_fails_leaves_no_pause_behind_and_the_same_command_carries_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    before = active(cluster)
    host = next(node for node in cluster.nodes if node != before)
    work = tmp_path / "work.yml"
    work.write_text(f"- name: Fail\n  ansible.builtin.command: {{argv: [ls, {MENDED}]}}\n")
    played = play("maintenance", "--limit", host, maintenance_tasks=str(work))
    assert played.status != 0
    assert (active(cluster), paused(cluster)) == (before, False), played.output[-3000:]
    cluster.nodes[host].run("touch", MENDED)
    played = play("maintenance", "--limit", host, maintenance_tasks=str(work))
    assert played.status == 0, played.output[-3000:]
    really(cluster, before)


def test_a_pause_of_somebody_else_stays(cluster: Cluster, tmp_path: Path) -> None:
    host = cluster.nodes["validator1"]
    host.run("near-supervisor", "pause", "--reason", "Consul moves")
    work = tmp_path / "work.yml"
    work.write_text("- name: Nothing\n  ansible.builtin.debug: {msg: nothing}\n")
    standby = next(node for node in cluster.nodes if node != active(cluster))
    played = play("maintenance", "--limit", standby, maintenance_tasks=str(work))
    assert played.status == 0, played.output[-3000:]
    assert paused(cluster)
    shown = play("status")
    assert f"{ACCOUNT}: the failover is paused" in shown.output, shown.output[-3000:]
    host.run("near-supervisor", "resume")
    assert not paused(cluster)
    assert "paused" not in play("status").output


def on_the_controller(verb: str, machine: str) -> str:
    """A task that does this to a machine."""
    return (
        f"- name: Have docker {verb} it\n"
        f"  ansible.builtin.command: {{argv: [docker, {verb}, {machine}]}}\n"
        "  changed_when: false\n"
        "  delegate_to: localhost\n"
        "  vars: {ansible_connection: local}\n"
    )


@pytest.mark.timeout(900)
def test_while_a_host_is_worked_on_a_third_that_is_ready_takes_over(cluster: Cluster, tmp_path: Path) -> None:
    before = active(cluster)
    away, third = [node for node in cluster.nodes if node != before]
    machine = f"near-switchover-host{before[-1]}"
    work = tmp_path / "work.yml"
    work.write_text(
        on_the_controller("pause", machine) + "- name: The third signs\n"
        "  validator_ha.near.near_failover_info: {}\n"
        f"  delegate_to: {third}\n"
        "  register: now\n"
        f"  until: now.leader is not none and now.leader.alive and now.leader.node_id == '{third}'\n"
        "  retries: 60\n"
        "  delay: 1\n" + on_the_controller("unpause", machine)
    )
    played = play("maintenance", "--limit", away, maintenance_tasks=str(work))
    if played.status != 0:
        subprocess.run(["docker", "unpause", machine], check=False)
    assert played.status == 0, played.output[-3000:]
    assert not paused(cluster)
    really(cluster, third)


@pytest.mark.timeout(900)
def test_the_other_host_is_one_that_answers(cluster: Cluster, tmp_path: Path) -> None:
    """The first of the inventory is down when work is done on a standby."""
    work = tmp_path / "work.yml"
    work.write_text("- name: Nothing\n  ansible.builtin.debug: {msg: nothing}\n")
    first = cluster.nodes["validator1"]
    if active(cluster) == "validator1":
        assert play("switchover").status == 0
    standby = next(node for node in cluster.nodes if node not in ("validator1", active(cluster)))
    first.run("systemctl", "stop", f"near-supervisor@{ACCOUNT}.service")
    played = play("maintenance", "--limit", standby, maintenance_tasks=str(work))
    first.run("systemctl", "start", f"near-supervisor@{ACCOUNT}.service")
    assert played.status == 0, played.output[-3000:]
    cluster.wait_whole(first, RETURN_S)


@pytest.mark.timeout(900)
def test_a_server_of_consul_stays_while_another_is_away(cluster: Cluster, tmp_path: Path) -> None:
    work = tmp_path / "work.yml"
    work.write_text(f"- name: Leave a trace\n  ansible.builtin.command: {{argv: [touch, {WORKED}]}}\n")
    before = active(cluster)
    host, down = [node for node in cluster.nodes if node != before]
    cluster.nodes[host].run("rm", "-f", WORKED)
    cluster.nodes[down].run("systemctl", "stop", "consul")
    played = play("maintenance", "--limit", host, maintenance_tasks=str(work), consul_ready_timeout="5")
    cluster.nodes[down].run("systemctl", "start", "consul")
    assert played.status != 0
    assert f"{host} is a server of Consul, and stays: of the 2 other servers" in " ".join(played.output.split())
    assert not cluster.nodes[host].has(WORKED)
    assert not paused(cluster)
    cluster.wait_whole(cluster.nodes[before], RETURN_S)


def test_nothing_was_signed_twice(cluster: Cluster) -> None:
    verdict = cluster.scenario.signatures().verdict(ACCOUNT)
    assert verdict.clean, json.dumps(verdict.__dict__, default=str)
