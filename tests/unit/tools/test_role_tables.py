from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import role_tables

PORT = {"type": "int", "default": 3030, "description": "Where it listens."}
README = "# consul\n\n<!-- variables -->\n<!-- /variables -->\n\nMore.\n"
SPECS = """\
argument_specs:
  main:
    options:
      consul_port: {type: int, default: 3030, description: Where it listens.}
      consul_key: {type: str, required: true, description: [The key., "It is | secret."]}
"""


def found(defaults: Any, **options: Any) -> str:
    return "\n".join(role_tables.disagreements("consul", options, defaults))


def test_a_role_that_agrees_with_itself_has_no_findings() -> None:
    needed = {"type": "str", "required": True, "description": ["One.", "Two."]}
    assert not found({"consul_port": 3030}, consul_port=PORT, consul_account=needed)


@pytest.mark.parametrize(
    ("says", "defaults", "changed"),
    [
        ("none in defaults/main.yml", {}, {}),
        ("consul_more is in defaults/main.yml and not here", {"consul_port": 3030, "consul_more": 1}, {}),
        ("the default 3030 here and 3031 in", {"consul_port": 3031}, {}),
        ("the default true here and 1 in", {"consul_port": 1}, {"type": "bool", "default": True}),
        ("which is no int", {"consul_port": "x"}, {"default": "x"}),
        ("which is no int", {"consul_port": True}, {"default": True}),
        ("which is no list of str", {"consul_port": [1]}, {"type": "list", "elements": "str", "default": [1]}),
        ("which is no str", {"consul_port": "c"}, {"type": "str", "choices": ["a", "b"], "default": "c"}),
        ("the type 'integer'", {"consul_port": 3030}, {"type": "integer"}),
        ("a full stop", {"consul_port": 3030}, {"description": "Where it listens"}),
        ("has no description", {"consul_port": 3030}, {"description": []}),
        ("it can only be one of them", {"consul_port": 3030}, {"required": True}),
    ],
)
def test_each_disagreement_is_named(says: str, defaults: Any, changed: dict[str, Any]) -> None:
    assert says in found(defaults, consul_port=PORT | changed)


def test_a_variable_of_another_name_is_found() -> None:
    assert "has to start with consul_" in found({"port": 3030}, port=PORT)


def test_a_template_fits_every_type() -> None:
    port = PORT | {"default": "{{ other_port }}"}
    assert not found({"consul_port": "{{ other_port }}"}, consul_port=port)


def test_keys_of_a_dictionary_are_looked_at_and_have_rows() -> None:
    inner = {"name": {"type": "str", "description": "No stop"}}
    spec = {"type": "list", "elements": "dict", "default": [], "description": "All.", "options": inner}
    assert "consul_x.name: its description" in found({"consul_x": []}, consul_x=spec)
    assert "| `consul_x[].name` | str | (none) | No stop |" in role_tables.table({"consul_x": spec})


def test_the_table_is_written_once_and_then_agrees(tmp_path: Path) -> None:
    role = tmp_path / "roles" / "consul"
    for name, text in (("README.md", README), ("meta/argument_specs.yml", SPECS)):
        (role / name).parent.mkdir(parents=True, exist_ok=True)
        (role / name).write_text(text)
    (role / "defaults").mkdir()
    (role / "defaults/main.yml").write_text("consul_port: 3030\n")
    assert any("its table is not" in finding for finding in role_tables.handle(role, write=False))
    assert (role / "README.md").read_text() == README
    assert role_tables.handle(role, write=True) == []
    text = (role / "README.md").read_text()
    assert "| `consul_key` | str | **required** | The key. It is \\| secret. |" in text
    assert text.endswith("<!-- /variables -->\n\nMore.\n")
    assert role_tables.handle(role, write=False) == []
    assert (role / "README.md").read_text() == text


def test_a_readme_without_marks_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/argument_specs.yml").write_text("{}")
    (tmp_path / "README.md").write_text("nothing")
    (finding,) = role_tables.handle(tmp_path, write=True)
    assert "needs one line <!-- variables -->" in finding
