"""neard's own verdict on each kind of key file, as ``validate-config`` of 2.13.0 gave it: the same is given here.

The file of each row was tried as ``validator_key.json`` and as ``node_key.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from near_ha.errors import BadKey
from near_ha.keys import base58, key_file
from near_ha.keys.key_file import Kind
from support import near_keys

PUBLIC, SECRET = near_keys.pair("the-key")
BARE_PUBLIC, BARE_SECRET = (key.removeprefix("ed25519:") for key in (PUBLIC, SECRET))
SEED = base58.decode(BARE_SECRET)[:32]


def made(**changes: object) -> str:
    """A key file; ``changes`` replace its fields, None takes one away."""
    fields = {**near_keys.document("the-key"), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def more(text: str) -> str:
    """A key file with one more field, as it is written."""
    return f"{made()[:-1]}, {text}}}"


BOTH, NEITHER = (True, True), (False, False)
# The file, and whether neard takes it as a validator key and as a node key.
ROWS: dict[str, tuple[str | bytes, tuple[bool, bool]]] = {
    "plain": (made(), BOTH),
    "private_key": (made(secret_key=None, private_key=SECRET), (True, False)),
    "secret_key and private_key": (made(private_key=SECRET), (False, True)),
    "more fields": (made(more=1, and_more={"a": [1]}), BOTH),
    "no public_key": (made(public_key=None), NEITHER),
    "no secret_key": (made(secret_key=None), NEITHER),
    "no account_id": (made(account_id=None), NEITHER),
    "account null": (made().replace('"test.near"', "null"), NEITHER),
    "account of a number": (made(account_id=7), NEITHER),
    "account empty": (made(account_id=""), (False, True)),
    "account node": (made(account_id="node"), BOTH),
    "account of one letter": (made(account_id="a"), NEITHER),
    "account of two letters": (made(account_id="ab"), BOTH),
    "account of 64 letters": (made(account_id="a" * 64), BOTH),
    "account of 65 letters": (made(account_id="a" * 65), NEITHER),
    "account of 64 hexadecimal digits": (made(account_id="ab" * 32), BOTH),
    "account of ethereum": (made(account_id="0x" + "ab" * 20), BOTH),
    "account with upper case": (made(account_id="Test.near"), NEITHER),
    "account with a space": (made(account_id="te st.near"), NEITHER),
    "account with a line end": (made(account_id="test.near\n"), NEITHER),
    "account with one of each sign": (made(account_id="a-b_c.near"), BOTH),
    "account with two signs": (made(account_id="a--b.near"), NEITHER),
    "account that begins with a dot": (made(account_id=".near"), NEITHER),
    "account that ends with a sign": (made(account_id="near-"), NEITHER),
    "account with an at": (made(account_id="a@b"), NEITHER),
    "account with an accent": (made(account_id="é.near"), NEITHER),
    "account with an escape": (made().replace("test.near", "test\\u002enear"), BOTH),
    "field of another case": (made().replace("account_id", "Account_id"), NEITHER),
    "no curve": (made(public_key=BARE_PUBLIC, secret_key=BARE_SECRET), BOTH),
    "no curve of one": (made(secret_key=BARE_SECRET), BOTH),
    "curve in capitals": (made(public_key="ED25519:" + BARE_PUBLIC, secret_key="Ed25519:" + BARE_SECRET), BOTH),
    "curve with a space": (made(secret_key=" " + SECRET), NEITHER),
    "two colons": (made(secret_key="ed25519:x:" + BARE_SECRET), NEITHER),
    "another curve": (made(secret_key="ed448:" + BARE_SECRET), NEITHER),
    "secret of 32 bytes": (made(secret_key="ed25519:" + base58.encode(SEED)), NEITHER),
    "secret with a line end": (made(secret_key=SECRET + "\n"), NEITHER),
    "secret with an accent": (made(secret_key=SECRET[:-1] + "é"), NEITHER),
    "secret of two keys' halves": (json.dumps(near_keys.two_halves("the-key")), BOTH),
    "byte order mark": (b"\xef\xbb\xbf" + made().encode(), NEITHER),
    "UTF-16": (made().encode("utf-16"), NEITHER),
    "no UTF-8 in a comment": (b"// \xff\n" + made().encode(), NEITHER),
    "account twice": (more('"account_id": "test.near"'), NEITHER),
    "public_key twice": (more(f'"public_key": "{PUBLIC}"'), NEITHER),
    "secret_key twice": (more(f'"secret_key": "{SECRET}"'), NEITHER),
    "an unknown field twice": (more('"x": 1, "x": 2'), BOTH),
    "an account twice within": (more('"x": {"account_id": 1, "account_id": 2}'), BOTH),
    "NaN": (more('"x": NaN'), NEITHER),
    "infinity": (more('"x": -Infinity'), NEITHER),
    "a number without end": (more('"x": 1e999'), BOTH),
    "a number that begins with zero": (more('"x": 01'), NEITHER),
    "a tab in a string": (more('"x": "a\tb"'), NEITHER),
    "half a pair": (more('"x": "\\ud800"'), BOTH),
    "comments": (f"// a\n{{ /* b */ # c\n{made()[1:]}# d", BOTH),
    "comment without end": (made() + "/* x", NEITHER),
    "comma at the end": (made()[:-1] + ",}", NEITHER),
    "something behind": (made() + "x", NEITHER),
    "blanks behind": (made() + "\n\n \t", BOTH),
    "another kind of blank behind": (made() + "\x0b", NEITHER),
    "nothing": ("", NEITHER),
    "null": ("null", NEITHER),
    "list": (json.dumps(["test.near", PUBLIC, SECRET]), BOTH),
    "list in another order": (json.dumps([PUBLIC, "test.near", SECRET]), NEITHER),
    "list of two": (json.dumps(["test.near", PUBLIC]), NEITHER),
    "list of four": (json.dumps(["test.near", PUBLIC, SECRET, 1]), NEITHER),
    "line ends of Windows": (json.dumps(json.loads(made()), indent=1).replace("\n", "\r\n"), BOTH),
    "deep": (more('"x": ' + "[" * 200 + "]" * 200), BOTH),
}
# Neither of them could work for the hosts of a validator; neard takes the first three.
REFUSED_HERE: dict[str, tuple[str, tuple[bool, bool], str]] = {
    "public_key of another, node": (made(public_key=near_keys.pair("other")[0]), NEITHER, "does not correspond"),
    "secp256k1, node": (
        made(public_key="secp256k1:" + base58.encode(b"\1" * 64), secret_key="secp256k1:" + base58.encode(b"\1" * 32)),
        NEITHER,
        "Only ed25519 keys are supported",
    ),
    "too large": (made() + " " * 70_000, NEITHER, "larger than 65536 bytes"),
}


def takes(path: Path, kind: Kind) -> bool:
    try:
        key = key_file.read(path, kind)
    except BadKey as error:
        assert str(path) in str(error)
        assert BARE_SECRET[:8] not in str(error)
        return False
    assert (key.public_key, key.secret_key[:8]) == (PUBLIC, "ed25519:")
    return True


@pytest.mark.parametrize("row", ROWS)
def test_what_neard_takes_is_taken_and_nothing_else(tmp_path: Path, row: str) -> None:
    text, verdicts = ROWS[row]
    path = tmp_path / "key.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert (takes(path, Kind.VALIDATOR), takes(path, Kind.NODE)) == verdicts


@pytest.mark.parametrize("row", REFUSED_HERE)
def test_what_could_not_work_is_refused_though_neard_takes_it(tmp_path: Path, row: str) -> None:
    text, verdicts, why = REFUSED_HERE[row]
    path = tmp_path / "key.json"
    path.write_text(text)
    assert (takes(path, Kind.VALIDATOR), takes(path, Kind.NODE)) == verdicts
    with pytest.raises(BadKey, match=why):
        key_file.read(path, Kind.NODE)
