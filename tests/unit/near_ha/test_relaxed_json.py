"""JSON with comments, as neard reads its own configuration."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from near_ha.host import relaxed_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1} // to the end', {"a": 1}),
        ('# first line\n{"a": 1}', {"a": 1}),
        ('{/* inside */"a"/**/: /* two\nlines */ 1}', {"a": 1}),
        ('{"a": 1, // one\n "b": 2 # two\n}', {"a": 1, "b": 2}),
        (
            '{"url": "http://host/#part", "c": "/* no comment */"}',
            {"url": "http://host/#part", "c": "/* no comment */"},
        ),
        (r'{"quoted": "a \" // still text"}', {"quoted": 'a " // still text'}),
        (r'{"path": "C:\\"} // the string ended before', {"path": "C:\\"}),
        ("[1] /* a // b */", [1]),
        ("[1] // a /* b", [1]),
        ("/* a # */ [1]", [1]),
    ],
)
def test_comments_are_blanks_and_strings_are_left_alone(text: str, value: object) -> None:
    assert relaxed_json.loads(text) == value


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": 1,\n // why\n "b" 2}', 3, 6),
        ('{"a": /* a longer\n comment */ }', 2, 13),
        ('{"a": 1 # one\n "b": 2}', 2, 2),
        ('{"a": "never closed // is no comment', 1, 7),
        ('{"a": 1} /* never closed', 1, 10),
        ("{'a': 1}", 1, 2),
        ("", 1, 1),
        ("// nothing else", 1, 16),
    ],
)
def test_an_error_has_the_position_of_the_file(text: str, line: int, column: int) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        relaxed_json.loads(text)
    assert (caught.value.lineno, caught.value.colno) == (line, column)


@given(JSON)
def test_plain_json_means_what_it_always_meant(value: object) -> None:
    assert relaxed_json.loads(json.dumps(value)) == value
    assert relaxed_json.loads(json.dumps(value, indent=1, ensure_ascii=False)) == value


@given(st.text(alphabet='"\\/*#[]{}:,a1 \n', max_size=60))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    try:
        relaxed_json.loads(text)
    except ValueError:
        return


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000], ids=["arrays", "objects", "a number"]
)
def test_what_is_too_deep_or_too_long_for_the_parser_is_malformed_too(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        relaxed_json.loads(text)


@pytest.mark.timeout(10)
def test_a_string_that_never_ends_costs_no_more_than_reading_it() -> None:
    with pytest.raises(ValueError, match="Unterminated"):
        relaxed_json.loads('"' + '\\"' * 100_000)
