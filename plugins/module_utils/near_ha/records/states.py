"""The six states, named as kuutamod named them and exported under these names."""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """Where a supervisor stands. ``Validating`` is the only one with an armed neard that may sign."""

    STARTUP = "Startup"
    SYNCING = "Syncing"
    REGISTERING = "Registering"
    VOTING = "Voting"
    VALIDATING = "Validating"
    SHUTDOWN = "Shutdown"
