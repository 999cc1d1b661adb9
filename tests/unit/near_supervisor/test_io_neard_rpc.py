"""neard's RPC behind a hostile server: whatever it says becomes a sample or Unreadable, within a bounded time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from near_supervisor.io import clock, neard_rpc
from near_supervisor.io.neard_rpc import NeardRpc, Unreadable
from support.hostile_http import CLOSE, DRIBBLE, HANG, HostileServer, answer, hostile
from support.ports import free_port
from support.waiting import took_s

TIMEOUT_MS = 300
KEY = "ed25519:KEY"


def status(**sync: Any) -> dict[str, Any]:
    info = {"latest_block_height": 77, "latest_block_time": "2024-05-06T07:08:09.123456789Z", "syncing": False, **sync}
    return {"sync_info": info, "validator_public_key": KEY, "version": {"version": "2.0"}}


def script(said: object = None, peers: object = 4, metrics: bytes = b"") -> dict[str, bytes]:
    return {
        "/status": said if isinstance(said, bytes) else answer(status() if said is None else said),
        "/network_info": peers if isinstance(peers, bytes) else answer({"num_active_peers": peers}),
        "/metrics": answer(metrics),
    }


def rpc(server: HostileServer) -> NeardRpc:
    return NeardRpc("127.0.0.1", server.port, TIMEOUT_MS)


def test_a_good_answer_is_a_sample() -> None:
    with hostile(script()) as server:
        sample = rpc(server).sample(metrics=False)
        assert server.requests == ["GET /status", "GET /network_info"], "a standby is not asked for its metrics"
    assert (sample.height, sample.syncing, sample.peers, sample.target_height) == (77, False, 4, None)
    assert sample.shows_key


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ({"version": "2.7.0-rc.1", "build": "x"}, "2.7.0-rc.1"), (None, ""), ("2.7.0", ""), ({}, ""), ([], ""),
        ({"version": 7}, ""), ({"version": "x" * 101}, ""), ({"version": "2.7\x1b[31m"}, ""),
    ],
)  # fmt: skip
def test_neards_version_is_kept_if_it_looks_like_one(told: object, version: str) -> None:
    with hostile(script({**status(), "version": told})) as server:
        asked = rpc(server)
        assert asked.version == ""
        asked.sample(metrics=False)
        assert asked.version == version


def test_a_validator_is_asked_for_the_height_it_aims_at() -> None:
    metrics = (
        b"# TYPE near_largest_target_height gauge\nnear_largest_target_height_x 5\nnear_largest_target_height 78\n"
    )
    with hostile(script(metrics=metrics)) as server:
        assert rpc(server).sample(metrics=True).target_height == 78


@pytest.mark.parametrize(
    ("metrics", "peers"),
    [
        (b"near_peer_connections_total 3\n", 3),
        (
            b'near_peer_connections{peer_type="Inbound",tier="T2"} 1\n'
            b'near_peer_connections{peer_type="Outbound",tier="T2"} 2\n'
            b'near_peer_connections{peer_type="Outbound",tier="T1"} 4\nnear_peer_connections_total 9\n',
            3,
        ),
        (b'near_peer_connections{peer_type="Inbound",tier="T2"} 0\nnear_peer_connections_total 2\n', 0),
        (b'near_peer_connections{peer_type="Inbound",tier="T2"} x\nnear_peer_connections_total 2\n', 2),
        (b"", 4),
    ],
    ids=["an older neard", "both directions", "only dead boot nodes", "no number", "no metrics: by /network_info"],
)
def test_a_peer_counts_once_its_handshake_is_done(metrics: bytes, peers: int) -> None:
    with hostile(script(metrics=metrics)) as server:
        assert rpc(server).sample(metrics=True).peers == peers


FRESH = b"near_config_correct 1\nnear_largest_target_height 78\n"


@pytest.mark.parametrize(
    ("metrics", "made"),
    [
        pytest.param(FRESH, (0, 0), id="nothing made yet: neard has no such counters"),
        pytest.param(b"near_config_correct 1\n", (0, 0), id="a version without the target"),
        pytest.param(FRESH + b"near_chunk_produced_total 5\n", (0, 5), id="a validator that only makes chunks"),
        pytest.param(FRESH + b"near_block_produced_total 3\nnear_chunk_produced_total 5\n", (3, 5), id="both"),
        pytest.param(FRESH + b"near_block_produced_total 3\n", (3, 0), id="blocks only"),
        pytest.param(FRESH + b"near_block_produced_total x\n", None, id="no number"),
        pytest.param(FRESH + b"near_block_produced_total -1\n", None, id="no count"),
        pytest.param(FRESH + b"near_block_produced_total\n", None, id="cut off"),
        pytest.param(FRESH + b'near_block_produced_total{x="y"} 7\n', None, id="another shape"),
        pytest.param(b"", None, id="no metrics of a neard"),
        pytest.param(b"go_goroutines 7\n", None, id="metrics of something else"),
    ],
)
def test_what_neard_has_made_is_none_only_where_it_tells_of_itself(
    metrics: bytes, made: tuple[int, int] | None
) -> None:
    with hostile(script(metrics=metrics)) as server:
        assert rpc(server).sample(metrics=True).made == made
        assert rpc(server).sample(metrics=False).made is None


def test_metrics_that_are_not_told_say_nothing_of_what_was_made() -> None:
    with hostile({**script(), "/metrics": answer(FRESH, "503 Busy")}) as server:
        assert rpc(server).sample(metrics=True).made is None


@pytest.mark.parametrize(
    "metrics",
    [b"", b"near_largest_target_height NaN\n", b"near_largest_target_height +Inf\n", b"near_largest_target_height -1\n",
     b"near_largest_target_height x\n", b"near_largest_target_height 1e30\n", b"\xff\xfe",
     b"near_largest_target_height \n", b"x near_largest_target_height 5\n"],
)  # fmt: skip
def test_without_a_usable_metric_there_is_no_target(metrics: bytes) -> None:
    with hostile(script(metrics=metrics)) as server:
        assert rpc(server).sample(metrics=True).target_height is None


@pytest.mark.parametrize(
    "said", [answer(b"", "404 Not Found"), answer(b"", "500 Oops"), CLOSE, HANG, b"garbage\r\n\r\n"]
)
def test_metrics_that_cannot_be_read_cost_only_the_target(said: bytes) -> None:
    with hostile({**script(), "/metrics": said}) as server:
        sample = rpc(server).sample(metrics=True)
    assert (sample.height, sample.target_height) == (77, None)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2024-05-06T07:08:09.123456789Z", 1714979289123), ("2024-05-06T07:08:09.1Z", 1714979289100),
        ("2024-05-06T07:08:09Z", 1714979289000), ("2024-05-06T07:08:09.999999999Z", 1714979289999),
        ("2024-05-06T09:08:09.5+02:00", 1714979289500), ("2024-05-06T07:08:09.000000001", 1714979289000),
    ],
)  # fmt: skip
def test_times_as_neard_writes_them(monkeypatch: pytest.MonkeyPatch, text: str, milliseconds: int) -> None:
    monkeypatch.setattr(clock, "wall_ms", lambda: 1714979300000)
    with hostile(script(status(latest_block_time=text))) as server:
        assert rpc(server).sample(metrics=False).head_age_ms == 1714979300000 - milliseconds


@pytest.mark.parametrize(
    ("peers", "found"), [(0, 0), (None, None), ("4", None), (True, None), (1.5, None), ([], None)]
)  # fmt: skip
def test_peers_are_a_number_or_not_known(peers: object, found: int | None) -> None:
    with hostile(script(peers=answer({"num_active_peers": peers}))) as server:
        assert rpc(server).sample(metrics=False).peers == found


@pytest.mark.parametrize("syncing", [True, None, 0, "false", []])
def test_only_false_means_not_syncing(syncing: object) -> None:
    with hostile(script(status(syncing=syncing))) as server:
        assert rpc(server).sample(metrics=False).syncing is True


@pytest.mark.parametrize(
    ("fields", "shows_key"),
    [
        ({"validator_public_key": None, "validator_account_id": None}, False),
        ({"validator_public_key": None, "validator_account_id": "pool.near"}, True),
        ({"validator_public_key": {"a": 1}}, True),
    ],
)
def test_anything_that_is_not_null_is_a_key(fields: dict[str, object], shows_key: bool) -> None:
    with hostile(script({**status(), **fields})) as server:
        assert rpc(server).sample(metrics=False).shows_key is shows_key


UNREADABLE: dict[str, bytes] = {
    "closed": CLOSE,
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "503": answer({"sync_info": {}}, "503 Service Unavailable"),
    "404": answer(b"not found", "404 Not Found"),
    "redirected": answer(b"", "302 Found", Location="/elsewhere"),
    "not JSON": answer(b"<html>"),
    "empty": answer(b""),
    "not text": answer(b"\xff\xfe\x00"),
    "deep": answer(b"[" * 200_000),
    "deep objects": answer(b'{"sync_info":' * 100_000),
    "an endless number": answer(b'{"a": ' + b"9" * 10_000 + b"}"),
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
    "chunks of no length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    "a list": answer([status()]),
    "a string": answer("fine"),
    "null": answer(None),
    "no sync_info": answer({}),
    "sync_info is a list": answer({"sync_info": [1]}),
    "no height": answer({"sync_info": {"syncing": False, "latest_block_time": "2024-05-06T07:08:09Z"}}),
    "height is text": answer(status(latest_block_height="77")),
    "height is a fraction": answer(status(latest_block_height=77.0)),
    "height is true": answer(status(latest_block_height=True)),
    "height is negative": answer(status(latest_block_height=-1)),
    "height is enormous": answer(status(latest_block_height=2**63)),
    "height is NaN": answer(status(latest_block_height=float("nan"))),
    "time is a number": answer(status(latest_block_time=1714979289)),
    "time is a word": answer(status(latest_block_time="yesterday")),
    "time is empty": answer(status(latest_block_time="")),
    "time is impossible": answer(status(latest_block_time="2024-13-45T99:00:00Z")),
    "time is null": answer(status(latest_block_time=None)),
    "syncing is missing": answer({"sync_info": {"latest_block_height": 1, "latest_block_time": "2024-05-06T07:08:09"}}),
}  # fmt: skip


@pytest.mark.parametrize("said", list(UNREADABLE.values()), ids=list(UNREADABLE))
def test_a_broken_status_is_unreadable_and_the_next_one_is_read_again(said: bytes) -> None:
    with hostile(script(said)) as server:
        client = rpc(server)
        with pytest.raises(Unreadable, match="/status"):
            client.sample(metrics=False)
        server.script = script()
        assert client.sample(metrics=False).height == 77


@pytest.mark.parametrize("said", [answer(b"x"), answer([]), answer(b"[" * 200_000), CLOSE, answer({}, "503 Busy")])
def test_a_broken_network_info_is_unreadable(said: bytes) -> None:
    with hostile(script(peers=said)) as server, pytest.raises(Unreadable, match="/network_info"):
        rpc(server).sample(metrics=False)


def test_nothing_listening_is_unreadable_and_found_again_later() -> None:
    with pytest.raises(Unreadable, match="refused"):
        NeardRpc("127.0.0.1", free_port(), TIMEOUT_MS).sample(metrics=False)


def test_a_name_that_means_nothing_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="/status"):
        NeardRpc("neard.invalid", 3030, TIMEOUT_MS).sample(metrics=False)


def test_more_than_can_be_read_is_refused_unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neard_rpc, "_MAX_BYTES", 100_000)
    with (
        hostile(script(answer(b" " * 100_001))) as server,
        pytest.raises(Unreadable, match="/status answered 200 with 100001 bytes"),
    ):
        rpc(server).sample(metrics=False)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(HANG, id="says nothing"),
        pytest.param(DRIBBLE, id="never comes to the end of a header"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="asks to wait"),
    ],
)
def test_an_answer_is_bounded_in_time_however_it_is_drawn_out(said: bytes) -> None:
    with hostile(script(said)) as server:
        client = rpc(server)

        def poll() -> None:
            with pytest.raises(Unreadable):
                client.sample(metrics=False)

        assert took_s(poll) < 3 * TIMEOUT_MS / 1000
        server.script = script()
        assert client.sample(metrics=False).height == 77


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["latest_block_height", "latest_block_time", "syncing"]), ANY_JSON), ANY_JSON)
def test_any_json_is_a_sample_or_unreadable(hostile_server: HostileServer, sync: dict[str, Any], peers: object) -> None:
    hostile_server.script = script(answer(json.dumps(status(**sync)).encode()), answer({"num_active_peers": peers}))
    try:
        sample = rpc(hostile_server).sample(metrics=False)
    except Unreadable:
        return
    assert 0 <= sample.height < 2**63


@pytest.fixture(scope="module")
def hostile_server() -> Any:
    with hostile(script()) as server:
        yield server
