"""Supervised hosts of a simulated chain, as fixtures, and how one of them refuses to run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from near_localnet.neard_files import duration
from support.ports import free_port
from support.sim_net import Net
from support.supervised import Supervised, edit, standby_home

BLOCK_MS = 150
SOON_S = 10.0
_names = itertools.count()


class Chain:
    """node0 to node2 of a simulated chain; node3's keys are those of the pairs that the tests make."""

    def __init__(self, root: Path) -> None:
        self.net = Net(root, start_delay_ms=200)
        for node in self.net.nodes.values():
            edit(node.home / "config.json", self._pace)
        self.keys = root / "node3"

    @staticmethod
    def _pace(config: dict[str, dict[str, object]]) -> None:
        config["consensus"] |= {
            "min_block_production_delay": duration(BLOCK_MS),
            "max_block_production_delay": duration(2 * BLOCK_MS),
        }

    def host(self, name: str, consul_url: str = "") -> Supervised:
        """A new host with a home of its own, for the account ``default``."""
        home_name = f"host{next(_names)}"
        self.net._add_pair_node(home_name)
        home = self.net.nodes.pop(home_name).home
        edit(home / "config.json", self._pace)
        standby_home(home)
        host = Supervised(name, home, self.keys, self.net.binary, self.net.env)
        host.flags["--consul-url"] = consul_url or f"http://127.0.0.1:{free_port()}"
        host.flags["--near-boot-nodes"] = json.loads((self.net.root / "node1/config.json").read_text())["network"][
            "boot_nodes"
        ]
        return host

    def signs(self, host: Supervised) -> Callable[[], bool]:
        """Has ``host`` signed something?"""
        home = str(host.home.resolve())
        log = self.net.referee_log
        return lambda: any(
            entry["event"] == "sign" and entry["home"] == home
            for entry in map(json.loads, log.read_text().splitlines())
        )

    def nothing_was_signed_twice(self) -> None:
        """The referee's word."""
        verdict = self.net.verdict()
        assert verdict.clean, verdict


@pytest.fixture(scope="module")
def stopped_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Homes and keys, nothing running."""
    chain = Chain(tmp_path_factory.mktemp("chain"))
    try:
        yield chain
    finally:
        chain.net.close()


@pytest.fixture(scope="module")
def chain(stopped_chain: Chain) -> Chain:
    """Three of four validators make blocks."""
    names = ("node0", "node1", "node2")
    stopped_chain.net.start(*names)
    for name in names:
        stopped_chain.net.follows(name)
    return stopped_chain


@pytest.fixture
def hosts() -> Iterator[list[Supervised]]:
    """Hosts to clean up after the test."""
    hosts: list[Supervised] = []
    try:
        yield hosts
    finally:
        for host in hosts:
            host.clean_up()


@pytest.fixture
def host(stopped_chain: Chain, hosts: list[Supervised]) -> Supervised:
    """A host that is configured well, with no Consul and perhaps no chain behind it."""
    hosts.append(stopped_chain.host("a"))
    return hosts[0]


def refuses(host: Supervised, *words: str, within_s: float = SOON_S, before: Callable[[], None] | None = None) -> str:
    """It ends with status 1 and one error that has all these words; nothing is left behind. Returns that error."""
    return ends_with_an_error(host.start(before), within_s, *words)


def ends_with_an_error(host: Supervised, within_s: float, *words: str) -> str:
    """As ``refuses``, for one that runs already."""
    assert host.ended(within_s) == 1, host.evidence()
    assert "Traceback" not in host.log(), host.log()
    errors = host.said("error")
    found = [message for message in errors if all(word in message for word in words)]
    assert found, f"no error with all of {words}\n{host.evidence()}"
    host.left_nothing()
    return found[0]
