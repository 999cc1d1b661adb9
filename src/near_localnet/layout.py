"""Where everything of one localnet is: directories, loopback addresses, ports, names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from near_localnet.problem import Problem

MAX_INSTANCE = 254
LONGEST_SOCKET_PATH = 107  # sun_path of unix(7), less its closing zero
ACCOUNT = "default"
"""The account id the supervisors use for their Consul keys, as kuutamod's default."""
CONSUL_PORT = 8500
SIGNER = "node3"
"""The chain's fourth validator: its keys are what the pair shares."""


@dataclass(frozen=True)
class ChainNode:
    """An unsupervised node of the chain."""

    name: str
    rpc_port: int
    network_port: int


@dataclass(frozen=True)
class Validator:
    """One host of the pair: supervisor, guard, neard."""

    name: str
    home_name: str
    metrics_port: int
    rpc_port: int
    validator_port: int
    voter_port: int


CHAIN_NODES = tuple(ChainNode(f"node{i}", 3030 + i, 24550 + i) for i in range(3))
VALIDATORS = (
    Validator("validator-a", "kuutamod0", 2233, 3034, 24567, 24568),
    Validator("validator-b", "kuutamod1", 2234, 3035, 24569, 24570),
)
CONSUL_SERVERS = ("consul1", "consul2", "consul3")
NAMES = (*(v.name for v in VALIDATORS), *(n.name for n in CHAIN_NODES), *CONSUL_SERVERS)


@dataclass(frozen=True)
class Layout:
    """One localnet below `data`. Instances differ in their loopback addresses and so never collide on a port."""

    data: Path
    instance: int = 0

    @staticmethod
    def make(root: Path, data: Path | None, instance: int) -> Layout:
        """The layout of `instance`; its data is below `.data` of `root` unless given. Raises Problem."""
        if not 0 <= instance <= MAX_INSTANCE:
            raise Problem(f"--instance {instance} is out of range.", f"Choose one from 0 to {MAX_INSTANCE}.")
        default = root / ".data" if instance == 0 else root / ".data" / "instances" / str(instance)
        layout = Layout((data or default).absolute(), instance)
        for validator in VALIDATORS:
            longest = str(layout.run_dir(validator) / "control.sock")
            if len(longest) > LONGEST_SOCKET_PATH:
                raise Problem(
                    f"The data directory's path is too long: unix sockets allow {LONGEST_SOCKET_PATH} characters, "
                    f"{longest} has {len(longest)}.",
                    "Name a shorter one with --data DIR.",
                )
        return layout

    @property
    def address(self) -> str:
        """The loopback address of the chain and the pair."""
        return f"127.0.{self.instance}.1"

    @property
    def near(self) -> Path:
        """Homes of all nodes."""
        return self.data / "near" / "localnet"

    @property
    def consul(self) -> Path:
        """Data and configuration of the Consul servers."""
        return self.data / "consul"

    @property
    def state_file(self) -> Path:
        """What the localnet was started with."""
        return self.data / "localnet.json"

    @property
    def referee_log(self) -> Path:
        """The common log of all signatures of the simulated nodes."""
        return self.data / "referee.log"

    @property
    def bin(self) -> Path:
        """Holds the `neard` that is used, first in PATH of all processes."""
        return self.data / "bin"

    def log(self, name: str) -> Path:
        """The log of one part."""
        return self.data / "logs" / f"{name}.log"

    def home(self, node: ChainNode | Validator) -> Path:
        """The neard home of a node or of one host of the pair."""
        return self.near / (node.home_name if isinstance(node, Validator) else node.name)

    def run_dir(self, validator: Validator) -> Path:
        """Where supervisor and guard keep their sockets and pid files."""
        return self.home(validator) / "run"

    def consul_address(self, server: str) -> str:
        """`consul1` → 127.0.<instance>.1 and so on: one address each, the same ports."""
        return f"127.0.{self.instance}.{CONSUL_SERVERS.index(server) + 1}"

    def consul_url(self, server: str) -> str:
        """The HTTP interface of one Consul server."""
        return f"http://{self.consul_address(server)}:{CONSUL_PORT}"

    def metrics_address(self, validator: Validator) -> str:
        """Where the supervisor of `validator` serves its metrics."""
        return f"{self.address}:{validator.metrics_port}"


def validator_named(name: str) -> Validator | None:
    """The host of the pair with this name, if it is one."""
    return next((v for v in VALIDATORS if v.name == name), None)


def node_named(name: str) -> ChainNode | None:
    """The chain node with this name, if it is one."""
    return next((n for n in CHAIN_NODES if n.name == name), None)
