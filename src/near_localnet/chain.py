"""The chain: homes of its nodes and of the pair, and the running of the unsupervised nodes."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from near_localnet import neard_files, processes
from near_localnet.layout import CHAIN_NODES, SIGNER, VALIDATORS, ChainNode, Layout, Validator
from near_localnet.options import Options
from near_localnet.ports import Port
from near_localnet.problem import Problem

MAKE_TIMEOUT_S = 120
ASK_TIMEOUT_S = 1.0


def needed_ports(layout: Layout) -> list[Port]:
    """Every TCP port of the chain and the pair."""
    ports = []
    for node in CHAIN_NODES:
        ports += [Port(layout.address, node.rpc_port, f"{node.name} (RPC)")]
        ports += [Port(layout.address, node.network_port, f"{node.name} (network)")]
    for host in VALIDATORS:
        ports += [Port(layout.address, host.metrics_port, f"{host.name} (metrics)")]
        ports += [Port(layout.address, host.rpc_port, f"{host.name} (RPC)")]
        ports += [Port(layout.address, host.validator_port, f"{host.name} (network as validator)")]
        ports += [Port(layout.address, host.voter_port, f"{host.name} (network as voter)")]
    return ports


def install_neard(layout: Layout, options: Options) -> Path:
    """Puts the `neard` to use into the localnet's own bin directory: the real one as a link, else the simulated one."""
    neard = layout.bin / "neard"
    layout.bin.mkdir(parents=True, exist_ok=True)
    if options.neard:
        neard.unlink(missing_ok=True)
        neard.symlink_to(options.neard)
    else:
        neard.unlink(missing_ok=True)
        _run([sys.executable, "-m", "neard_sim", "install", str(layout.bin)], "installing the simulated neard")
    return neard


def make(layout: Layout, options: Options) -> None:
    """Homes of node0..node3 and of the pair, unless they are there; configuration is brought up to `options`."""
    if not layout.home(VALIDATORS[-1]).exists():
        shutil.rmtree(layout.near, ignore_errors=True)
        layout.near.mkdir(parents=True)
        # Two more than the chain needs: their homes and node keys become the pair's.
        command = [str(layout.bin / "neard"), "--home", str(layout.near)]
        _run([*command, "localnet", "-v", "4", "-n", str(len(VALIDATORS)), "--prefix", "node"], "making the chain")
        for number, host in enumerate(VALIDATORS, 4):
            _adopt(layout.near / f"node{number}", layout.home(host))
    nodes: tuple[ChainNode | Validator, ...] = (*CHAIN_NODES, *VALIDATORS)
    for node in nodes:
        _configure(layout, node, options)


def _adopt(spare: Path, home: Path) -> None:
    """Turns the spare node's home into that of a host of the pair, without any key that signs."""
    try:
        (spare / "validator_key.json").unlink(missing_ok=True)
        (spare / "node_key.json").rename(spare / "voter_node_key.json")
        spare.rename(home)
    except FileNotFoundError as error:
        raise Problem(f"neard localnet did not make {error.filename}.", "If NEARD is set, is it a neard?") from None


