"""The story that users of kuutamod told, played again: what went wrong there has to go right here."""

from __future__ import annotations

from near_localnet.localnet import Localnet
from near_localnet.options import Options


def play(net: Localnet, options: Options, *, as_json: bool, keep: bool) -> int:
    """Plays all steps."""
    return 0
