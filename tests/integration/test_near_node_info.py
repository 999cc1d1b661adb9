"""near_node_info asks a neard that runs, one that does not, and what is none."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.ansible_modules import load, run
from support.ports import free_port
from support.sim_net import Net, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    with running(tmp_path_factory.mktemp("net"), "node0", "node1", "node2", "node3", epoch_length=1_000) as net:
        net.until("some blocks", lambda: net["node0"].height() > 20)
        yield net


def info(**params: Any) -> dict[str, Any]:
    return run(load("near_node_info"), params)


def test_a_neard_that_validates(net: Net) -> None:
    found = info(path=str(net["node0"].home), account_id="node0")
    assert found["rpc"]["synced"], found["rpc"]
    assert (found["rpc"]["validator_account_id"], found["rpc"]["chain_id"]) == ("node0", "localnet")
    assert found["rpc"]["validator_public_key"].startswith("ed25519:")
    assert found["epoch"]["validates"]
    assert 0 < found["epoch"]["blocks_produced"] <= found["epoch"]["blocks_expected"]
    assert found["rpc_silent"] == ""
    assert found["changed"] is False


def test_the_account_is_seen_from_another_node_and_a_stranger_validates_nowhere(net: Net) -> None:
    address = net["node1"].rpc
    assert info(path="/nowhere", rpc_addr=address, account_id="node2")["epoch"]["validates"]
    stranger = info(path="/nowhere", rpc_addr=address, account_id="stranger.near")["epoch"]
    assert (stranger["validates"], stranger["blocks_produced"]) == (False, None)


def test_it_is_waited_for_when_an_account_owes_nothing(net: Net) -> None:
    here = {"path": "/nowhere", "rpc_addr": net["node1"].rpc}
    assert info(**here, account_id="node2", free_heights=1, patience=60)["epoch"]["free_heights"] >= 1
    # Of four validators, each has a block or a chunk to make again and again.
    longest = info(**here, account_id="node2", free_heights=1_000, patience=1)["epoch"]["free_heights"]
    assert 0 <= longest < 1_000
    stranger = info(**here, account_id="stranger.near", free_heights=100_000, patience=600)["epoch"]
    assert not stranger["validates"], "nobody waits for that one"


def test_it_is_not_asked_where_that_is_not_wanted(net: Net) -> None:
    found = info(path=str(net["node0"].home), account_id="node0", ask=False)
    assert (found["rpc"], found["epoch"], found["rpc_silent"]) == (None, None, "")


def test_nobody_answers() -> None:
    found = info(path="/nowhere", rpc_addr=f"127.0.0.1:{free_port()}", account_id="node0")
    assert (found["rpc"], found["epoch"]) == (None, None)
    assert "Connection refused" in found["rpc_silent"]


@pytest.mark.parametrize("said", [b"", b"[]", b"<html>", b"{" * 100_000, b'{"sync_info": 7}'])
def test_what_answers_is_no_neard(said: bytes, tmp_path: Path) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET  # noqa: N815 - the name is the protocol's

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        found = info(path=str(tmp_path), rpc_addr=f"127.0.0.1:{server.server_port}", account_id="node0")
    finally:
        server.shutdown()
        server.server_close()
    assert found["epoch"] is None
    if found["rpc"] is None:
        assert "is no neard" in found["rpc_silent"]
    else:
        assert not found["rpc"]["synced"]
        assert "refuses to tell the validators" in found["rpc_silent"]
