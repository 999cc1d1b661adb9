"""near-guard: the parent of neard, and its dead man's switch.

One file, standard library, no network. It starts neard, puts the validator key in place only for a neard
that is armed under a deadline, and kills that neard when the deadline passes without being moved on.

A neard is *armed* from the moment it is started with the key, or the key is about to be put in place for it while it
runs, until waitpid() has returned for it and for everything it left behind, or until the supervisor has said that it
saw it without the key after this program had taken that away. Three things end an armed neard, each without the one
before it:

1. this program, at the deadline (SIGKILL);
2. a kernel timer (timer_create on CLOCK_BOOTTIME with SIGKILL as its signal) that ends *this program* shortly
   after the deadline, also when it hangs, is stopped by SIGSTOP, or the host was suspended;
3. PR_SET_PDEATHSIG: the kernel kills neard when this program ends, however it ends.

Requests and answers are JSON objects, one a line, on ``<run dir>/guard.sock`` (mode 0600). Requests carry ``id``
and ``do``: ``hello``, ``start``, ``arm``, ``disarm``, ``disarmed``, ``deadline``, ``stop``, ``kill``, ``listen``,
``quit``. The end of neard is told as ``{"event": "exit", ...}``. All times are milliseconds on CLOCK_BOOTTIME. One
supervisor at a time.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import getopt
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time

BACKSTOP_MS = 100
TERM_AGAIN_MS = 2_000
# neard loses a signal that comes while it works on one before it.
HUP_AGAIN_MS = 100
QUIT_TIMEOUT_MS = 30_000
MAX_AHEAD_MS = 3_600_000
MAX_LINE = 64 * 1024
LINGER_S = 30.0
# Of what neard wrote, so much of its end is told when it ends by itself.
KEPT_OUTPUT = 8 * 1024
READ_AT_ONCE = 64 * 1024
# Whoever takes anything at all takes so much without a wait (PIPE_BUF).
WRITTEN_AT_ONCE = 4 * 1024
# The key is open at a number of at least the first of these, and fewer than both together.
KEY_FD_FROM, KEY_FDS = 100, 800

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIGEV_SIGNAL = 0
_TIMER_ABSTIME = 1
# struct flock on 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
_FLOCK = "hhqqi4x"


class Refused(Exception):
    """A request that is not carried out, with the reason that the supervisor is told."""


def boot_ms() -> int:
    """Now, on the clock that goes on while the host sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def say(level: str, message: str) -> None:
    """One line for the log. A log that cannot be written to must not end the guard."""
    line = f'level={level} pid={os.getpid()} message={json.dumps(message)} target="near_guard"\n'
    with contextlib.suppress(OSError):
        os.write(2, line.encode())


