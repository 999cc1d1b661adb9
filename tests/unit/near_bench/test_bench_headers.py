"""A chain that forks, goes silent and changes its epoch, as its headers tell of one validator."""

from __future__ import annotations

from typing import Any

import pytest

from near_bench.headers import Gap, Header, HeaderLog, longest_gap, settled
from near_localnet.problem import Problem
from near_measure.clock import NS

SEATS = {"e1": ["node0", "node3"], "e2": ["node3", "node0"]}


class Chain:
    """Blocks by hash, as one node shows them."""

    def __init__(self) -> None:
        self.blocks: dict[str, dict[str, Any]] = {}
        self.head = ""
        self.silent = False
        self.asked: list[str] = []

    def grow(self, name: str, *, approved: bool = True, parent: str = "", epoch: str = "e1") -> None:
        """A block upon ``parent``, by default upon the head, one second later."""
        parent = parent or self.head
        height = self.blocks[parent]["header"]["height"] + 1 if parent in self.blocks else 1
        approvals = ["ed25519:other" if seat == "node0" else "ed25519:ours" for seat in SEATS[epoch]]
        if not approved:
            approvals[SEATS[epoch].index("node3")] = None  # type: ignore[call-overload]
        self.blocks[name] = {
            "header": {
                "height": height, "hash": name, "prev_hash": parent or "genesis", "epoch_id": epoch,
                "timestamp_nanosec": str(height * NS), "approvals": approvals,
            }
        }  # fmt: skip
        self.head = name

    def ask(self, method: str, params: Any) -> Any:
        self.asked.append(method)
        if self.silent:
            return None
        if method == "block":
            return self.blocks.get(params.get("block_id", self.head))
        epoch = self.blocks[params[0]]["header"]["epoch_id"]
        return [{"account_id": name} for name in SEATS[epoch]]


@pytest.fixture
def chain() -> Chain:
    made = Chain()
    for name in ("a", "b", "c"):
        made.grow(name, approved=name != "b")
    return made


def seen(log: HeaderLog) -> list[tuple[str, bool]]:
    return [(header.hash, header.approved) for header in log.poll()]


def test_it_follows_the_chain_and_asks_for_what_is_new_only(chain: Chain) -> None:
    log = HeaderLog(chain.ask, "node3")
    assert seen(log) == [("a", True), ("b", False), ("c", True)]
    chain.grow("d")
    chain.asked.clear()
    assert seen(log)[-1] == ("d", True)
    assert chain.asked == ["block", "block"]


def test_what_a_fork_took_back_is_gone(chain: Chain) -> None:
    log = HeaderLog(chain.ask, "node3")
    log.poll()
    chain.grow("b2", parent="a")
    chain.grow("c2", approved=False)
    assert seen(log) == [("a", True), ("b2", True), ("c2", False)]


def test_the_seat_is_that_of_the_epoch(chain: Chain) -> None:
    log = HeaderLog(chain.ask, "node3")
    log.poll()
    chain.grow("d", epoch="e2", approved=False)
    chain.grow("e", epoch="e2")
    assert seen(log)[-2:] == [("d", False), ("e", True)]


def test_a_node_that_is_silent_takes_nothing_away(chain: Chain) -> None:
    log = HeaderLog(chain.ask, "node3")
    log.poll()
    chain.silent = True
    assert len(log.poll()) == 3


def test_a_stranger_and_an_answer_that_is_none_are_named(chain: Chain) -> None:
    with pytest.raises(Problem, match="node9 is no validator of the epoch e1; there are node0, node3"):
        HeaderLog(chain.ask, "node9").poll()
    del chain.blocks["c"]["header"]["approvals"]
    with pytest.raises(Problem, match="cannot be read: KeyError"):
        HeaderLog(chain.ask, "node3").poll()


def headers(pattern: str) -> list[Header]:
    """One header a second, ``x`` with the approval and ``.`` without."""
    return [Header(at, str(at), at * NS, sign == "x") for at, sign in enumerate(pattern)]


@pytest.mark.parametrize(
    ("pattern", "since_s", "gap"),
    [
        ("xxx", 0, Gap(1.0, 0)),
        ("xx..x.x", 0, Gap(3.0, 2)),
        ("x...xx.x", 5, Gap(2.0, 1)),
        ("x...xx.x", 2, Gap(4.0, 3)),
        ("xx...", 0, Gap(1.0, 0)),
        ("....", 0, Gap(0.0, 0)),
    ],
    ids=["steady", "longest", "only after", "begun before", "not ended", "never"],
)
def test_longest_gap(pattern: str, since_s: int, gap: Gap) -> None:
    assert longest_gap(headers(pattern), since_s * NS) == gap


@pytest.mark.parametrize(
    ("pattern", "holds"), [("..xxxx", True), ("..x.xx", True), ("..xxx.", False), ("..x..x", False), ("xxx", False)]
)
def test_settled(pattern: str, holds: bool) -> None:
    assert settled(headers(pattern), NS, 4, 3) is holds


def test_settled_by_headers_after_the_event_only() -> None:
    assert not settled(headers("..xxxx"), 2 * NS, 4, 3)
