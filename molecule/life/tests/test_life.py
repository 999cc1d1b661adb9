"""From the neard that was there to the day the failover ends, by playbooks; each test goes on where the last ended."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import HOME, Cluster
from observer import Host, Scenario, until
from plays import Played, play

ACCOUNT = "node3"
HOSTS = ("near-life-validator1", "near-life-validator2", "near-life-validator3")
FIRST, *OTHERS = HOSTS
START_S = 90.0
# On a chain of four validators there is no longer one.
WINDOW = {f"{name}_window_heights": 1 for name in ("adopt", "drill", "leave")}
RETURN_S = 120.0
KEY = f"/etc/near/supervisor/{ACCOUNT}/validator_key.json"
IN_HOME = f"{HOME}/validator_key.json"

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster(Scenario.load(), ACCOUNT, {name: Host(name) for name in HOSTS})


@pytest.fixture(autouse=True)
def never_two_signers(cluster: Cluster) -> Iterator[None]:
    """After each step: nothing was signed twice."""
    yield
    verdict = cluster.scenario.signatures().verdict(ACCOUNT)
    assert verdict.clean, verdict


def done(played: Played) -> Played:
    """A playbook that has to come to its end."""
    assert played.status == 0, played.output[-5000:]
    return played


def kept(host: Host) -> str:
    """What systemd does with the plain unit at a boot."""
    return host.run("systemctl", "show", "--property=UnitFileState", "--value", "neard.service").strip()


def pids(cluster: Cluster) -> dict[str, list[int]]:
    """The neards of each host."""
    return {name: host.neards(HOME) for name, host in cluster.nodes.items()}


def test_a_plain_neard_is_adopted(cluster: Cluster) -> None:
    first = cluster.nodes[FIRST]
    until("the plain neard signs", START_S, lambda: cluster.signer() == FIRST, cluster.signer)
    (plain,) = first.neards(HOME)
    node_key = first.run("cat", f"{HOME}/node_key.json")
    refused = play("deploy")
    assert refused.status != 0
    assert "A validator key lies in neard's home" in refused.words, refused.output[-3000:]
    rehearsed = done(play("adopt", "--check"))
    assert "neard.service is active. It is going to be stopped and masked" in rehearsed.words, rehearsed.output[-3000:]
    assert first.neards(HOME) == [plain]
    wrong = play("adopt", adopt_unit="other.service")
    assert (wrong.status != 0, wrong.changed) == (True, 0)
    assert "runs other.service" in wrong.words, wrong.output[-3000:]

    played = done(play("adopt", **WINDOW))
    assert "validates, under a supervisor" in played.words, played.output[-3000:]
    (adopted,) = first.neards(HOME)
    assert adopted != plain
    assert kept(first) == "masked"
    assert first.has(KEY)
    assert cluster.has_key(FIRST)
    assert first.run("sh", "-c", f"test -L {IN_HOME} && echo link").strip() == "link"
    assert first.run("cat", "/etc/near/neard/voter_node_key.json") == node_key
    again = done(play("adopt", **WINDOW))
    assert (again.changes, first.neards(HOME)) == ([], [adopted]), again.output[-3000:]


def test_standbys_are_added(cluster: Cluster) -> None:
    (signer,) = cluster.nodes[FIRST].neards(HOME)
    done(play("deploy"))
    cluster.wait_whole(cluster.nodes[FIRST], START_S)
    assert cluster.active(cluster.nodes[FIRST]) == FIRST
    assert cluster.nodes[FIRST].neards(HOME) == [signer], "it was not started again"


def another_neard(tmp_path: Path) -> Path:
    """The same program in another file: bytes behind a zip archive's beginning do not matter to it."""
    own = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "chain" / "neard"
    shebang, _newline, rest = own.read_bytes().partition(b"\n")
    other = tmp_path / "neard"
    other.write_bytes(shebang + b" \n" + rest)
    return other


def sums(cluster: Cluster) -> dict[str, str]:
    """SHA-256 of the program on each host."""
    return {name: host.run("sha256sum", "/usr/local/bin/neard").split()[0] for name, host in cluster.nodes.items()}


