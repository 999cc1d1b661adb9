"""What neard writes: on to the log, and the end of it kept."""

from __future__ import annotations

import contextlib
import os
import select
import stat

# Of what neard wrote, so much of its end is told when it ends by itself.
KEPT_OUTPUT = 8 * 1024
READ_AT_ONCE = 64 * 1024
# Whoever takes anything at all takes so much without a wait (PIPE_BUF).
WRITTEN_AT_ONCE = 4 * 1024


class Output:
    """What neard writes, on its way to this program's own log, and the end of it, where neard's last words are.

    A log that is a file neard writes itself, and it is read when neard has ended: no disk holds this program up. What
    else a log can be (the journal) cannot be read again. There neard writes into a pipe, and this program passes on
    what is taken without a wait; for what is not taken it is neard that waits, as it would without the pipe.
    """

    def __init__(self) -> None:
        self.is_file = stat.S_ISREG(os.fstat(2).st_mode)
        self.reader = self.writer = self.began_at = -1
        self.kept = self.pending = b""

    def open(self) -> None:
        """A neard is about to be forked."""
        self.kept = b""
        if self.is_file:
            self.began_at = os.fstat(2).st_size
        else:
            self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self.reader, False)

    def take(self) -> None:
        """In the child: what it writes goes there."""
        if self.writer >= 0:
            os.dup2(self.writer, 1)
            os.dup2(self.writer, 2)

    def forked(self) -> None:
        """In the parent: nobody but neard, and what it forks, writes."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def watched(self) -> list[tuple[int, int]]:
        """What to poll for. There is nothing to read while something waits to be taken."""
        if self.pending:
            return [(2, select.POLLOUT)]
        return [(self.reader, select.POLLIN)] if self.reader >= 0 else []

    def pump(self) -> None:
        """Pass on what there is and is taken without a wait."""
        self._pass_on()
        if not self.pending and self.reader >= 0:
            self._read()
            self._pass_on()

    def end(self) -> str:
        """Neard and all that it left behind are gone: the end of what it wrote."""
        if self.is_file:
            return _whole_lines(self._end_of_file())
        # What is in the pipe is all that there will be.
        while self.reader >= 0 and self._read():
            pass
        self.close()
        self._pass_on()
        return _whole_lines(self.kept)

    def close(self) -> None:
        """No neard writes any more, or none was forked."""
        self.forked()
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1

    def _read(self) -> bool:
        try:
            data = os.read(self.reader, READ_AT_ONCE)
        except BlockingIOError:
            return False
        if not data:
            # Closed by neard itself: a pipe without writers is always ready, and tells nothing.
            self.close()
            return False
        self.kept = (self.kept + data)[-KEPT_OUTPUT:]
        self.pending += data
        return True

    def _pass_on(self) -> None:
        poller = select.poll()
        poller.register(2, select.POLLOUT)
        while self.pending and poller.poll(0):
            # Whole lines, where they are no longer than that: what this program says may come between two of them.
            end = self.pending.rfind(b"\n", 0, WRITTEN_AT_ONCE) + 1
            try:
                taken = os.write(2, self.pending[: end or WRITTEN_AT_ONCE])
            except OSError:
                # Nobody is there to take it.
                taken = len(self.pending)
            self.pending = self.pending[taken:]

    def _end_of_file(self) -> bytes:
        """Opened anew: this program's own end is for writing only. A log that was made shorter begins anew, too."""
        with contextlib.suppress(OSError), open("/proc/self/fd/2", "rb") as file:
            size = os.fstat(2).st_size
            began_at = self.began_at if self.began_at <= size else 0
            file.seek(max(began_at, size - KEPT_OUTPUT))
            return file.read(KEPT_OUTPUT)
        return b""


def _whole_lines(kept: bytes) -> str:
    """What is cut off begins with the rest of a line, in which half a key would not be known for one."""
    whole = kept.partition(b"\n")[2] if len(kept) >= KEPT_OUTPUT else kept
    return whole.decode(errors="replace")