class Manager:
    """The service manager (sd_notify), if there is one. What it does not take is lost; nothing here waits for it."""

    def __init__(self) -> None:
        # Taken out of the environment: neard must not speak in this program's name.
        address = os.environ.pop("NOTIFY_SOCKET", "")
        interval, pid = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", "")
        self.address = "\0" + address[1:] if address.startswith("@") else address
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if address else None
        meant = address and interval.isdecimal() and pid in ("", str(os.getpid()))
        self.feed_every = max(1, int(interval) // 2_000) if meant else 0
        self.feed_at = 0

    def tell(self, text: str) -> None:
        """Send ``text``, or forget it."""
        if self.channel is not None:
            with contextlib.suppress(OSError):
                self.channel.sendto(text.encode(), self.address)

    def feed(self, now: int) -> None:
        """The loop has turned at ``now``: keep the watchdog quiet, at half of its time."""
        if self.feed_every and now >= self.feed_at:
            self.feed_at = now + self.feed_every
            self.tell("WATCHDOG=1")


# --- the kernel's part -----------------------------------------------------------------------------


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


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")


class Backstop:
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


class Caretakers:
    """Threads that only wait, while neard is armed, so that the kernel ends neard at once when it ends this program.

    A process that is killed gives its memory back first, and tells its children afterwards; that takes a millisecond,
    unless other threads are left that share the memory: then the first thread, neard's parent, is through in some
    20 microseconds. A host that goes on after a pause lets neard run for just that long (docs/safety.md).
    """

    COUNT = 4

    def __init__(self) -> None:
        self._work = threading.Lock()
        self._threads: list[threading.Thread] = []

    def call(self) -> None:
        """They wait from now on. Only after neard was forked: a fork is for programs with one thread."""
        self._work.acquire()
        # Where there is no room for more of them, neard is no less safe than without any.
        with contextlib.suppress(RuntimeError):
            while len(self._threads) < self.COUNT:
                thread = threading.Thread(target=self._wait, daemon=True)
                thread.start()
                self._threads.append(thread)

    def dismiss(self) -> None:
        """There are none any more."""
        if not self._work.locked():
            return
        self._work.release()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _wait(self) -> None:
        with self._work:
            pass


# --- files -----------------------------------------------------------------------------------------


def lock_holder(path: str) -> int | None:
    """Pid that holds a record lock on ``path`` (neard's ``data/LOCK``), None when nobody does.

    F_GETLK only looks. The file itself says nothing: RocksDB never removes it.
    """
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        request = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, request))
    finally:
        os.close(fd)
    return None if kind == fcntl.F_UNLCK else int(pid)


def describe(pid: int) -> str:
    """Process ``pid`` for people: its number and command line, as far as they can be seen."""
    if pid <= 0:
        return "a process outside this container"
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(300).replace(b"\0", b" ").decode(errors="replace").strip()
        return f"process {pid} ({words})"
    return f"process {pid}"


def clear(link: str) -> str | None:
    """Take away what is at ``link``. A real file may be somebody's only copy: it is set aside, and named."""
    if os.path.islink(link):
        os.unlink(link)
        return None
    if not os.path.exists(link):
        return None
    aside = f"{link}.set-aside-{time.time_ns() // 1_000_000}"
    os.rename(link, aside)
    return aside


class KeyInPlace:
    """The validator key where neard looks for it: a link that leads through this process to the file that is open here.

    A link stays in neard's home when the host loses its power, or when this program is killed. Whoever starts neard
    then, and without a guard, is to find nothing: no process has the file open there any more.
    """

    def __init__(self, link: str) -> None:
        self.link = link
        self.fd = -1

    def open(self, target: str) -> None:
        """Take hold of the key in ``target``; OSError when it cannot be read."""
        self.close()
        fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        # Anywhere: after a boot another program may go by this pid, and is to have nothing at this number.
        lowest = KEY_FD_FROM + int.from_bytes(os.urandom(2), "big") % KEY_FDS
        try:
            self.fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
        except OSError:
            # So few files may be open here.
            self.fd = fd
            return
        os.close(fd)

    def place(self) -> None:
        """Put what was opened in its place; Refused when neard would not find it there."""
        place(f"/proc/{os.getpid()}/fd/{self.fd}", self.link)
        try:
            leads_to_it = os.path.samestat(os.stat(self.link), os.fstat(self.fd))
        except FileNotFoundError:
            leads_to_it = False
        if not leads_to_it:
            raise Refused(f"{self.link} does not lead to the validator key: is /proc that of this process?")

    def close(self) -> None:
        """Whatever still links to it leads nowhere from now on."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


def place(target: str, link: str) -> str | None:
    """Make ``link`` point to ``target`` in one step, so that no reader ever sees half of it.

    Returns the name under which a real file in its place was set aside.
    """
    fresh = f"{link}.near-guard"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    os.symlink(os.path.abspath(target), fresh)
    aside = None if os.path.islink(link) else clear(link)
    os.replace(fresh, link)
    return aside


def require_open_proc() -> None:
    """neard will find its key through this process: Refused where processes of one user do not see each other.

    Better at the start of the guard than in the moment of a takeover. For a program with one thread: it forks.
    """
    me, fd = os.getpid(), os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(os.open(f"/proc/{me}/fd/{fd}", os.O_RDONLY))
            status = 0
        finally:
            os._exit(status)
    _pid, ended = os.waitpid(pid, 0)
    os.close(fd)
    if ended != 0:
        raise Refused(
            f"a child of this guard cannot open /proc/{me}/fd/{fd}, and neard finds its key in such a way: /proc has to"
            " be mounted, and processes of one user have to see each other in it"
        )


def hold(path: str) -> int:
    """An exclusive flock on ``path`` for the life of this process; Refused when another guard has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise Refused(f"another near-guard holds {path}") from None
    return fd


