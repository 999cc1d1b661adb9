"""Fills the tables of variables in ``roles/*/README.md``, and checks the roles' variables.

``.venv/bin/python tools/role_tables.py`` writes what is between ``<!-- variables -->`` and ``<!-- /variables -->`` from
``meta/argument_specs.yml``. With ``--check`` nothing is written, and a table that differs is a finding. In both cases
``defaults/main.yml`` and ``meta/argument_specs.yml`` have to agree. Exit status 1 when anything was found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- variables -->", "<!-- /variables -->"
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "path": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "list": (list,),
    "dict": (dict,), "raw": (object,), "json": (str,), "bytes": (str, int), "bits": (str, int),
}  # fmt: skip

Options = Mapping[str, Mapping[str, Any]]


def main(arguments: list[str]) -> int:
    """Every role of the checkout; findings go to standard output."""
    if arguments not in ([], ["--check"]):
        print("usage: role_tables.py [--check]", file=sys.stderr)
        return 2
    found = [finding for role in sorted(ROOT.glob("roles/*/")) for finding in handle(role, write=not arguments)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def handle(role: Path, *, write: bool) -> list[str]:
    """Findings of one role. Its table is brought up to date if `write`, else compared."""
    specs, defaults, readme = role / "meta/argument_specs.yml", role / "defaults/main.yml", role / "README.md"
    missing = [f"{file}: there is no such file; every role has one." for file in (specs, readme) if not file.is_file()]
    if missing:
        return missing
    options = options_of(yaml.safe_load(specs.read_text(encoding="utf-8")))
    values = yaml.safe_load(defaults.read_text(encoding="utf-8")) if defaults.is_file() else None
    found = [f"{specs.relative_to(role.parent.parent)}: {text}" for text in disagreements(role.name, options, values)]
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        return [*found, f"{readme}: needs one line {BEGIN} and, below it, one line {END}; the table goes between them."]
    fresh = filled(text, table(options))
    if fresh != text and write:
        readme.write_text(fresh, encoding="utf-8")
    elif fresh != text:
        found.append(f"{readme}: its table is not what {specs} says; run .venv/bin/python tools/role_tables.py")
    return found


def options_of(document: Any) -> dict[str, dict[str, Any]]:
    """The variables of all entry points, those of `main` first."""
    entries = (document or {}).get("argument_specs") or {}
    merged: dict[str, dict[str, Any]] = {}
    for name in sorted(entries, key=lambda name: name != "main"):
        for option, spec in (entries[name].get("options") or {}).items():
            merged.setdefault(option, spec)
    return merged


def disagreements(role: str, options: Options, defaults: Mapping[str, Any] | None) -> Iterator[str]:
    """What is wrong with the specs, alone and beside the defaults."""
    values = defaults or {}
    for name, spec in options.items():
        if not name.startswith(f"{role}_"):
            yield f"{name} is a variable of role {role}: its name has to start with {role}_."
        yield from _flaws(name, spec)
        if "default" in spec and name not in values:
            yield f"{name} has a default here and none in defaults/main.yml; give it one there, or make it required."
        if spec.get("required") and "default" in spec:
            yield f"{name} is required and has a default: it can only be one of them."
    for name, value in values.items():
        if name not in options:
            yield f"{name} is in defaults/main.yml and not here: describe it, or begin its name with an underscore."
        elif "default" not in options[name]:
            yield f"{name} has a default in defaults/main.yml and none here: {_literal(value)}."
        elif (type(value), value) != (type(options[name]["default"]), options[name]["default"]):
            here = _literal(options[name]["default"])
            yield f"{name} has the default {here} here and {_literal(value)} in defaults/main.yml."


def _flaws(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one variable, or with a key of it."""
    kind = spec.get("type")
    if kind not in TYPES:
        yield f"{name} has the type {kind!r}; there are {', '.join(TYPES)}."
    elif "default" in spec and not _fits(spec["default"], spec):
        yield f"{name} has the default {_literal(spec['default'])}, which is no {_type(spec)}."
    sentences = _sentences(spec)
    if not sentences:
        yield f"{name} has no description."
    for sentence in sentences:
        if not sentence.endswith("."):
            yield f"{name}: its description has to end with a full stop: {sentence!r}."
    for key, inner in (spec.get("options") or {}).items():
        yield from _flaws(f"{name}.{key}", inner)


def _fits(value: Any, spec: Mapping[str, Any]) -> bool:
    """Whether a default has its type. What a template gives is known to nobody before the play."""
    if isinstance(value, str) and "{{" in value:
        return True
    kind = spec["type"]
    if isinstance(value, bool) and kind not in ("bool", "raw"):
        return False
    if not isinstance(value, TYPES[kind]):
        return False
    if "choices" in spec and not set(value if isinstance(value, list) else [value]) <= set(spec["choices"]):
        return False
    elements = spec.get("elements")
    return not isinstance(value, list) or not elements or all(_fits(item, {"type": elements}) for item in value)


def table(options: Options) -> str:
    """The variables as a Markdown table; keys of a dictionary are rows of their own."""
    rows = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    rows += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in _rows(options, "")]
    return "\n".join(rows)


def _rows(options: Options, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, spec in options.items():
        default = f"`{_literal(spec['default'])}`" if "default" in spec else "(none)"
        meaning = " ".join(_sentences(spec))
        if "choices" in spec:
            meaning += f" One of {', '.join(f'`{_literal(choice)}`' for choice in spec['choices'])}."
        yield f"`{prefix}{name}`", _type(spec), "**required**" if spec.get("required") else default, meaning
        inner = prefix + name + ("[]." if spec["type"] == "list" else ".")
        yield from _rows(spec.get("options") or {}, inner)


def filled(text: str, rows: str) -> str:
    """`text` with `rows` between its two marks."""
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{after}"


def _type(spec: Mapping[str, Any]) -> str:
    elements = spec.get("elements")
    return f"{spec.get('type')} of {elements}" if elements else str(spec.get("type"))


def _sentences(spec: Mapping[str, Any]) -> list[str]:
    description = spec.get("description") or []
    lines = [description] if isinstance(description, str) else description
    return [" ".join(str(line).split()) for line in lines]


def _literal(value: Any) -> str:
    """A value as one would write it in YAML, on one line."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
