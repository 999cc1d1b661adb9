"""The guard: it puts the parts together, and waits for what happens next."""

from __future__ import annotations

import contextlib
import os
import select
import signal

from .client import Client
from .guard_socket import GuardSocket
from .kernel import boot_ms
from .locks import hold
from .log import say
from .owner import Owner
from .request import Refused
from .service_manager import Manager
from .verbs import Verbs


class Guard:
    """Holds neard, the deadline, and one supervisor's connection."""

    def __init__(self, run_dir: str, home: str, key_link: str, linger_s: float, log: str | None = None) -> None:
        self.linger_ms = int(linger_s * 1000)
        self.client = Client()
        # Before anything in either of them is touched: another guard may have a signer there.
        self.home_lock = hold(os.path.join(home, "near-guard.lock"), run_dir)
        self.socket = GuardSocket(run_dir, log)
        self.owner = Owner(home, key_link)
        self.wake_r = self._signals()
        self.socket.listen()
        self.manager = Manager()
        self.verbs = Verbs(self.owner, self.socket, self.manager)
        self.manager.tell("READY=1\nSTATUS=no neard")

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
        self.owner.quitting = True

    def run(self) -> None:
        """Serve until there is nothing left to guard and nobody to serve."""
        while not self._finished(boot_ms()):
            poller = select.poll()
            for fd in (self.wake_r, self.socket.listener.fileno(), *self._connected()):
                poller.register(fd, select.POLLIN)
            for fd, event in self.owner.output.watched():
                poller.register(fd, event)
            ready = {fd for fd, _event in poller.poll(self._patience())}
            # neard first, then requests: a deadline that has passed is never moved on.
            self._tend_neard()
            self.manager.feed(boot_ms())
            self.owner.output.pump()
            if ready.intersection(self._connected()):
                for line in self.client.read():
                    self.client.send(self.verbs.answer(line))
            if self.socket.listener.fileno() in ready:
                self.client.accept(self.socket.listener)
            self._tend_socket()

    def close(self) -> None:
        """Nobody is to look for this guard any more."""
        self.socket.close()

    def _connected(self) -> list[int]:
        return [self.client.connection.fileno()] if self.client.connection else []

    def _patience(self) -> int:
        now = boot_ms()
        due = self.owner.neard.due() if self.owner.neard else []
        if self.owner.neard is None and self.client.connection is None and self.linger_ms > 0:
            due.append(self._idle_since() + self.linger_ms)
        if self.manager.feed_every:
            due.append(self.manager.feed_at)
        return max(0, min([now + 1_000, *due]) - now) + 1

    def _tend_neard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake_r, 4096)
        ended = self.owner.tend()
        if ended is not None:
            what = f"{ended['pid']} has ended with {ended['how']}, cause: {ended['cause']}"
            self.manager.tell(f"STATUS=no neard; {what}")
            say("info", f"neard {what}")
            self.client.send({"event": "exit", **ended})

    def _finished(self, now: int) -> bool:
        if self.owner.neard is not None:
            return False
        nobody = self.client.connection is None
        return self.owner.quitting or (nobody and self.linger_ms > 0 and now - self._idle_since() >= self.linger_ms)

    def _idle_since(self) -> int:
        """When the last of both was gone, supervisor and neard."""
        return max(self.client.gone_at, self.owner.ended_at)

    def _tend_socket(self) -> None:
        """Without its socket no supervisor finds it any more, and the next guard waits for what it holds.

        Of a supervisor that is there: it asks for a new one when it sees that, and when there is a directory for it.
        """
        if self.client.connection is not None or self.owner.quitting or self.socket.can_be_found():
            return
        try:
            self.socket.listen_again(self.owner.armed)
        except (Refused, OSError) as error:
            if self.owner.armed:
                # Its deadline ends it, and a supervisor may be back with a directory before that.
                return
            say("warn", f"{self.socket.path} is gone, or another guard's, and cannot be had ({error}): this one ends")
            self.owner.quitting = True
