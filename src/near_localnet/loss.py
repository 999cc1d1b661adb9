"""A host that vanishes: no packet from or to it arrives any more, so that its peers hear no goodbye.

The simulated neard's own network is what is cut (its knob ``partition``), at everybody else: the connections of a host
that is lost stay there, dead, until TCP gives up (docs/reference/neard-sim.md).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from near_localnet.layout import CHAIN_NODES, VALIDATORS, ChainNode, Layout, Validator
from near_localnet.problem import Problem

KNOB, MODE = "partition", "partition_mode"
TAKEN = "live knobs changed"
TAKEN_TIMEOUT_S = 5.0
POLL_S = 0.02
ALL: tuple[ChainNode | Validator, ...] = (*CHAIN_NODES, *VALIDATORS)


def cut(layout: Layout, host: Validator, running: Callable[[], Mapping[str, int]]) -> None:
    """Let nobody hear ``host`` any more; returns when no neard that runs does.

    ``running`` looks for their processes, by name of node or host. One that is started meanwhile reads its knobs then,
    and nobody waits for it. Raises Problem for one that does not take its knobs.
    """
    others = [node for node in ALL if node != host]
    told, before = {node: _taken(layout, node) for node in others}, running()
    counts = {node: count for node, count in told.items() if _add(layout, node, host) and node.name in before}
    deadline = time.monotonic() + TAKEN_TIMEOUT_S
    while True:
        now = running()
        same = [node for node in counts if now.get(node.name) == before[node.name]]
        waiting = [node.name for node in same if _taken(layout, node) <= counts[node]]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise Problem(
                f"{', '.join(waiting)} did not take the cut to {host.name} within {TAKEN_TIMEOUT_S:g} s.",
                f"See: bin/localnet logs {waiting[0]}",
            )
        time.sleep(POLL_S)


def mend(layout: Layout, host: Validator) -> None:
    """Everybody can hear ``host`` again; without a cut, nothing changes."""
    for node in ALL:
        names = cut_off_at(layout, node)
        if host.home_name in names:
            _write(layout, node, [name for name in names if name != host.home_name])


def cut_off_at(layout: Layout, node: ChainNode | Validator) -> list[str]:
    """Home directory names of the hosts that ``node`` does not hear."""
    found = _knobs(layout, node).get(KNOB, [])
    return found.split(",") if isinstance(found, str) else list(found)


def _add(layout: Layout, node: ChainNode | Validator, host: Validator) -> bool:
    names = cut_off_at(layout, node)
    if host.home_name in names:
        return False
    _write(layout, node, [*names, host.home_name])
    return True


def _write(layout: Layout, node: ChainNode | Validator, names: list[str]) -> None:
    file = _file(layout, node)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**_knobs(layout, node), KNOB: [name for name in names if name], MODE: "drop"}) + "\n")
    fresh.replace(file)


def _knobs(layout: Layout, node: ChainNode | Validator) -> dict[str, Any]:
    try:
        document = json.loads(_file(layout, node).read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Problem(f"{_file(layout, node)} is not JSON: {error}.", "Repair it, or remove it.") from None
    return document if isinstance(document, dict) else {}


def _file(layout: Layout, node: ChainNode | Validator) -> Path:
    return layout.home(node) / "sim.json"


def _taken(layout: Layout, node: ChainNode | Validator) -> int:
    log = layout.run_dir(node) / "neard.log" if isinstance(node, Validator) else layout.log(node.name)
    return log.read_text(errors="replace").count(TAKEN) if log.exists() else 0
