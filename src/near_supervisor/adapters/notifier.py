"""The driver's half towards the people who want to know: a command and a web address, each on a thread of its own.

The loop only looks and puts into a queue that is bounded: a receiver that hangs costs it nothing, and when the queue is
full the oldest goes. What cannot be delivered is counted and logged, and has no other consequence.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from near_supervisor.core.facts.model import Node

from .. import __version__
from ..commandline.hook_options import Hooks
from ..io import clock, hook_process
from ..io.webhook import Posted, Webhook
from ..notifications import Kind, Notification, Told, by_hand, news, view

log = logging.getLogger("near_supervisor")

MOST_WAITING = 64
# So often a post is tried, and so long there is between two tries, and each time twice as long.
TRIES = 4
FIRST_PAUSE_MS = 1_000
# What is still to be told when the supervisor ends gets so long.
LAST_MS = 2_000
COMMAND, WEBHOOK = "command", "webhook"

# None: it was delivered; else what went wrong.
Deliver = Callable[[dict[str, Any]], str]


@dataclass
class Counts:
    """Of one receiver, since the supervisor has started."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0


class Receiver:
    """Gets one document after the other by ``deliver``, which may take its time and may break off."""

    def __init__(self, name: str, deliver: Deliver) -> None:
        self.name, self.counts = name, Counts()
        self._deliver = deliver
        self._waiting: deque[dict[str, Any]] = deque()
        self._changed = threading.Condition()
        self._busy = False
        threading.Thread(target=self._run, name=f"notify-{name}", daemon=True).start()

    def put(self, document: dict[str, Any]) -> None:
        """Never waits; where there is no room the oldest goes, which is the least news."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                self._waiting.popleft()
                self.counts.dropped += 1
            self._waiting.append(document)
            self._changed.notify_all()

    def finish(self, timeout_ms: int) -> None:
        """Wait until all is delivered, for so long at the most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_ms / 1000)

    # --- on its thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                document, self._busy = self._waiting.popleft(), True
            self._try(document)

    def _try(self, document: dict[str, Any]) -> None:
        try:
            problem = self._deliver(document)
        except Exception:
            log.exception("BUG, please report it: unexpected error while a notification was delivered")
            problem = "unexpected error"
        if problem:
            self.counts.failed += 1
            log.warning("notification %s (%s) was not delivered by %s: %s", document["number"], document["event"],
                        self.name, problem)  # fmt: skip
        else:
            self.counts.sent += 1


class Notifier:
    """Looks at each step of the core, and tells what is news. Off where neither a command nor an address is given."""

    def __init__(self, hooks: Hooks, node: Node) -> None:
        self._hooks, self._settings = hooks, node.settings
        self._told, self._number = Told(), 0
        self._numbering = threading.Lock()
        self._receivers: list[Receiver] = []
        if hooks.notify_command:
            self._receivers.append(Receiver(COMMAND, self._run_command))
        if hooks.webhook is not None:
            webhook = hooks.webhook
            self._receivers.append(Receiver(WEBHOOK, lambda document: self._post(webhook, document)))

    @property
    def is_on(self) -> bool:
        """Is anybody told?"""
        return bool(self._receivers)

    def counts(self) -> dict[str, dict[str, int]]:
        """So many were sent, failed and were dropped, by receiver; also of those that are not there."""
        found = {receiver.name: receiver.counts for receiver in self._receivers}
        return {name: asdict(found.get(name, Counts())) for name in (COMMAND, WEBHOOK)}

    def look(self, node: Node, now: int) -> None:
        """Tell what is news of these facts; whatever goes wrong here is no business of the loop's."""
        if not self._receivers:
            return
        try:
            self._told, found = news(self._told, view(node, now), now, self._hooks.notify_again_ms)
            for notification in found:
                self.tell(notification)
        except Exception:
            log.exception("BUG, please report it: unexpected error while it was judged what is to be told")

    def tell_by_hand(self, kind: Kind, text: str, by: str) -> int:
        """Its number; 0 when nobody is told anything. From any thread."""
        return self.tell(by_hand(kind, text, by)) if self._receivers else 0

    def tell(self, notification: Notification) -> int:
        """To everybody; its number."""
        with self._numbering:
            self._number += 1
            number = self._number
        document = notification.document(self._settings, number, clock.wall_ms())
        for receiver in self._receivers:
            receiver.put(document)
        return number

    def close(self) -> None:
        """The supervisor ends: its last words have a moment."""
        until = clock.boot_ms() + LAST_MS
        for receiver in self._receivers:
            receiver.finish(max(0, until - clock.boot_ms()))

    # --- on the receivers' threads

    def _run_command(self, document: dict[str, Any]) -> str:
        settings = self._settings
        more = {
            "NEAR_EVENT": document["event"],
            "NEAR_ACCOUNT_ID": settings.account_id,
            "NEAR_NODE_ID": settings.node_id,
        }
        environ = hook_process.environment(os.environ, more)
        return hook_process.run(
            self._hooks.notify_command, _bytes(document), environ, self._hooks.notify_timeout_ms
        ).reason

    def _post(self, webhook: Webhook, document: dict[str, Any]) -> str:
        pause_ms, posted = FIRST_PAUSE_MS, Posted()
        for tried in range(1, TRIES + 1):
            posted = webhook.post(_bytes(document), f"near-supervisor/{__version__}", self._hooks.notify_timeout_ms)
            if not posted.problem:
                return ""
            if not posted.again or tried == TRIES:
                break
            clock.sleep_ms(pause_ms)
            pause_ms *= 2
        return posted.problem


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"
