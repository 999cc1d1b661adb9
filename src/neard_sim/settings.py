"""The knobs of the simulation: the one place that defines them, their units and their defaults.

A knob is set by the variable ``NEARD_SIM_<NAME IN CAPITALS>`` or, stronger, by ``{"<name>": value}`` in
``HOME/sim.json``. Knobs marked live are read again from that file within about 0.1 s while the node runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from near_ha.host import relaxed_json

PREFIX = "NEARD_SIM_"
FILE_NAME = "sim.json"
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")


class BadKnob(ValueError):
    """A knob has a name or value that cannot be used; the text names it."""


def _knob(default: Any, unit: str, doc: str, *, live: bool = False, choices: tuple[str, ...] = ()) -> Any:
    metadata = {"unit": unit, "doc": doc, "live": live, "choices": choices}
    # It is used within a dataclass, where pylint does not look for it.
    return field(default=default, metadata=metadata)  # pylint: disable=invalid-field-call


@dataclass(frozen=True)
class Settings:
    """All knobs of one node, parsed and checked."""

    version: str = _knob(
        "2.x",
        "1.27, 1.34 or 2.x",
        "the neard version whose fields, texts and behaviour are shown",
        choices=("1.27", "1.34", "2.x"),
    )
    referee_log: str = _knob("", "path", "the common log of all signatures, for the referee; empty = none")
    start_delay_ms: int = _knob(1000, "ms", "RPC is up this long after exec; loading takes at least what it takes")
    migration_ms: int = _knob(
        0, "ms", "loading first works on the database for so long: processor and disk are busy, and nothing answers"
    )
    stop_delay_ms: int = _knob(200, "ms", "a graceful stop takes this long", live=True)
    stop_rpc_gone: bool = _knob(
        True, "bool", "RPC is closed at once on a graceful stop, instead of at its end", live=True
    )
    stop_keeps_signing_ms: int = _knob(
        -1, "ms", "how much of a graceful stop the node goes on signing; -1 = half of it", live=True
    )
    ignore_sigterm: bool = _knob(False, "bool", "SIGTERM and SIGINT are lost while the node runs", live=True)
    never_ready: bool = _knob(False, "bool", "loading never ends: RPC and network never come up")
    panic_on_start: bool = _knob(False, "bool", "abort (SIGABRT) at the end of loading")
    panic_after_sigkill: bool = _knob(False, "bool", "the first start after an unclean end aborts, the next one works")
    panic_with_key_ms: int = _knob(
        -1, "ms", "abort this long after a validator key was loaded or taken up, within 0.1 s; -1 = never", live=True
    )
    all_shards_panic: bool = _knob(
        False, "bool", "a current validator with AllShards aborts on any chain, not only on mainnet and testnet"
    )
    key_mismatch_aborts: bool = _knob(
        True, "bool", "a validator key that is not the registered one aborts the node (2.12+), else it just never signs"
    )
    reload_apply_ms: int = _knob(
        -1, "ms", "what SIGHUP has read is taken up after this; -1 = with the next message, in 10 ms at most", live=True
    )
    key_removal: bool = _knob(
        True, "bool", "SIGHUP without a key file takes the key away (2.2+), else it stays", live=True
    )
    removal_keeps_signing_ms: int = _knob(
        0,
        "ms",
        "how long a key that was taken away still signs (a real neard: endorsements only, of what it was validating)",
        live=True,
    )
    cold_swap_stalls: bool = _knob(
        True, "bool", "a key taken up by a node that does not keep that validator's shards stops it: 0.00% for ever",
        live=True,
    )  # fmt: skip
    rpc_fault: str = _knob("none", "none, hang, 503, slow:MS or refuse", "how HTTP misbehaves", live=True)
    partition: tuple[str, ...] = _knob(
        (), "list", "peers to cut off, by node id, home directory name or account; `all` = every one", live=True
    )
    partition_mode: str = _knob(
        "drop",
        "drop or reset",
        "drop: links swallow everything, and stay even when the other side's process ends; "
        "reset: links are closed and refused",
        live=True,
        choices=("drop", "reset"),
    )
    link_dead_after_ms: int = _knob(
        900_000, "ms", "a link on which nothing arrives for this long is closed, as Linux's TCP does", live=True
    )
    key_routing: bool = _knob(
        False,
        "bool",
        "one connection per validator key: a second holder is refused while the link of the first one lives, "
        "and approvals, chunks and endorsements go over these connections only",
    )
    account_data_delay_ms: int = _knob(
        0, "ms", "others learn this long after a node has taken a key that it has it (real: up to some 30 s)", live=True
    )
    peer_retry_ms: int = _knob(100, "ms", "first pause before an unreachable peer is tried again; doubles up to 2 s")
    lag_heights: int = _knob(0, "heights", "the node stays this far behind the newest block it knows of", live=True)
    sync_rate_blocks_per_s: int = _knob(1000, "blocks/s", "how fast a node that is behind downloads", live=True)
    history_blocks: int = _knob(2000, "blocks", "how many blocks a node keeps, in memory and on disk")
    stale_reset_epochs: int = _knob(
        2, "epochs", "further behind than this, a 2.x node wipes its data and re-executes itself; 0 = never"
    )
    localnet_host: str = _knob("::1", "address", "where `neard localnet` lets its nodes listen")

    @staticmethod
    def load(env: Mapping[str, str], file_text: str | None) -> Settings:
        """Settings from the environment, overridden by the text of sim.json; BadKnob says what is wrong."""
        values: dict[str, Any] = {}
        known = {knob.name: knob for knob in fields(Settings)}
        for name in known:
            text = env.get(PREFIX + name.upper())
            if text is not None:
                values[name] = text
        if file_text is not None:
            for name, value in _object(file_text).items():
                if name not in known:
                    raise BadKnob(f"{FILE_NAME}: there is no knob {name!r}")
                values[name] = value
        return Settings(**{name: _parse(known[name], value) for name, value in values.items()})

    def live_part(self, newer: Settings) -> Settings:
        """These settings with only the live knobs taken from ``newer``."""
        chosen = {knob.name: getattr(newer if knob.metadata["live"] else self, knob.name) for knob in fields(self)}
        return Settings(**chosen)

    @property
    def signing_in_stop_ms(self) -> int:
        """How long a graceful stop still signs; never longer than the stop itself."""
        if self.stop_keeps_signing_ms < 0:
            return self.stop_delay_ms // 2
        return min(self.stop_keeps_signing_ms, self.stop_delay_ms)


def _object(text: str) -> dict[str, Any]:
    try:
        document = relaxed_json.loads(text)
    except ValueError as error:
        raise BadKnob(f"{FILE_NAME}: {error}") from None
    if not isinstance(document, dict):
        raise BadKnob(f"{FILE_NAME} does not hold a JSON object")
    return document


def _parse(knob: Any, value: Any) -> Any:
    try:
        parsed = _convert(type(knob.default), value)
    except (TypeError, ValueError) as error:
        raise BadKnob(f"knob {knob.name}: {value!r} is not a value ({knob.metadata['unit']})") from error
    choices = knob.metadata["choices"]
    if choices and parsed not in choices:
        raise BadKnob(f"knob {knob.name}: {value!r} is none of {', '.join(choices)}")
    if knob.name == "rpc_fault":
        fault_delay_ms(parsed)
    return parsed


def _convert(kind: type, value: Any) -> Any:
    if kind is bool:
        word = str(value).lower()
        if word not in _TRUE + _FALSE:
            raise ValueError(word)
        return word in _TRUE
    if kind is int:
        if isinstance(value, bool):
            raise TypeError
        return int(value)
    if kind is tuple:
        items = value.split(",") if isinstance(value, str) else list(value)
        return tuple(str(item).strip() for item in items if str(item).strip())
    if not isinstance(value, (str, int, float)):
        raise TypeError
    return str(value)


def fault_delay_ms(fault: str) -> int:
    """How long ``rpc_fault`` delays an answer: 0 unless it is ``slow:<ms>``; BadKnob for an unknown fault."""
    if fault in ("none", "hang", "503", "refuse"):
        return 0
    kind, _colon, number = fault.partition(":")
    if kind != "slow" or not number.isdecimal():
        raise BadKnob(f"knob rpc_fault: {fault!r} is none of none, hang, 503, slow:<ms>, refuse")
    return int(number)


def table() -> str:
    """The knobs as a Markdown table; docs/reference/neard-sim.md holds exactly this."""
    rows = ["| knob | unit | default | read | meaning |", "| --- | --- | --- | --- | --- |"]
    for knob in fields(Settings):
        default = ",".join(knob.default) if isinstance(knob.default, tuple) else str(knob.default)
        default = default.lower() if isinstance(knob.default, bool) else default
        read = "live" if knob.metadata["live"] else "at start"
        rows.append(
            f"| `{knob.name}` | {knob.metadata['unit']} | {f'`{default}`' if default else '(empty)'} | {read} "
            f"| {knob.metadata['doc']} |"
        )
    return "\n".join(rows) + "\n"