def _configure(layout: Layout, node: ChainNode | Validator, options: Options) -> None:
    home = layout.home(node)
    network_port = node.network_port if isinstance(node, ChainNode) else node.voter_port
    config = neard_files.edit_config(
        json.loads((home / "config.json").read_text()),
        rpc=f"{layout.address}:{node.rpc_port}",
        network=f"{layout.address}:{network_port}",
        boot_nodes=boot_nodes(layout, node),
        block_time_ms=options.block_time_ms,
        shadows=SIGNER if isinstance(node, Validator) else "",
        public=_public_address(layout, node, options),
        tier1=options.direct_links != "others" or isinstance(node, ChainNode),
    )
    (home / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    genesis_file = home / "genesis.json"
    genesis = json.loads(genesis_file.read_text())
    edited = neard_files.edit_genesis(genesis, options.epoch_length, SIGNER, options.others_stake)
    # A genesis that changes after the first start is refused by neard.
    if edited != genesis and not (home / "data").exists():
        genesis_file.write_text(json.dumps(edited, indent=2) + "\n")


def _public_address(layout: Layout, node: ChainNode | Validator, options: Options) -> str:
    """`KEY@HOST:PORT` for direct links of other validators, with the key of a host's own node; "" where it has none."""
    if isinstance(node, ChainNode):
        shown, name, port = options.direct_links != "none", "node_key.json", node.network_port
    else:
        shown, name, port = options.direct_links == "all", "voter_node_key.json", node.voter_port
    if not shown:
        return ""
    return f"{json.loads((layout.home(node) / name).read_text())['public_key']}@{layout.address}:{port}"


def boot_nodes(layout: Layout, asks: ChainNode | Validator) -> str:
    """`KEY@HOST:PORT` of each chain node but `asks` itself, as a comma list.

    All of them: a real neard tells others the address that it was called from, which for a localnet that is not on
    127.0.0.1 is another one, on which nobody listens.
    """
    return ",".join(
        f"{json.loads((layout.home(node) / 'node_key.json').read_text())['public_key']}"
        f"@{layout.address}:{node.network_port}"
        for node in CHAIN_NODES
        if node != asks
    )


def signer_keys(layout: Layout) -> tuple[Path, Path]:
    """Node key and validator key that the pair shares."""
    home = layout.near / SIGNER
    return home / "node_key.json", home / "validator_key.json"


def start(layout: Layout, node: ChainNode, environ: dict[str, str]) -> None:
    """Starts one unsupervised node; it is not ready when this returns."""
    command = [str(layout.bin / "neard"), "--home", str(layout.home(node)), "run"]
    processes.start(command, data=layout.data, name=node.name, log=layout.log(node.name), environ=environ)


def node_status(layout: Layout, node: ChainNode | Validator) -> dict[str, Any] | None:
    """neard's own `/status`; None if it does not answer."""
    return _get(layout, node, "/status")


def signer_peer(layout: Layout, node: ChainNode | Validator) -> str:
    """The peer id that `node` takes for the common signer's, by AccountData; "" if it knows of none, or is silent."""
    key = json.loads(signer_keys(layout)[1].read_text())["public_key"]
    try:
        shown = (_get(layout, node, "/debug/api/status") or {})["detailed_debug_status"]
        known = shown["network_info"]["tier1_accounts_data"]
        return next((str(one["peer_id"]) for one in known if one["account_key"] == key), "")
    except (KeyError, TypeError):
        return ""


def _get(layout: Layout, node: ChainNode | Validator, route: str) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(layout.address, node.rpc_port, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", route)
        document = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return document if isinstance(document, dict) else None


def missed(layout: Layout) -> tuple[int, int] | None:
    """Blocks and chunks that the common signer has missed in this epoch, as node0 counts; None if it does not say."""
    told = call(layout, CHAIN_NODES[0], "validators", [None])
    try:
        seat = next(one for one in told["current_validators"] if one["account_id"] == SIGNER)
        blocks, chunks = (seat[f"num_expected_{kind}"] - seat[f"num_produced_{kind}"] for kind in ("blocks", "chunks"))
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
    return int(blocks), int(chunks)


def call(layout: Layout, node: ChainNode | Validator, method: str, params: object) -> Any:
    """The result of a JSON-RPC call; None if the node does not answer with one."""
    connection = http.client.HTTPConnection(layout.address, node.rpc_port, timeout=ASK_TIMEOUT_S)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())["result"]
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def height(layout: Layout, node: ChainNode | Validator) -> int | None:
    """Height of the node's newest block; None if it does not answer."""
    status = node_status(layout, node)
    try:
        return int(status["sync_info"]["latest_block_height"]) if status else None
    except (KeyError, TypeError, ValueError):
        return None


def _run(command: list[str], doing: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MAKE_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"{doing} failed: {error}.", "If NEARD is set, does it name a neard that runs here?") from None
    if done.returncode != 0:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-4:])
        raise Problem(f"{doing} failed: {command[0]} ended with status {done.returncode}.\n{words}")
