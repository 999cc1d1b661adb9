"""The simulated neard in one file. ``cryptography``, which is compiled, comes from the host."""

from __future__ import annotations

import importlib.util
import os
import sys


def main() -> int:
    """Run neard's command line; the exit status."""
    sys.path[0] = os.path.realpath(sys.path[0])
    if importlib.util.find_spec("cryptography") is None:
        sys.stderr.write(
            f"Error: the simulated neard needs the Python package cryptography, which {sys.executable} does not"
            " have. On Debian and Ubuntu: apt-get install python3-cryptography\n"
        )
        return 1
    from neard_sim import cli  # noqa: PLC0415

    return cli.main()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The interpreter's own tear-down is no part of how long a neard takes to stop.
    os._exit(status)
