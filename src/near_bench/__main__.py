"""`python -m near_bench`."""

from __future__ import annotations

import sys

from near_bench.cli import main
from near_ha.program import status_of

sys.exit(status_of(main, "bin/bench"))
