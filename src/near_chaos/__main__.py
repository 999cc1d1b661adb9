"""`python -m near_chaos`."""

from __future__ import annotations

import sys

from near_chaos.cli import main

sys.exit(main())
