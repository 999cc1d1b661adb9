"""The playbooks of the collection, run as an operator runs them, against the hosts of a scenario."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The directory: molecule.yml may have hosts of its own, which are not in the file that Molecule names.
INVENTORY = Path(os.environ.get("MOLECULE_INVENTORY_FILE", "")).parent
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
TIMEOUT_S = 600
_RECAP = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Played:
    """How a playbook ended, what it printed, and how much it changed on all hosts together."""

    status: int
    output: str

    @property
    def changed(self) -> int:
        """The sum of `changed` in the recap."""
        return sum(int(changed) for changed, _unreachable, _failed in _RECAP.findall(self.output))

    @property
    def changes(self) -> list[str]:
        """The tasks that changed something, in their order."""
        tasks = re.split(r"^TASK \[", self.output, flags=re.MULTILINE)[1:]
        return [task.partition("]")[0] for task in tasks if re.search(r"^changed: \[", task, re.MULTILINE)]

    @property
    def words(self) -> str:
        """The output with every run of blanks as one, so that a wrapped sentence is found."""
        return " ".join(self.output.split())


def play(name: str, *arguments: str, **variables: object) -> Played:
    """Run ``playbooks/<name>.yml`` with these extra variables."""
    ephemeral = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
    command = ["ansible-playbook", "-i", str(INVENTORY), str(PLAYBOOKS / f"{name}.yml")]
    command += ["--extra-vars", json.dumps(variables), *arguments]
    environ = {**os.environ, "ANSIBLE_CONFIG": str(ephemeral / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    return Played(done.returncode, done.stdout)
