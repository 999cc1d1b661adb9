"""The URL of a Consul agent: what is read of it, and that no login in it is shown."""

from __future__ import annotations

import pytest

from near_ha.errors import BadConfig
from near_ha.transport.consul_http import addresses
from near_ha.transport.consul_url import shown
from near_supervisor.io.consul_client import parse_urls


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("http://user:hunter2@h:1", "http://(not shown)@h:1"),
        ("https://a:1,https://user:hunter2@b:1", "https://a:1,https://(not shown)@b:1"),
        ("http://user:hun@ter2@h:1", "http://(not shown)@h:1"),
        ("//user:hunter2@h:1/x", "//(not shown)@h:1/x"),
        ("http://h:1", "http://h:1"),
        ("http://h:1/path@2", "http://h:1/path@2"),
    ],
)
def test_a_login_in_a_url_is_not_shown(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_no_client_repeats_a_login_that_it_refuses() -> None:
    url = "http://user:hunter2@h:1"
    for refuse in (lambda: parse_urls(url), lambda: addresses([url], None)):
        with pytest.raises(BadConfig) as caught:
            refuse()
        assert "hunter2" not in caught.value.message
        assert "(not shown)@h:1" in caught.value.message
