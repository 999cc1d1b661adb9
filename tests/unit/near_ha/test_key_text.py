"""A key that is no file yet: the same checks, and the same silence about the secret."""

from __future__ import annotations

import json

import pytest

from near_ha.errors import BadKey
from near_ha.keys import key_file
from support import near_keys


def test_a_key_as_text_is_read_like_a_file() -> None:
    document = near_keys.document("the-key")
    key = key_file.parse(json.dumps(document), "supervisor_validator_key")
    assert key.public_key == document["public_key"]


def test_an_error_names_the_variable_and_nothing_of_the_secret() -> None:
    secret = near_keys.pair("the-key")[1]
    with pytest.raises(BadKey, match="supervisor_validator_key is not valid JSON") as caught:
        key_file.parse(json.dumps(near_keys.document("the-key"))[:-4], "supervisor_validator_key")
    assert secret[8:16] not in str(caught.value)


def test_a_text_that_is_too_long_is_no_key() -> None:
    with pytest.raises(BadKey, match="larger than"):
        key_file.parse(" " * 100_000, "supervisor_validator_key")
