"""What a neard can do, by its version: yes, no, or don't know, for one that names no release.

The first release of each is in docs/explanation/hot-takeover.md with where it comes from.
"""

from __future__ import annotations

from enum import Enum

from . import versions


class Ability(Enum):
    """The value is the first release that can."""

    # Since 2.0 it takes one at a SIGHUP, since 2.2 it gives one up, too.
    TAKES_KEY = (2, 2)
    # Data of the state's transitions, for the chunks after a takeover, also of blocks before it had the key.
    KEEPS_SHADOWS_DATA = (2, 11)

    @property
    def first(self) -> str:
        """The release, for people."""
        return ".".join(map(str, self.value))


def has(version: str, ability: Ability) -> bool | None:
    """Can a neard of this version? None: it is no release, and nobody knows. A candidate counts as its release."""
    numbers = versions.numbers(version)
    return None if numbers is None else numbers >= ability.value


def unknown(version: str) -> str:
    """A clause about a neard of which nothing is known."""
    if version == "trunk":
        return "neard calls itself trunk, a build of the main branch and no release"
    return f"neard's version {version!r} is no release" if version else "neard does not say its version"
