"""``python -m neard_sim install DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import install


def main() -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m neard_sim", description=__import__("neard_sim").__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("install", help="write an executable DIR/neard that runs the simulation")
    command.add_argument("directory", type=Path, metavar="DIR")
    print(install.write(parser.parse_args().directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
