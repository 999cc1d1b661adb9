"""Tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from near_localnet.demo_gap import DemoGap
from near_localnet.status import DOWN, FROZEN, SILENT, HostStatus, Status

COLOURS = {"Validating": "bold green", "Voting": "cyan", DOWN: "red", FROZEN: "magenta", SILENT: "yellow"}
ODD = "yellow"
NUMBERS = ("height", "term", "lease left", "supervisor", "guard", "neard")
NOT_A_TERMINAL_WIDTH = 160


class _Output(Console):
    def on_broken_pipe(self) -> None:
        """As any other print does: how a program ends then is said in one place (near_ha.program)."""
        raise  # noqa: PLE0704 - rich calls it where it has caught the error


def console() -> Console:
    """Standard output; where it is no terminal, wide enough that nothing is cut off."""
    plain = _Output(highlight=False)
    return plain if plain.is_terminal else _Output(highlight=False, width=NOT_A_TERMINAL_WIDTH)


def status_view(status: Status, width: int) -> RenderableType:
    """What `status` shows; where there is no room for tables, lines that a terminal may break."""
    tables, wide = (_hosts(status), _others(status)), Console(width=NOT_A_TERMINAL_WIDTH)
    if max(wide.measure(table).maximum for table in tables) > width:
        return Group(*_host_lines(status), Text(), *_other_lines(status), Text(), *_summary(status))
    return Group(tables[0], Text(), tables[1], Text(), *_summary(status))


def _host_lines(status: Status) -> Iterator[Text]:
    for host in status.hosts:
        yield Text.assemble(f"{host.name}: ", (host.state, COLOURS.get(host.state, ODD)))
        yield Text(f"  height {_number(host.height)}, term {_number(host.term)}, lease left {_lease(host)}")
        pids = (("supervisor", host.supervisor_pid), ("guard", host.guard_pid), ("neard", host.neard_pid))
        yield Text("  " + ", ".join(f"{name} {_number(pid)}" for name, pid in pids))


def _other_lines(status: Status) -> Iterator[Text]:
    for node in status.nodes:
        state = (node.state, COLOURS.get(node.state, ""))
        yield Text.assemble(f"{node.name}: ", state, f", height {_number(node.height)}")
    for server in status.consul:
        state = (server.state, COLOURS.get(server.state, ""))
        yield Text.assemble(f"{server.name}: ", state, f", {server.url}{', leader' if server.leader else ''}")


def _hosts(status: Status) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("host", "state", "height", "term", "lease left", "supervisor", "guard", "neard"):
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=True)
    for host in status.hosts:
        pids = [_number(pid) for pid in (host.supervisor_pid, host.guard_pid, host.neard_pid)]
        state = Text(host.state, style=COLOURS.get(host.state, ODD))
        numbers = [_number(host.height), _number(host.term), _lease(host)]
        table.add_row(host.name, state, *numbers, *pids)
    return table


def _lease(host: HostStatus) -> str:
    return "-" if host.lease_left_ms is None or not host.armed else f"{host.lease_left_ms / 1000:.1f} s"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _others(status: Status) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("part", "state", "height", "pid", ""):
        table.add_column(column, justify="right" if column == "height" else "left", no_wrap=True)
    for node in status.nodes:
        table.add_row(
            node.name, Text(node.state, style=COLOURS.get(node.state, "")), _number(node.height), _number(node.pid)
        )
    for server in status.consul:
        state = Text(server.state, style=COLOURS.get(server.state, ""))
        table.add_row(server.name, state, "", _number(server.pid), f"{server.url} {'leader' if server.leader else ''}")
    return table


def _summary(status: Status) -> list[Text]:
    lines = [Text(f"{host.name}: {text}", style="dim") for host in status.hosts for text in _told(host)]
    lines += [Text(f"{node.name}: it said last: {node.crash}", style=ODD) for node in status.nodes if node.crash]
    lines += [Text(f"signing: {status.active}" if status.active else "signing: nobody", style="bold")]
    if not status.consul_leader:
        lines.append(Text("consul: no leader", style="yellow"))
    if status.verdict:
        lines.append(Text(f"referee: {status.verdict.text}", style="green" if status.verdict.clean else "bold red"))
    return lines


def _told(host: HostStatus) -> list[str]:
    """Why it is not ready, what it waits for, and how its neard ended: what one says, the other does not again."""
    what = host.waits.partition("; it is ")[0].partition("; this node ")[0]
    reason, waits = host.reason, f"waits for {host.waits}" if host.waits else ""
    if what and f"waits for {what}" in reason:
        reason, waits = reason.replace(what, host.waits, 1), ""
    return [text for text in (reason, waits, host.crash) if text]


def gap_table(gaps: Sequence[DemoGap]) -> Table:
    """What the demo ends with."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("event")
    table.add_column("signer before → after")
    table.add_column("gap", justify="right")
    table.add_column("at most", justify="right")
    for gap in gaps:
        style = "" if gap.held else "bold red"
        table.add_row(
            gap.event, f"{gap.before} → {gap.after}", f"{gap.seconds:.2f} s", f"{gap.bound_s:.1f} s", style=style
        )
    return table
