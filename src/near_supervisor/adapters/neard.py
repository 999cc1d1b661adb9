"""The driver's half towards neard's RPC: three workers, so that no answer that takes neard long holds up how it is.

One for its state, one for what it goes through a whole epoch to tell, one for its newest blocks.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace

from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.listing import Listing
from near_supervisor.core.facts.values import assert_never

from ..io import caught_signals, clock, neard_blocks, neard_counters, neard_duties, neard_listing, process_work
from ..io.neard_config import NeardConfig
from ..io.neard_rpc import NeardRpc, Unreadable
from ..io.worker import Worker

STATE_TIMEOUT_MS = 1_000
EPOCH_TIMEOUT_MS = 10_000
BLOCKS_TIMEOUT_MS = 1_000
# It changes with the epoch, and neard goes through all validators to answer.
LISTING_EVERY_MS = 30_000
LISTING_AGAIN_MS = 3_000


class NeardAdapter:
    """Turns commands that ask neard into requests, and its answers into events. ``account_id`` is the validator's."""

    def __init__(self, config: NeardConfig, account_id: str, post: Callable[[ev.Event], None]) -> None:
        self._account_id, self._post = account_id, post
        # Each worker has a connection of its own.
        self._state, self._epoch, self._blocks = (
            NeardRpc(config.rpc_host, config.rpc_port, timeout_ms)
            for timeout_ms in (STATE_TIMEOUT_MS, EPOCH_TIMEOUT_MS, BLOCKS_TIMEOUT_MS)
        )
        self._order = neard_blocks.Order(self._blocks, account_id)
        self._own_blocks = neard_blocks.OwnBlocks(account_id)
        self._asks_listing, self._listing_at = False, 0
        self._state_worker, self._epoch_worker, self._blocks_worker = (
            Worker("neard"),
            Worker("duties"),
            Worker("blocks"),
        )

    def turn(self, now: int, answers: bool) -> None:
        """Ask how the chain lists the validator, when it is time; ``answers``: there is a neard that does."""
        if self._asks_listing or not answers or now < self._listing_at:
            return
        self._asks_listing, self._listing_at = True, now + LISTING_AGAIN_MS
        self._epoch_worker.submit(lambda: self._tell_listing(self._listing()), lambda: self._tell_listing(None))

    @property
    def version(self) -> str:
        """What the neard that answered last calls its own ("" = not known); for any thread."""
        return self._state.version

    def carry_out(self, command: cmd.NeardCommand) -> None:
        """Queue the question that belongs to ``command``."""
        match command:
            case cmd.PollNeard(pid, metrics):
                self._poll(pid, metrics)
            case cmd.ReadDuties(asker):
                self._ask(self._epoch_worker, lambda: self._duties(asker), ev.DutiesSeen(asker, None, "internal error"))
            case cmd.ReadCounters(term):
                self._ask(self._epoch_worker, lambda: self._counters(term), ev.CountersSeen(term, None))
            case cmd.ProbeChain(above, counters):
                self._ask(self._blocks_worker, lambda: self._look(above, counters), ev.ChainProbed(above, None))
            case cmd.ReadApprovals(term, above):
                self._ask(self._blocks_worker, lambda: self._approvals(term, above), ev.ApprovalsSeen(term, None))
            case _:
                assert_never(command)

    def _ask(self, worker: Worker, ask: Callable[[], ev.Event], otherwise: ev.Event) -> None:
        worker.submit(lambda: self._post(ask()), lambda: self._post(otherwise))

    def _poll(self, pid: int, metrics: bool) -> None:
        # A sample says what was at the latest when it was asked for; how far it got since is counted from then.
        asked_at = clock.boot_ms()
        broken = ev.Polled(pid, asked_at, None, "internal error")
        self._ask(self._state_worker, lambda: self._sample(pid, metrics, asked_at), broken)

    # --- on the workers

    def _sample(self, pid: int, metrics: bool, asked_at: int) -> ev.Event:
        try:
            sample = self._state.sample(metrics)
            if caught_signals.has(pid, signal.SIGHUP):
                sample = replace(sample, catches_hangup=True)
            return ev.Polled(pid, asked_at, sample)
        except Unreadable as error:
            return ev.Polled(pid, asked_at, None, str(error), process_work.of(pid))

    def _duties(self, asker: str) -> ev.Event:
        try:
            return ev.DutiesSeen(asker, neard_duties.read(self._epoch, self._account_id))
        except Unreadable as error:
            return ev.DutiesSeen(asker, None, str(error))

    def _listing(self) -> Listing | None:
        try:
            listing = neard_listing.read(self._epoch, self._account_id)
        except Unreadable:
            return None
        self._listing_at = clock.boot_ms() + LISTING_EVERY_MS
        return listing

    def _tell_listing(self, listing: Listing | None) -> None:
        self._asks_listing = False
        self._post(ev.ListingSeen(listing))

    def _counters(self, term: int) -> ev.Event:
        try:
            return ev.CountersSeen(term, neard_counters.read(self._epoch, self._account_id))
        except Unreadable:
            return ev.CountersSeen(term, None)

    def _look(self, above: int, counters: bool) -> ev.Event:
        try:
            return ev.ChainProbed(above, neard_blocks.read(self._blocks, self._order, above, counters))
        except Unreadable:
            return ev.ChainProbed(above, None)

    def _approvals(self, term: int, above: int) -> ev.Event:
        try:
            return ev.ApprovalsSeen(term, neard_blocks.own(self._blocks, self._order, above, self._own_blocks))
        except Unreadable:
            return ev.ApprovalsSeen(term, None)
