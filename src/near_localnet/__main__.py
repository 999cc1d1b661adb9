"""`python -m near_localnet`."""

from __future__ import annotations

import sys

from near_ha.program import status_of
from near_localnet.cli import main

sys.exit(status_of(main, "bin/localnet"))
