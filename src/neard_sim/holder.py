"""Which validator key this process holds, as the referee is told: taken, still there once per block time, let go."""

from __future__ import annotations

import asyncio

from .keys import Signer
from .referee_log import RefereeLog


class Holder:
    """The sign of life goes on whatever else the process does, from ``start`` on."""

    def __init__(self, referee: RefereeLog, signer: Signer | None, period_s: float) -> None:
        self._referee = referee
        self._period_s = period_s
        self._signer: Signer | None = None
        self.take(signer)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say so again and again, in this loop."""
        if self._signer is not None:
            self._referee.holder("alive", self._signer.account_id)
        loop.call_later(self._period_s, self.start, loop)

    def take(self, signer: Signer | None) -> None:
        """From now on this key is held, instead of what was; None: none."""
        if self._signer is not None:
            self._referee.holder("drop", self._signer.account_id)
        self._signer = signer
        if signer is not None:
            self._referee.holder("hold", signer.account_id)
