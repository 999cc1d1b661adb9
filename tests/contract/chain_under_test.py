"""A chain of four validators and one more neard, real or simulated, that a test may start, stop and give a key."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from near_localnet import bring_up, chain, processes
from near_localnet.layout import CHAIN_NODES, SIGNER, VALIDATORS, ChainNode, Layout, Validator
from near_localnet.options import Options
from near_measure.clock import wait_for

SUBJECT = VALIDATORS[0]
"""The neard that is looked at: without a key, with a node key of its own."""
TIMEOUT_S = 60.0
POLL_S = 0.05
KILL_TIMEOUT_S = 10.0


class ChainUnderTest:
    """node0 to node2 run from `start` to `stop`. The fourth validator's key is free, for the subject."""

    def __init__(self, layout: Layout, options: Options) -> None:
        self.layout = layout
        self.options = options
        self.home = layout.home(SUBJECT)
        self.key_file = self.home / "validator_key.json"
        self._environ = bring_up.environment(layout, options)

    def start(self) -> None:
        """The chain makes blocks when this returns."""
        chain.install_neard(self.layout, self.options)
        chain.make(self.layout, self.options)
        shutil.copy(self.home / "voter_node_key.json", self.home / "node_key.json")
        for node in CHAIN_NODES:
            chain.start(self.layout, node, self._environ)
        self.until("the chain makes blocks", lambda: (self.height(CHAIN_NODES[0]) or 0) > 1)

    def stop(self) -> None:
        """Ends every process."""
        left = processes.find(self.layout.data)
        for process in left:
            process.signal(signal.SIGKILL)
        processes.wait_gone(left, KILL_TIMEOUT_S)

    # ----- the subject

    def begin(self) -> None:
        """The subject runs and is in sync when this returns."""
        self.launch()
        self.until("it is in sync", lambda: self.status()["sync_info"]["syncing"] is False)
        self.until("it follows", lambda: (self.height(SUBJECT) or 0) >= (self.height(CHAIN_NODES[0]) or 0) > 0)

    def launch(self) -> None:
        """The subject is started, and may not answer yet."""
        command = [str(self.layout.bin / "neard"), "--home", str(self.home), "run"]
        log = self.layout.log(SUBJECT.name)
        processes.start(command, data=self.layout.data, name=SUBJECT.name, log=log, environ=self._environ)

    def end(self) -> None:
        """The subject is gone, and has no key any more."""
        for process in self.subject():
            process.signal(signal.SIGKILL)
        processes.wait_gone(self.subject(), KILL_TIMEOUT_S)
        self.key_file.unlink(missing_ok=True)

    def subject(self) -> list[processes.Process]:
        """Its process, if it runs."""
        return [process for process in processes.find(self.layout.data) if process.name == SUBJECT.name]

    def hang_up(self) -> None:
        """SIGHUP to the subject."""
        for process in self.subject():
            process.signal(signal.SIGHUP)

    def give_key(self) -> None:
        """The key's file, and SIGHUP."""
        shutil.copy(self.layout.near / SIGNER / "validator_key.json", self.key_file)
        self.hang_up()

    def take_key(self) -> None:
        """The file is gone, and SIGHUP."""
        self.key_file.unlink()
        self.hang_up()

    def has_key(self) -> bool:
        """Whether it shows the fourth validator's key."""
        return self.status().get("validator_account_id") == SIGNER

    def status(self) -> dict[str, Any]:
        """Its `/status`; an account and a sync state of nobody while it does not answer."""
        return chain.node_status(self.layout, SUBJECT) or {"sync_info": {"syncing": None}}

    # ----- questions to any node

    def height(self, node: ChainNode | Validator) -> int | None:
        """Of its newest block; None if it does not answer."""
        return chain.height(self.layout, node)

    def get(self, route: str, node: ChainNode | Validator = SUBJECT) -> tuple[int, bytes]:
        """HTTP status and body."""
        connection = http.client.HTTPConnection(self.layout.address, node.rpc_port, timeout=5)
        try:
            connection.request("GET", route)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def post(self, method: str, params: object, node: ChainNode | Validator = SUBJECT) -> tuple[int, dict[str, Any]]:
        """HTTP status and JSON of a JSON-RPC call."""
        connection = http.client.HTTPConnection(self.layout.address, node.rpc_port, timeout=5)
        body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": method, "params": params})
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, dict(json.loads(response.read()))
        finally:
            connection.close()

    def series(self, name: str, node: ChainNode | Validator = SUBJECT) -> dict[str, float]:
        """Every series of one metric, by its labels as they are written."""
        text = self.get("/metrics", node)[1].decode(errors="replace")
        found = re.findall(rf"^{name}(\{{.*\}})? (\S+)$", text, re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def metric(self, name: str, node: ChainNode | Validator = SUBJECT) -> float | None:
        """A metric without labels; None if there is none."""
        return self.series(name, node).get("")

    def approves(self) -> bool:
        """Whether the newest block's header has the approval of the fourth validator."""
        return self._has_approval(self.post("block", {"finality": "optimistic"}, CHAIN_NODES[0])[1]["result"])

    def approved(self, first: int) -> list[int]:
        """The heights from `first` on whose headers have it."""
        return [block["header"]["height"] for block in self.blocks(first) if self._has_approval(block)]

    def blocks(self, first: int) -> list[dict[str, Any]]:
        """Every block from height `first` to the newest."""
        last = self.height(CHAIN_NODES[0]) or 0
        answers = [self.post("block", {"block_id": height}, CHAIN_NODES[0])[1] for height in range(first, last + 1)]
        return [answer["result"] for answer in answers if "result" in answer]

    def _has_approval(self, block: dict[str, Any]) -> bool:
        order = self.post("EXPERIMENTAL_validators_ordered", [None], CHAIN_NODES[0])[1]["result"]
        seat = [one["account_id"] for one in order].index(SIGNER)
        return bool(block["header"]["approvals"][seat])

    def holder(self, node: ChainNode) -> str:
        """The peer id that `node` takes for the holder of the fourth validator's key; "" if nobody's."""
        return chain.signer_peer(self.layout, node)

    def peer_id(self) -> str:
        """The subject's own."""
        return str(json.loads((self.home / "node_key.json").read_text())["public_key"])

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the program on the subject's home, to its end."""
        return self.run_on(self.home, *words)

    def run_on(self, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """The same on any home."""
        command = [str(self.layout.bin / "neard"), "--home", str(home), *words]
        environ = {**os.environ, **self._environ}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)

    def until(self, what: str, true: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
        """Looks again and again; AssertionError with the subject's last words if it never comes true."""
        if wait_for(true, timeout_s, POLL_S):
            return
        log = self.layout.log(SUBJECT.name)
        words = "\n".join(bring_up.tail(log, 20)) if log.exists() else "no log"
        heights = [*map(self.height, CHAIN_NODES), self.height(SUBJECT)]
        raise AssertionError(f"not within {timeout_s:g} s: {what}; heights {heights}\n{words}")
