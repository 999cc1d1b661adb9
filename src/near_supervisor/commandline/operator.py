"""The operator's verbs of ``near-supervisor``: see who validates, change it, keep it from changing by itself.

They do what the modules near_failover and near_failover_info do, by the same code.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from near_ha.errors import NearError
from near_ha.operator.cluster_options import TOKEN_VARIABLE, Access
from near_ha.operator.failover_client import DEFAULT_TIMEOUT_S, Failover, Patience, Wait, request_of
from near_ha.operator.request import MAX_NAME, Verb
from near_ha.transport.base import Way
from near_ha.transport.by_socket import SocketWay
from near_ha.transport.choice import open_way

from ..io import clock
from . import cluster_text
from .wait_line import WaitLine

_MORE = {
    "status": "Who validates, what is under way, and for each node whether it could take over, and why not. Without"
    " --consul-url it begins with the supervisor of this host, and shows that much while Consul is away.",
    "promote": "NODE (its id or host name; default: this host) becomes the validator. Who validates now checks first"
    " that NODE is ready, stops neard, waits for its end and gives the lease to NODE; if that does not take over, the"
    " role comes back. If nobody validates, NODE takes over when the lease is over. Never do two sign.",
    "demote": "NODE (default: this host; with --consul-url whoever validates) hands over to the best standby that is"
    " ready. If it does not validate, nothing happens.",
    "pause": "No role changes by itself until near-supervisor resume: a failed validator is not replaced. That never"
    " two sign holds all the same.",
    "resume": "The end of near-supervisor pause.",
    "cancel": "Calls off a switchover that was asked for and has not begun, while it waits for heights without a block"
    " or chunk to make, for instance.",
    "history": "The last changes of validator, the newest at the end. Times are UTC, by the clock of the host that took"
    " over.",
}
_STATUSES = """\
exit status:
  0  done, or it was so already
  1  nobody could be asked (no supervisor, no Consul, a refused token), or an option that cannot work
  2  wrong usage
  3  refused, and nothing was changed: the sentence says why and what to do
  4  the switchover failed: the sentence says why, and who validates
  5  it has not ended in time, and goes on by itself"""
_EXAMPLES = {
    "status": "  near-supervisor status --watch",
    "promote": '  near-supervisor promote --check\n  near-supervisor promote validator-2 --reason "new kernel"',
    "demote": "  near-supervisor demote --timeout 300",
    "pause": '  near-supervisor pause --reason "Consul moves"',
    "resume": "  near-supervisor resume",
    "cancel": '  near-supervisor cancel --reason "not tonight"',
    "history": "  near-supervisor history --last 5",
}
_CODES = {"refused": 3, "switchover_failed": 4, "timeout": 5}
_PROBLEM = 1
_INTERRUPTED = 130
_WATCH_MS = 1_000
_CLEAR = "\x1b[H\x1b[2J"
_DEFAULT_LAST = 20


def main(words: Sequence[str]) -> int:
    """The exit status of one of the verbs in _MORE."""
    given = parser(words[0]).parse_args(words[1:])
    try:
        run: Callable[[argparse.Namespace], int] = {"status": _status, "history": _history}.get(given.verb, _change)
        return run(given)
    except NearError as error:
        sys.stderr.write(f"near-supervisor: {_plain(str(error))}\n")
        return _CODES.get(error.code, _PROBLEM)
    except KeyboardInterrupt:
        return 0 if getattr(given, "watch", False) else _INTERRUPTED


def parser(verb: str) -> argparse.ArgumentParser:
    """The command line of one of the verbs."""
    parser = argparse.ArgumentParser(
        prog=f"near-supervisor {verb}",
        description=_MORE[verb],
        epilog=f"examples:\n{_EXAMPLES[verb]}\n\n{_STATUSES}",
        formatter_class=_Formatter,
    )
    parser.set_defaults(verb=verb)
    parser.add_argument("--json", action="store_true", help="for programs")
    if verb in ("promote", "demote"):
        _add_switchover(parser)
    if verb == "promote":
        parser.add_argument(
            "--ignore-doppelganger",
            action="store_true",
            help="NODE signs although the chain shows somebody else who signs with the key. It risks two signers: only"
            " for a key that you know to be nowhere else. It is written to the history",
        )
    if verb in ("promote", "demote", "pause", "resume", "cancel"):
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the log and the history")
        parser.add_argument("--check", action="store_true", help="only say what would happen, or why it would not")
    if verb == "status":
        parser.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")
    if verb == "history":
        parser.add_argument(
            "--last", type=_positive, default=_DEFAULT_LAST, metavar="N", help=f"how many (default {_DEFAULT_LAST})"
        )
    _add_ways(parser)
    return parser


def _positive(text: str) -> int:
    """A whole number above 0; ValueError is argparse's way to hear of another."""
    number = int(text)
    if number <= 0:
        raise ValueError
    return number


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Examples and lists stay as they are, sentences are wrapped."""
        wrapped = argparse.HelpFormatter._fill_text
        return text if "\n" in text else wrapped(self, text, width, indent)


def _add_switchover(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", nargs="?", default="", metavar="NODE", help="its node id, member id or host name")
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="S",
        help=f"seconds that it may take in all (default {DEFAULT_TIMEOUT_S}); each of its two phases gets two fifths",
    )
    parser.add_argument(
        "--now",
        action="store_true",
        help="do not wait for heights at which the validator has no block and no chunk to make (else up to a fifth of"
        " --timeout)",
    )
    parser.add_argument("--no-wait", action="store_true", help="ask, and do not wait for the end")
    parser.add_argument(
        "--force",
        action="store_true",
        help="also while paused, also a node that is not ready; costs time, never safety",
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which cluster", "by default that of the only supervisor on this host")
    environ = os.environ
    rows = (
        ("--account-id", "", "the validator's account"),
        ("--run-dir", "NEAR_SUPERVISOR_RUN_DIR", "run directory of the supervisor to ask"),
        ("--consul-url", "", "ask these Consul agents instead (a comma list), from any host"),
        ("--consul-token-file", "NEAR_SUPERVISOR_CONSUL_TOKEN_FILE", f"file with the token (else ${TOKEN_VARIABLE})"),
        ("--consul-ca-file", "NEAR_SUPERVISOR_CONSUL_CA_FILE", "authority that signed the https agents' certificates"),
        ("--consul-cert-file", "NEAR_SUPERVISOR_CONSUL_CERT_FILE", "certificate to show to https agents"),
        ("--consul-key-file", "NEAR_SUPERVISOR_CONSUL_KEY_FILE", "key of that certificate"),
        ("--record-key", "NEAR_SUPERVISOR_RECORD_KEY", "file with the key that signs what is written to Consul"),
    )
    for flag, variable, text in rows:
        shown = f"{text} [${variable}]" if variable else text
        group.add_argument(flag, default=environ.get(variable, ""), metavar="X", help=shown)


def _open(given: argparse.Namespace) -> Way:
    if not given.consul_url:
        return open_way(Access(account_id=given.account_id, run_dir=given.run_dir))
    return open_way(
        Access(
            account_id=given.account_id,
            consul_urls=tuple(given.consul_url.split(",")),
            token="" if given.consul_token_file else os.environ.get(TOKEN_VARIABLE, ""),
            token_file=given.consul_token_file,
            ca_file=given.consul_ca_file,
            cert_file=given.consul_cert_file,
            key_file=given.consul_key_file,
            record_key_file=given.record_key,
        )
    )


# --- to see


def _status(given: argparse.Namespace) -> int:
    sys.stdout.write(_seen(given))
    while given.watch:
        sys.stdout.flush()
        clock.sleep_ms(_WATCH_MS)
        try:
            text = _seen(given)
        except NearError as error:
            # A supervisor that is exchanged, or a Consul that elects, is what one wants to watch.
            text = json.dumps({"problem": str(error)}) + "\n" if given.json else f"{_plain(str(error))}\n"
        sys.stdout.write(_CLEAR + text if sys.stdout.isatty() and not given.json else text)
    return 0


def _seen(given: argparse.Namespace) -> str:
    return _seen_json(given) if given.json else _seen_text(given)


def _seen_json(given: argparse.Namespace) -> str:
    """What the supervisor says in ``GET /status``, and under ``cluster`` the document (null: see the problem)."""
    own, document, trouble = _look(given)
    seen = {**own, "cluster": document, "cluster_problem": trouble}
    return json.dumps(seen, indent=None if given.watch else 2) + "\n"


def _seen_text(given: argparse.Namespace) -> str:
    own, document, trouble = _look(given)
    parts = [cluster_text.own_text(own)] if own else []
    if document is not None:
        parts.append(cluster_text.cluster_text(document, _paint(), _columns()))
    else:
        parts.append(f"{_paint()(f'The rest of the cluster cannot be seen: {trouble}', cluster_text.BAD)}\n")
    return "\n".join(parts)


def _look(given: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any] | None, str]:
    """The supervisor's status ({} without one), the cluster's document, and why there is none."""
    way = _open(given)
    own = way.status if isinstance(way, SocketWay) else {}
    try:
        return own, way.look(), ""
    except NearError as error:
        if not own:
            raise
        return own, None, str(error)


def _history(given: argparse.Namespace) -> int:
    document = _open(given).look()
    if given.json:
        sys.stdout.write(json.dumps(document["history"][-given.last :], indent=2) + "\n")
    else:
        sys.stdout.write(cluster_text.history_text(document, given.last, _paint(), _columns()))
    return 0


def _columns() -> int | None:
    """Of the terminal; a file is as wide as it has to be."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _paint() -> cluster_text.Paint:
    """Colours are for a terminal, and for who has not said no to them."""
    dumb = "NO_COLOR" in os.environ or os.environ.get("TERM", "") in ("", "dumb")
    return cluster_text.coloured if sys.stdout.isatty() and not dumb else cluster_text.plain


