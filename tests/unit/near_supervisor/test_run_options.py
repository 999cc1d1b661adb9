"""Options of ``run``: kuutamod's names, where they may come from, and what follows from them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from near_ha.errors import BadConfig
from near_supervisor.commandline import options
from near_supervisor.commandline.options import Options
from support import near_keys
from support.run_options import KEYS, check, files, flags, refused

__all__ = ["files"]


def test_the_defaults_are_kuutamods(files: Path) -> None:
    got = check({**flags(files)})
    assert (got.exporter_address, got.consul_url) == ("127.0.0.1:2233", "http://localhost:8500")
    assert (got.validator_network_addr, got.voter_network_addr) == ("0.0.0.0:24567", "0.0.0.0:24568")
    assert (got.account_id, got.node_id, got.boot_nodes) == ("default", "node", "")
    assert (got.lease_ms, got.run_dir) == (10_000, files / "home" / "run")
    assert got.validator_public_key == near_keys.pair("validator_key")[0]
    assert not got.chain_may_stand_still


# variable, flag, field of the result, a value, another value, what the first becomes
ROWS: list[tuple[str, str, str, str, str, Any]] = [
    ("KUUTAMO_NEARD_BOOTNODES", "--near-boot-nodes", "boot_nodes", "ed25519:K@h:1", "ed25519:L@h:1", "ed25519:K@h:1"),
    ("KUUTAMO_EXPORTER_ADDRESS", "--exporter-address", "exporter_address", "1.2.3.4:5", "5.6.7.8:9", "1.2.3.4:5"),
    ("KUUTAMO_VALIDATOR_NETWORK_ADDR", "--validator-network-addr", "validator_network_addr", "a:1", "b:2", "a:1"),
    ("KUUTAMO_VOTER_NETWORK_ADDR", "--voter-network-addr", "voter_network_addr", "a:1", "b:2", "a:1"),
    ("KUUTAMO_ACCOUNT_ID", "--account-id", "account_id", "one.near", "two.near", "one.near"),
    ("KUUTAMO_NODE_ID", "--node-id", "node_id", "validator-a", "validator-b", "validator-a"),
    ("KUUTAMO_CONSUL_URL", "--consul-url", "consul_url", "http://a:1", "http://b:1,http://c:1", "http://a:1"),
    ("NEAR_SUPERVISOR_LEASE", "--lease", "lease_ms", "4", "5", 4_000),
    ("NEAR_SUPERVISOR_RUN_DIR", "--run-dir", "run_dir", "/run/one", "/run/two", Path("/run/one")),
    ("NEAR_SUPERVISOR_STARTUP_TIMEOUT", "--startup-timeout", "startup_timeout_ms", "1.5", "9", 1_500),
    ("NEAR_SUPERVISOR_STOP_TIMEOUT", "--stop-timeout", "stop_timeout_ms", "7", "9", 7_000),
    ("NEAR_SUPERVISOR_HEIGHT_PATIENCE", "--height-patience", "height_patience_ms", "7", "9", 7_000),
    ("NEAR_SUPERVISOR_FAILOVER_PRIORITY", "--failover-priority", "failover_priority", "0", "50", 0),
]


@pytest.mark.parametrize(("variable", "flag", "field", "value", "other", "found"), ROWS, ids=[row[0] for row in ROWS])
def test_a_variable_stands_in_for_its_flag_and_the_flag_is_stronger(  # noqa: PLR0917 - the row of a table
    files: Path, variable: str, flag: str, field: str, value: str, other: str, found: Any
) -> None:
    assert getattr(check({**flags(files)}, {variable: value}), field) == found
    assert getattr(check({**flags(files), flag: value}, {variable: other}), field) == found
    assert getattr(check({**flags(files)}, {variable: ""}), field) == getattr(check({**flags(files)}), field)


@pytest.mark.parametrize(
    ("variable", "flag", "field"),
    [
        ("KUUTAMO_NEARD_HOME", "--neard-home", "neard_home"), ("NEAR_SUPERVISOR_NEARD", "--neard", "neard"),
        ("KUUTAMO_VALIDATOR_KEY", "--validator-key", "validator_key"),
        ("KUUTAMO_VALIDATOR_NODE_KEY", "--validator-node-key", "validator_node_key"),
        ("KUUTAMO_VOTER_NODE_KEY", "--voter-node-key", "voter_node_key"),
    ],
)  # fmt: skip
def test_the_paths_that_must_be_given_may_come_from_the_environment(
    files: Path, variable: str, flag: str, field: str
) -> None:
    path = flags(files)[flag]
    assert str(getattr(check({**flags(files), flag: None}, {variable: path}), field)) == path
    assert str(getattr(check({**flags(files)}, {variable: "/nowhere"}), field)) == path


@pytest.mark.parametrize(
    ("strategy", "shared"), [("auto", False), ("hot", False), ("restart", True), ("kuutamod", True)]
)
def test_a_host_has_its_own_node_key_in_either_role_but_for_kuutamods_way(
    files: Path, strategy: str, shared: bool
) -> None:
    options = check({**flags(files), "--strategy": strategy})
    assert options.node_key(as_validator=False) == options.voter_node_key
    assert options.node_key(as_validator=True) == (options.validator_node_key if shared else options.voter_node_key)
    assert options.strategy.value == strategy


@pytest.mark.parametrize(
    ("environ", "flags_given", "strategy"),
    [
        ({}, {}, "kuutamod"),
        ({}, {"--validator-node-key": None}, "auto"),
        ({"NEAR_SUPERVISOR_STRATEGY": ""}, {}, "kuutamod"),
        ({"NEAR_SUPERVISOR_STRATEGY": "restart"}, {}, "restart"),
        ({}, {"--strategy": "hot"}, "hot"),
    ],
    ids=["shared node key", "none", "empty variable", "variable", "flag"],
)
def test_the_program_kuutamod_goes_kuutamods_way_where_there_is_a_shared_node_key(
    files: Path, environ: dict[str, str], flags_given: dict[str, str | None], strategy: str
) -> None:
    assert check({**flags(files), **flags_given}, environ, program="kuutamod").strategy.value == strategy
    assert check({**flags(files)}).strategy.value == "auto"


@pytest.mark.parametrize("strategy", ["auto", "restart", "kuutamod"])
def test_without_a_shared_node_key_there_is_only_the_hosts_own(files: Path, strategy: str) -> None:
    given = {**flags(files), "--validator-node-key": None, "--strategy": strategy}
    alone = check(given, {"CREDENTIALS_DIRECTORY": str(files / "home")})
    assert alone.node_key(as_validator=True) == alone.node_key(as_validator=False) == alone.voter_node_key
    credential = check(given, {"CREDENTIALS_DIRECTORY": str(files)})
    assert credential.validator_node_key == files / "validator_node_key.json"


def test_neard_is_found_in_path(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"/nowhere:{files}")
    assert check({**flags(files), "--neard": None}).neard == str(files / "neard")


def test_how_large_neards_log_may_be(files: Path) -> None:
    assert check({**flags(files)}).neard_log_bytes == 200 * 2**20
    assert check({**flags(files), "--neard-log-limit": "0"}).neard_log_bytes == 0
    assert check({**flags(files)}, {"NEAR_SUPERVISOR_NEARD_LOG_LIMIT": "5"}).neard_log_bytes == 5 * 2**20
    for text in ("-1", "1.5", "many", "\u00b2", "9" * 5_000):
        assert "--neard-log-limit" in refused({**flags(files), "--neard-log-limit": text}).message


def test_who_runs_the_guard(files: Path) -> None:
    assert not check({**flags(files)}).guard_is_service
    assert check({**flags(files), "--guard": "service"}).guard_is_service
    assert check({**flags(files)}, {"NEAR_SUPERVISOR_GUARD": "service"}).guard_is_service
    error = refused({**flags(files), "--guard": "mine"})
    assert error.message == "--guard 'mine' is neither 'own' nor 'service'"


def test_the_files_of_consul_may_come_from_the_environment(files: Path) -> None:
    token = files / "token"
    token.write_text("x")
    token.chmod(0o400)
    environ = {"NEAR_SUPERVISOR_CONSUL_TOKEN_FILE": str(token)}
    assert check({**flags(files)}, environ).consul_access.token_file == token
    assert (
        "--consul-token-file /nowhere" in refused({**flags(files), "--consul-token-file": "/nowhere"}, environ).message
    )


def test_the_switch_for_a_standing_chain(files: Path) -> None:
    variable = "NEAR_SUPERVISOR_CHAIN_MAY_STAND_STILL"
    assert check({**flags(files)}, {}, "--chain-may-stand-still").chain_may_stand_still
    assert check({**flags(files)}, {variable: "1"}).chain_may_stand_still
    for value in ("", "0", "no", "false"):
        assert not check({**flags(files)}, {variable: value}).chain_may_stand_still


def test_keys_of_systemd_are_the_last_resort(files: Path) -> None:
    credentials = files / "credentials"
    credentials.mkdir()
    for name in KEYS:
        near_keys.write(credentials / f"{name}.json", f"credential {name}")
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    none = {**flags(files), **dict.fromkeys(f"--{name.replace('_', '-')}" for name in KEYS)}
    got = check(none, environ)
    assert [getattr(got, name) for name in KEYS] == [credentials / f"{name}.json" for name in KEYS]
    assert got.validator_public_key == near_keys.pair("credential validator_key")[0]
    assert check({**flags(files)}, environ).validator_key == files / "validator_key.json"
    (credentials / "voter_node_key.json").unlink()
    assert str(credentials / "voter_node_key.json") in refused(none, environ).message


def test_relative_paths_become_absolute(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    got = check({**flags(files), "--neard-home": "home", "--validator-key": "validator_key.json", "--run-dir": "r"})
    assert (got.neard_home, got.validator_key, got.run_dir) == (
        files / "home",
        files / "validator_key.json",
        files / "r",
    )


# --- the name of the lease


def as_called(files: Path, *words: str, as_kuutamod: bool = False, environ: dict[str, str] | None = None) -> Options:
    """As the command line of this program, or of its alias, is checked."""
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, environ or {})
    parser.set_defaults(as_kuutamod=as_kuutamod)
    given = [f"{flag}={value}" for flag, value in flags(files).items()]
    return options.check(parser.parse_args([*given, *words]), environ or {})


def account_of(files: Path) -> str:
    return str(json.loads((files / "validator_key.json").read_text())["account_id"])


@pytest.mark.parametrize("words", [(), ("--account-id=default",), ("--account-id=typo.near",)])
def test_another_name_than_the_keys_account_stops_it(files: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(BadConfig) as caught:
        as_called(files, *words)
    name = words[0].rpartition("=")[2] if words else "default"
    assert f"--account-id {name} is not the account" in str(caught.value)
    assert account_of(files) in str(caught.value)
    assert f"--account-id {account_of(files)}" in str(caught.value.hint)
    assert "--account-id-differs" in str(caught.value.hint)


def test_the_keys_account_is_the_name(files: Path) -> None:
    account = account_of(files)
    assert as_called(files, f"--account-id={account}").account_id == account


def test_another_name_may_be_meant(files: Path) -> None:
    assert as_called(files, "--account-id=name", "--account-id-differs").account_id == "name"
    environ = {"KUUTAMO_ACCOUNT_ID": "name", "NEAR_SUPERVISOR_ACCOUNT_ID_DIFFERS": "1"}
    assert as_called(files, environ=environ).account_id == "name"


def test_who_calls_it_kuutamod_may_leave_it_at_kuutamods_default(files: Path) -> None:
    assert as_called(files, as_kuutamod=True).account_id == "default"
    with pytest.raises(BadConfig, match=r"typo\.near"):
        as_called(files, "--account-id=typo.near", as_kuutamod=True)


@pytest.mark.parametrize(("text", "names"), [("", ()), ("a", ("a",)), (" a, b.near ,", ("a", "b.near"))])
def test_locks_of_others_are_a_list(files: Path, text: str, names: tuple[str, ...]) -> None:
    assert check({**flags(files), "--other-locks": text}).other_locks == names


def test_what_others_are_told_of_the_node_key_is_the_hosts_own_not_the_one_that_kuutamod_shares(files: Path) -> None:
    for strategy in ("restart", "auto"):
        got = check({**flags(files), "--strategy": strategy})
        assert got.node_public_key == near_keys.pair("voter_node_key")[0]
        assert got.node_public_key != near_keys.pair("validator_node_key")[0]


# --- the key that signs records


def test_the_record_key_follows_from_the_validator_key_or_is_a_file_of_its_own(files: Path) -> None:
    key = "near-supervisor/x/config"
    followed = check({**flags(files)}).record_key.sealed(key, "{}")
    own = files / "record_key"
    own.write_text("0a" * 32)
    own.chmod(0o400)
    given = check({**flags(files)}, {"NEAR_SUPERVISOR_RECORD_KEY": str(own)})
    assert given.record_key.doubt(key, given.record_key.sealed(key, "{}").encode()) == ""
    assert given.record_key.doubt(key, followed.encode()) != ""
    assert "0a0a" not in repr(given)
    own.chmod(0o444)
    with pytest.raises(BadConfig, match="every user of this host"):
        check({**flags(files), "--record-key": str(own)})


def test_what_is_not_signed_is_refused_unless_it_is_said_otherwise(files: Path) -> None:
    assert not check({**flags(files)}).record_key.accepts_unsigned
    assert check({**flags(files)}, {"NEAR_SUPERVISOR_UNSIGNED_RECORDS": "accept"}).record_key.accepts_unsigned
    with pytest.raises(BadConfig, match="neither 'refuse' nor 'accept'"):
        check({**flags(files), "--unsigned-records": "yes"})
