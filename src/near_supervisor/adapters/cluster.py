"""The driver's half towards what concerns the whole cluster: is it paused, who asked for a switchover, what happened.

Two threads keep reading the keys ``config`` and ``switchover``, whatever this node's role, and workers of their own
write, one the request and one the history: nothing here ever holds up a heartbeat, nor the history a switchover.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from near_ha.errors import BadRecord
from near_ha.keys.record_key import RecordKey
from near_ha.records import cluster_config, consul_keys, history, switchover
from near_ha.records.history import Change
from near_ha.records.switchover import Switchover
from near_ha.records.wire import Entry, shown
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import Answer, Kind
from near_supervisor.core.facts.values import assert_never

from ..commandline.options import Options
from ..io import clock
from ..io.consul_store import ConsulStore, Denied, Unknown
from ..io.key_watch import KeyWatch
from ..io.worker import Worker

log = logging.getLogger("near_supervisor")

WRITE_TIMEOUT_MS = 2_000
# An election of Consul takes seconds, a restart of its servers minutes.
NOTE_FOR_MS = 600_000
NOTE_RETRY_MS = 1_000


class ClusterAdapter:
    """Turns what is read into events, and commands about the cluster's values into requests."""

    def __init__(self, options: Options, post: Callable[[ev.Event], None]) -> None:
        self._options, self._post = options, post
        self._store, self._worker = self._new_store(WRITE_TIMEOUT_MS), Worker("switchover")
        self._notes, self._note_worker = self._new_store(WRITE_TIMEOUT_MS), Worker("history")

    def _new_store(self, timeout_ms: int) -> ConsulStore:
        options = self._options
        return ConsulStore(
            options.consul_url, options.account_id, timeout_ms, options.record_key, options.consul_access
        )

    def watch(self) -> None:
        """Begin to read both keys; it never ends."""
        account, records = self._options.account_id, self._options.record_key
        for key, event, unseen in (
            (consul_keys.config(account), lambda entry: config_event(entry, records), ev.ConfigSeen(False)),
            (consul_keys.switchover(account), lambda entry: request_event(entry, records), ev.RequestSeen(0, None)),
        ):
            watch = KeyWatch(self._new_store, key, self._options.lease_ms)
            threading.Thread(target=self._keep_looking, args=(watch, event, unseen), name=key, daemon=True).start()

    def _keep_looking(self, watch: KeyWatch, event: Callable[[Entry | None], ev.Event], unseen: ev.Event) -> None:
        nothing_read, denied = True, False
        for found in watch.changes():
            if not isinstance(found, Denied):
                nothing_read = denied = False
                seen = event(found)
                if isinstance(seen, ev.RequestSeen) and watch.turned_back:
                    seen = replace(seen, turned_back=True)
                self._post(seen)
                continue
            if not denied:
                held = "as if it was not there" if nothing_read else "what was read of it last goes on to hold"
                log.warning("may not read %s, %s: %s", watch.key, held, found)
            if nothing_read and not denied:
                self._post(unseen)
            denied = True

    def carry_out(self, command: cmd.ClusterCommand) -> None:
        """Queue the request that belongs to ``command``."""
        match command:
            case cmd.MoveRequest(index, request):
                broken = ev.RequestMoved(request.id, Answer(Kind.UNKNOWN, "internal error"))
                self._worker.submit(lambda: self._move(index, request), lambda: self._post(broken))
            case cmd.RecordChange(change):
                stamped = replace(change, at_ms=clock.wall_ms())
                self._note_worker.submit(
                    lambda: self._note(change.term, lambda known: history.added(known, stamped)), lambda: None
                )
            case cmd.RecordSigningCheck(term, text):
                self._note_worker.submit(
                    lambda: self._note(term, lambda known: history.proven(known, term, text)), lambda: None
                )
            case cmd.RecordLastWords(term, text):
                self._note_worker.submit(
                    lambda: self._note(term, lambda known: history.ended(known, term, text)), lambda: None
                )
            case _:
                assert_never(command)

    # --- on the workers

    def _move(self, index: int, request: Switchover) -> None:
        key, value = consul_keys.switchover(self._options.account_id), replace(request, moved_at_ms=clock.wall_ms())
        sealed = self._options.record_key.sealed(key, value.to_json())
        answer = self._store.check_and_set(key, index, sealed)
        self._post(ev.RequestMoved(request.id, answer))

    def _note(self, term: int, changed: Callable[[tuple[Change, ...]], tuple[Change, ...]]) -> None:
        """Best effort: nobody's safety hangs on the history, and nobody waits for it."""
        until, said = clock.boot_ms() + NOTE_FOR_MS, False
        while (answer := self._try_to_note(changed)) is not None and answer.kind is not Kind.YES:
            if clock.boot_ms() >= until:
                log.warning("what became of term %d is not in the history: %s", term, answer.reason)
                return
            if answer.kind is Kind.UNKNOWN and not said:
                said = True
                log.warning("what became of term %d is not in the history yet: %s", term, answer.reason)
            clock.sleep_ms(NOTE_RETRY_MS)

    def _try_to_note(self, changed: Callable[[tuple[Change, ...]], tuple[Change, ...]]) -> Answer | None:
        """Consul's answer; None when it is noted already."""
        key = consul_keys.history(self._options.account_id)
        try:
            entry = self._notes.look_at(key, 0, 0)[1]
        except Unknown as error:
            return Answer(Kind.UNKNOWN, str(error))
        known: tuple[Change, ...] = ()
        if entry is not None:
            try:
                known = history.parse(entry.value)
            except BadRecord as error:
                log.warning("%s cannot be read and begins anew: %s", key, error)
        after = changed(known)
        if after == known:
            return None
        return self._notes.check_and_set(key, entry.index if entry else 0, history.to_json(after))


def config_event(entry: Entry | None, records: RecordKey) -> ev.ConfigSeen:
    """What the key ``config`` says, if a member says it; no key means that nobody has paused."""
    if entry is None:
        return ev.ConfigSeen(False)
    doubt = records.doubt(entry.key, entry.value)
    try:
        config = cluster_config.parse(entry.value)
    except BadRecord as error:
        log.warning("%s cannot be read, what was known goes on to hold: %s", entry.key, error)
        return ev.ConfigSeen(None)
    if doubt:
        by = shown(config.by) if config.by else "nobody"
        log.warning("%s says that it is by %s, and %s: what was known goes on to hold", entry.key, by, doubt)
        return ev.ConfigSeen(None)
    return ev.ConfigSeen(config.paused)


def request_event(entry: Entry | None, records: RecordKey) -> ev.RequestSeen:
    """What the key ``switchover`` says, if a member says it; index 0 when there is no key."""
    if entry is None:
        return ev.RequestSeen(0, None)
    doubt = records.doubt(entry.key, entry.value)
    try:
        request = switchover.parse(entry.value)
    except BadRecord as error:
        log.warning("%s cannot be read and is not followed: %s", entry.key, error)
        return ev.RequestSeen(entry.index, None)
    if doubt:
        by = shown(request.moved_by or request.asked_by)
        log.warning(
            "%s says that it is %s by %s, and %s: it is not followed", entry.key, request.phase.value, by, doubt
        )
        return ev.RequestSeen(entry.index, None)
    return ev.RequestSeen(entry.index, request)
