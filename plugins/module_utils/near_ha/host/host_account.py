"""The system account that a role's files and services belong to."""

from __future__ import annotations

import grp
import pwd
import subprocess
from dataclasses import dataclass

from ..errors import BadConfig

NO_LOGIN = "/usr/sbin/nologin"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Account:
    """A system user and its group. ``home`` is a name only: it is not made."""

    user: str
    group: str
    home: str

    def steps(self) -> list[list[str]]:
        """The commands that make what is missing. A user that is there stays as it is, but for being in the group."""
        steps = []
        try:
            group: grp.struct_group | None = grp.getgrnam(self.group)
        except KeyError:
            group = None
            steps.append(["groupadd", "--system", self.group])
        try:
            user = pwd.getpwnam(self.user)
        except KeyError:
            words = ["--system", "--gid", self.group, "--home-dir", self.home, "--no-create-home", "--shell", NO_LOGIN]
            return [*steps, ["useradd", *words, self.user]]
        if group is None or (user.pw_gid != group.gr_gid and self.user not in group.gr_mem):
            steps.append(["usermod", "--append", "--groups", self.group, self.user])
        return steps


def take(step: list[str]) -> None:
    """Run one of the steps. Raises BadConfig."""
    try:
        done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadConfig(f"{' '.join(step)} could not be run: {error}", "Make the account by hand") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise BadConfig(f"{' '.join(step)} failed: {said}", "Make the account by hand, or choose other names")
