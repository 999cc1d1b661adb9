"""What stays of a connection on which nobody could say goodbye: some nodes in one loop, links cut and ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from neard_sim.config import PeerAddress
from neard_sim.link import encode, resent_after_s
from neard_sim.peers import Identity, Peers
from neard_sim.settings import Settings

HOST = "127.0.0.1"
KNOBS = Settings(key_routing=True, peer_retry_ms=10)
CUT = replace(KNOBS, partition=("lost",))
TIMEOUT_S = 5.0
POLL_S = 0.01


class Town:
    """The networks of one test. They tick while it waits for something."""

    def __init__(self) -> None:
        self._all: list[Peers] = []
        self.address = PeerAddress("", HOST, 0)
        """Of the node that stays."""

    async def node(self, name: str, peer_id: str, key: str | None = None) -> tuple[Peers, PeerAddress]:
        """A node that listens, and where."""
        with socket.create_server((HOST, 0)) as free:
            port = int(free.getsockname()[1])
        me = Identity(peer_id, name, None, "genesis", HOST, port)
        peers = Peers(me, KNOBS, lambda: [0, "", 0], lambda *_: None, lambda: None, own_key=lambda: key, holders=dict)
        await peers.listen(HOST, port)
        self._all.append(peers)
        return peers, PeerAddress(peer_id, HOST, port)

    async def until(self, what: str, condition: Callable[[], Any]) -> float:
        """Waits for the condition; how long it took in seconds. AssertionError if it never holds."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not condition():
            assert loop.time() < began + TIMEOUT_S, f"not within {TIMEOUT_S} s: {what}"
            for peers in self._all:
                peers.tick()
            await asyncio.sleep(POLL_S)
        return loop.time() - began

    async def two(self) -> tuple[Peers, Peers]:
        """A node that stays, linked to one that holds a key and will be lost."""
        stays, where = await self.node("stays", "s")
        lost, _ = await self.node("lost", "l", "key")
        self.address = where
        lost.learn(where)
        await self.until("they are linked", lambda: stays.links and lost.links)
        return stays, lost

    async def lose(self, stays: Peers, lost: Peers) -> None:
        """The host falls silent, then its process is gone; `stays` has had the time to notice, if it could."""
        stays.apply(CUT)
        self._all.remove(lost)
        lost.close()
        link = stays.links["l"]
        await self.until("the kernel has closed the connection", lambda: link.dead or "l" not in stays.links)


def play(scene: Callable[[Town], Coroutine[Any, Any, None]]) -> None:
    """Runs one test in a loop of its own."""
    asyncio.run(scene(Town()))


def test_a_process_that_dies_takes_its_connection_along() -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        lost.close()
        await town.until("it is gone", lambda: not stays.links)
        assert stays.routes.claim("key", object()) is None  # type: ignore[arg-type]  # any other link

    play(scene)


def test_a_host_that_is_lost_leaves_a_connection_that_holds_its_keys() -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        await town.lose(stays, lost)
        dead = stays.links["l"]
        assert stays.routes.carries(dead)
        assert [info.peer_id for info in stays.validators()] == ["l"]
        sent = dead.sent_bytes
        stays.broadcast(encode("b", 1))
        stays.offer_key(None)
        assert dead.sent_bytes == sent

    play(scene)


def test_what_comes_with_a_key_of_a_lost_host_is_refused() -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        await town.lose(stays, lost)
        dead = stays.links["l"]
        where = town.address
        same_node, _ = await town.node("successor", "l")
        same_node.learn(where)
        same_key, _ = await town.node("successor", "other", "key")
        same_key.learn(where)
        keyless, _ = await town.node("standby", "third")
        keyless.learn(where)
        await town.until("the keyless one is taken", lambda: keyless.links)
        await town.until("the key is refused", lambda: stays.routes.refusals > 1)
        assert stays.links["l"] is dead
        assert not same_key.links
        assert "s" not in same_node.links

    play(scene)


def test_a_lost_host_is_given_up_in_the_end() -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        await town.lose(stays, lost)
        stays.apply(replace(CUT, link_dead_after_ms=200))
        await town.until("it is given up", lambda: not stays.links)
        assert stays.routes.claim("key", object()) is None  # type: ignore[arg-type]  # any other link

    play(scene)


def test_the_connection_ends_with_the_retransmission_after_the_return() -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        await town.lose(stays, lost)
        dead = stays.links["l"]
        loop = asyncio.get_running_loop()
        await town.until("some time has passed", lambda: loop.time() > dead.last_seen + 0.3)
        stays.apply(KNOBS)
        took = await town.until("it is reset", lambda: dead not in stays.links.values())
        assert 0.25 < took < 1

    play(scene)


def test_a_return_that_lasts_too_short_changes_nothing() -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        await town.lose(stays, lost)
        loop = asyncio.get_running_loop()
        heard = stays.links["l"].last_seen
        await town.until("some time has passed", lambda: loop.time() > heard + 0.2)
        stays.apply(KNOBS)
        stays.apply(CUT)
        again = loop.time()
        await town.until("the retransmission is lost, too", lambda: loop.time() > again + 0.4)
        assert stays.links["l"].dead

    play(scene)


@pytest.mark.parametrize(
    "knobs", [replace(CUT, partition_mode="reset"), replace(CUT, partition_mode="reset", partition=("all",))]
)
def test_a_firewall_that_resets_ends_it_at_once(knobs: Settings) -> None:
    async def scene(town: Town) -> None:
        stays, lost = await town.two()
        await town.lose(stays, lost)
        stays.apply(knobs)
        assert not stays.links

    play(scene)


def test_who_ends_a_cut_connection_himself_has_none() -> None:
    async def scene(town: Town) -> None:
        stays, _ = await town.two()
        stays.apply(CUT)
        stays.close()
        await town.until("it is gone", lambda: not stays.links)

    play(scene)


@pytest.mark.parametrize(("lost_s", "wanted"), [(0.05, 0.2), (10, 10), (100, 100), (500, 120)])
def test_tcp_tries_again_after_as_long_as_it_has_tried(lost_s: float, wanted: float) -> None:
    assert resent_after_s(lost_s) == wanted
