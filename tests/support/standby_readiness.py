"""A standby of the core without a flaw, and what may come to speak against its takeover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.host import Host
from near_supervisor.core.facts.model import Node
from near_supervisor.core.facts.settings import Strategy
from support.core_play import SETTINGS, Play, held, sample

GIB = 2**30
FINE = Host(disk_free_bytes=100 * GIB, nofile=65_535, key="", preflight="")
HOT = replace(SETTINGS, strategy=Strategy.HOT, validator_account_id="pool.near", keeps_shards_of="pool.near")


def voting(**changes: object) -> Play:
    """A standby beside ``b``, which validates; everything is as it should be."""
    settings = replace(HOT, min_peers=3, version="1.2.0")
    play = Play(Node(replace(settings, **changes))).to_voting()  # type: ignore[arg-type]
    play.poll(version="2.7.0")
    play.do(ev.HostSeen(FINE))
    play.do(ev.LeaseSeen(held()))
    return play


def names(play: Play) -> list[str]:
    return [reason.name for reason in readiness.reasons(play.node)]


def machine(**changes: object) -> ev.HostSeen:
    return ev.HostSeen(replace(FINE, **changes))  # type: ignore[arg-type]


def polled(**changes: object) -> Callable[[Play], ev.Event]:
    return lambda play: play.polled(replace(sample(play.height + 1, version="2.7.0"), **changes))  # type: ignore[arg-type]
