"""Reads the machine's own APT sources, in both formats, and picks the distribution's archive out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DISTRIBUTION_KEYRINGS = ("debian-archive-", "ubuntu-archive-")
"""Keyrings of the distributions themselves: a source signed by anything else is a third party's."""


@dataclass(frozen=True)
class AptSource:
    """One archive: where it is, which suites and components are used, who signs it (empty: APT's trusted keys)."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def read_sources(etc_apt: Path) -> list[AptSource]:
    """All enabled binary sources below `etc_apt` (`/etc/apt`), in APT's own order; unreadable files are left out."""
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    found: list[AptSource] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if file.suffix == ".list":
            found += parse_one_line(text)
        elif file.suffix == ".sources":
            found += parse_deb822(text)
    return found


def parse_one_line(text: str) -> Iterator[AptSource]:
    """The one-line format: `deb [signed-by=FILE] URI SUITE COMPONENT…`."""
    for line in text.splitlines():
        entry = re.match(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>.*)", line.partition("#")[0].strip())
        fields = entry["rest"].split() if entry else []
        if entry and len(fields) >= 2:  # noqa: PLR2004 - a URI and a suite
            signed_by = re.search(r"signed-by=(\S+)", entry["options"] or "")
            yield AptSource(fields[0], (fields[1],), tuple(fields[2:]), signed_by[1] if signed_by else "")


def parse_deb822(text: str) -> Iterator[AptSource]:
    """The stanza format of `.sources` files; stanzas with `Enabled: no` and source-only ones are left out."""
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", uncommented):
        fields = _stanza_fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        # A key written out in place (many lines) is never the distribution's own keyring file.
        signed_by = fields.get("signed-by", "").strip()
        for uri in fields.get("uris", "").split():
            suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
            yield AptSource(uri, tuple(suites), tuple(components), signed_by)


def _stanza_fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in (" ", "\t") and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _colon, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def own_archives(sources: Iterable[AptSource], codename: str) -> list[str]:
    """URIs of the distribution's own archive: those that carry `main` of suite `codename` under its own keyring.

    Third parties use suites of the same name (HashiCorp, Docker); their keyring tells them apart.
    """
    uris: list[str] = []
    for source in sources:
        own_key = not source.signed_by or Path(source.signed_by).name.startswith(DISTRIBUTION_KEYRINGS)
        if own_key and codename in source.suites and "main" in source.components and source.uri not in uris:
            uris.append(source.uri)
    return uris
