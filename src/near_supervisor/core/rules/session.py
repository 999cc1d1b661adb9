"""Rules about this node's session and its member record."""

from __future__ import annotations

from near_ha.records.states import State

from .. import commands as cmd
from ..conditions.pre_takeover import reply
from ..conditions.readiness import unready
from ..facts.consent import NOTHING, Reply
from ..facts.model import Node
from ..facts.values import replace
from ..step import Step
from .neard import leaving

PUBLISH_EVERY_MS = 10_000
PUBLISH_GAP_MS = 1_000


def register(node: Node, now: int) -> Step:
    """A synced node without a session asks for one."""
    if (
        node.state is not State.REGISTERING
        or node.session
        or node.membership.registering
        or now < node.membership.register_at
    ):
        return node, []
    return replace(node, membership=replace(node.membership, registering=True)), [cmd.Register()]


def renew_session(node: Node, now: int) -> Step:
    """When it is due, whatever else goes on."""
    session = node.session
    if session is None or session.renewing or now < session.renew_at or leaving(node):
        return node, []
    return replace(node, session=replace(session, renewing=True)), [cmd.RenewSession(session.id)]


def publish_member(node: Node, now: int) -> Step:
    """When something changed (at most once a second), and every ten seconds for the height."""
    session = node.session
    if session is None or node.closing is not None:
        return node, []
    said = _to_say(node)
    if now < _publish_due(node, said):
        return node, []
    state, ready, names, answer = said
    node = replace(node, membership=replace(node.membership, published=said, publish_at=now + PUBLISH_GAP_MS))
    return node, [cmd.PublishMember(session.id, state.value, ready, unready(node), node.sync.height, names, answer)]


def due(node: Node, times: list[int]) -> None:
    """When the session or the member record wants attention next."""
    session = node.session
    if session is None:
        times.append(node.membership.register_at)
        return
    if not session.renewing:
        times.append(session.renew_at)
    times.append(_publish_due(node, _to_say(node)))


Said = tuple[State, bool, tuple[str, ...], Reply]


def _to_say(node: Node) -> Said:
    return node.state, not unready(node), node.against, reply(node)


def _publish_due(node: Node, said: Said) -> int:
    """A moment after the last one if there is news, else when that is old; for whoever waits for it at once."""
    before = node.membership.published
    if said[3] is not NOTHING and (before is None or before[3] != said[3]):
        return 0
    if node.membership.published != said:
        return node.membership.publish_at
    return node.membership.publish_at + PUBLISH_EVERY_MS - PUBLISH_GAP_MS
