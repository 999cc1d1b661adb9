"""For all tests."""

from __future__ import annotations

from support.signals import let_children_hear


def pytest_configure() -> None:
    let_children_hear()
