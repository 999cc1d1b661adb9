"""The names of variables: a role or a playbook reads and sets only those of its own name, and Ansible's.

An inventory has the variables of many roles. One that is called `account` or `to` means something else to some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.debian_units import DebianHost

jinja2 = pytest.importorskip("jinja2")
meta = pytest.importorskip("jinja2.meta")

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
# Those of Ansible itself, that it sets for each task.
OF_ANSIBLE = re.compile(
    r"ansible_\w+|inventory_(hostname|dir|file)|playbook_dir|group(s|_names)|hostvars|omit|item|role_(path|name)|"
    r"lookup|q|query|now|namespace|range|dict|undef|play_hosts|environment|vars|loop|self|super|cycler|joiner|lipsum"
)
# What the playbooks take from an operator begins with the name of the play.
OF_PLAYBOOKS = re.compile(
    r"(adopt|deploy|drill|leave|maintenance|status|switchover|teardown|upgrade)_\w+|_{0,2}near_\w+"
)
# How a role gets what another one has: its public variables and, between roles of this collection, what is named here.
BETWEEN = {
    # Who calls a role says what it has done before.
    "_host_is_checked", "_host_needs_systemd",
    "_consul_is_checked", "_neard_is_checked", "_supervisor_is_checked", "_supervisor_before_neard",
    # What roles give to role nixos.
    "_nixos_part", "_nixos_packed", "_nixos_expected",
    # Playbooks read the first look that a role had.
    "__consul_look", "__neard_node", "__neard_would", "__supervisor_before", "__host_asked",
    # A playbook says what the hosts are going through.
    "_near_adopts",
}  # fmt: skip
# Names that another well-known role has for another thing: geerlingguy.supervisor, for supervisord.
OF_OTHERS = {
    "supervisor_user", "supervisor_password", "supervisor_started", "supervisor_enabled", "supervisor_programs",
    "supervisor_config", "supervisor_config_path", "supervisor_log_dir", "supervisor_nodaemon", "supervisor_version",
    "supervisor_inet_http_server_enable", "supervisor_inet_http_server_port", "supervisor_unix_http_server_enable",
    "supervisor_unix_http_server_socket_path", "supervisor_unix_http_server_password_protect",
    "supervisor_inet_http_server_password_protect",
}  # fmt: skip


@cache
def public(role: str) -> frozenset[str]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    return frozenset(specs["argument_specs"]["main"]["options"])


def values(found: Any, *, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a file, with the key that it stands at."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from values(str(name))
            yield from values(value, key=str(name))
    elif isinstance(found, list):
        for value in found:
            yield from values(value, key=key)
    elif isinstance(found, str):
        yield key, found


def defined(found: Any) -> Iterator[str]:
    """Names that tasks and plays define: vars, registered results, facts, variables of loops."""
    if isinstance(found, list):
        for value in found:
            yield from defined(value)
    elif isinstance(found, dict):
        for name, value in found.items():
            if name in ("vars", "ansible.builtin.set_fact") and isinstance(value, dict):
                yield from (str(one) for one in value if one != "<<")
            elif name in ("register", "loop_var", "index_var") and isinstance(value, str):
                yield value
            if not (name == "vars" and isinstance(value, dict) and "name" in value):
                yield from defined(value)


ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do"])
IS_EXPRESSION = ("when", "until", "failed_when", "changed_when", "that")


class AnyName(dict):  # type: ignore[type-arg]
    """Filters and tests of Ansible's, which Jinja alone does not know."""

    def get(self, _name: str, _default: Any = None) -> Any:
        return lambda *_args: None


ENVIRONMENT.filters = AnyName(ENVIRONMENT.filters)
ENVIRONMENT.tests = AnyName(ENVIRONMENT.tests)


def read(key: str, text: str) -> set[str]:
    """Names that a text with templates, or an expression, takes from outside itself."""
    if key in IS_EXPRESSION and "{{" not in text and "{%" not in text:
        text = "{{ " + text + " }}"
    return set(meta.find_undeclared_variables(ENVIRONMENT.parse(text))) if "{" in text else set()


def names(directory: Path) -> dict[str, set[str]]:
    """The names that are read or defined below a directory, each with the files where it is."""
    found: dict[str, set[str]] = {}
    for file in sorted([*directory.rglob("*.yml"), *directory.rglob("*.j2")]):
        if {"collections", "files", "meta"} & set(file.relative_to(directory).parts[:-1]):
            continue
        text = file.read_text()
        if file.suffix == ".j2":
            here = read("", text)
        else:
            document = yaml.safe_load(text)
            here = {name for key, value in values(document) for name in read(key, value)} | set(defined(document))
            if file.parent.name in ("defaults", "main", "vars") and isinstance(document, dict):
                here |= set(document)
        for name in here:
            found.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_role_knows_its_own_names_and_public_ones_of_the_others(role: str) -> None:
    others = {name for other in ROLES if other != role for name in public(other)}
    own = re.compile(rf"_{{0,2}}{role}_\w+")
    wrong = {
        name: sorted(files)
        for name, files in names(ROOT / "roles" / role).items()
        if not own.fullmatch(name) and not OF_ANSIBLE.fullmatch(name) and name not in others | BETWEEN
    }
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_has_for_itself_is_not_public_by_mistake(role: str) -> None:
    """Without an underscore a name is a setting, and each setting is described."""
    wrong = {
        name: sorted(files)
        for name, files in names(ROOT / "roles" / role).items()
        if name.startswith(f"{role}_") and name not in public(role)
    }
    assert wrong == {}


def test_a_playbook_knows_its_own_names_and_public_ones_of_the_roles() -> None:
    of_roles = {name for role in ROLES for name in public(role)}
    wrong = {
        name: sorted(files)
        for name, files in names(ROOT / "playbooks").items()
        if not OF_PLAYBOOKS.fullmatch(name) and not OF_ANSIBLE.fullmatch(name) and name not in of_roles | BETWEEN
    }
    assert wrong == {}


def test_no_setting_has_the_name_of_another_roles_setting() -> None:
    assert {name for role in ROLES for name in public(role)} & OF_OTHERS == set()


def test_the_settings_of_another_role_are_not_refused() -> None:
    """Role supervisor refuses a name that it does not know: it may be a setting with a wrong letter."""
    host = DebianHost(
        supervisor_account_id="a.near", supervisor_leese=1, supervisor_mine=1, role_path=str(ROOT / "roles/supervisor"),
        supervisor_names_of_others=["supervisor_mine"], **dict.fromkeys(OF_OTHERS, "theirs"),
    )  # fmt: skip
    assert host.value("{{ _supervisor_unknown }}") == ["supervisor_leese"]
