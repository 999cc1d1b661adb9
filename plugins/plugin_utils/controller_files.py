# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where a file of the controller is that a variable names: one rule for all of them."""

from __future__ import annotations

import os
from pathlib import Path


def resolved(path: str, *folders: str) -> str:
    """The absolute path; empty for an empty one.

    A relative path begins at the first of ``folders`` (the inventory's, then the playbook's) where there is such a
    file; where there is none, at the first that is known at all.
    """
    if not path:
        return ""
    given = Path(os.path.expanduser(path))  # noqa: PTH111 - a user who is not known leaves the path as it is
    if given.is_absolute():
        return str(given)
    places = [Path(folder) / given for folder in folders if folder]
    return str(next((place for place in places if place.exists()), places[0] if places else given.absolute()))


def fault(path: str, name: str, *folders: str) -> str:
    """What is wrong with the file that variable ``name`` names, as a sentence; empty where all is well, or no path."""
    if not path:
        return ""
    found = Path(resolved(path, *folders))
    where = f"{name} {path}"
    places = [str(Path(folder)) for folder in dict.fromkeys(folders) if folder]
    relative = (
        f" A relative path begins at the folder of the inventory, or else of the playbook: here {' or '.join(places)}."
        if str(found) != path and not path.startswith("~") and places
        else ""
    )
    if not found.exists():
        return f"{where} is not there, or not for this user, on the controller.{relative} Correct the path."
    if not found.is_file():
        return f"{where} is no file on the controller.{relative} Correct the path."
    if not os.access(found, os.R_OK):
        return (
            f"{where} cannot be read by this user on the controller.{relative} Give the user who runs Ansible access."
        )
    return ""
