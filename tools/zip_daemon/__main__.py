"""The daemon in one file: called as ``kuutamod`` or ``kuutamoctl`` it is that, else ``near-supervisor VERB``."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run what this file is called as; the exit status."""
    # A link is moved to the next version while this one runs: what is imported late must still come from this file.
    sys.path[0] = os.path.realpath(sys.path[0])
    called = os.path.basename(sys.argv[0]).partition(".")[0]  # noqa: PTH119
    if called == "kuutamoctl":
        from near_supervisor import kuutamoctl  # noqa: PLC0415

        return kuutamoctl.main()
    if called != "kuutamod" and sys.argv[1:2] == ["guard"]:
        # Nothing but its one file is loaded: the guard stays small.
        from near_supervisor import guard  # noqa: PLC0415

        return guard.main(sys.argv[2:])
    from near_supervisor import cli  # noqa: PLC0415

    return cli.kuutamod() if called == "kuutamod" else cli.main()


if __name__ == "__main__":
    sys.exit(main())
