"""The stage as the chain sees it: for a neard that writes no log of its signatures, as a real one does not."""

from __future__ import annotations

import time
from functools import partial

from near_bench.headers import Gap, Header, HeaderLog, longest_gap, settled
from near_bench.packet_filter import PacketFilter, established
from near_ha.records.states import State
from near_localnet import chain
from near_localnet.layout import CHAIN_NODES, SIGNER, Validator
from near_localnet.localnet import Localnet
from near_localnet.options import Options
from near_localnet.problem import Problem
from near_measure.clock import NS, boot_ns, wait_for
from near_measure.stage import RESTORE_TIMEOUT_S, Stage

LOOK, APPROVED = 4, 3
"""A signer that nobody touches is missing in some headers, too: so many of so many are a steady one."""
POLL_S = 0.1
REST_S = 12.0
"""After a takeover, before the next event. A neard passes AccountData on once in 10 s only, so that one which comes
sooner also waits for what the last one has left; days of an operator have no two events in ten seconds."""


class HeaderStage(Stage):
    """Goes by the headers of the chain's blocks. `gap` is the last one that was measured."""

    def __init__(self, net: Localnet, options: Options) -> None:
        super().__init__(net, options)
        self.gap = Gap(0.0, 0)
        self._headers = HeaderLog(partial(chain.call, net.layout, CHAIN_NODES[0]), SIGNER)
        self._filter = PacketFilter()
        self._rested_at = 0

    def ready_to_take(self) -> None:
        """As before, and the last takeover is some time ago."""
        self.pass_time(self._rested_at)
        super().ready_to_take()

    def steady(self, for_s: float) -> None:
        """Waits until most of the headers made from now on have the approval; `for_s` is shorter than that takes."""
        since = time.time_ns()
        if not wait_for(lambda: settled(self._headers.poll(), since, LOOK, APPROVED), RESTORE_TIMEOUT_S, POLL_S):
            raise Problem(f"No {APPROVED} of {LOOK} headers in a row have the approval of {SIGNER}.", self._last())

    def takeover(self, new: Validator, since_ns: int) -> float:
        """Waits until `new` validates and most headers have the approval; the longest time without it meanwhile."""
        since = time.time_ns() - (boot_ns() - since_ns)
        deadline = since_ns + round(self.takeover_timeout_s * NS)
        self.net.wait_state(new.name, State.VALIDATING, self.takeover_timeout_s)
        signs, left_s = time.time_ns(), (deadline - boot_ns()) / NS
        if not wait_for(lambda: settled(self._headers.poll(), signs, LOOK, APPROVED), left_s, POLL_S):
            raise Problem(f"{new.name} has no {APPROVED} approvals in {LOOK} headers in a row.", self._last())
        self.gap = longest_gap(self._headers.poll(), since)
        self._rested_at = boot_ns() + round(REST_S * NS)
        return self.gap.seconds

    def lose(self, host: Validator) -> None:
        """The connections of a real neard are cut by the kernel, those of a simulated one by its peers."""
        if not self.options.neard:
            super().lose(host)
            return
        connections = established(self.neard_pid(host))
        if not connections:
            raise Problem(f"{host.name}: its neard has no open connection over IPv4, so there is none to be cut.")
        self._filter.cut(connections)
        self.net.kill(host.name)

    def come_back(self, host: Validator) -> None:
        """Its packets arrive again, so that its peers learn that its old connections are gone; and it starts."""
        self._filter.mend()
        super().come_back(host)

    def close(self) -> None:
        """Leaves no rule behind."""
        self._filter.mend()

    def restore(self) -> None:
        """As before; a run that failed has not let its host come back."""
        self._filter.mend()
        super().restore()

    def require_clean(self) -> None:
        """As before; a real neard has no referee."""
        if not self.options.neard:
            super().require_clean()

    def _last(self) -> str:
        return "Last headers: " + ", ".join(map(_shown, self._headers.poll()[-12:]))


def _shown(header: Header) -> str:
    return f"{header.height}{'' if header.approved else ' without'}"
