"""What the kernel does for this program: the clock, the timer that ends it, and how its children end."""

from __future__ import annotations

import ctypes
import os
import signal
import time

# So long after the deadline the kernel ends this program.
KERNEL_TIMER_MS = 100

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_SIGEV_SIGNAL = 0
_TIMER_ABSTIME = 1


def boot_ms() -> int:
    """Now, on the clock that goes on while the host sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """Now, for names that people read: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class _Sigevent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("pad", ctypes.c_char * 48),
    )


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


def _library(function: str) -> ctypes.CDLL:
    """The C library; before glibc 2.34 the timers are in a library of their own."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc if hasattr(libc, function) else ctypes.CDLL("librt.so.1", use_errno=True)


_libc = _library("timer_create")


def prctl(option: int, value: int) -> None:
    """Set one of the properties of this process that are called PR_SET_*. Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")


class KernelTimer:
    """A kernel timer that kills this very process, whatever it is doing."""

    def __init__(self) -> None:
        self._id = ctypes.c_void_p()
        event = _Sigevent(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        if _libc.timer_create(time.CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._id)) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"timer_create: {os.strerror(error)}")

    def set(self, at_ms: int) -> None:
        """Kill this process at ``at_ms``; 0 disarms the timer."""
        seconds, rest = divmod(at_ms, 1000)
        spec = _Itimerspec(0, 0, seconds, rest * 1_000_000)
        if _libc.timer_settime(self._id, _TIMER_ABSTIME, ctypes.byref(spec), None) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"timer_settime: {os.strerror(error)}")
