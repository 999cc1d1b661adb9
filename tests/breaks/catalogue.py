"""All breaks, by what they are about."""

from __future__ import annotations

from . import of_chain, of_guard, of_heights, of_hot, of_keys, of_lease, of_move, of_nixos, of_records, of_requests
from .one_break import Break

BREAKS: tuple[Break, ...] = tuple(
    one
    for part in (of_lease, of_records, of_heights, of_guard, of_requests, of_hot, of_move, of_chain, of_keys, of_nixos)
    for one in part.BREAKS
)
