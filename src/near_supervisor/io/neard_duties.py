"""Asks neard at which heights an account makes no block and no chunk (neard's RPC ``maintenance_windows``).

The list covers the rest of the epoch. What is said of the epoch itself is optional; that it ends is then not known.
"""

from __future__ import annotations

from near_ha.records.wire import count
from near_supervisor.core.facts import early_kickout
from near_supervisor.core.facts.maintenance_window import Duties

from .neard_rpc import NeardRpc, Unreadable

# By the name it has since 2.10, and by the one it had before.
_METHODS = ("maintenance_windows", "EXPERIMENTAL_maintenance_windows")
_MAX_WINDOWS = 100_000


def read(rpc: NeardRpc, account_id: str) -> Duties:
    """Unreadable when neard does not tell, or not in the shape that it should have."""
    windows, status = _windows(_told(rpc, account_id)), rpc.status()
    return Duties(windows, _epoch_start(status), _epoch_length(rpc), _is_settled(status))


def _told(rpc: NeardRpc, account_id: str) -> object:
    problem = ""
    for method in _METHODS:
        try:
            return rpc.call(method, {"account_id": account_id})
        except Unreadable as error:
            problem = problem or str(error)
    raise Unreadable(problem)


def _windows(told: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(told, list) or len(told) > _MAX_WINDOWS:
        raise Unreadable("maintenance_windows is not a list of windows")
    found = []
    for window in told:
        start, end = (
            (count(window.get(name)) for name in ("start", "end")) if isinstance(window, dict) else (None, None)
        )
        if start is None or end is None or start >= end:
            raise Unreadable("maintenance_windows has something that is no window")
        found.append((start, end))
    return tuple(sorted(found))


def _is_settled(status: dict[str, object]) -> bool:
    version = count(status.get("protocol_version"))
    # A chain with early kickout may put another one in the place of a chunk's producer within the epoch. The windows do
    # not tell (nearcore's chain/client/src/view_client_actor.rs draws them anew from the epoch's seed).
    return version is not None and version < early_kickout.PROTOCOL


def _epoch_start(status: dict[str, object]) -> int | None:
    info = status.get("sync_info")
    return count(info.get("epoch_start_height")) if isinstance(info, dict) else None


def _epoch_length(rpc: NeardRpc) -> int | None:
    try:
        config = rpc.call("client_config", [])
    except Unreadable:
        return None
    return count(config.get("epoch_length")) or None if isinstance(config, dict) else None