# --- neard -----------------------------------------------------------------------------------------


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
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
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


# --- the guard -------------------------------------------------------------------------------------


class Guard:
    """Holds neard, the deadline, and one supervisor's connection."""

    def __init__(self, run_dir: str, home: str, key_link: str, linger_s: float, log: str | None = None) -> None:
        self.run_dir, self.home, self.key_link, self.log = run_dir, home, key_link, log
        self.linger_ms = int(linger_s * 1000)
        self.neard: Neard | None = None
        self.last_exit: dict[str, object] | None = None
        self.notes: list[str] = []
        self.client: socket.socket | None = None
        self.buffer = b""
        self.quitting = False
        self.idle_since = boot_ms()
        self.home_lock = hold(os.path.join(home, "near-guard.lock"))
        self.run_lock = hold(self._in_run_dir("guard.lock"))
        self.key = KeyInPlace(key_link)
        require_open_proc()
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self.backstop = Backstop()
        self.caretakers = Caretakers()
        self.output = Output()
        self.disarm_key()
        self.wake_r, self.listener = self._signals(), self._listen()
        self.manager = Manager()
        self.manager.tell("READY=1\nSTATUS=no neard")

    def disarm_key(self) -> None:
        """Take the validator key out of neard's home; every start of a guard begins with it."""
        # First what cannot fail: a home that nobody can write to any more keeps its link.
        self.key.close()
        self._note(clear(self.key_link), self.key_link)

    def _note(self, aside: str | None, link: str) -> None:
        if aside:
            note = f"{link} was a real file, not this guard's link: set aside as {aside}"
            say("error", note)
            self.notes.append(note)

    def _signals(self) -> int:
        read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._asked_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        return read_end

    def _asked_to_end(self, *_: object) -> None:
        self.quitting = True

    def _in_run_dir(self, name: str) -> str:
        return os.path.join(self.run_dir, name)

    def _listen(self) -> socket.socket:
        path = self._in_run_dir("guard.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(4)
        self.socket_path, self.socket_inode = path, os.stat(path).st_ino
        # For people only: a directory that is full must not cost the socket.
        with contextlib.suppress(OSError), open(self._in_run_dir("guard.pid"), "w") as file:
            file.write(f"{os.getpid()}\n")
        return listener

    def _listen_again(self) -> None:
        """The socket was removed, maybe with its directory, which is there again. Refused where another guard is."""
        path = self._in_run_dir("guard.lock")
        try:
            is_held = os.path.samestat(os.stat(path), os.fstat(self.run_lock))
        except FileNotFoundError:
            is_held = False
        lock = self.run_lock if is_held else hold(path)
        try:
            listener = self._listen()
        except OSError:
            if lock != self.run_lock:
                os.close(lock)
            raise
        if lock != self.run_lock:
            os.close(self.run_lock)
        self.listener.close()
        self.listener, self.run_lock = listener, lock
        if self.log:
            # It was removed, too; neard goes on with the old one until it is started anew.
            with contextlib.suppress(OSError):
                write_to(self.log)
        if self.neard is None or not self.neard.armed:
            # While neard is armed, no disk may hold this program up; the supervisor says it, too.
            say("warn", f"{self.socket_path} was gone and is there again")

    # --- the loop

    def run(self) -> None:
        """Serve until there is nothing left to guard and nobody to serve."""
        while not self._finished(boot_ms()):
            poller = select.poll()
            for fd in (self.wake_r, self.listener.fileno(), *([self.client.fileno()] if self.client else [])):
                poller.register(fd, select.POLLIN)
            for fd, event in self.output.watched():
                poller.register(fd, event)
            ready = {fd for fd, _event in poller.poll(self._patience())}
            # neard first, then requests: a deadline that has passed is never moved on.
            self._tend_neard()
            self.manager.feed(boot_ms())
            self.output.pump()
            if self.client and self.client.fileno() in ready:
                self._read_client()
            if self.listener.fileno() in ready:
                self._accept()
            self._tend_socket()

    def close(self) -> None:
        """Take the socket away, unless it is another guard's by now."""
        if self._can_be_found():
            with contextlib.suppress(OSError):
                os.unlink(self.socket_path)

    def _patience(self) -> int:
        now = boot_ms()
        due = self.neard.due() if self.neard else []
        if self.neard is None and self.client is None and self.linger_ms > 0:
            due.append(self.idle_since + self.linger_ms)
        if self.manager.feed_every:
            due.append(self.manager.feed_at)
        return max(0, min([now + 1_000, *due]) - now) + 1

    def _tend_neard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake_r, 4096)
        neard = self.neard
        if neard is None:
            return
        if self.quitting and neard.kill_at is None and not neard.killed:
            neard.stop(boot_ms(), QUIT_TIMEOUT_MS)
        neard.tick(boot_ms())
        if neard.killed:
            # SIGKILL is on its way and cannot be lost; a large neard may take longer to be torn down
            # than the backstop waits, and this guard is needed to see its end.
            self.backstop.set(0)
        if not neard.reap():
            return
        self.neard = None
        self.backstop.set(0)
        self.caretakers.dismiss()
        self.disarm_key()
        self.idle_since = boot_ms()
        output = self.output.end() if neard.cause == "itself" or not self.output.is_file else ""
        how = how_it_ended(neard.status or 0)
        self.manager.tell(f"STATUS=no neard; {neard.pid} has ended with {how}, cause: {neard.cause}")
        say("info", f"neard {neard.pid} has ended with {how}, cause: {neard.cause}")
        self.last_exit = {
            "pid": neard.pid,
            "status": neard.status,
            "how": how,
            "cause": neard.cause,
            "armed": neard.armed,
            "tag": neard.tag,
            # Of one that was ended from outside they tell nothing.
            "output": output if neard.cause == "itself" else "",
        }
        self._send({"event": "exit", **self.last_exit})

    def _finished(self, now: int) -> bool:
        if self.neard is not None:
            return False
        idle = self.client is None and self.linger_ms > 0 and now - self.idle_since >= self.linger_ms
        return self.quitting or idle

    def _tend_socket(self) -> None:
        """Without its socket no supervisor finds it any more, and the next guard waits for what it holds.

        Of a supervisor that is there: it asks for a new one when it sees that, and when there is a directory for it.
        """
        if self.client is not None or self.quitting or self._can_be_found():
            return
        try:
            self._listen_again()
        except (Refused, OSError) as error:
            if self.neard is not None and self.neard.armed:
                # Its deadline ends it, and a supervisor may be back with a directory before that.
                return
            say("warn", f"{self.socket_path} is gone, or another guard's, and cannot be had ({error}): this one ends")
            self.quitting = True

    def _can_be_found(self) -> bool:
        try:
            return os.stat(self.socket_path).st_ino == self.socket_inode
        except OSError:
            return False

    # --- the supervisor's connection

    def _accept(self) -> None:
        try:
            connection, _address = self.listener.accept()
        except OSError:
            return
        _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (0, os.getuid()) or self.client is not None:
            with contextlib.suppress(OSError):
                connection.sendall(b'{"event": "busy"}\n')
            connection.close()
            return
        connection.setblocking(False)
        self.client, self.buffer = connection, b""

    def _read_client(self) -> None:
        if self.client is None:
            return
        try:
            data = self.client.recv(MAX_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.buffer += data
        if not data or len(self.buffer) > MAX_LINE:
            self._drop_client()
            return
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            self._answer(line)

    def _drop_client(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None
        self.idle_since = boot_ms()

    def _send(self, message: dict[str, object]) -> None:
        if self.client is None:
            return
        try:
            self.client.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._drop_client()

    def _answer(self, line: bytes) -> None:
        number: object = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise Refused("a request is a JSON object")
            number = request.get("id")
            reply = self._do(request)
        except (Refused, ValueError, LookupError, TypeError, RecursionError) as error:
            self._send({"id": number, "error": str(error) or type(error).__name__})
        except OSError as error:
            self._send({"id": number, "error": f"{error.filename or ''}: {error.strerror}"})
        else:
            self._send({"id": number, "ok": True, **reply})

    # --- requests

    def _do(self, request: dict[str, object]) -> dict[str, object]:
        verbs = {
            "hello": self._hello,
            "start": self._start,
            "arm": self._arm,
            "disarm": self._disarm,
            "disarmed": self._disarmed,
            "deadline": self._deadline,
            "stop": self._stop,
            "kill": self._kill,
            "listen": self._listen_where_it_was,
            "quit": self._quit,
        }
        verb = verbs.get(str(request.get("do")))
        if verb is None:
            raise Refused(f"there is no request {request.get('do')!r}")
        return verb(request)

    def _hello(self, _request: dict[str, object]) -> dict[str, object]:
        notes, self.notes = self.notes, []
        running = self.neard
        neard = running and {
            "pid": running.pid,
            "armed": running.armed,
            "deadline": running.deadline if running.armed else None,
            "tag": running.tag,
            "gave_up": running.gave_up,
        }
        return {
            "pid": os.getpid(),
            "home": self.home,
            "key_link": self.key_link,
            "neard": neard,
            "last_exit": self.last_exit,
            "notes": notes,
        }

    def _start(self, request: dict[str, object]) -> dict[str, object]:
        if self.neard is not None:
            raise Refused(f"neard {self.neard.pid} is still there")
        if self.quitting:
            raise Refused("this guard is on its way out")
        argv = request["argv"]
        if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
            raise Refused("argv is not a list of words")
        armed = request.get("armed") is True
        deadline = _time(request, "deadline") if armed else 0
        if armed and deadline <= boot_ms():
            raise Refused("refusing to arm: the deadline has passed")
        self._refuse_foreign_neard(str(request["lock"]))
        # Nothing is written to the log from here on: while neard is armed, no disk may hold this program up.
        say("info", f"starting neard {'with' if armed else 'without'} the validator key")
        neard = Neard(argv, str(request.get("tag", "")), armed, deadline)
        try:
            self._place_keys(request, armed)
            if armed:
                self.backstop.set(deadline + BACKSTOP_MS)
            self.output.open()
            neard.spawn(os.getpid(), self.output)
        except BaseException:
            self.output.close()
            self.backstop.set(0)
            self.disarm_key()
            raise
        self.output.forked()
        self.neard = neard
        if armed:
            self.caretakers.call()
        self.manager.tell(f"STATUS=neard {neard.pid} {'with' if armed else 'without'} the validator key")
        return {"pid": neard.pid}

    def _arm(self, request: dict[str, object]) -> dict[str, object]:
        """Give the key to a neard that runs without it: put it in place, then SIGHUP. Armed from before that."""
        neard = self.neard
        if neard is None or neard.pid != request["pid"]:
            raise Refused(f"there is no neard {request['pid']} to arm")
        if neard.armed:
            raise Refused(f"neard {neard.pid} is armed already")
        if self.quitting or neard.killed or neard.kill_at is not None or neard.status is not None:
            raise Refused(f"neard {neard.pid} is on its way out")
        deadline, target = _time(request, "deadline"), str(request["validator_key"])
        if deadline <= boot_ms():
            raise Refused("refusing to arm: the deadline has passed")
        self.key.open(target)
        # Nothing is written to the log from here on: while neard is armed, no disk may hold this program up.
        say("info", f"giving neard {neard.pid} the validator key while it runs")
        self.backstop.set(deadline + BACKSTOP_MS)
        neard.armed, neard.tag, neard.deadline = True, str(request.get("tag", "")), deadline
        neard.gave_up = ""
        self.caretakers.call()
        try:
            self._note(clear(self.key_link), self.key_link)
            self.key.place()
            os.kill(neard.pid, signal.SIGHUP)
        except (Refused, OSError):
            # Nobody knows what it has read: it does not get the time to use it.
            neard.kill("arm")
            raise
        self.manager.tell(f"STATUS=neard {neard.pid} with the validator key")
        return {"pid": neard.pid}

    def _disarm(self, request: dict[str, object]) -> dict[str, object]:
        """Take the key away from a signer while it runs. It is armed until it was seen without, or else killed."""
        neard = self._signer(request)
        if neard.prove_by is not None:
            raise Refused(f"neard {neard.pid} was told already that it has no key any more")
        now = boot_ms()
        # The limit first: whatever fails from here on, it does not sign for longer.
        neard.prove_by = now + _number(request, "timeout_ms")
        self.disarm_key()
        neard.reload(now)
        return {}

    def _disarmed(self, request: dict[str, object]) -> dict[str, object]:
        """The supervisor has seen, after ``disarm``, that neard has no key: it is a standby from here on."""
        neard = self._signer(request)
        now = boot_ms()
        if neard.prove_by is None:
            raise Refused(f"nobody has taken the key away from neard {neard.pid}")
        if now >= min(neard.prove_by, neard.deadline):
            raise Refused(f"too late: neard {neard.pid} is being killed")
        # Nothing but this guard puts a key in place; what somebody else put there meanwhile is found here.
        if os.path.lexists(self.key_link):
            neard.kill("disarm")
            raise Refused(f"there is a key at {self.key_link} again")
        neard.armed, neard.prove_by, neard.gave_up = False, None, neard.tag
        self.backstop.set(0)
        self.caretakers.dismiss()
        self.manager.tell(f"STATUS=neard {neard.pid} without the validator key")
        say("info", f"neard {neard.pid} has given the validator key up")
        return {}

    def _signer(self, request: dict[str, object]) -> Neard:
        neard = self.neard
        if neard is None or neard.pid != request["pid"] or not neard.armed:
            raise Refused(f"there is no neard {request['pid']} that is armed")
        if self.quitting or neard.killed or neard.kill_at is not None or neard.status is not None:
            raise Refused(f"neard {neard.pid} is on its way out")
        return neard

    def _refuse_foreign_neard(self, lock: str) -> None:
        holder = lock_holder(lock)
        if holder is not None:
            raise Refused(
                f"{describe(holder)} holds {lock}, neard's data directory is in use. Stop that process;"
                " never delete LOCK, it is free as soon as the process has ended"
            )

    def _place_keys(self, request: dict[str, object], armed: bool) -> None:
        self.disarm_key()
        node_key = request.get("node_key")
        if isinstance(node_key, list):
            target, link = node_key
            self._note(place(str(target), str(link)), str(link))
        if armed:
            self.key.open(str(request["validator_key"]))
            self.key.place()

    def _deadline(self, request: dict[str, object]) -> dict[str, object]:
        if self.neard is None or not self.neard.armed:
            raise Refused("there is no armed neard")
        deadline = _time(request, "deadline")
        if self.neard.killed:
            raise Refused(f"neard {self.neard.pid} has been killed already")
        self.backstop.set(deadline + BACKSTOP_MS)
        self.neard.deadline = deadline
        return {}

    def _stop(self, request: dict[str, object]) -> dict[str, object]:
        if self.neard is not None and self.neard.kill_at is None:
            self.neard.stop(boot_ms(), _number(request, "timeout_ms"))
        return {}

    def _kill(self, _request: dict[str, object]) -> dict[str, object]:
        if self.neard is not None:
            self.neard.kill("kill")
        return {}

    def _listen_where_it_was(self, _request: dict[str, object]) -> dict[str, object]:
        if not self._can_be_found():
            self._listen_again()
        return {}

    def _quit(self, _request: dict[str, object]) -> dict[str, object]:
        self._asked_to_end()
        return {}


def _number(request: dict[str, object], name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refused(f"{name} = {value!r} is not a number of milliseconds")
    return value


def _time(request: dict[str, object], name: str) -> int:
    value = _number(request, name)
    if value > boot_ms() + MAX_AHEAD_MS:
        raise Refused(f"{name} = {value} lies more than {MAX_AHEAD_MS // 1000} s ahead")
    return value


def give_memory_back() -> None:
    """What compiling and importing has left is a tenth of it all, and a guard runs for months."""
    with contextlib.suppress(AttributeError):
        # Only glibc has it.
        ctypes.CDLL(None).malloc_trim(0)


def write_to(log: str) -> None:
    """Append this program's output, and that of the neards it starts from now on, to ``log``."""
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


USAGE = f"""\
usage: near-guard --run-dir DIR --home DIR --key-link FILE [--log FILE] [--linger SECONDS]

Owns neard for near-supervisor and kills it when its lease ends.

  --run-dir DIR       for guard.sock, guard.pid and guard.lock
  --home DIR          neard's home
  --key-link FILE     where neard looks for its validator key
  --log FILE          append this program's and neard's output to it
  --linger SECONDS    go away after this long without a supervisor and without a neard; 0 = never (default {LINGER_S:g})

Started by near-supervisor or by its systemd unit; there is nothing here to run by hand.
"""
NEEDED = ("run-dir", "home", "key-link")


def parsed(words: list[str]) -> dict[str, str]:
    """The options by their names; Refused when one is missing or wrong. (argparse costs a tenth of all memory.)"""
    try:
        found, more = getopt.getopt(words, "h", ["help", "log=", "linger=", *(f"{name}=" for name in NEEDED)])
    except getopt.GetoptError as error:
        raise Refused(str(error)) from None
    given = {name.lstrip("-"): value for name, value in found}
    if "h" in given or "help" in given:
        return {"help": ""}
    if more or (missing := [name for name in NEEDED if name not in given]):
        raise Refused(f"what is {more[0]!r}?" if more else f"--{missing[0]} is missing")
    try:
        float(given.setdefault("linger", str(LINGER_S)))
    except ValueError:
        raise Refused(f"--linger {given['linger']!r} is not a number of seconds") from None
    return given


def main(argv: list[str] | None = None) -> int:
    """Run a guard until its work is over; exit status 1 when it cannot start, 2 when it is called wrongly."""
    try:
        given = parsed(sys.argv[1:] if argv is None else argv)
    except Refused as error:
        sys.stderr.write(f"near-guard: {error}\n{USAGE}")
        return 2
    if "help" in given:
        sys.stdout.write(USAGE)
        return 0
    if "log" in given:
        write_to(given["log"])
    try:
        guard = Guard(given["run-dir"], given["home"], given["key-link"], float(given["linger"]), given.get("log"))
    except (Refused, OSError) as error:
        say("error", f"near-guard cannot start: {error}")
        return 1
    give_memory_back()
    guard.run()
    guard.manager.tell("STOPPING=1")
    guard.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
