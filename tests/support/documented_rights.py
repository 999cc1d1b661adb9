"""The rights that the documentation lists, as it lists them."""

from __future__ import annotations

import re
from pathlib import Path

ACCOUNT = "my.pool.near"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text()
# The node of the test server has a name of its own.
POLICY, READER = re.findall(r"```hcl\n(.*?)```", DOCUMENT.replace('"validator-1"', '"consul-test"'), re.DOTALL)
