"""The referee: what it convicts, what it lets pass, how it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neard_sim import referee
from neard_sim.verdict import Referee

MS = 1_000_000


def line(event: str, ms: int, home: str = "a", pid: int = 1, **fields: object) -> str:
    entry = {
        "event": event,
        "account": "v",
        "node_id": "key",
        "home": home,
        "pid": pid,
        "wall_ns": 0,
        "boot_ns": ms * MS,
    }
    return json.dumps(entry | fields) + "\n"


def sign(  # noqa: PLR0917 - short calls make the tables below readable
    ms: int, height: int, home: str = "a", pid: int = 1, kind: str = "approval", content: str = "x"
) -> str:
    return line("sign", ms, home, pid, kind=kind, height=height, content=content)


def fed(*lines: str) -> Referee:
    found = Referee()
    found.feed("".join(lines).encode())
    return found


def test_the_same_endorsement_twice_is_no_offence_and_two_different_ones_are() -> None:
    """A successor endorses from the final block on, and so may a chunk that its predecessor has endorsed."""
    first = sign(1000, 50, "a", kind="endorsement")
    assert fed(first, line("drop", 1500), sign(2000, 50, "b", kind="endorsement")).verdict().clean
    other = fed(first, line("drop", 1500), sign(2000, 50, "b", kind="endorsement", content="y")).verdict()
    assert [found.kind for found in other.double_signatures] == ["endorsement"]


@pytest.mark.parametrize(
    ("lines", "doubles", "overlaps"),
    [
        pytest.param([sign(1, 5), sign(2, 6)], 0, 0, id="one signer"),
        pytest.param([sign(1, 5), sign(2, 5, kind="block")], 0, 0, id="two kinds"),
        pytest.param([sign(1, 5), sign(2, 5, pid=2)], 0, 0, id="same home, same content, after a restart"),
        pytest.param(
            [sign(1, 5), sign(2, 5, pid=2, content="y")], 1, 0, id="same home, other content, after a restart"
        ),
        pytest.param([sign(1, 5), sign(2, 5, content="y")], 1, 0, id="same process, other content"),
        pytest.param([sign(1, 5), sign(2, 5, home="b")], 1, 0, id="two homes, same content"),
        pytest.param([sign(1, 5), sign(2, 5, home="b", content="y")], 1, 0, id="two homes, other content"),
        pytest.param([sign(1, 5), sign(2, 6, home="b", pid=2)], 0, 0, id="one after the other"),
        pytest.param([sign(1, 5), sign(2, 6, home="b"), sign(3, 7)], 0, 1, id="signing in turns"),
        pytest.param([line("hold", 1), line("alive", 9), line("hold", 5, "b")], 0, 1, id="holding together"),
        pytest.param([line("hold", 1), line("drop", 4), line("hold", 5, "b", 2)], 0, 0, id="holding in turn"),
        pytest.param(
            [line("hold", 1), line("alive", 4), line("hold", 5, "b"), line("alive", 6, "b")], 0, 0, id="killed"
        ),
        pytest.param([line("hold", 1), line("hold", 3, pid=2), line("alive", 2)], 0, 0, id="one home is never two"),
        pytest.param([sign(1, 5), sign(2, 5, home="b").replace('"v"', '"w"')], 0, 0, id="two accounts"),
    ],
)
def test_the_table_of_offences(lines: list[str], doubles: int, overlaps: int) -> None:
    verdict = fed(*lines).verdict()
    assert (len(verdict.double_signatures), len(verdict.overlaps)) == (doubles, overlaps)
    assert verdict.clean is (doubles + overlaps == 0)
    assert verdict.unreadable == 0


def test_gaps_are_measured_between_signatures() -> None:
    found = fed(
        sign(1000, 50), line("alive", 1400), line("hold", 2000, "b", 2), sign(2500, 55, "b", 2, kind="endorsement"),
        sign(2510, 56, "b", 2), sign(3000, 58, "b", 3),
    )  # fmt: skip
    (gap,) = found.gaps("v")
    assert (gap.old.home, gap.new.home, gap.gap_ms, gap.heights_missed) == ("a", "b", 1500, 5)
    assert (gap.last_boot_ns, gap.first_boot_ns) == (1000 * MS, 2500 * MS)
    restart = found.gaps("v", restarts=True)[1]
    assert restart.is_restart
    assert (restart.gap_ms, restart.heights_missed) == (490, 1)
    assert found.gaps("nobody") == []


def test_any_cut_of_the_bytes_gives_the_same_verdict() -> None:
    data = "".join([sign(1, 5), sign(2, 5, home="b"), sign(3, 6)]).encode()
    whole = fed(data.decode()).verdict()
    for cut in range(len(data)):
        pieces = Referee()
        pieces.feed(data[:cut])
        pieces.feed(data[cut:])
        assert pieces.verdict() == whole


def test_a_torn_last_line_waits_and_garbage_is_counted() -> None:
    found = fed(sign(1, 5), sign(2, 5, home="b")[:-3])
    assert found.verdict().clean
    assert found.verdict().unreadable == 0
    found.feed((sign(2, 5, home="b")[-3:] + "garbage\n[]\n").encode())
    assert len(found.verdict().double_signatures) == 1
    assert found.verdict().unreadable == 2


@pytest.mark.parametrize(
    ("text", "status", "word"),
    [
        (sign(1, 5), 0, "CLEAN"),
        (
            sign(1, 5) + sign(2, 5, "b"),
            1,
            "DOUBLE SIGNATURE v: approval at height 5 by a (pid 1) and, 1 ms later, by b",
        ),
        (line("hold", 1) + line("alive", 9) + line("hold", 5, "b"), 1, "held the key together for 0 ms"),
        (sign(1, 5) + "garbage\n", 2, "1 of 2 lines are no entries"),
        ("", 0, "CLEAN"),
    ],
)
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, word: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert referee.main([str(log)]) == status
    assert word in capsys.readouterr().out
    assert referee.main([str(log), "--json"]) == status
    assert json.loads(capsys.readouterr().out)["clean"] is (status != 1)


def test_a_log_that_cannot_be_read_is_no_clean_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert referee.main([str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        referee.main([])
    assert usage.value.code == 2


def test_a_follower_reads_only_what_is_new(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(sign(1, 5))
    follower = referee.Follower(log)
    assert follower.poll().verdict().lines == 1
    with log.open("a") as file:
        file.write(sign(2, 5, "b"))
    assert len(follower.poll().verdict().double_signatures) == 1
    assert follower.poll().verdict().lines == 2
