"""Base58 with the Bitcoin alphabet, as NEAR writes its keys."""

from __future__ import annotations

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE = {char: index for index, char in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Text for ``data``; each leading zero byte becomes a leading ``1``."""
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return ALPHABET[0] * zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Bytes of ``text``; ValueError names the first character that is not in the alphabet."""
    number = 0
    for position, char in enumerate(text):
        if char not in _VALUE:
            raise ValueError(f"{char!r} at position {position} is not a base58 digit")
        number = number * 58 + _VALUE[char]
    zeros = len(text) - len(text.lstrip(ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
