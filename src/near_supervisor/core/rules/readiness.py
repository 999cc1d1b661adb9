"""Rules about a standby's readiness: know the validator's version, and complain about what lasts.

A reason that lasts is a warning when it has lasted a moment, and again as long as it is there; its end is said once.
"""

from __future__ import annotations

from .. import commands as cmd
from ..conditions.readiness import Reason, Weight, names, reasons
from ..facts.model import Node, Notice
from ..facts.values import replace
from ..step import Step

# Sync comes and goes while neard starts: that is no news.
LASTS_MS = 10_000
SAY_AGAIN_MS = 600_000
LOOK_AT_MEMBERS_MS = 30_000
# The heaviest first.
_HEADS = {
    Weight.BLOCKS: "this standby cannot take over",
    Weight.LAST: "this standby takes over only if no other one can",
    Weight.NOTED: "this standby can take over, but",
}


def judge(node: Node, _now: int) -> Step:
    """What is against a take-over is known before it is needed."""
    against = names(node)
    return (node if against == node.against else replace(node, against=against)), []


def look_at_members(node: Node, now: int) -> Step:
    """A standby wants to know how the validator is: now and then is often enough."""
    if now < node.cluster.looks_at or node.closing is not None:
        return node, []
    # Nobody waits for the answer: what a holder wants to know, it asks for itself.
    return replace(node, cluster=replace(node.cluster, looks_at=now + LOOK_AT_MEMBERS_MS)), [cmd.ReadMembers()]


def complain(node: Node, now: int) -> Step:
    """What lasts is said, again and again; what is gone, once."""
    if node.closing is not None or not (node.against or node.notices):
        return node, []
    found = _news(node)
    out: list[cmd.Command] = [
        cmd.Log("info", f"{notice.name} does not speak against a takeover any more")
        for notice in node.notices
        if notice.said_at is not None and notice.name not in found
    ]
    known = {notice.name: notice for notice in node.notices}
    notices = [known.get(name) or Notice(name, now) for name in found]
    told = {notice.name for notice in notices if now >= _said_next(notice)}
    if told:
        all_of_them = reasons(node)
        worst = _worst(all_of_them)
        out += [cmd.Log("warn", _text(reason, worst)) for reason in all_of_them if reason.name in told]
        notices = [replace(notice, said_at=now) if notice.name in told else notice for notice in notices]
    changed = tuple(notices)
    return (node if changed == node.notices else replace(node, notices=changed)), out


def forget(node: Node, _now: int) -> Step:
    """Who holds the lease is no standby; what is against its next time begins anew."""
    return (replace(node, notices=()), []) if node.notices else (node, [])


def due(node: Node, times: list[int]) -> None:
    """When a standby looks at the members next, and when a reason has lasted long enough."""
    if node.leadership is not None or node.closing is not None:
        return
    if node.session is not None:
        times.append(node.cluster.looks_at)
    times += [_said_next(notice) for notice in node.notices]


def _news(node: Node) -> tuple[str, ...]:
    """The state only follows from sync."""
    found = node.against
    if "sync" in found and "state" in found:
        found = tuple([name for name in found if name != "state"])
    return found


def _said_next(notice: Notice) -> int:
    return notice.since + LASTS_MS if notice.said_at is None else notice.said_at + SAY_AGAIN_MS


def _worst(all_of_them: tuple[Reason, ...]) -> Weight:
    weights = {reason.weight for reason in all_of_them}
    return next(weight for weight in _HEADS if weight in weights)


def _text(reason: Reason, worst: Weight) -> str:
    """Of two reasons one must not say that this node can take over, and the other that it cannot."""
    head = _HEADS[reason.weight] if reason.weight is worst else "also against a takeover by this standby"
    return f"{head} ({reason.name}): {reason.text}"
