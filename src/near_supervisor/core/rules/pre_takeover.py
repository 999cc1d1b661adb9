"""Rule of whoever would take over as planned: its hook is asked first, once for each request."""

from __future__ import annotations

from .. import commands as cmd
from ..conditions.pre_takeover import may_veto, wanted
from ..facts.consent import Consent
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step


def ask(node: Node, _now: int) -> Step:
    """Nobody waits for the answer but whoever planned it: the holder signs on."""
    request, consent = wanted(node), node.switchover.consent
    if request is None or node.closing is not None or not may_veto(node, request):
        return node, []
    if consent is not None and consent.request == request.id:
        return node, []
    node = replace(node, switchover=replace(node.switchover, consent=Consent(request.id)))
    text = f"pre_takeover is asked about the switchover {request.id}, as {request.asked_by or 'somebody'} asked"
    return node, [cmd.Log("info", text), cmd.AskPreTakeover(request)]
