"""`python -m near_chaos`."""

from __future__ import annotations

import sys

from near_chaos.cli import main
from near_ha.program import status_of

sys.exit(status_of(main, "bin/chaos"))
