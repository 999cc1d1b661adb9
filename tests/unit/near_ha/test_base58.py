"""Base58: vectors of others, and what goes in comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.keys import base58

# From the IETF draft on base58 (draft-msporny-base58) and from Bitcoin's own test data.
VECTORS = [
    (b"", ""),
    (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
    (b"The quick brown fox jumps over the lazy dog.", "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"),
    (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    (b"\0", "1"),
    (b"\0" * 10, "1" * 10),
    (bytes.fromhex("61"), "2g"),
    (bytes.fromhex("516b6fcd0f"), "ABnLTmg"),
    (bytes.fromhex("00eb15231dfceb60925886b67d065299925915aeb172c06647"), "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"),
]


@pytest.mark.parametrize(("data", "text"), VECTORS)
def test_known_vectors_both_ways(data: bytes, text: str) -> None:
    assert base58.encode(data) == text
    assert base58.decode(text) == data


@given(st.binary(max_size=100))
def test_what_is_encoded_is_decoded_again(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@given(st.integers(0, 40), st.binary(max_size=8))
def test_leading_zeros_are_kept_one_by_one(zeros: int, rest: bytes) -> None:
    data = b"\0" * zeros + rest
    assert base58.decode(base58.encode(data)) == data
    assert base58.encode(data).startswith("1" * zeros)


@pytest.mark.parametrize(("text", "char", "position"), [
    ("2g0", "'0'", 2), ("O", "'O'", 0), ("1I", "'I'", 1), ("abcl", "'l'", 3), ("2 g", "' '", 1), ("2g\n", r"'\n'", 2),
    ("٣", "'٣'", 0),
])  # fmt: skip
def test_a_character_outside_the_alphabet_is_named_with_its_place(text: str, char: str, position: int) -> None:
    with pytest.raises(ValueError, match="is not a base58 digit") as caught:
        base58.decode(text)
    assert f"{char} at position {position}" in str(caught.value)
