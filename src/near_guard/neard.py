"""The neard process: its start, the signals that it gets, and its end."""

from __future__ import annotations

import contextlib
import os
import signal

from .kernel import PR_SET_PDEATHSIG, prctl
from .log import say
from .output import Output

TERM_AGAIN_MS = 2_000
# neard loses a signal that comes while it works on one before it.
HUP_AGAIN_MS = 100


class Neard:
    """One running neard."""

    def __init__(self, argv: list[str], tag: str, armed: bool, deadline: int) -> None:
        self.argv, self.tag, self.armed, self.deadline = argv, tag, armed, deadline
        self.pid = 0
        self.cause = "itself"
        self.status: int | None = None
        self.term_at: int | None = None
        self.kill_at: int | None = None
        # The key was taken away: until then it has to be seen without it, and is told so again.
        self.prove_by: int | None = None
        self.hup_at = 0
        # The tag of the term in which it signed, once it was seen without the key.
        self.gave_up = ""
        self.killed = False

    def spawn(self, guard_pid: int, output: Output) -> None:
        """Fork and exec. The child dies with this process, in a session of its own."""
        self.pid = os.fork()
        if self.pid == 0:
            self._become_neard(guard_pid, output)

    def _become_neard(self, guard_pid: int, output: Output) -> None:
        try:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard_pid:
                os._exit(125)
            os.setsid()
            output.take()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execvp(self.argv[0], self.argv)
        except OSError as error:
            say("error", f"cannot run {self.argv[0]}: {error.strerror}")
        finally:
            os._exit(127)

    def send(self, number: int) -> None:
        """Signal neard and its process group; that it is gone already is no error, waitpid will tell."""
        if self.status is not None:
            # Its pid may be another's by now.
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill(self, cause: str) -> None:
        """SIGKILL, at once."""
        if self.cause == "itself":
            self.cause = cause
        self.term_at = self.kill_at = None
        self.killed = True
        self.send(signal.SIGKILL)

    def stop(self, now: int, timeout_ms: int) -> None:
        """SIGTERM now and again, SIGKILL after ``timeout_ms``. neard may lose a SIGTERM during a reload."""
        self.cause = "stop"
        self.kill_at = now + timeout_ms
        self.term_at = now + TERM_AGAIN_MS
        self.send(signal.SIGTERM)

    def reload(self, now: int) -> None:
        """SIGHUP now and again: to neard alone, what it has forked knows nothing of it."""
        self.hup_at = now + HUP_AGAIN_MS
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGHUP)

    def tick(self, now: int) -> None:
        """Do what is due at ``now``."""
        if self.killed:
            return
        if self.armed and now >= self.deadline:
            # First the kill: a log on a disk that hangs would hold it up.
            self.kill("deadline")
            say("error", f"neard {self.pid} was killed: its deadline had passed {now - self.deadline} ms ago")
        elif self.prove_by is not None and now >= self.prove_by:
            self.kill("disarm")
        elif self.prove_by is not None and now >= self.hup_at:
            self.reload(now)
        elif self.kill_at is not None and now >= self.kill_at:
            self.kill("stop")
        elif self.term_at is not None and now >= self.term_at:
            self.term_at = now + TERM_AGAIN_MS
            self.send(signal.SIGTERM)

    def due(self) -> list[int]:
        """Times at which ``tick`` has something to do."""
        times = [at for at in (self.kill_at, self.term_at, self.prove_by) if at is not None]
        if self.prove_by is not None:
            times.append(self.hup_at)
        return [*times, self.deadline] if self.armed and not self.killed else times

    def reap(self) -> bool:
        """Collect what has ended; True once neard *and* everything it left behind are gone."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return self.status is not None
            if pid == self.pid:
                self.status = status
            if pid == 0:
                break
        if self.status is not None:
            self._kill_left_behind()
        return False

    def _kill_left_behind(self) -> None:
        """As subreaper this process inherits what neard forked; none of that may outlive neard."""
        me = os.getpid()
        with contextlib.suppress(OSError), open(f"/proc/{me}/task/{me}/children") as file:
            for pid in file.read().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def how_it_ended(status: int) -> str:
    """A waitpid status in words: ``exit code 1``, ``signal 9 (SIGKILL)``."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"signal {-code}"
