"""``near-supervisor notify``: tell those whom the supervisor of this host tells, to see that they hear it."""

from __future__ import annotations

import argparse
import sys

from near_ha.errors import NearError, Refused
from near_ha.operator.cluster_options import Access
from near_ha.transport.by_socket import SocketWay

TEXT = "send a notification, to see that it arrives"
_EVENTS = ("test", "drill")
_REFUSED = 3
_MORE = (
    f"{TEXT.capitalize()}. It goes the way of all others: to the command and the web address that this host's"
    " supervisor was given. Whether it arrived is in its log, and in the metric near_supervisor_notifications_total."
)


def add_to(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb among the others."""
    verb = verbs.add_parser("notify", help=TEXT, description=_MORE)
    verb.add_argument("text", nargs="?", default="", metavar="TEXT", help="what is told")
    verb.add_argument("--event", choices=_EVENTS, default="test", help="drill: that a drill is over (default: test)")
    verb.add_argument("--account-id", default="", metavar="X", help="the validator's account, if the host has several")
    verb.add_argument("--run-dir", default="", metavar="X", help="run directory of the supervisor to ask")


def main(given: argparse.Namespace) -> int:
    """The exit status: 0 it is on its way, 1 nobody could be asked, 3 refused."""
    try:
        number = SocketWay(Access(account_id=given.account_id, run_dir=given.run_dir)).notify(given.event, given.text)
    except NearError as error:
        sys.stderr.write(f"near-supervisor: {error}\n")
        return _REFUSED if isinstance(error, Refused) else 1
    sys.stdout.write(f"notification {number} is on its way\n")
    return 0
