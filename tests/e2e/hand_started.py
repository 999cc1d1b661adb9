"""Supervisors that a test starts itself, to give them other flags than the localnet does or to see how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from near_localnet import bring_up, pair
from near_localnet.layout import Validator
from near_localnet.processes import DATA_VARIABLE, NAME_VARIABLE
from near_measure.stage import Stage

END_TIMEOUT_S = 30.0


def program(name: str) -> str:
    """A program of this environment."""
    return str(Path(sys.executable).with_name(name))


class HandStarted:
    """Children of the test; the localnet finds them as it finds its own."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._children: list[subprocess.Popen[bytes]] = []

    def start(
        self, host: Validator, command: Sequence[str] = (), environ: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts the supervisor of `host`, by default as the localnet starts it, in the localnet's data directory."""
        layout, options = self._stage.net.layout, self._stage.net.options()
        variables = {**os.environ, **bring_up.environment(layout, options), **(environ or {})}
        variables |= {DATA_VARIABLE: str(layout.data), NAME_VARIABLE: host.name}
        with layout.log(host.name).open("ab") as log:
            child = subprocess.Popen(
                command or pair.command(layout, host, options),
                cwd=layout.data, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._children.append(child)
        return child

    def end(self) -> None:
        """Ends those that still run."""
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            try:
                child.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
