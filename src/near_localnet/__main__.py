"""`python -m near_localnet`."""

from __future__ import annotations

import sys

from near_localnet.cli import main

sys.exit(main())
