"""What the tests' own processes hear, however the tests were started."""

from __future__ import annotations

import signal


def let_children_hear() -> None:
    """Go on ignoring what ``nohup`` or a shell's ``&`` made this process ignore, but in no process that it starts.

    A signal that is ignored stays so across exec, one that is caught is back at its default: a neard that ignores
    SIGHUP is not what stands in a unit of systemd.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
