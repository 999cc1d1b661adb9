"""The supervisor daemon of one validator host: it keeps exactly one host of a cluster signing."""

from __future__ import annotations

__version__ = "0.1.0"
