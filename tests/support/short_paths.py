"""A directory with a short name: a socket's path has 107 characters at most, and pytest's own may use most of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_directory() -> Iterator[Path]:
    """Gone with what is in it, in the end."""
    with tempfile.TemporaryDirectory(prefix="n-") as name:
        yield Path(name)
