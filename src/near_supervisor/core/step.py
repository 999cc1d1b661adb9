"""The shape of every function that decides: facts in, facts and commands out."""

from __future__ import annotations

from .commands import Command
from .facts.model import Node

Step = tuple[Node, list[Command]]
