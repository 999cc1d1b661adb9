"""When the core has to be asked again."""

from __future__ import annotations

from typing import get_args

from near_supervisor.core import events as ev
from near_supervisor.core.machine import idle_ms
from near_supervisor.core.updates import table
from support.core_play import Play


def test_what_became_due_while_commands_were_carried_out_is_not_slept_past() -> None:
    play = Play().to_validating()
    assert play.node.leadership is not None
    play.heartbeat()
    due = play.node.leadership.heartbeat_at
    stepped_at = due - 1
    assert idle_ms(play.node, stepped_at, stepped_at) == 1
    assert idle_ms(play.node, stepped_at, due) == 0
    assert idle_ms(play.node, stepped_at, due + 40) == 0


def test_every_event_becomes_a_fact_somewhere() -> None:
    assert set(get_args(ev.Event)) == set(table.HANDLERS)
