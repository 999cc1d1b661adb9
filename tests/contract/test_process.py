"""The process: its end, its home, its files."""

from __future__ import annotations

import signal
import socket

import pytest

from contract.chain_under_test import SUBJECT, ChainUnderTest, edit


def listens(neard: ChainUnderTest) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((neard.layout.address, SUBJECT.rpc_port)) == 0


def test_sigterm_closes_its_port_and_ends_it(neard: ChainUnderTest) -> None:
    for process in neard.subject():
        process.signal(signal.SIGTERM)
    neard.until("its port is closed", lambda: not listens(neard), 20)
    neard.until("it is gone", lambda: not neard.subject(), 20)


def test_a_home_has_one_process(neard: ChainUnderTest) -> None:
    second = neard.run("run")
    assert second.returncode != 0
    assert neard.subject()


def test_sigkill_costs_no_data(neard: ChainUnderTest) -> None:
    height = neard.height(SUBJECT)
    assert height is not None
    neard.end()
    neard.begin()
    neard.until("it goes on above", lambda: (neard.height(SUBJECT) or 0) > height)


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("rpc", {"addr": "127.0.0.1:3030"}),
        ("consensus", {}),
        ("network", {"addr": 7}),
        ("gc_num_epochs_to_keep", 0),
    ],
    ids=["rpc without its other fields", "consensus without its fields", "an address that is none", "no epoch to keep"],
)
def test_config_that_it_refuses(home: ChainUnderTest, section: str, value: object) -> None:
    edit(home.home / "config.json", **{section: value})
    assert home.run("validate-config").returncode != 0


def test_config_of_the_localnet_is_good(home: ChainUnderTest) -> None:
    done = home.run("validate-config")
    assert done.returncode == 0, done.stderr
