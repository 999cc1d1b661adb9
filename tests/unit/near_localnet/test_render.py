"""What `status` shows on a wide terminal, and on one of 40 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from near_localnet.render import status_view
from near_localnet.status import ConsulStatus, HostStatus, NodeStatus, Status

STATUS = Status(
    active="validator-a",
    hosts=(
        HostStatus("validator-a", "Validating", "", 190000120, 17, 9800, 4194304, 4194303, 4194302, True, ""),
        HostStatus("validator-b", "Voting", "", 190000119, 17, None, 4194301, 4194300, 4194299, False, ""),
    ),
    nodes=(NodeStatus("node0", "running", 190000120, 4194298),),
    consul=(ConsulStatus("consul1", "running", True, 4194297, "http://127.0.0.1:8500"),),
    consul_leader="consul1",
    verdict=None,
)


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_nothing_is_cut_off_and_every_line_has_room(width: int) -> None:
    output = io.StringIO()
    Console(file=output, width=width).print(status_view(STATUS, width))
    text = output.getvalue()
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines()), text
    words = text.split()
    for shown in ("190000120", "190000119", "4194299", "http://127.0.0.1:8500", "leader", "Validating"):
        assert any(shown in word for word in words), text
