"""A Consul where nobody may do anything without a token, and the tokens that tests have made there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.real_consul import RealConsul, real_consul

MASTER = "11111111-2222-3333-4444-555555555555"
_numbers = itertools.count()


def guarded_consul(directory: Path, **config: object) -> AbstractContextManager[RealConsul]:
    """A running server for the length of a ``with`` block; the tests themselves ask it as MASTER."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": MASTER}}
    return real_consul(directory, MASTER, acl=acl, **config)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealConsul]:
    """One for all tests of a module."""
    with guarded_consul(tmp_path_factory.mktemp("acl")) as running:
        yield running


def made_token(consul: RealConsul, rules: str) -> dict[str, str]:
    """A token with these rights, as Consul tells of it."""
    name = f"policy-{next(_numbers)}"
    consul.ask("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
    return dict(consul.ask("PUT", "/v1/acl/token", {"Policies": [{"Name": name}]}))


def a_token(consul: RealConsul, rules: str) -> str:
    """The secret of a token with these rights."""
    return str(made_token(consul, rules)["SecretID"])


def a_file(directory: Path, token: str) -> Path:
    """A file with a token, as an operator keeps it."""
    path = directory / "consul_token"
    path.unlink(missing_ok=True)
    path.write_text(f"{token}\n")
    path.chmod(0o400)
    return path
