# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The public key of an Ed25519 seed, by the Python package cryptography of the host. Private."""

from __future__ import annotations

import sys

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError:
    AVAILABLE = False
else:
    AVAILABLE = True


def missing() -> tuple[str, str]:
    """What to say where the package is not: what is wrong, and what to do."""
    return (
        f"{sys.executable} has no Python package cryptography, which derives the public key from a secret one",
        "On Debian and Ubuntu: apt-get install python3-cryptography; elsewhere: pip install cryptography",
    )


def public_key(seed: bytes) -> bytes:
    """The 32 bytes of the public key that belong to the 32 bytes of ``seed``; only where the package is AVAILABLE."""
    # Not public_bytes_raw(): Debian 12's cryptography is 38, which has no such method.
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
