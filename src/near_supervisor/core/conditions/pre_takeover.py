"""A request to switch over as the one sees it who would take over: is it asked, and may its hook say no?

The hook is asked about what somebody planned, while another one signs. Nothing here is looked at by who stands for a
free lease: a failover waits for nobody's consent.
"""

from __future__ import annotations

from near_ha.records.switchover import Phase, Switchover

from ..facts.consent import NOTHING, Reply
from ..facts.model import Node


def wanted(node: Node) -> Switchover | None:
    """The request that this node would carry out, if its holder takes it on: of a ``demote``, it may be anybody."""
    request = node.switchover.request
    if request is None or request.phase is not Phase.ASKED or node.leadership is not None:
        return None
    return request if request.target in ("", node.settings.member_id) else None


def may_veto(node: Node, request: Switchover) -> bool:
    """Is there a hook to ask? Not where nobody led when it was made: then it is a failover; and not by force."""
    return node.settings.pre_takeover and not request.force and request.term > 0


def reply(node: Node) -> Reply:
    """What this node says to the open request: its holder lets go only for somebody who is there, and agrees."""
    request = wanted(node)
    if request is None:
        return NOTHING
    if not may_veto(node, request):
        return Reply(confirms=request.id)
    consent = node.switchover.consent
    if consent is None or consent.request != request.id or consent.go is None:
        return Reply(considers=request.id)
    return Reply(confirms=request.id) if consent.go else Reply(vetoes=request.id, veto=consent.reason)
