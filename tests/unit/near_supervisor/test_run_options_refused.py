"""Options of ``run`` that cannot work: a refusal names flag, value and next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_ha.errors import BadConfig, BadKey
from near_supervisor.io.consul_client import parse_urls
from support import near_keys
from support.run_options import KEYS, check, files, flags, refused

__all__ = ["files"]


@pytest.mark.parametrize("name", ["validator_key", "voter_node_key"])
def test_a_key_that_nobody_names_is_asked_for_by_its_flag(files: Path, name: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    error = refused({**flags(files), flag: None})
    assert error.message == f"{flag} is missing"
    assert "LoadCredential" in error.hint


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_not_there_is_named_by_its_path(files: Path, name: str) -> None:
    (files / f"{name}.json").unlink()
    error = refused({**flags(files)})
    assert isinstance(error, BadKey)
    assert str(files / f"{name}.json") in error.message


def test_the_home_must_be_given_and_be_there(files: Path) -> None:
    assert refused({**flags(files), "--neard-home": None}).message == "--neard-home is missing"
    error = refused({**flags(files), "--neard-home": str(files / "nowhere")})
    assert error.message == f"--neard-home {files / 'nowhere'} is not a directory"
    assert "init" in error.hint


def test_a_program_that_is_not_there_or_cannot_run(files: Path) -> None:
    assert "'no-such-neard' was not found" in refused({**flags(files), "--neard": "no-such-neard"}).message
    (files / "neard").chmod(0o644)
    assert "--neard" in refused({**flags(files)}).hint


def test_the_standby_must_not_be_given_the_validators_key(files: Path) -> None:
    error = refused({**flags(files), "--voter-node-key": str(files / "validator_key.json")})
    assert "--voter-node-key" in error.message
    assert "of its own" in error.hint


@pytest.mark.parametrize("lease", ["1", "1.999", "0.5", "601", "1e9"])
def test_a_lease_out_of_bounds_is_quoted_with_the_bounds(files: Path, lease: str) -> None:
    error = refused({**flags(files), "--lease": lease})
    assert error.message == f"--lease {lease} is not between 2 and 600 seconds"
    assert "10 suits" in error.hint


@pytest.mark.parametrize("flag", ["--lease", "--startup-timeout", "--stop-timeout", "--height-patience"])
@pytest.mark.parametrize("text", ["", "x", "1s", "nan", "inf", "-inf", "0", "-1", "1e-9", "2,5"])
def test_what_is_no_number_of_seconds_is_quoted(files: Path, flag: str, text: str) -> None:
    error = refused({**flags(files), flag: text})
    assert flag in error.message
    assert text in error.message


@pytest.mark.parametrize("text", ["-1", "101", "1.5", "x", " 7", "\u0663", "9" * 5_000])
def test_what_is_no_priority_is_quoted_with_the_bounds(files: Path, text: str) -> None:
    error = refused({**flags(files), "--failover-priority": text})
    assert error.message == f"--failover-priority {text!r} is not a whole number from 0 to 100"


@pytest.mark.parametrize("flag", ["--account-id", "--node-id"])
@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a\nb", "\x1b[31m", ".", ".."])
def test_what_is_no_name_is_quoted(files: Path, flag: str, name: str) -> None:
    error = refused({**flags(files), flag: name})
    assert error.message == f"{flag} {name!r} is not a name"


@pytest.mark.parametrize("name", ["a", "validator-a", "pool.f863973.m0", "node_1", "A@b:c"])
def test_usual_names_are_taken(files: Path, name: str) -> None:
    got = check({**flags(files), "--account-id": name, "--node-id": name})
    assert (got.account_id, got.node_id) == (name, name)


def test_the_refusal_of_a_key_never_shows_it(files: Path) -> None:
    secret = near_keys.pair("validator_key")[1]
    near_keys.write(files / "validator_key.json", "validator_key", public_key=near_keys.pair("other")[0])
    error = refused({**flags(files)})
    assert "does not correspond" in error.message
    assert secret[10:] not in str(error)


@pytest.mark.parametrize("name", ["validator_key", "validator_node_key", "voter_node_key"])
def test_a_key_whose_seed_is_another_ones_is_refused_before_it_signs_garbage(files: Path, name: str) -> None:
    path = files / f"{name}.json"
    path.write_text(json.dumps(near_keys.two_halves(name)))
    error = refused({**flags(files)})
    assert f"{path}: the public key {near_keys.pair(name)[0]} does not follow from the secret key" in error.message


@pytest.mark.parametrize(
    "url", ["", "localhost:8500", "ftp://h:1", "http://", "http://:8500", "http://h:x", "http://h:99999", "http://h:0",
            "http://a:1,", "http://a:1 http://b:1", "http://[::1", "http://user:pw@h:1", "http://h:1/prefix"]
)  # fmt: skip
def test_a_malformed_consul_url_is_quoted_with_an_example(url: str) -> None:
    with pytest.raises(BadConfig) as caught:
        parse_urls(url)
    assert "--consul-url has " in caught.value.message
    assert "http://localhost:8500" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:8500", [("http", "localhost", 8500)]),
        ("https://consul.example", [("https", "consul.example", 8500)]),
        ("http://h:1/", [("http", "h", 1)]),
        ("http://[::1]:8501", [("http", "[::1]", 8501)]),
        ("http://a:1, http://b:2 ,https://c:3", [("http", "a", 1), ("http", "b", 2), ("https", "c", 3)]),
    ],
)
def test_consul_urls(url: str, found: list[tuple[str, str, int]]) -> None:
    assert parse_urls(url) == found
