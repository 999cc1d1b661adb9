"""The guard from a checkout, or from where pip has put it: ``python3 -I -S .../near_guard/__main__.py OPTION...``."""

from __future__ import annotations

import os
import sys

# -I and -S leave nothing but the standard library to be found, and it stays the first that is looked at.
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from near_guard.command_line import main

if __name__ == "__main__":
    sys.exit(main())
