"""What was measured, as a file that another program reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write(file: Path, document: dict[str, Any]) -> None:
    """JSON, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(json.dumps(document, indent=2) + "\n")
    fresh.replace(file)
