"""A local network of simulated nodes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from neard_sim import install, referee
from neard_sim.default_config import duration
from support.waiting import until

BLOCK_MS = 50
_HTTP_S = 2.0


class SimNode:
    """One home directory and, at times, its process."""

    def __init__(self, home: Path, binary: Path, env: dict[str, str]) -> None:
        self.home = home
        self._binary = binary
        self._env = env
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The name of the home directory."""
        return self.home.name

    @property
    def rpc(self) -> str:
        """Where the node answers HTTP."""
        return str(json.loads((self.home / "config.json").read_text())["rpc"]["addr"])

    def edit(self, file: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a JSON file of the home directory."""
        path = self.home / file
        document = json.loads(path.read_text()) if path.exists() else {}
        change(document)
        temporary = path.with_name(file + ".new")
        temporary.write_text(json.dumps(document))
        temporary.rename(path)

    def knobs(self, **values: Any) -> None:
        """Set knobs in sim.json."""
        self.edit("sim.json", lambda document: document.update(values))

    def start(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start the process; a second one in the same home is only returned, not kept."""
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(
                [self._binary, "--home", self.home, "run", *flags], env=self._env, stderr=log, stdin=subprocess.DEVNULL
            )
        if self.process is None or self.process.poll() is not None:
            self.process = process
        return process

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def get(self, path: str) -> bytes:
        """The body of one answer; OSError if there is none, or an error status."""
        with urllib.request.urlopen(f"http://{self.rpc}{path}", timeout=_HTTP_S) as answer:
            return bytes(answer.read())

    def call(self, method: str, params: Any) -> Any:
        """The result of one JSON-RPC call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        with urllib.request.urlopen(f"http://{self.rpc}/", body, timeout=_HTTP_S) as answer:
            return json.loads(answer.read())["result"]

    def status(self) -> dict[str, Any]:
        """``/status``, or an empty object while there is no answer."""
        try:
            return dict(json.loads(self.get("/status")))
        except (OSError, ValueError):
            return {}

    def height(self) -> int:
        """Height of the head; -1 without an answer."""
        return int(self.status().get("sync_info", {}).get("latest_block_height", -1))

    def syncing(self) -> bool:
        """What ``/status`` says; true without an answer."""
        return bool(self.status().get("sync_info", {}).get("syncing", True))

    def metric(self, name: str) -> float:
        """One series of ``/metrics``."""
        for line in self.get("/metrics").decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"{self.name} shows no metric {name}")

    def log(self) -> str:
        """Everything the node wrote to stderr, over all its lives."""
        path = self.home / "log"
        return path.read_text() if path.exists() else ""


class Net:
    """node0 to node3 of ``neard localnet`` and a pair, pair0 and pair1, that shares the key of node3."""

    def __init__(
        self, root: Path, *, epoch_length: int = 100_000, kickout: int = 90, start_delay_ms: int = 300
    ) -> None:
        self.root = root
        self.referee_log = root / "referee.log"
        self.binary = install.write(root / "bin")
        self.env = {
            **os.environ,
            "NEARD_SIM_LOCALNET_HOST": "127.0.0.1",
            "NEARD_SIM_REFEREE_LOG": str(self.referee_log),
            "NEARD_SIM_START_DELAY_MS": str(start_delay_ms),
        }
        self.neard("--home", str(root), "localnet", "-v", "4")
        self._genesis = json.loads((root / "node0/genesis.json").read_text())
        self._genesis["epoch_length"] = epoch_length
        self._genesis["block_producer_kickout_threshold"] = kickout
        self._genesis["chunk_producer_kickout_threshold"] = kickout
        self.nodes = {f"node{index}": SimNode(root / f"node{index}", self.binary, self.env) for index in range(4)}
        for name in self.nodes:
            self._tune(self.nodes[name])
        for index in range(2):
            self._add_pair_node(f"pair{index}")

    def _tune(self, node: SimNode) -> None:
        def change(document: dict[str, Any]) -> None:
            document["consensus"] |= {
                "min_block_production_delay": duration(BLOCK_MS),
                "max_block_production_delay": duration(2 * BLOCK_MS),
                "max_block_wait_delay": duration(600),
                "sync_check_period": duration(500),
                "min_num_peers": 2,
            }

        node.edit("config.json", change)
        node.edit("genesis.json", lambda document: document.update(self._genesis))

    def _add_pair_node(self, name: str) -> None:
        boot = json.loads((self.root / "node1/config.json").read_text())["network"]["boot_nodes"]
        node = SimNode(self.root / name, self.binary, self.env)
        genesis = str(self.root / "node0/genesis.json")
        self.neard(
            "--home", str(node.home), "init", "--chain-id", "localnet", "--genesis", genesis, "--boot-nodes", boot
        )
        (node.home / "validator_key.json").unlink()
        rpc, network = free_addresses(2)
        node.edit("config.json", lambda document: document["rpc"].update(addr=rpc, enable_debug_rpc=True))
        node.edit("config.json", lambda document: document["network"].update(addr=network))
        self.nodes[name] = node
        self._tune(node)

    def neard(self, *args: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command of neard to its end; AssertionError unless it succeeds."""
        done = subprocess.run([self.binary, *args], env=self.env, capture_output=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done

    def __getitem__(self, name: str) -> SimNode:
        """The node of this name."""
        return self.nodes[name]

    def give_key(self, name: str) -> None:
        """Put the key of node3 into the home of a pair node."""
        shutil.copy(self.root / "node3/validator_key.json", self[name].home / "validator_key.json")

    def take_key(self, name: str) -> None:
        """Remove the validator key from a home."""
        (self[name].home / "validator_key.json").unlink()

    def start(self, *names: str) -> None:
        """Start nodes."""
        for name in names:
            self[name].start()

    def until(self, what: str, condition: Callable[[], Any], timeout_s: float = 10) -> Any:
        """Wait for ``condition``; on failure the assertion shows every node."""
        return until(what, condition, self.evidence, timeout_s)

    def grows(self, name: str, by: int = 5, timeout_s: float = 10) -> None:
        """Wait until the head of a node is ``by`` heights above what it is now."""
        start = self[name].height()
        self.until(f"{name} grows by {by} above {start}", lambda: self[name].height() >= start + by, timeout_s)

    def follows(self, name: str) -> None:
        """Wait until a node is in sync with a chain that has begun."""
        node = self[name]
        self.until(f"{name} follows the chain", lambda: not node.syncing() and node.height() >= 3)

    def signed(self, name: str) -> list[dict[str, Any]]:
        """All signatures made in one home so far."""
        home = str(self[name].home.resolve())
        # What is being written may be there in part.
        whole, _end, _part = self.referee_log.read_text().rpartition("\n")
        entries = [json.loads(line) for line in whole.splitlines()]
        return [entry for entry in entries if entry["event"] == "sign" and entry["home"] == home]

    def verdict(self) -> referee.Verdict:
        """What the referee says now."""
        return referee.judge(self.referee_log)

    def evidence(self) -> str:
        """What to print when a test fails."""
        parts = []
        for node in self.nodes.values():
            state = None if node.process is None else node.process.poll()
            parts.append(f"--- {node.name}: exit {state}, status {json.dumps(node.status().get('sync_info'))}")
            parts.append("\n".join(node.log().splitlines()[-12:]))
        if self.referee_log.exists():
            parts.append(referee.report(referee.Follower(self.referee_log).poll(), None))
        return "\n".join(parts)

    def close(self) -> None:
        """End every process."""
        for node in self.nodes.values():
            node.kill()


@contextlib.contextmanager
def running(root: Path, *names: str, **options: Any) -> Iterator[Net]:
    """A network with these nodes started and its chain growing."""
    net = Net(root, **options)
    try:
        net.start(*names)
        for name in names:
            net.follows(name)
        yield net
    finally:
        net.close()


def free_addresses(count: int) -> list[str]:
    """Loopback addresses with ports that are free now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [f"127.0.0.1:{item.getsockname()[1]}" for item in held]
    for item in held:
        item.close()
    return found
