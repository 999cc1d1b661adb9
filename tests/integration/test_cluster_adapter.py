"""The adapter to the cluster's values on a real Consul: what it watches, and what it writes for the supervisor."""

from __future__ import annotations

import json
import queue
import threading
from pathlib import Path
from time import monotonic

import pytest

from near_ha.records import consul_keys, history, switchover
from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.history import Change
from near_ha.records.history import Kind as ChangeKind
from near_supervisor.adapters import cluster as cluster_adapter
from near_supervisor.adapters.cluster import ClusterAdapter
from near_supervisor.commandline import options
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.facts.answer import YES, Kind
from near_supervisor.io import key_watch
from near_supervisor.io.consul_access import ANYBODY, ConsulAccess
from near_supervisor.io.consul_store import ConsulStore
from near_supervisor.io.key_watch import KeyWatch
from support.cluster_keys import CHANGE, LEASE_MS, LEASE_ONLY, PAUSED, REQUEST, SOON_S, store, write, write_signed
from support.guarded_consul import a_file, a_token, guarded
from support.hostile_http import answer, hostile
from support.open_consul import consul
from support.ports import free_port
from support.real_consul import RealConsul, real_consul
from support.records import KEY, a_request, a_store
from support.waiting import until

__all__ = ["consul", "guarded", "store"]


pytestmark = pytest.mark.integration


# --- watches


class Side:
    """A ClusterAdapter of its own, and the events that it posted."""

    def __init__(self, url: str, account: str, monkeypatch: pytest.MonkeyPatch, access: ConsulAccess = ANYBODY) -> None:
        made = object.__new__(options.Options)
        for name, value in (("consul_url", url), ("account_id", account), ("consul_access", access)):
            object.__setattr__(made, name, value)
        object.__setattr__(made, "lease_ms", LEASE_MS)
        object.__setattr__(made, "record_key", KEY)
        self.events: list[ev.Event] = []
        self.warnings: list[str] = []
        monkeypatch.setattr(cluster_adapter.log, "warning", lambda text, *values: self.warnings.append(text % values))
        self.side = ClusterAdapter(made, self.events.append)

    def sees(self, event: ev.Event, within_s: float = SOON_S) -> None:
        until(f"{event} is posted", lambda: event in self.events, lambda: f"{self.events}\n{self.warnings}", within_s)

    def answers(self, command: cmd.MoveRequest) -> ev.RequestMoved:
        self.side.carry_out(command)
        moved = [event for event in self.events if isinstance(event, ev.RequestMoved)]
        return until(
            "it is answered", lambda: [e for e in self.events if isinstance(e, ev.RequestMoved)][len(moved) :]
        )[0]


