"""Of each test here: a Nix, or a sentence why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.nix_host import WITHOUT, NixHost, is_here


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixHost]:
    if not is_here():
        pytest.skip(WITHOUT)
    place: Path = tmp_path_factory.mktemp("nix")
    yield NixHost(place)
    # A store is read-only, and what removes pytest's directories stumbles over that.
    for directory in place.rglob("*"):
        if directory.is_dir() and not directory.is_symlink():
            directory.chmod(0o755)
