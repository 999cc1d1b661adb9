"""Engine and image of the tests in containers; ``bin/containers`` is its command line.

up    a Docker engine answers and the image is there: what is missing is installed, started and built. Prints the image.
      --shape nixos: the one whose programs are in a store of Nix.
down  stops the engine, if ``up`` started it.

The image named by MOLECULE_IMAGE is used if that is set; nothing is built then.
"""

from __future__ import annotations

import argparse
import os
import sys

import engine
import image
from near_ha.program import status_of


def up(shape: str) -> str:
    """The image to use, on an engine that answers. Raises NoContainers."""
    engine.up()
    named = os.environ.get("MOLECULE_IMAGE") if shape == "plain" else ""
    return named or image.ensure(image.SHAPES[shape])


def main() -> int:
    """Exit status 1, and one sentence, when it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="bin/containers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["up", "down"])
    parser.add_argument("--shape", choices=sorted(image.SHAPES), default="plain")
    given = parser.parse_args()
    try:
        print(up(given.shape) if given.verb == "up" else engine.down())
    except engine.NoContainers as error:
        print(f"bin/containers: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(status_of(main, "bin/containers"))
