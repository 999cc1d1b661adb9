"""``near-supervisor`` and its alias ``kuutamod``.

Only what a verb needs is imported: most of what the daemon imports is for Consul and the metrics.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from near_ha.errors import NearError
from near_ha.program import status_of

from .. import __version__

_RUN = """\
Supervise the neard of this host: it signs only while this node holds the lease in Consul. Start it on two or more
hosts with the same --account-id and --validator-key; one validates, the others stand by and take over by themselves.
SIGINT or SIGTERM stops neard, releases the lease and ends with status 0; a second one kills neard instead of
stopping it. Exit status 1: a configuration that cannot work, or a neard that never becomes ready."""
# What operator_cli does with these, in a line each: listed without loading it.
_OPERATORS = {
    "status": "show who validates, who could take over, and what this host does",
    "promote": "make a node the validator",
    "demote": "have this host hand over to the best standby",
    "pause": "keep the roles from changing by themselves",
    "resume": "end the pause: a failed validator is replaced by itself again",
    "cancel": "call off a switchover that has not begun",
    "history": "show who validated, since when, and why",
}


def main(argv: list[str] | None = None) -> int:
    """The entry point ``near-supervisor``; the exit status."""
    return status_of(lambda: _main(argv), "near-supervisor")


def _main(argv: list[str] | None) -> int:
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["guard"]:
        from near_guard import command_line

        return command_line.main(words[1:])
    if words[:1] == ["run"]:
        return _run("near-supervisor run", words[1:])
    if words[:1] and words[0] in _OPERATORS:
        from . import operator as operator_cli

        return operator_cli.main(words)
    given = _verbs().parse_args(words)
    if given.verb == "completion":
        return _completion(given.shell)
    if given.verb == "notify":
        from . import notify

        return notify.main(given)
    return _compile() if given.verb == "compile" else _detach(given)


def kuutamod(argv: list[str] | None = None) -> int:
    """The entry point ``kuutamod``: ``near-supervisor run`` under its old name, and with what its users know."""
    title = f"kuutamod (near-supervisor {__version__})"
    return status_of(lambda: _run("kuutamod", argv, title, strategy="kuutamod"), "kuutamod")


def _verbs(whole: bool = False) -> argparse.ArgumentParser:
    """All verbs; the options of those that have a parser of their own only where the ``whole`` is asked for."""
    parser = argparse.ArgumentParser(
        prog="near-supervisor", description="Automatic failover for NEAR validators: exactly one host signs."
    )
    parser.add_argument("--version", action="version", version=f"near-supervisor {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("run", help="supervise the neard of this host", add_help=False)
    for verb, text in _OPERATORS.items():
        verbs.add_parser(verb, help=text, add_help=False)
    text = "end the supervisor on this host and leave guard and neard running, for an upgrade"
    detach = verbs.add_parser("detach", help=text, description=f"{text.capitalize()}.")
    detach.add_argument("--run-dir", required=True, metavar="DIR", help="its run directory")
    detach.add_argument("--json", action="store_true", help="the answer, as JSON")
    verbs.add_parser("guard", help="own neard and kill it when its lease ends, as a service of its own", add_help=False)
    verbs.add_parser(
        "compile",
        help="of the file that tools/pack.py makes: compile it for this host's Python, so that its starts are cheap",
        description="Write FILE.CACHE_TAG.zip beside the packed FILE, compiled for this Python, and print its name; do"
        " nothing if it is there. Each start of FILE takes it, unless somebody else may have written it.",
    )
    from . import completion, notify

    notify.add_to(verbs)
    completion.add_to(verbs, "near-supervisor")
    if whole:
        from . import operator as operator_cli

        each = {verb: operator_cli.parser(verb) for verb in _OPERATORS}
        verbs.choices.update(each, run=_run_parser("near-supervisor run"))
    return parser


def _completion(shell: str) -> int:
    from . import completion

    sys.stdout.write(completion.script(_verbs(whole=True), shell, "near-supervisor"))
    return 0


def _run_parser(prog: str, version: str = "", strategy: str = "") -> argparse.ArgumentParser:
    from . import options

    parser = argparse.ArgumentParser(prog=prog, description=_RUN)
    if version:
        parser.add_argument("--version", action="version", version=version)
    options.add_arguments(parser, options.from_environment(), strategy)
    parser.set_defaults(as_kuutamod=bool(version))
    return parser


def _run(prog: str, argv: list[str] | None, version: str = "", strategy: str = "") -> int:
    given = _run_parser(prog, version, strategy).parse_args(argv)
    from .. import daemon

    return daemon.run(given)


def _compile() -> int:
    from .. import packed

    try:
        made = packed.compile_it()
    except NearError as error:
        sys.stderr.write(f"near-supervisor: {error}\n")
        return 1
    if made is not None:
        sys.stdout.write(f"{made}\n")
    return 0


def _detach(given: argparse.Namespace) -> int:
    from near_ha.transport import control_client

    try:
        answer = control_client.call(Path(given.run_dir) / "control.sock", "POST", "/detach")
    except NearError as error:
        sys.stderr.write(f"near-supervisor: {error}\n")
        return 1
    left = "The supervisor is leaving; guard and neard go on until the lease ends.\n"
    sys.stdout.write(json.dumps(answer, indent=2) + "\n" if given.json else left)
    return 0


if __name__ == "__main__":
    sys.exit(main())
