"""Takes a directory away from whoever makes it again at once: file by file, there would be no end of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def take_away(directory: Path) -> None:
    """It is gone in one step, with all that is in it."""
    aside = Path(tempfile.mkdtemp(dir=directory.parent))
    directory.rename(aside / "gone")
    shutil.rmtree(aside)


def replace_by_a_file(directory: Path) -> None:
    """Nobody can make it again."""
    while not directory.is_file():
        take_away(directory)
        try:
            os.close(os.open(directory, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            # Somebody was faster.
            continue
