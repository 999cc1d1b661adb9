"""A secret in plain text is told from one that was encrypted, and from one that a lookup brought."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible.parsing.vault")

SECRET = "5JueXZhEEVqGVT5powZ5twyPP8wrap2K7RdAYGGdjBwi"


@pytest.fixture(scope="module")
def vaulted() -> Any:
    """The test's function."""
    sys.path.insert(0, str(Path(__file__).parents[3]))
    try:
        return importlib.import_module("plugins.test.vaulted").vaulted
    finally:
        del sys.path[0]


def tagged(value: str, **origin: str) -> Any:
    return importlib.import_module("ansible.parsing.vault").Origin(**origin).tag(value)


def test_a_secret_in_a_plain_file_is_plain_however_it_is_quoted(vaulted: Any, tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_text(f'key: "{{\\"secret_key\\": \\"ed25519:{SECRET}\\"}}"\n')
    assert not vaulted(tagged(f'{{"secret_key": "ed25519:{SECRET}"}}', path=str(file)))


def test_what_a_lookup_returned_is_not_in_the_file_that_holds_the_lookup(vaulted: Any, tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_text("key: \"{{ lookup('store', 'key') }}\"\n")
    assert vaulted(tagged(SECRET, path=str(file)))


def test_a_secret_on_a_command_line_is_plain(vaulted: Any) -> None:
    assert not vaulted(tagged(SECRET, description="<CLI option '-e'>"))


def test_a_file_that_is_encrypted_as_a_whole_will_do(vaulted: Any, tmp_path: Path) -> None:
    file = tmp_path / "vars.yml"
    file.write_text("$ANSIBLE_VAULT;1.1;AES256\n3030\n")
    assert vaulted(tagged(SECRET, path=str(file)))


def test_a_value_of_encrypt_string_will_do(vaulted: Any, tmp_path: Path) -> None:
    vaulted_value = importlib.import_module("ansible.parsing.vault").VaultedValue
    file = tmp_path / "vars.yml"
    file.write_text("key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n")
    assert vaulted(vaulted_value(ciphertext="$ANSIBLE_VAULT;1.1;AES256").tag(tagged(SECRET, path=str(file))))
