"""A relay on loopback that counts HTTP requests on their way to Consul: an honest count, whoever asks and whatever.

It can also make that way slow.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time

REQUEST_LINE = re.compile(rb"(?:GET|PUT|POST|DELETE|HEAD) (/\S*) HTTP/1\.[01]\r\n")
LONGEST_LINE = 4096
CHUNK = 65536
BACKLOG = 64


class Counter:
    """Counts the request lines in the bytes of one connection, in whatever pieces they come.

    What the supervisor sends as a body is JSON on one line and never looks like a request line.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> int:
        """How many requests have begun since the last call."""
        text = self._rest + data
        found = list(REQUEST_LINE.finditer(text))
        self._rest = text[found[-1].end() if found else 0 :][-LONGEST_LINE:]
        return len(found)


class Relay:
    """Listens on a free port of `host` and passes all it gets to the `target`, counting requests.

    `delay_s` may be set at any time: so long rests what is asked from then on before it is passed on.
    """

    delay_s = 0.0

    def __init__(self, host: str, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._requests = 0
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server((host, 0), backlog=BACKLOG)
        self.url = f"http://{host}:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def requests(self) -> int:
        """Requests so far."""
        with self._lock:
            return self._requests

    def close(self) -> None:
        """Ends the relay and every connection through it."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        # Else a thread on its way into accept() would take connections of whoever gets this descriptor next.
        self._thread.join()
        self._server.close()
        with self._lock:
            ending, self._sockets = self._sockets, []
        for each in ending:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _address = self._server.accept()
                server = socket.create_connection(self._target)
            except OSError:
                continue
            with self._lock:
                self._sockets += [client, server]
            for source, sink, counter in ((client, server, Counter()), (server, client, None)):
                threading.Thread(target=self._pass_on, args=(source, sink, counter), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counter: Counter | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if counter:
                    found = counter.feed(data)
                    with self._lock:
                        self._requests += found
                    if found:
                        # What follows of the same request has waited with it.
                        time.sleep(self.delay_s)
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
