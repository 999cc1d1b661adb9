"""Public keys of seeds: the vectors of RFC 8032, section 7.1, and what the package cryptography says."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from near_ha.keys import ed25519


@pytest.mark.parametrize(("seed", "public"), [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
])  # fmt: skip
def test_the_vectors_of_the_rfc(seed: str, public: str) -> None:
    assert ed25519.public_key(bytes.fromhex(seed)).hex() == public


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_it_says_what_cryptography_says(seed: bytes) -> None:
    theirs = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert ed25519.public_key(seed) == theirs


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {length}"):
        ed25519.public_key(bytes(length))
