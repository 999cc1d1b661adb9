"""The page of options says what the module declares."""

from __future__ import annotations

import nix_options
from support.nix_host import NixHost


def test_the_tables_are_those_of_the_module(host: NixHost) -> None:
    options = host.value(nix_options.EXPRESSION)
    names = {entry["name"] for entry in options["host"]} | {entry["name"] for entry in options["validator"]}
    assert {"enable", "consul.enable", "validators", "validatorKeyFile", "lease"} <= names
    text = nix_options.PAGE.read_text(encoding="utf-8")
    assert nix_options.page(options, text) == text, "write them: .venv/bin/python tools/nix_options.py"


def test_each_option_has_a_sentence(host: NixHost) -> None:
    options = host.value(nix_options.EXPRESSION)
    for entry in (*options["host"], *options["validator"]):
        assert len(entry["description"]) > len("its group") - 1, entry["name"]
        assert "|" not in entry["description"] + entry["default"], entry["name"]
