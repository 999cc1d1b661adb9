"""The operator's verbs of ``near-supervisor``, on a real Consul: what they print, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from near_ha.records.switchover import Phase
from near_supervisor.commandline import main as main_program
from support.open_consul import consul
from support.played_cluster import ACCOUNT, PlayedCluster, cluster, control_socket

__all__ = ["cluster", "consul"]

pytestmark = pytest.mark.integration


@pytest.fixture(params=["socket", "consul"])
def way(request: pytest.FixtureRequest, cluster: PlayedCluster, tmp_path: Path) -> Iterator[list[str]]:
    if request.param == "consul":
        yield ["--consul-url", cluster.consul.url]
    else:
        with control_socket(cluster, tmp_path, "validator-2"):
            yield ["--run-dir", str(tmp_path)]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


def rows(text: str) -> dict[str, str]:
    """The lines of a table by the first word that names somebody."""
    return {found[0]: line for line in text.splitlines() if (found := re.findall(r"validator-\d", line))}


def test_status_shows_who_validates_and_why_another_could_not(
    cluster: PlayedCluster, way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.publish("validator-2", ready=False, reason="120 blocks \x1b[2Jbehind")
    assert main_program.main(["status", *way]) == 0
    text = capsys.readouterr().out
    assert f"account:    {ACCOUNT}\n" in text
    assert "validator:  validator-1 on host-1, term 7, height 190000123\n" in text
    assert "failover:   by itself\n" in text
    table = rows(text)
    assert re.match(r"\* +validator-1  host-1  Voting +190000120  100 +validates$", table["validator-1"])
    assert table["validator-2"].endswith("no: 120 blocks [2Jbehind")
    assert "\x1b" not in text
    assert ("neard:      pid 4712, without the key\nchain:      height 190000120, in sync\n" in text) is (
        "--run-dir" in way
    )


def test_status_as_json_is_the_supervisors_own_and_the_cluster(
    cluster: PlayedCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with control_socket(cluster, tmp_path, "validator-2"):
        assert main_program.main(["status", "--json", "--run-dir", str(tmp_path)]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["member_id"], seen["cluster"]["leader"]["node_id"]) == ("validator-2", "validator-1")


def test_promote_says_each_step_and_is_done_once(
    cluster: PlayedCluster, way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["promote", "validator-2", "--reason", "a test", "--timeout", "30", *way]
    before = cluster.store()
    assert main_program.main([*words, "--check"]) == 0
    assert capsys.readouterr().out == "It would be done: validator-1 hands over to validator-2.\n"
    assert cluster.store() == before
    assert main_program.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r" +\d+\.\d\d s  asked: validator-1 hands over to validator-2$", lines[0])
    assert lines[-1].endswith("done: validator-2 validates (term 8); nobody signed for 1.23 s")
    assert main_program.main(words) == 0
    assert capsys.readouterr().out == "Nothing to do: validator-2 is the validator already (term 8).\n"
    assert main_program.main(["history", *way]) == 0
    assert re.search(r"8 +validator-2  validator-1  switchover +1\.23 s +a test\n", capsys.readouterr().out)
    assert main_program.main(["history", "--json", *way]) == 0
    assert [change["term"] for change in json.loads(capsys.readouterr().out)] == [8]


def test_pause_demote_and_resume(cluster: PlayedCluster, way: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main_program.main(["pause", "--reason", "works", *way]) == 0
    assert cluster.cluster().config.reason == "works"
    assert main_program.main(["demote", "validator-1", *way]) == 3
    assert "the cluster is paused by" in capsys.readouterr().err
    assert main_program.main(["status", *way]) == 0
    assert re.search(r"failover: +paused by .* since 20\d\d-.*: works\n", capsys.readouterr().out)
    assert main_program.main(["resume", *way]) == 0
    assert main_program.main(["demote", "validator-1", "--timeout", "30", *way]) == 0
    assert cluster.cluster().leader == "validator-2"


def test_what_others_wrote_into_consul_cannot_speak_for_us(
    cluster: PlayedCluster, way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forged = "works\nnear-supervisor: done\x1b[2J"
    config = json.dumps({"paused": True, "by": forged, "reason": forged, "at_ms": 1})
    cluster._put(f"near-supervisor/{ACCOUNT}/config", config)
    assert main_program.main(["promote", "validator-2", *way]) == 3
    said = capsys.readouterr().err
    assert "the cluster is paused by works" in said
    assert (said.count("\n"), "\x1b" in said) == (1, False)


@pytest.mark.parametrize("timeout", ["nan", "inf", "-1"])
def test_a_timeout_that_is_none(cluster: PlayedCluster, way: list[str], timeout: str) -> None:
    assert main_program.main(["promote", "validator-2", f"--timeout={timeout}", *way]) == 1


def test_each_end_has_its_status(cluster: PlayedCluster, way: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main_program.main(["promote", "stranger", *way]) == 3
    assert "near-supervisor: 'stranger' is no member" in capsys.readouterr().err
    cluster.script = "failed"
    assert main_program.main(["promote", "validator-2", "--timeout", "30", *way]) == 4
    assert "the switchover failed: validator-2 did not take over" in capsys.readouterr().err
    cluster.script = "stuck"
    assert main_program.main(["promote", "validator-2", "--timeout", "1", "--json", *way]) == 5
    seen = capsys.readouterr()
    assert "has not ended (it is accepted)" in seen.err
    assert (json.loads(seen.out)["phase"], json.loads(seen.out)["code"]) == ("accepted", "timeout")


def test_nobody_is_there_to_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_program.main(["status", "--run-dir", str(tmp_path)]) == 1
    assert "no control socket at" in capsys.readouterr().err
    assert main_program.main(["pause", "--consul-url", "http://127.0.0.1:1", "--account-id", ACCOUNT]) == 1
    assert "Consul at http://127.0.0.1:1 does not answer (Connection refused)" in capsys.readouterr().err
    assert main_program.main(["promote", "--account-id", "nobody.near"]) == 1
    assert "no supervisor of account nobody.near runs on this host" in capsys.readouterr().err
    for words in (["promote", "a", "b"], ["pause", "--watch"], ["history", "--last", "0"], ["frobnicate"]):
        with pytest.raises(SystemExit) as ended:
            main_program.main(words)
        assert ended.value.code == 2


def test_who_does_not_wait_goes_at_once(cluster: PlayedCluster, way: list[str]) -> None:
    cluster.script = "ignored"
    assert main_program.main(["promote", "validator-2", "--no-wait", *way]) == 0
    request = cluster.cluster().request
    assert request is not None
    assert request.phase is Phase.ASKED
    assert "@" in request.asked_by


def test_what_has_not_begun_is_called_off(
    cluster: PlayedCluster, way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_program.main(["cancel", *way]) == 0
    assert capsys.readouterr().out == "Nothing to do: no switchover is under way.\n"
    cluster.script = "ignored"
    assert main_program.main(["promote", "validator-2", "--no-wait", "--now", *way]) == 0
    request = cluster.cluster().request
    assert request is not None
    assert request.now
    capsys.readouterr()
    assert main_program.main(["cancel", "--reason", "not tonight", *way]) == 0
    assert "promote validator-2 is called off" in capsys.readouterr().out
    request = cluster.cluster().request
    assert request is not None
    assert (request.phase, "not tonight" in request.outcome) == (Phase.FAILED, True)


@pytest.mark.parametrize("verb", ["status", "promote", "demote", "pause", "resume", "cancel", "history"])
def test_help_teaches(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main_program.main([verb, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"  near-supervisor {verb}" in text
    assert "exit status:" in text


def test_watch_goes_on_until_it_is_interrupted(cluster: PlayedCluster) -> None:
    """As a process of its own, with a signal as Ctrl-C sends it."""
    command = [sys.executable, "-m", "near_supervisor.commandline.main", "status", "--watch", "--json"]
    process = subprocess.Popen(
        [*command, "--consul-url", cluster.consul.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(2)
    _rest, complaint = process.communicate(timeout=10)
    assert [line["cluster"]["leader"]["node_id"] for line in seen] == ["validator-1", "validator-1"]
    assert (process.returncode, complaint) == (0, "")


def test_colours_are_for_terminals(cluster: PlayedCluster) -> None:
    program = [sys.executable, "-m", "near_supervisor.commandline.main", "status", "--consul-url", cluster.consul.url]
    for environ, wanted in (
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, False),
        ({"TERM": "dumb"}, False),
    ):
        ours, theirs = os.openpty()
        inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
        subprocess.run(program, stdout=theirs, env={**inherited, **environ}, check=True, timeout=30)
        os.close(theirs)
        text = b""
        while b"validates" not in text:
            text += os.read(ours, 65536)
        os.close(ours)
        assert (b"\x1b[32m" in text) is wanted
