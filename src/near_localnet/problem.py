"""The one error that reaches the person at the terminal."""

from __future__ import annotations

from near_ha.errors import NearError


class Problem(NearError):
    """Something the user has to know: what, with which value and why (`message`), and what to do next (`hint`)."""

    code = "localnet"

    def __str__(self) -> str:
        """The sentence, and the advice on a line of its own."""
        return f"{self.message}\n  {self.hint}" if self.hint else self.message
