"""`python -m near_bench`."""

from __future__ import annotations

import sys

from near_bench.cli import main

sys.exit(main())
