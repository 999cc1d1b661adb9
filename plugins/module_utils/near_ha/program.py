"""How a program that prints ends: with its status, and without a traceback where nobody takes what it prints."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Callable

# As a shell names the end of a program that SIGPIPE has killed, which is what happens to others (`... | head`).
READER_GONE = 141
CANNOT_WRITE = 1


def status_of(main: Callable[[], int], name: str) -> int:
    """The exit status of ``main``; READER_GONE, or CANNOT_WRITE and a sentence, where its output cannot be written."""
    _have_output()
    try:
        try:
            status = main()
        finally:
            # Also where argparse ends the program, after help or a version.
            sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _has_no_reader():
            _drop_output()
            return READER_GONE
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _drop_output()
        sys.stderr.write(f"{name}: cannot write: {error.strerror}\n")
        return CANNOT_WRITE
    return status


def _have_output() -> None:
    """Somewhere to print to: Python has nothing where it was closed, and in some places no letters but ASCII's."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _has_no_reader() -> bool:
    """Whether it is the reader of standard output that has gone, and not that of some socket."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(seen & select.POLLERR for _fd, seen in poll.poll(0))


def _drop_output() -> None:
    """What was printed and not written yet would fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
