"""The commands of README and of the tutorial, typed one after the other as they stand there, by a newcomer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.localnets import simulated_only
from near_ha.records.states import State
from near_localnet import bring_up, status
from near_localnet.layout import VALIDATORS, Layout
from near_localnet.localnet import Localnet
from support.short_paths import short_directory
from support.waiting import until

pytestmark = [pytest.mark.timeout(900), simulated_only]

ROOT = Path(__file__).resolve().parents[2]
INSTANCE = 203
LONGEST_S = 180
SETTLES_S = 60
# Of those that stay until somebody ends them.
WATCHED_S = 4
NOT_TYPED = ("git clone",)
PAGES = {
    "README": (ROOT / "README.md", "## See a failover in two commands", "## "),
    "tutorial": (ROOT / "docs/tutorial/first-hour.md", "## 1. Start it", "## What you have seen"),
}


@dataclass(frozen=True)
class Block:
    """Commands of a page, and what it shows below them ("" = nothing)."""

    commands: list[str]
    shown: str


def blocks(page: Path, begins: str, ends: str) -> list[Block]:
    """Those between two headings, in their order."""
    text = page.read_text().partition(f"\n{begins}")[2]
    section = re.split(rf"^{ends}", text, maxsplit=1, flags=re.MULTILINE)[0]
    found: list[Block] = []
    for kind, body in re.findall(r"^```(\w*)\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            found.append(Block([line for line in body.splitlines() if line and not line.startswith("#")], ""))
        elif found:
            # More than one may stand below the same commands; the first shows what they print.
            found[-1] = Block(found[-1].commands, found[-1].shown or body.splitlines()[0])
    return found


class Newcomer:
    """Somebody in a checkout of their own, whose localnet has addresses of its own."""

    def __init__(self, checkout: Path) -> None:
        self.net = Localnet(Layout(checkout / ".data", INSTANCE), ROOT / ".tools")
        self._checkout = checkout
        self._shell = "set -e"
        (checkout / "bin").mkdir(parents=True)
        localnet = checkout / "bin" / "localnet"
        words = f'exec "{sys.executable}" -m near_localnet --data "{checkout}/.data" --instance {INSTANCE} "$@"\n'
        localnet.write_text(f"#!/bin/sh\n{words}")
        localnet.chmod(0o755)
        (checkout / ".venv" / "bin").parent.mkdir()
        (checkout / ".venv" / "bin").symlink_to(Path(sys.executable).parent)

    def types(self, line: str) -> str:
        """What the command prints. Raises AssertionError when it fails, unless it says to wait for a node."""
        said: list[str] = []

        def taken() -> bool:
            watches = "--watch" in line
            done = subprocess.run(
                ["bash", "-c", f"{self._shell}\n{line}"], cwd=self._checkout, check=False, text=True,
                timeout=LONGEST_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environ(),
            ) if not watches else self._watch(line)  # fmt: skip
            said.append(done.stdout)
            waits = "is not ready" in done.stdout or "no standby is ready" in done.stdout
            assert done.returncode == 0 or watches or waits, f"{line}\n{done.stdout}\n{bring_up.evidence(self.net)}"
            return done.returncode == 0 or watches

        until(line, taken, lambda: said[-1], SETTLES_S)
        if re.match(r"\w+=", line):
            # The page goes on to use it.
            self._shell += f"\n{line}"
        return said[-1]

    def _watch(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"timeout --signal=INT {WATCHED_S} {line}"], cwd=self._checkout, check=False, text=True,
            timeout=LONGEST_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environ(),
        )  # fmt: skip

    def waits_for(self, line: str) -> str:
        """As the page says to, before one goes on: who was started again stands by, and somebody signs.

        What the second terminal shows meanwhile, in which ``status --watch`` runs.
        """
        verb, _space, name = line.removeprefix("bin/localnet ").partition(" ")
        names = [host.name for host in VALIDATORS]
        if not line.startswith("bin/localnet ") or verb in ("down", "stop", "status"):
            return ""
        shown: list[str] = []
        back = name.split()[0] if verb in ("start", "thaw") and name.split()[0] in names else ""

        def settled() -> bool:
            shown.append(self.types("bin/localnet status"))
            seen = status.look(self.net.layout)
            states = {host.name: host.state for host in seen.hosts}
            ready = not back or states[back] in (State.VOTING.value, State.VALIDATING.value)
            return ready and State.VALIDATING.value in states.values()

        if name not in ("consul1", "consul2"):
            until(f"after {line}", settled, lambda: shown[-1], SETTLES_S)
        return "\n".join(shown)


def _environ() -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name != "NEARD"}, "NO_COLOR": "1"}


def plain(text: str) -> str:
    """Without what differs from run to run: figures, and how many spaces a column needs."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "#", text)).strip()


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    with short_directory() as place:
        person = Newcomer(place / "a b" / "ü")
        try:
            yield person
        finally:
            person.net.down()


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_what_a_page_says_works_in_its_order_and_prints_what_it_shows(
    newcomer: Newcomer, page: tuple[Path, str, str]
) -> None:
    for block in blocks(*page):
        said = ""
        for line in block.commands:
            if not line.startswith(NOT_TYPED):
                command = line.partition("  #")[0].strip()
                said += newcomer.types(command) + newcomer.waits_for(command)
        # What is looked at may take a moment longer than on the page.
        last = block.commands[-1]
        until(
            f"{last} prints {block.shown!r}",
            lambda block=block, said=said, last=last: (
                plain(block.shown) in plain(said)  # type: ignore[misc]
                or ("status" in last and plain(block.shown) in plain(newcomer.types(last)))
            ),
            lambda said=said: said,  # type: ignore[misc]
            SETTLES_S,
        )
