"""What role supervisor makes of the variables about notifications and the hook before a planned takeover."""

from __future__ import annotations

from typing import Any

import pytest

from support.debian_units import DebianHost
from support.pages import ROOT

OWN = "/etc/near/supervisor/v.near"
NOTHING = {"NOTIFY_COMMAND", "NOTIFY_URL_FILE", "NOTIFY_TOKEN_FILE", "NOTIFY_CA_FILE", "PRE_TAKEOVER"}


def host(**given: Any) -> DebianHost:
    play = {
        "role_path": str(ROOT / "roles" / "supervisor"),
        "ansible_play_hosts_all": ["nix-a"],
        "hostvars": {"nix-a": {"inventory_hostname": "nix-a"}},
        "ansible_facts": {"os_family": "Debian"},
    }
    return DebianHost(supervisor_account_id="v.near", **play, **given)


def settings(**given: Any) -> dict[str, str]:
    """Of the settings' file, what begins with NEAR_SUPERVISOR_."""
    text = host(**given).rendered("supervisor", "settings.env.j2")
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.removeprefix("NEAR_SUPERVISOR_"): value for name, _equals, value in pairs}


def wrong(**given: Any) -> str:
    """What the preflight says of the hooks' variables."""
    found = host(**given).value("{{ _supervisor_wrong_variables[-5:] | select | list }}")
    return "\n".join(" ".join(str(sentence).split()) for sentence in found)


def test_all_of_it_is_off_by_default() -> None:
    assert not NOTHING & settings().keys()
    assert wrong() == ""


def test_address_and_token_are_in_files_of_their_own_and_nowhere_else() -> None:
    given = {"supervisor_notify_url": "https://example.org/hooks/SECRET", "supervisor_notify_token": "SECRET"}
    found = settings(**given)
    assert found["NOTIFY_URL_FILE"] == f'"{OWN}/notify_url"'
    assert found["NOTIFY_TOKEN_FILE"] == f'"{OWN}/notify_token"'
    assert "SECRET" not in str(found)
    entries = host(_supervisor_installs_key=False, **given).value("{{ _supervisor_entries }}")
    modes = {entry["path"]: (entry["mode"], entry["owner"]) for entry in entries if "notify" in entry["path"]}
    assert modes == {f"{OWN}/notify_url": ("0400", "near"), f"{OWN}/notify_token": ("0400", "near")}
    secrets = host(_supervisor_installs_key=False, **given).value("{{ _supervisor_secrets }}")
    assert secrets == {f"{OWN}/notify_url": f"{given['supervisor_notify_url']}\n", f"{OWN}/notify_token": "SECRET\n"}


def test_a_command_arrives_as_it_was_written() -> None:
    command = "/usr/local/bin/tell --to 'me and you' \"x\" \\y"
    found = settings(supervisor_notify_command=command, supervisor_pre_takeover="/usr/local/bin/may-i now")
    assert found["NOTIFY_COMMAND"] == '"/usr/local/bin/tell --to \'me and you\' \\"x\\" \\\\y"'
    assert found["PRE_TAKEOVER"] == '"/usr/local/bin/may-i now"'


@pytest.mark.parametrize(
    "url", ["https://example.org", "http://127.0.0.1:8088/a/b?c=d", "https://[2001:db8::1]:8443/x", "https://h/x\n"]
)
def test_addresses_that_are_taken(url: str) -> None:
    assert wrong(supervisor_notify_url=url) == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"supervisor_notify_url": "example.org/SECRET"}, "supervisor_notify_url is no http or https URL"),
        ({"supervisor_notify_url": "https://me:SECRET@h/"}, "has a name or a password before its host"),
        ({"supervisor_notify_url": "https://h/a SECRET"}, "supervisor_notify_url is no http or https URL"),
        ({"supervisor_notify_ca_file": "/x"}, "supervisor_notify_url is not set"),
        ({"supervisor_notify_command": "tell me"}, "tell me (supervisor_notify_command, supervisor_pre_takeover) does"),
        ({"supervisor_pre_takeover": "may-i"}, "may-i (supervisor_notify_command, supervisor_pre_takeover) does"),
        ({"supervisor_notify_timeout": 61}, "and the first two at most 60"),
        ({"supervisor_pre_takeover_timeout": "0"}, "have to be above 0 seconds"),
        ({"supervisor_notify_again": -1}, "have to be above 0 seconds"),
    ],
)
def test_what_cannot_be_stops_with_a_sentence(given: dict[str, Any], words: str) -> None:
    said = wrong(**given)
    assert words in said
    assert "SECRET" not in said
