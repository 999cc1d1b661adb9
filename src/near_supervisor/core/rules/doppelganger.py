"""Rules about the doppelganger check: look before a promotion, and hold it back while somebody else is seen to sign.

It never authorises anything: the other parts of rule 4 hold as ever. What cannot be known holds nothing up for long.
"""

from __future__ import annotations

from .. import commands as cmd
from ..conditions import heights
from ..facts.doppelganger import COUNTED_BELOW_HEAD, Doppelganger, Mark, is_quiet, quiet_at
from ..facts.leadership import Leadership
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step
from . import members

# A neard that answers does so within a few milliseconds.
PATIENCE_MS = 300
SAY_AGAIN_MS = 30_000
# Without a look at the blocks for so long a veto has no end in sight.
BLIND_LEASES = 3


def look(node: Node, now: int) -> Step:
    """As holder once, and at each new head while somebody was seen; before that once, to have counters to compare."""
    above = _above(node, now)
    if above is None or node.armed or not node.sync.synced or node.closing is not None:
        return node, []
    doppelganger = node.doppelganger
    if doppelganger is None or doppelganger.above != above:
        if node.sync.height <= above:
            return node, []
        # A question that is under way is about other heights; what was seen was seen.
        seen = doppelganger is not None and _is_held(node, doppelganger)
        doppelganger = (
            replace(doppelganger, above=above, reading=False)
            if doppelganger is not None and seen
            else Doppelganger(above)
        )
    if doppelganger.reading or node.sync.height <= above or not _wants_look(node, doppelganger):
        return node, []
    # Expensive for neard; of use only to compare.
    counters = node.leadership is None or doppelganger.base is not None or doppelganger.mark is not None
    asked = replace(doppelganger, reading=True, asked_at=now, asked_head=node.sync.height)
    return replace(node, doppelganger=asked), [cmd.ProbeChain(above, counters)]


def _is_held(node: Node, doppelganger: Doppelganger) -> bool:
    """Was somebody seen in this leadership?"""
    return (
        doppelganger.mark is not None and node.leadership is not None and doppelganger.seen_at >= node.leadership.since
    )


def _above(node: Node, now: int) -> int | None:
    """Up to which height signatures are accounted for; None as long as that is of no interest, or not known."""
    leadership = node.leadership
    if leadership is not None:
        if leadership.cleared or leadership.release.reason or not leadership.floor.accounted:
            return None
        return leadership.floor.height
    # After a release the lease can be had at once: there is no time to compare anything.
    return heights.foreseen(node, now)


def _wants_look(node: Node, doppelganger: Doppelganger) -> bool:
    leadership, height = node.leadership, node.sync.height
    if leadership is None:
        return not doppelganger.asked_head and height >= doppelganger.above + COUNTED_BELOW_HEAD
    return doppelganger.asked_at < leadership.since or (
        doppelganger.mark is not None and doppelganger.asked_head < height
    )


def overrule(node: Node, _now: int) -> Step:
    """A person answers for it. The height rule holds all the same, above what was seen until now."""
    leadership, doppelganger, request = node.leadership, node.doppelganger, node.switchover.request
    mark = doppelganger.mark if doppelganger else None
    if leadership is None or leadership.cleared or doppelganger is None or mark is None or request is None:
        return node, []
    if not request.open or not request.ignore_doppelganger or request.target != node.settings.member_id:
        return node, []
    why = f"the doppelganger check was overruled by {request.asked_by or 'an operator'}: {mark.text()}"
    node = replace(node, leadership=replace(leadership, overruled=why), doppelganger=replace(doppelganger, mark=None))
    return node, [cmd.Log("warn", f"signing all the same, above height {leadership.floor.height}: {why}")]


def rest(node: Node, now: int) -> Step:
    """Nothing was seen for a lease: whoever it was is gone."""
    doppelganger, leadership = node.doppelganger, node.leadership
    if leadership is None or doppelganger is None or doppelganger.mark is None:
        return node, []
    if not is_quiet(doppelganger, node.settings.lease_ms, now):
        return node, []
    quiet_s = (now - doppelganger.seen_at) / 1000
    text = f"nobody else has been seen to sign with this key for {quiet_s:.1f} s, up to height {doppelganger.head}"
    return replace(node, doppelganger=replace(doppelganger, mark=None)), [cmd.Log("info", text)]


def make_room(node: Node, now: int) -> Step:
    """Whoever cannot see whether the other one is gone leaves the lease to a node that may: a veto has an end."""
    doppelganger, leadership = node.doppelganger, node.leadership
    if (
        leadership is None
        or leadership.release.reason
        or node.cluster.paused
        or doppelganger is None
        or doppelganger.mark is None
    ):
        return node, []
    if now < _blind_at(node, doppelganger, leadership):
        return node, []
    if node.cluster.standby_ready and (node.cluster.read_at or 0) >= _blind_at(node, doppelganger, leadership):
        why = f"{doppelganger.mark.text()}, and neard does not show whether that goes on; a standby is ready"
        return replace(node, leadership=leadership.to_be_released(why)), []
    return members.ask(node, now)


def _blind_at(node: Node, doppelganger: Doppelganger, leadership: Leadership) -> int:
    return max(doppelganger.read_at, doppelganger.seen_at, leadership.since) + BLIND_LEASES * node.settings.lease_ms


def alarm(node: Node, now: int) -> Step:
    """That this node does not sign, and why, is said again and again."""
    doppelganger, leadership = node.doppelganger, node.leadership
    mark = doppelganger.mark if doppelganger else None
    if leadership is None or leadership.release.reason or doppelganger is None or mark is None:
        return node, []
    if doppelganger.said_at is not None and now < doppelganger.said_at + SAY_AGAIN_MS:
        return node, []
    return replace(node, doppelganger=replace(doppelganger, said_at=now)), [
        cmd.Log("error", _alarm(node, leadership, mark))
    ]


def holds_back(node: Node, now: int) -> bool:
    """Does the check keep this node, which holds the lease, from signing?"""
    doppelganger = node.doppelganger
    if doppelganger is None:
        return False
    return doppelganger.mark is not None or (doppelganger.reading and now < doppelganger.asked_at + PATIENCE_MS)


def _alarm(node: Node, leadership: Leadership, mark: Mark) -> str:
    settings = node.settings
    return (
        f"SOMEBODY ELSE SIGNS WITH THIS KEY: {mark.text()}, and no member of this cluster has signed that. This node"
        f" holds the lease (term {leadership.term}) and does not sign before {settings.lease_ms / 1000:g} s without"
        " another one. Find the host that has the key and is no member of this cluster, and stop its neard. If none"
        f" does: near-supervisor promote {settings.member_id} --ignore-doppelganger"
    )


def due(node: Node, times: list[int]) -> None:
    """When an answer is not waited for any longer, when it has been quiet for long enough, when to say it again."""
    doppelganger, leadership = node.doppelganger, node.leadership
    if doppelganger is None or leadership is None or leadership.cleared or leadership.release.reason:
        return
    if doppelganger.mark is not None:
        times += (
            quiet_at(doppelganger, node.settings.lease_ms),
            _blind_at(node, doppelganger, leadership),
            node.cluster.next_at,
        )
        if doppelganger.said_at is not None:
            times.append(doppelganger.said_at + SAY_AGAIN_MS)
    elif doppelganger.reading:
        times.append(doppelganger.asked_at + PATIENCE_MS)