def test_neard_is_upgraded_and_taken_back(cluster: Cluster, tmp_path: Path) -> None:
    before, ran = sums(cluster), pids(cluster)
    new = another_neard(tmp_path)
    done(play("upgrade", neard_binary_file=str(new)))
    cluster.wait_whole(cluster.nodes[FIRST], RETURN_S)
    after, runs = sums(cluster), pids(cluster)
    assert len(set(after.values())) == 1
    assert not set(after.values()) & set(before.values())
    assert not {pid for found in runs.values() for pid in found} & {pid for found in ran.values() for pid in found}
    assert cluster.active(cluster.nodes[FIRST]) != FIRST, "the role was handed over"

    done(play("upgrade", neard_rollback=True))
    cluster.wait_whole(cluster.nodes[FIRST], RETURN_S)
    assert sums(cluster) == before
    back = pids(cluster)
    assert not {pid for found in back.values() for pid in found} & {pid for found in runs.values() for pid in found}


@pytest.mark.parametrize("kind", ["switchover", "neard"])
def test_a_failover_is_rehearsed(cluster: Cluster, kind: str) -> None:
    cluster.wait_whole(cluster.nodes[FIRST], RETURN_S)
    before = cluster.active(cluster.nodes[FIRST])
    rehearsed = done(play("drill", "--check", drill_kind=kind))
    assert f"{before} {'is asked to hand over' if kind == 'switchover' else 'has its neard killed'}" in rehearsed.words
    assert cluster.active(cluster.nodes[FIRST]) == before
    played = done(play("drill", drill_kind=kind, **WINDOW))
    assert f'"from": "{before}"' in played.words, played.output[-3000:]
    assert re.search(r'"nobody_signed_for_s": \d', played.words), played.output[-3000:]
    assert re.search(r'"blocks_missed": \d', played.words), played.output[-3000:]
    until("another one validates", RETURN_S, lambda: cluster.active(cluster.nodes[FIRST]) not in ("", before))


def test_the_failover_ends_and_one_goes_on(cluster: Cluster) -> None:
    cluster.wait_whole(cluster.nodes[FIRST], RETURN_S)
    # The way back from adopt.yml ends where it began.
    if cluster.active(cluster.nodes[FIRST]) != FIRST:
        done(play("switchover", switchover_to=FIRST))
    first = cluster.nodes[FIRST]
    for arguments, variables, sentence in (
        ((), {}, "Say of which one with -e leave_account=ACCOUNT"),
        (("--limit", FIRST), {"leave_account": ACCOUNT}, "would take over and sign. Run it without --limit"),
    ):
        refused = play("leave", *arguments, **variables)
        assert (refused.status != 0, refused.changed) == (True, 0), refused.output[-3000:]
        assert sentence in refused.words, refused.output[-3000:]
    rehearsed = done(play("leave", "--check", leave_account=ACCOUNT))
    assert f"{FIRST} goes on by itself, as neard.service" in rehearsed.words
    cluster.wait_whole(first, START_S)

    done(play("leave", leave_account=ACCOUNT, **WINDOW))
    running = pids(cluster)
    assert [len(running[name]) for name in HOSTS] == [1, 0, 0], running
    assert kept(first) == "enabled"
    assert "Our validator" in first.run("cat", "/etc/systemd/system/neard.service")
    # The key is where it was, and nowhere else.
    assert first.run("sh", "-c", f"test -L {IN_HOME} || echo file").strip() == "file"
    for name, host in cluster.nodes.items():
        assert not host.has(KEY), name
        assert (name == FIRST) == cluster.has_key(name), name
    count = len(cluster.signatures())
    until("it signs on", START_S, lambda: len(cluster.signatures()) > count and cluster.signer() == FIRST)
    again = done(play("leave", leave_account=ACCOUNT))
    assert (again.changed, pids(cluster)) == (0, running), again.output[-3000:]

    # And once more: what was ended can be begun again.
    done(play("adopt", **WINDOW))
    done(play("deploy"))
    cluster.wait_whole(first, START_S)
