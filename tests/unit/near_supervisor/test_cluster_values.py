"""What a supervisor makes of the request and the pause that it reads: those that a member has signed, and no others."""

from __future__ import annotations

import pytest

from near_ha.keys.record_key import RecordKey
from near_ha.records import consul_keys
from near_ha.records.cluster_config import ClusterConfig
from near_ha.records.switchover import Action, Switchover
from near_ha.records.wire import Entry
from near_supervisor.adapters.cluster import config_event, request_event
from near_supervisor.core import events as ev
from support.records import KEY, a_request

ACCOUNT = "my.pool.near"
REQUEST = Switchover("r1", Action.PROMOTE, "b", "somebody", "a test", 1, 7).accepted("a", 7, "b", 0)
PAUSED = ClusterConfig(True, "somebody").to_json()
SWITCHOVER, CONFIG = consul_keys.switchover(ACCOUNT), consul_keys.config(ACCOUNT)


def test_what_a_member_has_signed_is_followed() -> None:
    entry = Entry(SWITCHOVER, a_request(ACCOUNT, REQUEST).encode(), 9)
    assert request_event(entry, KEY) == ev.RequestSeen(9, REQUEST)
    assert config_event(Entry(CONFIG, KEY.sealed(CONFIG, PAUSED).encode(), 9), KEY) == ev.ConfigSeen(True)


@pytest.mark.parametrize("key", [None, RecordKey(b"another")])
def test_what_no_member_has_signed_moves_nothing(key: RecordKey | None, caplog: pytest.LogCaptureFixture) -> None:
    request = REQUEST.to_json() if key is None else a_request(ACCOUNT, REQUEST, key)
    config = PAUSED if key is None else key.sealed(CONFIG, PAUSED)
    assert request_event(Entry(SWITCHOVER, request.encode(), 9), KEY) == ev.RequestSeen(9, None)
    assert config_event(Entry(CONFIG, config.encode(), 9), KEY) == ev.ConfigSeen(None)
    assert f"{SWITCHOVER} says that it is accepted by 'a'" in caplog.text
    assert f"{CONFIG} says that it is by 'somebody'" in caplog.text


def test_while_older_versions_run_theirs_are_followed() -> None:
    lenient = RecordKey(b"x", accepts_unsigned=True)
    assert request_event(Entry(SWITCHOVER, REQUEST.to_json().encode(), 9), lenient) == ev.RequestSeen(9, REQUEST)
    assert config_event(Entry(CONFIG, PAUSED.encode(), 9), lenient) == ev.ConfigSeen(True)
