"""Rule about when a request to switch over is accepted: at heights where the validator owes no block and no chunk.

The wait takes half of the request's time at the most, and can be called off as long as it lasts. What is not known is
not waited for.
"""

from __future__ import annotations

from near_ha.records.switchover import Switchover

from .. import commands as cmd
from ..conditions import hot_takeover
from ..facts import maintenance_window
from ..facts.maintenance_window import Duties, Timing
from ..facts.model import DutiesReading, Node
from ..facts.neard import Neard
from ..facts.values import replace
from ..step import Step


def hold(node: Node, request: Switchover, now: int) -> tuple[Step | None, str]:
    """What to do before it can be accepted; None when it can be, with what there is to say of the moment."""
    neard, reading = node.neard, _reading(node, request)
    if request.now or neard is None or not (neard.armed and neard.answered and node.sync.synced):
        return None, ""
    patience_ms = patience_ends(node, request) - now
    if patience_ms <= 0 and (reading is None or not reading.answered):
        return None, "neard has not said in time when no block is owed"
    if reading is None:
        return _read(node, request, now), ""
    if not reading.answered:
        return (node, []), ""
    if reading.duties is None:
        return None, f"not waiting for heights without a block to make, neard does not tell them: {reading.reason}"
    return _advised(node, request, reading, reading.duties, now)


def owes_next(node: Node, request: Switchover) -> bool:
    """Is a block or a chunk owed of the heights that would have no signer if the hand-over began now?"""
    duties = told(node, request)
    return duties is not None and not duties.are_free(node.sync.height + 1, _heights(node))


def told(node: Node, request: Switchover) -> Duties | None:
    """What neard has said for this request; None when it has not."""
    reading = _reading(node, request)
    return reading.duties if reading is not None else None


def _reading(node: Node, request: Switchover) -> DutiesReading | None:
    return node.duties if node.duties is not None and node.duties.asker == request.id else None


def patience_ends(node: Node, request: Switchover) -> int:
    """Until when a window may be waited for."""
    return node.switchover.since + request.timeout_ms // 2


def due(node: Node, request: Switchover) -> list[int]:
    """When to wait for a window no longer, because it cannot come in time any more, or at all."""
    ends, reading = patience_ends(node, request), _reading(node, request)
    if reading is None or reading.duties is None or not reading.waits_for:
        return [ends]
    block_ms, blocks = node.settings.block_time_ms, reading.waits_for - node.sync.height
    return [ends, ends - (blocks - 1) * block_ms + 1, ends - (blocks + reading.duties.edge) * block_ms + 1]


def _advised(
    node: Node, request: Switchover, reading: DutiesReading, duties: Duties, now: int
) -> tuple[Step | None, str]:
    settings = node.settings
    patience_ms = max(0, patience_ends(node, request) - now)
    advice = maintenance_window.advise(duties, settings, node.sync.height, _heights(node), patience_ms)
    if advice.timing is Timing.GO:
        return None, advice.text
    if advice.timing is Timing.READ:
        # neard may still be at the epoch's last block.
        again = now >= reading.asked_at + settings.block_time_ms
        return (_read(node, request, now) if again else (node, [])), ""
    if reading.waits_for == advice.height or node.switchover.index is None:
        return (node, []), ""
    said = replace(request, note=advice.text)
    node = replace(
        node, duties=replace(reading, waits_for=advice.height), switchover=replace(node.switchover, moving=said)
    )
    return (node, [cmd.Log("info", advice.text), cmd.MoveRequest(node.switchover.index or 0, said)]), ""


def _heights(node: Node) -> int:
    """So many without a signer; the successor is taken to be set up as this node is."""
    return maintenance_window.needed(node.settings, not hot_takeover.against_as_it_runs(node), _start_ms(node))


def _read(node: Node, request: Switchover, now: int) -> Step:
    return replace(node, duties=DutiesReading(request.id, now)), [cmd.ReadDuties(request.id)]


def _start_ms(node: Node) -> int | None:
    """How long this node's neard took to start, and to be given its key, where that was seen."""
    neard: Neard | None = node.neard
    if neard is None or not neard.answered_at:
        return None
    moved = neard.as_validator and neard.key_given_at is not None
    return (neard.key_given_at if moved and neard.key_given_at else neard.answered_at) - neard.started_at