def test_pausing_and_resuming_are_seen_at_once(
    store: ConsulStore, consul: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, key = Side(consul.url, store.account_id, monkeypatch), consul_keys.config(store.account_id)
    side.side.watch()
    side.sees(ev.ConfigSeen(False))
    side.sees(ev.RequestSeen(0, None))
    write_signed(store, key, PAUSED)
    side.sees(ev.ConfigSeen(True))
    write(store, key, "garbage")
    side.sees(ev.ConfigSeen(None))
    assert f"{key} cannot be read" in "\n".join(side.warnings)
    side.events.clear()
    write_signed(store, key, ClusterConfig(False).to_json())
    side.sees(ev.ConfigSeen(False))
    side.events.clear()
    consul.ask("DELETE", f"/v1/kv/{key}")
    side.sees(ev.ConfigSeen(False))


def test_requests_are_seen_with_their_index(
    store: ConsulStore, consul: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, key = Side(consul.url, store.account_id, monkeypatch), consul_keys.switchover(store.account_id)
    first = write_signed(store, key, REQUEST.to_json())
    side.side.watch()
    side.sees(ev.RequestSeen(first, REQUEST))
    second = write(store, key, b"garbage")
    side.sees(ev.RequestSeen(second, None))
    assert [event for event in side.events if isinstance(event, ev.RequestSeen)] == [
        ev.RequestSeen(first, REQUEST), ev.RequestSeen(second, None),
    ]  # fmt: skip


def test_what_no_member_has_signed_is_not_followed(
    store: ConsulStore, consul: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, account = Side(consul.url, store.account_id, monkeypatch), store.account_id
    request, config = consul_keys.switchover(account), consul_keys.config(account)
    forged = REQUEST.accepted("a", 7, "b", 0)
    first = write(store, request, forged.to_json())
    write(store, config, PAUSED)
    side.side.watch()
    side.sees(ev.RequestSeen(first, None))
    side.sees(ev.ConfigSeen(None))
    told = "\n".join(side.warnings)
    assert f"{request} says that it is accepted by 'a', and it is not signed: it is not followed" in told
    assert f"{config} says that it is by 'somebody', and it is not signed" in told
    # The signature of another account's, or of another key's, value is none.
    second = write(store, request, a_request("other", forged))
    side.sees(ev.RequestSeen(second, None))
    third = write(store, request, KEY.sealed(config, forged.to_json()))
    side.sees(ev.RequestSeen(third, None))
    assert write(store, request, a_request(account, forged)) > third
    side.sees(ev.RequestSeen(third + 1, forged))


def test_a_watch_is_quiet_while_nothing_changes_however_busy_its_neighbours(store: ConsulStore) -> None:
    """A missing key's query returns whenever a key beside it is written; a store full of heartbeats is no news."""
    reads: list[float] = []

    class Counting(ConsulStore):
        def look_at(self, key: str, index: int, wait_ms: int) -> tuple[int, object]:  # type: ignore[override]
            reads.append(monotonic())
            return super().look_at(key, index, wait_ms)

    account, seen = store.account_id, queue.SimpleQueue[object]()
    url = f"http://{store._clients[0].http.host}:{store._clients[0].http.port}"
    watch = KeyWatch(lambda ms: Counting(url, account, ms, KEY), consul_keys.config(account), LEASE_MS)

    def keep_looking() -> None:
        for found in watch.changes():
            seen.put(found)

    threading.Thread(target=keep_looking, daemon=True).start()
    assert seen.get(timeout=SOON_S) is None
    began, done = monotonic(), 0
    while monotonic() - began < 1.5:
        write(store, consul_keys.last_heartbeat(account), str(done))
        done += 1
    assert done > 50
    assert seen.empty()
    assert len(reads) < 10
    write(store, consul_keys.config(account), PAUSED)
    found = seen.get(timeout=SOON_S)
    assert getattr(found, "value", None) == PAUSED.encode()


def test_a_consul_that_is_away_changes_nothing_and_is_not_asked_in_a_frenzy(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(answer(b"No cluster leader", "500 Internal Server Error")) as server:
        side = Side(server.url, "default", monkeypatch)
        side.side.watch()
        until("both keys are asked for", lambda: len(set(server.requests)) == 2)
        before = len(server.requests)
        threading.Event().wait(1.0)
        assert side.events == []
        assert len(server.requests) - before <= 2 * (1_000 // key_watch.RETRY_MS + 1)
        server.script["*"] = answer([], "404 Not Found", X_Consul_Index="7")
        side.sees(ev.ConfigSeen(False))
        side.sees(ev.RequestSeen(0, None))


def test_a_token_that_never_could_read_them_does_not_pause_a_cluster_and_is_said_once(
    guarded: RealConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = a_file(tmp_path, a_token(guarded, LEASE_ONLY))
    side = Side(guarded.url, "default", monkeypatch, ConsulAccess(poor))
    side.side.watch()
    side.sees(ev.ConfigSeen(False))
    side.sees(ev.RequestSeen(0, None))
    threading.Event().wait(3 * key_watch.RETRY_MS / 1000)
    assert len(side.events) == 2
    assert sorted(text.partition(",")[0] for text in side.warnings) == [
        "may not read near-supervisor/default/config", "may not read near-supervisor/default/switchover",
    ]  # fmt: skip
    assert all("--consul-token-file" in text for text in side.warnings)


def test_a_token_that_lost_its_rights_does_not_resume_a_paused_cluster(
    guarded: RealConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = consul_keys.config("default")
    guarded.ask("PUT", f"/v1/kv/{config}", json.loads(KEY.sealed(config, PAUSED)))
    rules = LEASE_ONLY + '\nkey_prefix "near-supervisor/default/" { policy = "write" }'
    guarded.ask("PUT", "/v1/acl/policy", {"Name": "fades", "Rules": rules})
    token = guarded.ask("PUT", "/v1/acl/token", {"Policies": [{"Name": "fades"}]})
    side = Side(guarded.url, "default", monkeypatch, ConsulAccess(a_file(tmp_path, token["SecretID"])))
    side.side.watch()
    side.sees(ev.ConfigSeen(True))
    guarded.ask("DELETE", f"/v1/acl/token/{token['AccessorID']}")
    until(
        "it is said", lambda: any("goes on to hold" in text for text in side.warnings), lambda: str(side.warnings), 40
    )
    assert ev.ConfigSeen(False) not in side.events
    guarded.ask("DELETE", f"/v1/kv/{consul_keys.config('default')}")


# --- what is written


def test_a_request_is_moved_once_and_stamped(
    store: ConsulStore, consul: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, key = Side(consul.url, store.account_id, monkeypatch), consul_keys.switchover(store.account_id)
    at = write_signed(store, key, REQUEST.to_json())
    accepted = REQUEST.accepted("a", 7, "b", 0)
    assert side.answers(cmd.MoveRequest(at, accepted)) == ev.RequestMoved("r1", YES)
    entry = store.look_at(key, 0, 0)[1]
    assert entry is not None
    assert KEY.doubt(key, entry.value) == ""
    moved = switchover.parse(entry.value)
    assert (moved.phase, moved.source, moved.term) == (accepted.phase, "a", 7)
    assert moved.moved_at_ms > 1_600_000_000_000
    assert side.answers(cmd.MoveRequest(at, accepted)).answer.kind is Kind.NO


def test_without_consul_a_move_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side(f"http://127.0.0.1:{free_port()}", "default", monkeypatch)
    assert side.answers(cmd.MoveRequest(3, REQUEST)).answer.kind is Kind.UNKNOWN


def changes(store: ConsulStore) -> tuple[Change, ...]:
    entry = store.look_at(consul_keys.history(store.account_id), 0, 0)[1]
    return history.parse(entry.value) if entry else ()


def test_changes_are_noted_once_for_each_term(
    store: ConsulStore, consul: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = [Side(consul.url, store.account_id, monkeypatch) for _ in range(4)]
    for number, side in enumerate(sides):
        for term in (7, 7, 8 + number):
            side.side.carry_out(cmd.RecordChange(Change(term, f"n{number}", ChangeKind.FAILOVER, 0)))
    until("all are there", lambda: len(changes(store)) == 5, lambda: str((changes(store), sides[0].warnings)))
    assert sorted(change.term for change in changes(store)) == [7, 8, 9, 10, 11]
    assert all(change.at_ms > 1_600_000_000_000 for change in changes(store))


def test_a_history_that_cannot_be_read_begins_anew(
    store: ConsulStore, consul: RealConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = Side(consul.url, store.account_id, monkeypatch)
    write(store, consul_keys.history(store.account_id), b"garbage")
    side.side.carry_out(cmd.RecordChange(CHANGE))
    until("it is there", lambda: [change.term for change in _readable(store)] == [7])
    assert "cannot be read and begins anew" in "\n".join(side.warnings)


def _readable(store: ConsulStore) -> tuple[Change, ...]:
    entry = store.look_at(consul_keys.history(store.account_id), 0, 0)[1]
    return () if entry is None or entry.value == b"garbage" else history.parse(entry.value)


def test_a_change_that_cannot_be_noted_yet_is_said_holds_nobody_up_and_is_noted_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The host that leads Consul goes down, and with it the validator: the election takes seconds."""
    monkeypatch.setattr(cluster_adapter, "NOTE_RETRY_MS", 10)
    with real_consul(tmp_path) as own:
        side = Side(own.url, "default", monkeypatch)
        own.stop()
        side.side.carry_out(cmd.RecordChange(CHANGE))
        until("it is said", lambda: any("term 7 is not in the history yet" in text for text in side.warnings))
        assert side.answers(cmd.MoveRequest(3, REQUEST)).id == "r1"
        own.start()
        store = a_store(own.url, "default", 1_000)
        until("it is noted", lambda: [change.term for change in changes(store)] == [7], lambda: str(side.warnings))


def test_a_change_that_cannot_be_noted_at_all_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_adapter, "NOTE_RETRY_MS", 10)
    monkeypatch.setattr(cluster_adapter, "NOTE_FOR_MS", 200)
    side = Side(f"http://127.0.0.1:{free_port()}", "default", monkeypatch)
    side.side.carry_out(cmd.RecordChange(CHANGE))
    until("it is said", lambda: any("term 7 is not in the history: " in text for text in side.warnings))
