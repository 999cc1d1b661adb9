"""What neard's newest blocks show of one account, behind a scripted server: marks, or Unreadable."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from near_supervisor.core.facts.approvals import Own
from near_supervisor.core.facts.doppelganger import Look, Mark
from near_supervisor.core.facts.signing_check import Counted
from near_supervisor.io import neard_blocks
from near_supervisor.io.neard_blocks import EPOCHS_KEPT, MOST_BLOCKS, Order, OwnBlocks
from near_supervisor.io.neard_rpc import NeardRpc, Unreadable

US = "pool.near"
HEAD = 120


class Chain:
    """Blocks by height; each approved by the other one, and by us where a test says so."""

    def __init__(self) -> None:
        self.order: Any = [{"account_id": "other"}, {"account_id": US}]
        self.blocks = {height: self._block(height) for height in range(100, HEAD + 1)}
        self.asked: list[str] = []
        self.head = HEAD
        self.counts = True

    def _block(self, height: int) -> dict[str, Any]:
        header = {"height": height, "hash": f"h{height}", "prev_hash": f"h{height - 1}", "epoch_id": "e"}
        return {"author": "other", "header": {**header, "approvals": ["ed25519:x", None]}}

    def approve(self, height: int) -> None:
        self.blocks[height]["header"]["approvals"][1] = "ed25519:y"

    def answer(self, method: str, params: Any) -> Any:
        self.asked.append(method)
        if method == "EXPERIMENTAL_validators_ordered":
            return self.order
        if method == "validators":
            return {"current_validators": [], "epoch_start_height": 7} if self.counts else None
        if "finality" in params:
            return self.blocks.get(self.head)
        named = params["block_id"]
        wanted = named if isinstance(named, int) else int(named[1:])
        return self.blocks.get(wanted)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@contextmanager
def served(chain: Chain) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            result = chain.answer(asked["method"], asked["params"])
            body = json.dumps({"result": result} if result is not None else {"error": {"cause": {"name": "X"}}})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def read(chain: Chain, above: int = HEAD - 3, *, counters: bool = False) -> Look:
    with served(chain) as port:
        rpc = NeardRpc("127.0.0.1", port, 1_000)
        return neard_blocks.read(rpc, Order(rpc, US), above, counters)


def test_blocks_without_our_signature_say_nothing(chain: Chain) -> None:
    assert read(chain) == Look(HEAD - 3, HEAD, None)
    assert chain.asked.count("EXPERIMENTAL_validators_ordered") == 1, "once for an epoch"
    assert "validators" not in chain.asked, "it is expensive"


def test_the_highest_approval_of_ours_is_found(chain: Chain) -> None:
    chain.approve(HEAD - 1)
    chain.approve(HEAD - 2)
    assert read(chain).mark == Mark(HEAD - 1, "an approval")


def test_a_block_of_ours_is_found_even_where_our_approval_is_not(chain: Chain) -> None:
    chain.blocks[HEAD]["author"] = US
    assert read(chain).mark == Mark(HEAD, "the signature")


def test_what_is_accounted_for_is_not_looked_at(chain: Chain) -> None:
    chain.approve(HEAD - 3)
    assert read(chain).mark is None
    assert read(chain, HEAD - 4).mark == Mark(HEAD - 3, "an approval")
    assert read(chain, HEAD + 5) == Look(HEAD + 5, HEAD, None)


def test_only_the_newest_blocks_are_looked_at(chain: Chain) -> None:
    chain.approve(HEAD - MOST_BLOCKS)
    assert read(chain, 100).mark is None
    assert chain.asked.count("block") <= MOST_BLOCKS + 1


def test_heights_without_a_block_are_passed_over(chain: Chain) -> None:
    chain.blocks[HEAD]["header"]["prev_hash"] = f"h{HEAD - 2}"
    chain.approve(HEAD - 2)
    assert read(chain).mark == Mark(HEAD - 2, "an approval")


def test_a_neard_that_keeps_no_older_blocks_shows_what_it_has(chain: Chain) -> None:
    del chain.blocks[HEAD - 1]
    assert read(chain) == Look(HEAD - 3, HEAD, None)


def test_who_makes_no_blocks_has_no_approvals(chain: Chain) -> None:
    chain.order = [{"account_id": "other"}]
    chain.approve(HEAD)
    assert read(chain).mark is None


def test_an_approval_list_that_is_too_short_says_nothing(chain: Chain) -> None:
    chain.blocks[HEAD]["header"]["approvals"] = ["ed25519:x"]
    assert read(chain).mark is None


@pytest.mark.parametrize(("counts", "counted"), [(True, Counted(7, ())), (False, None)])
def test_counters_come_along_when_they_are_wanted(chain: Chain, counts: bool, counted: Counted | None) -> None:
    chain.counts = counts
    chain.approve(HEAD)
    assert read(chain, counters=True) == Look(HEAD - 3, HEAD, Mark(HEAD, "an approval"), counted)


def header(**changes: Any) -> Callable[[Chain], None]:
    return lambda chain: chain.blocks[HEAD]["header"].update(changes)


@pytest.mark.parametrize(
    "spoil",
    [
        header(height=-1),
        header(height=True),
        header(height="120"),
        header(height=2**53),
        header(hash=None),
        header(prev_hash=7),
        header(epoch_id=[]),
        header(approvals=None),
        header(approvals=[None] * 10_001),
        lambda chain: chain.blocks[HEAD].update(header=[]),
        lambda chain: chain.blocks[HEAD].pop("author"),
        lambda chain: chain.blocks.update({HEAD: []}),
        lambda chain: chain.blocks.pop(HEAD),
        lambda chain: setattr(chain, "order", {}),
        lambda chain: setattr(chain, "order", [{"account_id": US}] * 10_001),
        lambda chain: setattr(chain, "order", None),
    ],
)
def test_nonsense_is_unreadable(chain: Chain, spoil: Callable[[Chain], object]) -> None:
    spoil(chain)
    with pytest.raises(Unreadable):
        read(chain)


@pytest.mark.parametrize("order", [[None, 7, {}], [{"account_id": 7}], []])
def test_seats_that_are_none_are_nobodys(chain: Chain, order: Any) -> None:
    chain.order = order
    assert read(chain).mark is None


# --- our own approvals, of a validator that signs


def own(chain: Chain, above: int = HEAD - 6) -> Own:
    with served(chain) as port:
        rpc = NeardRpc("127.0.0.1", port, 1_000)
        return neard_blocks.own(rpc, Order(rpc, US), above, OwnBlocks(US))


def test_the_order_of_an_epoch_is_asked_for_once(chain: Chain) -> None:
    with served(chain) as port:
        rpc = NeardRpc("127.0.0.1", port, 1_000)
        order = Order(rpc, US)
        for number in range(2 * EPOCHS_KEPT):
            chain.blocks[HEAD]["header"]["epoch_id"] = f"e{number // 2}"
            assert neard_blocks.own(rpc, order, HEAD - 1, OwnBlocks(US)) == Own(HEAD, None, 1)
    assert chain.asked.count("EXPERIMENTAL_validators_ordered") == EPOCHS_KEPT


def test_blocks_of_others_without_ours_are_counted_down_to_the_newest_that_has_one(chain: Chain) -> None:
    assert own(chain) == Own(HEAD, None, 6)
    chain.approve(HEAD - 4)
    assert own(chain) == Own(HEAD, HEAD - 4, 4)
    chain.approve(HEAD)
    chain.asked.clear()
    assert own(chain) == Own(HEAD, HEAD, 0)
    assert chain.asked.count("block") == 1, "as long as all is well, one block a look"


def test_a_block_of_our_own_says_nothing_of_what_arrives(chain: Chain) -> None:
    chain.blocks[HEAD]["author"] = US
    chain.approve(HEAD)
    assert own(chain) == Own(HEAD, None, 5)


def test_whoever_makes_no_blocks_is_said_to(chain: Chain) -> None:
    chain.order = [{"account_id": "other"}]
    assert own(chain) == Own(HEAD, None, 6, seated=False)


def test_no_block_above_is_none_without(chain: Chain) -> None:
    assert own(chain, HEAD + 3) == Own(HEAD, None, 0)


def test_own_approvals_of_nonsense_are_unreadable(chain: Chain) -> None:
    chain.order = {}
    with pytest.raises(Unreadable):
        own(chain)


# --- two blocks of one height


def seen_twice(chain: Chain, *heads: int) -> list[int | None]:
    """What each look tells while the head moves over these heights."""
    with served(chain) as port:
        rpc, known, found = NeardRpc("127.0.0.1", port, 1_000), OwnBlocks(US), []
        for chain.head in heads:
            found.append(neard_blocks.own(rpc, Order(rpc, US), HEAD - 6, known).twice)
            if chain.head == HEAD - 4:
                chain.blocks[HEAD - 4]["header"]["hash"] = f"x{HEAD - 4}"
        return found


def test_a_block_of_ours_that_gave_way_to_another_one_of_ours_is_found(chain: Chain) -> None:
    chain.blocks[HEAD - 4]["author"] = US
    assert seen_twice(chain, HEAD - 4, HEAD - 3, HEAD - 2, HEAD - 1) == [None, None, HEAD - 4, None]


def test_one_that_gave_way_to_nothing_or_to_anothers_is_no_find(chain: Chain) -> None:
    assert seen_twice(chain, HEAD - 4, HEAD) == [None, None], "another one made both"
    chain.blocks[HEAD - 5]["author"] = chain.blocks[HEAD - 3]["author"] = US
    assert seen_twice(chain, HEAD - 5, HEAD - 3, HEAD) == [None] * 3, "it is the one that was seen"
    chain = Chain()
    chain.blocks[HEAD - 5]["author"] = US
    assert seen_twice(chain, HEAD - 5) == [None]
    del chain.blocks[HEAD - 5]
    assert seen_twice(chain, HEAD) == [None]
