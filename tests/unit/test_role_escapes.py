"""What Ansible makes of the roles' texts: no escape of Jinja's reaches a file as it is written."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.debian_units import load_plugins

Templar = pytest.importorskip("ansible.template").Templar
DataLoader = pytest.importorskip("ansible.parsing.dataloader").DataLoader

ROOT = Path(__file__).resolve().parents[2]
# In "{{ … }}" Ansible doubles what backslashes YAML has left: only a double-quoted text of YAML can have a newline.
ESCAPE = re.compile(r"\{[{%].*?(?<!\\)\\[nrt](?!\w).*?[%}]\}", re.DOTALL)


def load(file: Path) -> Any:
    """A file of YAML whose templates count as such; releases of Ansible before 2.19 ask for no word on that."""
    loader = DataLoader()
    trusts = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    return loader.load_from_file(str(file), **({"trusted_as_template": True} if trusts else {}))


def texts(value: Any) -> Iterator[str]:
    """Every text in a value that YAML holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from texts(key)
            yield from texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from texts(held)


@pytest.mark.parametrize("place", ["roles", "playbooks", "molecule", "examples"])
def test_no_text_has_an_escape_that_ansible_would_keep(place: str) -> None:
    files = sorted((ROOT / place).rglob("*.yml"))
    assert files
    for file in files:
        found = [text for text in texts(load(file)) if ESCAPE.search(text)]
        assert not found, f"{file}: {found[0]!r}: Ansible keeps the backslash; use a double-quoted text"


def supervisor_secrets(given: dict[str, Any]) -> dict[str, str]:
    """What role supervisor hands to near_files as secrets, for these variables."""
    load_plugins()
    variables: dict[str, Any] = {}
    role = ROOT / "roles" / "supervisor"
    for file in (role / "defaults" / "main.yml", *sorted((role / "vars" / "main").glob("*.yml"))):
        variables |= load(file)
    # The key comes from a file of the controller, which is not this test's affair.
    variables |= {"_supervisor_installs_key": False, "supervisor_account_id": "v.near", **given}
    secrets = Templar(loader=DataLoader(), variables=variables).template(variables["_supervisor_secrets"])
    return {Path(path).name: text for path, text in secrets.items()}


def test_a_token_and_a_records_key_arrive_with_a_newline_and_no_backslash() -> None:
    given = {"supervisor_consul_token": "a-token", "supervisor_record_key": "a-key"}
    assert sorted(supervisor_secrets(given).values()) == ["a-key\n", "a-token\n"]
