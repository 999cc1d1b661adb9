"""One look at a running neard through its RPC: how it is, and what the chain counted of an account in this epoch.

Whoever answers at that port is not trusted: what is not of the right shape is not known, text is short and printable.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ..errors import BadConfig
from ..records.wire import count, shown
from ..transport.exchange import BadAnswer, HttpRequest, NoAnswer, TcpAddress, exchange

DEFAULT_BLOCK_TIME_MS = 600
# As the supervisor: ten block times of a fast test chain are less than a busy machine may pause.
_MIN_FRESH_MS = 5_000
_FRESH_BLOCKS = 10
_TIMEOUT_S = 3.0
_MAX_BYTES = 16 * 1024 * 1024
_MAX_TEXT = 200
_PORT_DIGITS = 5
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
# By the name it has since 2.10, and by the one it had before.
_WINDOWS = ("maintenance_windows", "EXPERIMENTAL_maintenance_windows")
_POLL_S = 0.1
NOT_ASKED: Mapping[str, Any] = {"rpc": None, "rpc_silent": "", "epoch": None}
COUNTED = ("blocks", "chunks", "endorsements")


class Silent(Exception):
    """Nobody answers, or not as a neard does. The text says why, as a clause."""


def address(config: Mapping[str, Any], given: str = "") -> TcpAddress:
    """Where the RPC is: ``given`` as HOST:PORT, else as ``config`` (config.json) says; BadConfig if that is none."""
    rpc = config.get("rpc")
    text = given or (rpc.get("addr", "0.0.0.0:3030") if isinstance(rpc, dict) else "127.0.0.1:3030")
    host, _colon, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    host = host.strip("[]")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) <= _PORT_DIGITS else 0
    if not host or not 0 < number < 1 << 16:
        raise BadConfig(f"the RPC address {shown(text)} of neard is none", "It should look like 127.0.0.1:3030")
    return TcpAddress(_UNSPECIFIED.get(host, host), number)


def block_time_ms(config: Mapping[str, Any]) -> int:
    """The chain's shortest block time by config.json; neard's own default where it does not say."""
    consensus = config.get("consensus")
    delay = consensus.get("min_block_production_delay") if isinstance(consensus, dict) else None
    try:
        found = int(delay["secs"]) * 1000 + int(delay["nanos"]) // 1_000_000 if delay else 0
    except (TypeError, KeyError, ValueError, OverflowError):
        found = 0
    return found if found > 0 else DEFAULT_BLOCK_TIME_MS


def awaited(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """As ``asked``, as soon as the account has ``free_heights`` free, or ``patience`` seconds are over.

    Nothing is waited for where the account does not validate, or neard does not tell.
    """
    deadline = time.monotonic() + params["patience"]
    while True:
        found = asked(params, config)
        epoch_now = found["epoch"] or {}
        free = epoch_now.get("free_heights")
        enough = not epoch_now.get("validates") or free is None or free >= params["free_heights"]
        if enough or time.monotonic() >= deadline:
            return found
        time.sleep(_POLL_S)


def asked(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What the running neard says; a part is None where it does not. Raises BadConfig for an address that is none."""
    found: dict[str, Any] = dict(NOT_ASKED)
    at = address(config, params["rpc_addr"] or "")
    try:
        found["rpc"] = node(at, block_time_ms(config), time.time_ns() // 1_000_000)
        if params["account_id"]:
            found["epoch"] = epoch(at, params["account_id"])
            found["epoch"]["free_heights"] = free_heights(at, params["account_id"], found["rpc"]["height"] or 0)
    except Silent as silent:
        found["rpc_silent"] = str(silent)
    return found


def node(at: TcpAddress, block_ms: int, now_ms: int) -> dict[str, Any]:
    """What neard says of itself, and whether it is in sync by the supervisor's rule, at ``now_ms`` since 1970.

    Silent when it does not answer.
    """
    status, network = _ask(at, HttpRequest("GET", "/status")), _peers(at)
    return judged(status, network, block_ms, now_ms)


def fresh_ms(block_ms: int) -> int:
    """Age from which a newest block is too old on a chain with this block time."""
    return max(_FRESH_BLOCKS * block_ms, _MIN_FRESH_MS)


def judged(status: Mapping[str, Any], peers: int | None, block_ms: int, now_ms: int) -> dict[str, Any]:
    """As ``node``, of an answer. What a single look cannot see is whether the height advances."""
    sync, version = _object(status.get("sync_info")), _object(status.get("version"))
    height, born_ms = count(sync.get("latest_block_height")), _time_ms(sync.get("latest_block_time"))
    age_ms = None if born_ms is None else now_ms - born_ms
    syncing = sync.get("syncing") is not False
    limit_ms = fresh_ms(block_ms)
    if height is None or age_ms is None:
        reason = "it does not say what its newest block is"
    elif syncing:
        reason = f"neard is syncing at height {height}"
    elif age_ms > limit_ms:
        reason = (
            f"its newest block is {age_ms / 1000:.1f} s old by this host's clock, more than {limit_ms / 1000:.1f} s"
        )
    elif peers == 0:
        reason = "neard has no peers"
    else:
        reason = ""
    return {
        "height": height,
        "head_age_s": None if age_ms is None else age_ms / 1000,
        "syncing": syncing,
        "peers": peers,
        "synced": not reason,
        "reason": reason,
        "version": _text(version.get("version")),
        "build": _text(version.get("build")),
        "protocol_version": count(status.get("protocol_version")),
        "latest_protocol_version": count(status.get("latest_protocol_version")),
        "chain_id": _text(status.get("chain_id")),
        "uptime_s": count(status.get("uptime_sec")),
        "validator_account_id": _text(status.get("validator_account_id")) or None,
        "validator_public_key": _text(status.get("validator_public_key")) or None,
    }


def epoch(at: TcpAddress, account_id: str) -> dict[str, Any]:
    """What the chain counted of ``account_id`` in the epoch that runs now. Silent when neard does not say."""
    answer = _call(at, "validators", [None])
    result = answer.get("result")
    if not isinstance(result, dict):
        raise Silent(f"its RPC refuses to tell the validators ({_text(str(answer.get('error'))) or 'no reason'})")
    return counted(result, account_id)


def free_heights(at: TcpAddress, account_id: str, head: int) -> int | None:
    """How many heights in a row, from the one above ``head`` on, ``account_id`` makes no block and no chunk.

    Heights of the epoch that runs now; endorsements do not count. None where neard does not say. Silent when nobody
    answers.
    """
    for method in _WINDOWS:
        windows = _call(at, method, {"account_id": account_id}).get("result")
        if isinstance(windows, list):
            return free_in(_objects(windows), head)
    return None


def free_in(windows: Sequence[Mapping[str, Any]], head: int) -> int:
    """As ``free_heights``, of an answer: windows from ``start`` to ``end``, which is the first height after it."""
    for window in windows:
        start, end = count(window.get("start")), count(window.get("end"))
        if start is not None and end is not None and start <= head + 1 < end:
            return end - head - 1
    return 0


def counted(result: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """As ``epoch``, of an answer. A count that is null is one that this version of neard does not tell."""
    own = next((it for it in _objects(result.get("current_validators")) if it.get("account_id") == account_id), None)
    following = [it for it in _objects(result.get("next_validators")) if it.get("account_id") == account_id]
    lost = [it for it in _objects(result.get("prev_epoch_kickout")) if it.get("account_id") == account_id]
    found: dict[str, Any] = {
        "account_id": account_id,
        "epoch_height": count(result.get("epoch_height")),
        "epoch_start_height": count(result.get("epoch_start_height")),
        "validates": own is not None,
        "validates_next": bool(following),
        "public_key": _text(own.get("public_key")) or None if own else None,
        "kicked_out": _kickout(lost[0].get("reason")) if lost else None,
    }
    for kind in COUNTED:
        for what in ("produced", "expected"):
            found[f"{kind}_{what}"] = count(own.get(f"num_{what}_{kind}")) if own else None
    return found


def _kickout(reason: object) -> str:
    """neard tells a word, or a mapping from a word to its figures."""
    if isinstance(reason, dict) and len(reason) == 1:
        (reason,) = reason
    return _text(reason) or "for a reason that is not known"


def _peers(at: TcpAddress) -> int | None:
    return count(_ask(at, HttpRequest("GET", "/network_info")).get("num_active_peers"))


def _call(at: TcpAddress, method: str, params: object) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": "near_node_info", "method": method, "params": params}).encode()
    return _ask(at, HttpRequest("POST", "/", body, {"Content-Type": "application/json"}))


def _ask(at: TcpAddress, request: HttpRequest) -> dict[str, Any]:
    name = f"{at.host}:{at.port}"
    try:
        answer = exchange(at, request, _TIMEOUT_S, _MAX_BYTES)
    except TimeoutError:
        raise Silent(f"nothing in {_TIMEOUT_S:g} s from {name}") from None
    except OSError as error:
        raise Silent(f"{name}: {error.strerror or error}") from None
    except (NoAnswer, BadAnswer) as error:
        raise Silent(f"{name}: {error}") from None
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        words = f" with HTTP {answer.status}" if answer.status != http.client.OK else ""
        raise Silent(f"what answers at {name}{words} is no neard")
    return document


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _MAX_TEXT and value.isprintable() else ""


def _time_ms(value: object) -> int | None:
    """Of an RFC 3339 time in UTC; neard writes up to nine digits of a second's fraction."""
    if not isinstance(value, str) or not value.endswith("Z"):
        return None
    seconds, _dot, fraction = value[:-1].partition(".")
    try:
        moment = datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc)
        return int(moment.timestamp()) * 1000 + int((fraction or "0")[:3].ljust(3, "0"))
    except ValueError:
        return None
