"""Writes the tables of options in docs/reference/nixos-options.md from nix/module.nix.

``.venv/bin/python tools/nix_options.py`` writes them; tests/nix/test_options.py compares. It needs Nix (nix-bin).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "nixos-options.md"
EXPRESSION = f"import {ROOT}/tests/nix/options.nix"
HEAD = "| option | type | default | |\n| --- | --- | --- | --- |\n"
_TABLE = re.compile(r"(?<=\n)\| option \| type \| default \| \|\n(\|.*\n)+")


def asked() -> Any:
    """The options as Nix has them."""
    words = ["nix-instantiate", "--eval", "--strict", "--json", "--expr", EXPRESSION]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def tables(options: dict[str, list[dict[str, str]]]) -> list[str]:
    """The tables of the page, in its order."""
    return [HEAD + "".join(_row(entry) for entry in options[part]) for part in ("host", "validator")]


def page(options: dict[str, list[dict[str, str]]], text: str) -> str:
    """The page with these tables."""
    fresh = iter(tables(options))
    return _TABLE.sub(lambda _found: next(fresh), text)


def _row(entry: dict[str, str]) -> str:
    default = entry["default"]
    shown = f"`{default}`" if default and "`" not in default else default
    return f"| `{entry['name']}` | {entry['type']} | {shown} | {entry['description']} |\n"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(asked(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