# --- to change


def _change(given: argparse.Namespace) -> int:
    wanted = request_of(
        Verb(given.verb),
        getattr(given, "node", ""),
        by=_by(),
        reason=given.reason,
        force=getattr(given, "force", False),
        now=getattr(given, "now", False),
        ignore_doppelganger=getattr(given, "ignore_doppelganger", False),
        timeout_s=getattr(given, "timeout", DEFAULT_TIMEOUT_S),
    )
    patience = Patience(not getattr(given, "no_wait", False), getattr(given, "timeout", DEFAULT_TIMEOUT_S))
    # What a program reads has no such lines among it.
    line = WaitLine(sys.stderr, clock.boot_ms() / 1000)

    def waits(wait: Wait) -> None:
        if not given.json:
            line.show(_plain(wait.what), wait.left_s, clock.boot_ms() / 1000)

    failover = Failover(_open(given), on_wait=waits)
    problem: NearError | None = None
    try:
        for step in failover.run(wanted, patience, check=given.check):
            line.clear()
            if not given.json:
                sys.stdout.write(f"{step.at_s:8.2f} s  {_plain(step.text)}\n")
                sys.stdout.flush()
    except NearError as error:
        problem = error
    finally:
        line.clear()
    known = failover.known
    if given.json:
        code = {"code": problem.code, "msg": str(problem)} if problem else {}
        sys.stdout.write(json.dumps({**known.as_result(), **code}, indent=2) + "\n")
    elif problem is None and (given.check or not known.changed):
        begin = "It would be done" if known.changed else "Nothing to do"
        sys.stdout.write(f"{begin}: {_plain(known.msg)}.\n")
    if problem is not None:
        raise problem
    return 0


def _plain(text: str) -> str:
    """Anybody may have written what Consul holds: nothing of it moves the cursor, or begins a line of its own."""
    return "".join(sign for sign in text if sign.isprintable())


def _by() -> str:
    """Who asks, for the log and the history."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"[:MAX_NAME]
