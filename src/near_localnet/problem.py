"""The one error that reaches the person at the terminal."""

from __future__ import annotations


class Problem(Exception):
    """Something the user has to know: what, with which value and why (`message`), and what to do next (`hint`)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message
