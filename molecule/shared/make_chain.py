"""Makes the files of a simulated chain that runs in one container, and of the accounts that hosts validate for.

``make_chain.py OUT --host CHAIN_HOST --accounts N`` writes to OUT, on the controller:

chain.tar                              homes of the chain's own nodes, node0 and so on, each a validator
genesis.json, boot_nodes               for every other node
accounts/<account>/validator_key.json  a validator of the genesis that no node of the chain runs
neard                                  the simulated neard, one executable file

There are 2 N + 1 own nodes: more than two thirds of the stake, so blocks go on while every account is down.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATHS = [ROOT / "src", ROOT / "plugins" / "module_utils"]
sys.path[:0] = map(str, PATHS)

from near_localnet.neard_files import edit_config, edit_genesis  # noqa: E402 - found by the line above

FIRST_RPC, FIRST_NETWORK = 3030, 24550
EPOCH_LENGTH = 5000


def own_nodes(accounts: int) -> list[str]:
    """The chain's own nodes beside `accounts` validators that run elsewhere."""
    return [f"node{number}" for number in range(2 * accounts + 1)]


def account_names(accounts: int) -> list[str]:
    """The accounts that run elsewhere, as `neard localnet` names them."""
    first = len(own_nodes(accounts))
    return [f"node{number}" for number in range(first, first + accounts)]


def boot_nodes(out: Path, names: list[str], host: str) -> str:
    """`KEY@HOST:PORT` of the first two nodes: one of them may be restarting when somebody asks."""
    keys = [json.loads((out / "homes" / name / "node_key.json").read_text())["public_key"] for name in names[:2]]
    return ",".join(f"{key}@{host}:{FIRST_NETWORK + number}" for number, key in enumerate(keys))


def main() -> int:
    """Writes everything; the same arguments give the same keys."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--host", required=True, help="name of the container that runs the chain")
    parser.add_argument("--accounts", type=int, default=1)
    parser.add_argument("--block-time-ms", type=int, default=600)
    given = parser.parse_args()
    out: Path = given.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _python([ROOT / "tools" / "pack.py", "neard-sim", "--out", out / "neard"])
    mine, others = own_nodes(given.accounts), account_names(given.accounts)
    total = str(len(mine) + len(others))
    _python([out / "neard", "--home", out / "homes", "localnet", "-v", total, "--prefix", "node"])
    boot = boot_nodes(out, mine, given.host)
    for number, name in enumerate(mine):
        _edit(out / "homes" / name, number, boot, given.block_time_ms)
    shutil.copy(out / "homes" / mine[0] / "genesis.json", out)
    (out / "boot_nodes").write_text(boot)
    with tarfile.open(out / "chain.tar", "w") as tar:
        for name in mine:
            tar.add(out / "homes" / name, name)
    for name in others:
        (out / "accounts" / name).mkdir(parents=True)
        (out / "homes" / name / "validator_key.json").rename(out / "accounts" / name / "validator_key.json")
    shutil.rmtree(out / "homes")
    return 0


def _edit(home: Path, number: int, boot: str, block_time_ms: int) -> None:
    """Known ports that other hosts reach, an even pace, and an epoch in which nobody is kicked out for a failover."""
    config = edit_config(
        json.loads((home / "config.json").read_text()),
        rpc=f"0.0.0.0:{FIRST_RPC + number}",
        network=f"0.0.0.0:{FIRST_NETWORK + number}",
        boot_nodes=boot,
        block_time_ms=block_time_ms,
    )
    (home / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    genesis = edit_genesis(json.loads((home / "genesis.json").read_text()), EPOCH_LENGTH)
    (home / "genesis.json").write_text(json.dumps(genesis, indent=2) + "\n")


def _python(command: list[Path | str]) -> None:
    # `neard localnet` looks for free ports, on IPv6 by default; not every controller has that.
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "NEARD_SIM_LOCALNET_HOST": "127.0.0.1"}
    subprocess.run([sys.executable, *command], env=environ, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
