"""The daemon in one file: called as ``kuutamod`` or ``kuutamoctl`` it is that, else ``near-supervisor VERB``."""

from __future__ import annotations

import os
import stat
import sys

_DIGEST_BYTES = 64


def main() -> int:
    """Run what this file is called as; the exit status."""
    # A link is moved to the next version while this one runs: what is imported late must still come from this file.
    sys.path[0] = _fastest(os.path.realpath(sys.path[0]))
    called = os.path.basename(sys.argv[0]).partition(".")[0]  # noqa: PTH119
    if called == "kuutamoctl":
        from near_supervisor.commandline import kuutamoctl  # noqa: PLC0415

        return kuutamoctl.main()
    if called != "kuutamod" and sys.argv[1:2] == ["guard"]:
        # Nothing but its own package is loaded: the guard stays small.
        from near_guard import command_line  # noqa: PLC0415

        return command_line.main(sys.argv[2:])
    from near_supervisor.commandline import main as main_program  # noqa: PLC0415

    return main_program.kuutamod() if called == "kuutamod" else main_program.main()


def _fastest(archive: str) -> str:
    """This file, or what ``near-supervisor compile`` made of it, if nobody could write that who cannot write this."""
    compiled = f"{archive}.{sys.implementation.cache_tag}.zip"
    try:
        found = os.lstat(compiled)
        trusted = stat.S_ISREG(found.st_mode) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if trusted and found.st_uid in (0, os.stat(archive).st_uid) and _digest(compiled) == _digest(archive):  # noqa: PTH116
            return compiled
    except OSError:
        pass
    return archive


def _digest(archive: str) -> bytes:
    """What tools/pack.py writes at the end of the file: the digest of all that it holds."""
    with open(archive, "rb") as file:  # noqa: PTH123
        file.seek(-_DIGEST_BYTES, os.SEEK_END)
        return file.read()


if __name__ == "__main__":
    sys.exit(main())
