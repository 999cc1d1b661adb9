"""docs/reference/configuration.md names every option and every metric, with the defaults that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from near_supervisor.commandline import options
from near_supervisor.core.facts.model import Node
from near_supervisor.io import exporter
from near_supervisor.snapshot import Snapshot
from support.core_play import SETTINGS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference" / "configuration.md").read_text()


@pytest.mark.parametrize(("flag", "variable", "default", "text"), [*options.KUUTAMOD, *options.OURS])
def test_every_option_is_in_the_document(flag: str, variable: str, default: str, text: str) -> None:
    shown = f"`{default}`" if default else ""
    assert f"| `{flag}` | `{variable}` | {shown} | {text} |" in DOCUMENT


def test_every_metric_is_in_the_document() -> None:
    snapshot = Snapshot(Node(SETTINGS), 2_000, 1_000)
    text = exporter.kuutamod_metrics(snapshot) + exporter.exposition(lambda: snapshot)
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert len(names) > 8
    assert not {name for name in names if f"`{name}" not in DOCUMENT}
