"""``kuutamoctl``: ask Consul who the validator is. It only reads."""

from __future__ import annotations

import argparse
import json
import os
import sys

from near_ha.errors import BadRecord, NearError
from near_ha.program import status_of
from near_ha.records import consul_keys, lease_record
from near_ha.records.lease_record import LeaseState

from .. import __version__
from ..io import consul_access
from ..io.consul_client import connect, describe, parse_urls
from . import completion, options

_ROWS = (*(row for row in options.KUUTAMOD if row[0] in ("--consul-url", "--account-id")), *consul_access.ROWS)
NO_LEADER = 1
SESSION_GONE = 2
_TIMEOUT_MS = 5_000


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 with a leader, 1 without (or when Consul cannot be asked), 2 when its session is gone."""
    return status_of(lambda: _main(argv), "kuutamoctl")


def _parser() -> argparse.ArgumentParser:
    environ = os.environ
    parser = argparse.ArgumentParser(prog="kuutamoctl", description="Ask Consul who the validator is.")
    parser.add_argument("--version", action="version", version=f"kuutamoctl of near-supervisor {__version__}")
    parser.add_argument("--json", action="store_true", help="print the Consul session of the validator as JSON")
    options.add_rows(parser, _ROWS, environ)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("active-validator", help="print the node that validates")
    completion.add_to(verbs, "kuutamoctl")
    return parser


def _main(argv: list[str] | None) -> int:
    given = _parser().parse_args(argv)
    if given.verb == "completion":
        sys.stdout.write(completion.script(_parser(), given.shell, "kuutamoctl"))
        return 0
    try:
        return _active_validator(given)
    except NearError as error:
        sys.stderr.write(f"kuutamoctl: {error}\n")
        return NO_LEADER


def _active_validator(given: argparse.Namespace) -> int:
    problem = ""
    urls = parse_urls(given.consul_url)
    access = consul_access.check(given, given.consul_url)
    for scheme, host, port in urls:
        client = connect(scheme, host, port, _TIMEOUT_MS, access)
        try:
            index, entry = client.kv.get(consul_keys.leader(given.account_id))
            # Without Consul's index the answer, a 404 in particular, came from something else.
            int(index)
            holder = entry.get("Session") if entry else None
            session = _checked(client.session.info(str(holder))[1]) if holder else None
        except Exception as error:
            # The library raises whatever a broken server makes of it; each means that it could not be asked.
            problem = f"{host}:{port}: {describe(error)}"
            continue
        return _print(bool(entry) and not _vacant(entry.get("Value") or b""), session, given.json)
    sys.stderr.write(f"kuutamoctl: Consul cannot be asked: {problem}. Does an agent run at --consul-url?\n")
    return NO_LEADER


def _vacant(raw: bytes) -> bool:
    """Does the record say that there was no leader when it was written?"""
    try:
        return lease_record.parse(raw).state is LeaseState.VACANT
    except BadRecord:
        return False


def _checked(session: object) -> dict[str, object] | None:
    """What Consul says of a session, or None; ValueError when that is not a session."""
    if session is None or (isinstance(session, dict) and isinstance(session.get("Name"), str)):
        return session
    raise ValueError(f"{str(session)[:100]} is not a session")


def _print(known: bool, session: dict[str, object] | None, as_json: bool) -> int:
    if not known:
        sys.stderr.write("No leader found\n")
        return NO_LEADER
    if session is None:
        sys.stderr.write("No leader found: the session of the last leader is gone\n")
        return SESSION_GONE
    sys.stdout.write((json.dumps(session) if as_json else f"Name: {session['Name']}") + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
