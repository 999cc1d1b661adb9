"""Keeps one Consul server running, as its systemd unit does on a host: killed or crashed, it is back 0.1 s later.

That is no luxury. After the loss of Consul's leader, the two other servers refuse each other their votes until both
have stopped believing in it, and need 2 to 4.7 s; a killed server that is back at once believes in none, gives its vote
to the first that asks, and writes go on after 1 to 2.2 s.

SIGTERM and SIGINT end the server and the keeper; a server that ends with status 0 is not started again.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

RESTART_AFTER_S = 0.1


class Keeper:
    """One child, restarted until told to stop."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def stop(self, number: int, frame: object) -> None:
        """Signal handler: pass the request on, and do not start the child again."""
        del number, frame
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def run(self) -> int:
        """Runs until the child ends cleanly or `stop` was called; returns its last status."""
        status = 0
        while not self._stopping:
            self._child = subprocess.Popen(self._arguments)
            status = self._child.wait()
            if status == 0 or self._stopping:
                return max(status, 0)
            print(f"keeper: the server ended with status {status}; starting it again", flush=True)
            time.sleep(RESTART_AFTER_S)
        return max(status, 0)


def main() -> int:
    """`python -m near_localnet.keeper PROGRAM ARGUMENT…`."""
    keeper = Keeper(sys.argv[1:])
    signal.signal(signal.SIGTERM, keeper.stop)
    signal.signal(signal.SIGINT, keeper.stop)
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
