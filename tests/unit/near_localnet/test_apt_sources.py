from __future__ import annotations

from pathlib import Path

import pytest

from near_localnet.apt_sources import AptSource, own_archives, parse_deb822, parse_one_line, read_sources

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://a.test/d bookworm main contrib", AptSource("http://a.test/d", ("bookworm",), ("main", "contrib"))),
        (
            "deb [arch=amd64 signed-by=/k.gpg] https://a.test/x stable main # why",
            AptSource("https://a.test/x", ("stable",), ("main",), "/k.gpg"),
        ),
        ("deb [ signed-by=/k.gpg ]  http://a.test ./", AptSource("http://a.test", ("./",), (), "/k.gpg")),
        ("deb-src http://a.test/debian bookworm main", None),
        ("# deb http://a.test/debian bookworm main", None),
        ("deb", None),
        ("", None),
    ],
)
def test_one_line_format(line: str, expected: AptSource | None) -> None:
    assert list(parse_one_line(line)) == ([expected] if expected else [])


def test_deb822_reads_each_stanza_and_every_uri() -> None:
    text = f"""\
Types: deb deb-src
# a comment inside
URIs: http://a.test/debian http://b.test/debian
Suites: bookworm
  bookworm-updates
Components: main
Signed-By: {KEYRING}

Types: deb-src
URIs: http://sources.test
Suites: bookworm

Enabled: no
Types: deb
URIs: http://off.test
Suites: bookworm
"""
    suites = ("bookworm", "bookworm-updates")
    assert list(parse_deb822(text)) == [
        AptSource("http://a.test/debian", suites, ("main",), KEYRING),
        AptSource("http://b.test/debian", suites, ("main",), KEYRING),
    ]


def test_only_the_distributions_own_archive_is_taken() -> None:
    sources = [
        AptSource("http://vendor.test", ("bookworm",), ("main",), "/usr/share/keyrings/vendor.gpg"),
        AptSource("http://inline-key.test", ("bookworm",), ("main",), "\n-----BEGIN PGP PUBLIC KEY BLOCK-----"),
        AptSource("http://other-component.test", ("bookworm",), ("stable",)),
        AptSource("http://debian.test/security", ("bookworm-security",), ("main",), KEYRING),
        AptSource("http://debian.test/debian", ("bookworm", "bookworm-updates"), ("main",), KEYRING),
        AptSource("http://debian.test/debian", ("bookworm",), ("main", "contrib"), KEYRING),
        AptSource("http://unsigned-by.test/debian", ("bookworm",), ("main",)),
    ]
    assert own_archives(sources, "bookworm") == ["http://debian.test/debian", "http://unsigned-by.test/debian"]


def test_files_of_both_formats_are_read_and_others_are_not(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://main.test bookworm main\n")
    (parts / "a.sources").write_text("Types: deb\nURIs: http://a.test\nSuites: bookworm\n")
    (parts / "b.list").write_text("deb http://b.test bookworm main\n")
    (parts / "c.list.save").write_text("deb http://c.test bookworm main\n")
    assert [source.uri for source in read_sources(tmp_path)] == ["http://main.test", "http://a.test", "http://b.test"]


def test_a_machine_without_sources_has_none(tmp_path: Path) -> None:
    assert read_sources(tmp_path) == []
