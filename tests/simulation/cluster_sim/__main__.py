"""``python -m cluster_sim``."""

import sys

from near_ha.program import status_of

from .cli import main

sys.exit(status_of(main, "bin/simulate"))
