"""``POST /``: neard's JSON-RPC, with its error objects and HTTP statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from near_ha.keys import base58

from . import health, versions, view
from .block import show_hash
from .chain import Entry
from .http import Response
from .node import RunningNode

_CODES = {"REQUEST_VALIDATION_ERROR": -32600, "HANDLER_ERROR": -32000, "INTERNAL_ERROR": -32000}


class RpcError(Exception):
    """An error that goes to the caller; ``http_status`` is the one of 2.x."""

    def __init__(self, name: str, cause: str, text: str, http_status: int = HTTPStatus.OK) -> None:
        super().__init__(text)
        self.name, self.cause, self.http_status = name, cause, http_status

    def to_json(self) -> dict[str, Any]:
        """The ``error`` member of the answer."""
        return {
            "name": self.name,
            "cause": {"name": self.cause, "info": {"error_message": str(self)}},
            "code": _CODES[self.name],
            "message": "Server error",
            "data": str(self),
        }


def answer(node: RunningNode, body: bytes) -> Response:
    """The response to one request."""
    call_id: Any = None
    status = HTTPStatus.OK
    try:
        call = _call(body)
        call_id = call.get("id")
        reply: dict[str, Any] = {"result": _dispatch(node, str(call["method"]), call.get("params"))}
    except RpcError as error:
        reply = {"error": error.to_json()}
        # Before 2.x every answer, errors too, came with 200.
        status = HTTPStatus(error.http_status) if node.settings.version == "2.x" else HTTPStatus.OK
    return Response(status, json.dumps({"jsonrpc": "2.0", **reply, "id": call_id}).encode())


def _call(body: bytes) -> dict[str, Any]:
    try:
        call = json.loads(body)
    except ValueError:
        call = None
    if not isinstance(call, dict) or "method" not in call:
        raise RpcError("REQUEST_VALIDATION_ERROR", "PARSE_ERROR", "not a JSON-RPC request", HTTPStatus.BAD_REQUEST)
    return call


def _dispatch(node: RunningNode, method: str, params: Any) -> Any:
    handler = _METHODS.get(method)
    if handler is None:
        raise RpcError(
            "REQUEST_VALIDATION_ERROR", "METHOD_NOT_FOUND", f"Method not found: {method}", HTTPStatus.BAD_REQUEST
        )
    return handler(node, params)


def _status(node: RunningNode, _params: Any) -> Any:
    return view.status(node)


def _health(node: RunningNode, _params: Any) -> Any:
    reason = health.fault(node)
    if reason:
        raise RpcError("HANDLER_ERROR", reason, reason)
    return None


def _network_info(node: RunningNode, _params: Any) -> Any:
    return view.network_info(node)


def _validators(node: RunningNode, params: Any) -> Any:
    wanted = params[0] if isinstance(params, list) and params else params
    if isinstance(wanted, dict):
        wanted = wanted.get("epoch_id") or wanted.get("block_id")
    if wanted in (None, "latest", []):
        return view.validators(node, node.chain.head)
    for entry in reversed([node.chain.at(height) for height in _kept(node)]):
        if entry is not None and (_is_epoch(node, entry, wanted) or _is_last(node, entry, wanted)):
            return view.validators(node, entry)
    raise RpcError("HANDLER_ERROR", "UNKNOWN_EPOCH", f"Epoch or block not found: {wanted}")


def _is_epoch(node: RunningNode, entry: Entry, wanted: Any) -> bool:
    return bool(view.epoch_id(node, entry.epoch.index) == wanted)


def _is_last(node: RunningNode, entry: Entry, wanted: Any) -> bool:
    """A block may be named only if it is the last one of its epoch."""
    if wanted not in (entry.block.height, show_hash(entry.block.hash)):
        return False
    above = next(
        (item for h in range(entry.block.height + 1, node.chain.head.block.height + 1) if (item := node.chain.at(h))),
        None,
    )
    return above is not None and above.epoch.index > entry.epoch.index


def _validators_ordered(node: RunningNode, params: Any) -> Any:
    wanted = params[0] if isinstance(params, list) and params else None
    return view.validators_ordered(node.chain.head if wanted is None else _block_by_id(node, wanted))


def _block(node: RunningNode, params: Any) -> Any:
    if isinstance(params, list):
        params = {"block_id": params[0]} if params else {}
    params = params or {}
    finality = params.get("finality")
    if finality is not None:
        return view.block(node, _block_by_finality(node, finality))
    if "block_id" not in params:
        raise RpcError("REQUEST_VALIDATION_ERROR", "PARSE_ERROR", "Failed parsing args", HTTPStatus.BAD_REQUEST)
    return view.block(node, _block_by_id(node, params["block_id"]))


def _block_by_finality(node: RunningNode, finality: str) -> Entry:
    head = node.chain.head
    if finality == "optimistic":
        return head
    if finality == "near-final":
        return node.chain.get(head.block.prev_hash) or head
    return node.chain.at(head.final_height) or node.chain.earliest()


def _block_by_id(node: RunningNode, block_id: Any) -> Entry:
    if isinstance(block_id, int):
        found = node.chain.at(block_id)
    else:
        found = node.chain.get(base58.decode(str(block_id)).hex().rjust(64, "0")) if _is_base58(block_id) else None
    if found is None:
        below = isinstance(block_id, int) and block_id < node.chain.head.block.height
        status = HTTPStatus.UNPROCESSABLE_ENTITY if below else HTTPStatus.OK
        raise RpcError("HANDLER_ERROR", "UNKNOWN_BLOCK", f"DB Not Found Error: BLOCK: {block_id}", status)
    return found


def _is_base58(text: Any) -> bool:
    try:
        base58.decode(str(text))
    except ValueError:
        return False
    return True


def _windows(node: RunningNode, params: Any) -> Any:
    account = params.get("account_id") if isinstance(params, dict) else (params or [None])[0]
    if not isinstance(account, str):
        raise RpcError("REQUEST_VALIDATION_ERROR", "PARSE_ERROR", "account_id is missing", HTTPStatus.BAD_REQUEST)
    return view.maintenance_windows(node, account)


def _client_config(node: RunningNode, _params: Any) -> Any:
    return {
        "version": versions.version_object(node.settings.version),
        "chain_id": node.genesis.chain_id,
        "rpc_addr": node.config.rpc_addr,
        "min_num_peers": node.config.min_num_peers,
        "skip_sync_wait": node.config.skip_sync_wait,
        "epoch_length": node.genesis.rules.epoch_length,
        "tracked_shards_config": node.config.tracked_shards,
        "archive": node.config.archive,
    } | {
        key: node.config.document.get("consensus", {}).get(key)
        for key in ("min_block_production_delay", "max_block_production_delay", "max_block_wait_delay")
    }


def _kept(node: RunningNode) -> range:
    return range(node.chain.earliest().block.height, node.chain.head.block.height + 1)


_METHODS: dict[str, Callable[[RunningNode, Any], Any]] = {
    "status": _status,
    "health": _health,
    "network_info": _network_info,
    "validators": _validators,
    "EXPERIMENTAL_validators_ordered": _validators_ordered,
    "block": _block,
    "maintenance_windows": _windows,
    "EXPERIMENTAL_maintenance_windows": _windows,
    "client_config": _client_config,
    "EXPERIMENTAL_client_config": _client_config,
}
