"""Lists in ``galaxy.yml`` the files of which the collection's archive is built: what git knows of the parts below.

``.venv/bin/python tools/archive_list.py`` writes the list, directory by directory. With ``--check`` nothing is
written, and a list that differs is a finding (exit status 1). ``ansible-galaxy`` takes what is listed and nothing else:
a checkout has keys, inventories and vaults beside its files, and an archive goes to everybody.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
DIRECTIVE = "    - include "
WIDTH = 120 - len(DIRECTIVE)
BEGIN = "# What is below is written by tools/archive_list.py.\n"
# What plays need on a controller, with its documentation: the daemon is packed from src/ and tools/ when a play runs.
PARTS = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "docs/",
    "examples/",
    "flake.nix",
    "meta/",
    "nix/",
    "playbooks/",
    "plugins/",
    "roles/",
    "src/near_guard/",
    "src/near_supervisor/",
    "src/neard_sim/",
    "tools/daemon-requirements.txt",
    "tools/pack.py",
    "tools/zip_daemon/",
    "tools/zip_neard_sim/",
)
# The checkout finds itself there.
NOT = ("playbooks/collections/",)


def main(arguments: list[str]) -> int:
    """Write the list, or see whether it is right."""
    if arguments not in ([], ["--check"]):
        print("usage: archive_list.py [--check]", file=sys.stderr)
        return 2
    file = ROOT / "galaxy.yml"
    text = file.read_text(encoding="utf-8")
    head, found, _old = text.partition(BEGIN)
    if not found:
        print(f"{file.name} has no line {BEGIN.strip()!r}")
        return 1
    wanted = head + BEGIN + block(listed(ROOT))
    if not arguments:
        file.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        print(f"{file.name} does not list the files that git has: .venv/bin/python tools/archive_list.py")
        return 1
    return 0


def listed(root: Path) -> list[str]:
    """The files of the archive, as git knows them in the checkout ``root``; raises CalledProcessError without one."""
    done = subprocess.run(["git", "ls-files", "-z", "--", *PARTS], cwd=root, capture_output=True, check=True, text=True)
    return sorted(name for name in done.stdout.split("\0") if name and not name.startswith(NOT))


def block(names: list[str]) -> str:
    """``manifest`` of galaxy.yml: files by their full names, those of one directory together."""
    directories: dict[str, list[str]] = defaultdict(list)
    for name in names:
        directories[str(PurePosixPath(name).parent)].append(name)
    lines = [line for _directory, found in sorted(directories.items()) for line in _folded(found)]
    return "manifest:\n  omit_default_directives: true\n  directives:\n" + "".join(lines)


def _folded(names: list[str]) -> list[str]:
    """As many names to a line as fit."""
    words = textwrap.wrap(" ".join(names), WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"{DIRECTIVE}{line}\n" for line in words]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
