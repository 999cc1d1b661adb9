"""To a cluster past every supervisor: a request is written where they all see it."""

from __future__ import annotations

import socket
import time
import uuid
from dataclasses import replace
from typing import Any

from ..errors import BadConfig, ConsulUnknown, Refused
from ..keys import record_key
from ..keys.record_key import RecordKey
from ..operator import cluster_report
from ..operator import request as operator_request
from ..operator.cluster_options import Access, checked_account
from ..operator.request import OperatorRequest, Verb, Write
from ..records import cluster
from ..records.wire import Entry
from .base import Asked
from .consul_http import ConsulHttp

_ASK_S = 5.0
_TRIES = 3
_MOST_SHOWN = 10


class ConsulWay:
    """Every call asks Consul afresh. With the cluster's ``records`` what is written is signed, and what no member has
    signed stands in nobody's way.
    """

    def __init__(self, access: Access, records: RecordKey | None = None) -> None:
        self._records = records or access.records()
        self._consul = ConsulHttp(access.agents(), _ASK_S)
        self._account_id = checked_account(access.account_id) if access.account_id else self._only_account()

    @property
    def account_id(self) -> str:
        """The account that was named, or the only one in this Consul."""
        return self._account_id

    def meant(self, verb: Verb) -> str:
        """This host is promoted, if it is a member; whoever validates is demoted."""
        return socket.gethostname() if verb is Verb.PROMOTE else ""

    def look(self) -> dict[str, Any]:
        """The cluster as Consul has it now."""
        return cluster_report.cluster_json(self._cluster())

    def ask(self, wanted: OperatorRequest, *, check: bool) -> Asked:
        """Decide here, and write by check-and-set; from the start again where somebody else was faster."""
        request_id, now_ms = uuid.uuid4().hex[:12], time.time_ns() // 1_000_000
        for _try in range(_TRIES):
            decision = operator_request.decide(self._cluster(), wanted, request_id, now_ms)
            if isinstance(decision, operator_request.Nothing):
                return Asked(False, decision.text, "" if check else decision.request)
            if isinstance(decision, operator_request.Refusal):
                raise Refused(decision.text, decision.hint)
            if check:
                return Asked(True, decision.text)
            if self._written(self._signed(decision)):
                return Asked(True, decision.text, decision.request)
        text = f"the cluster of account {self._account_id} changes faster than it can be asked"
        raise Refused(text, "Somebody else is at it: look who, then try again")

    def _signed(self, write: Write) -> Write:
        """Refused where the members sign, and this side cannot: they would not follow it."""
        if self._records is not None:
            return replace(write, value=self._records.sealed(write.key, write.value))
        entries = self._consul.entries(self._account_id)
        if any(record_key.is_signed(entry.value) for entry in entries):
            text = (
                f"the supervisors of account {self._account_id} follow only what is signed, and no record key is given"
            )
            raise Refused(text, "Ask the supervisor of a host instead of Consul, or name a file with the record key")
        return write

    def _written(self, write: Write) -> bool:
        """Is it there? Also where the answer got lost, and another agent then said no to what the first had stored."""
        trouble = None
        try:
            if self._consul.check_and_set(write.key, write.index, write.value):
                return True
        except ConsulUnknown as error:
            trouble = error
        try:
            entries = self._consul.entries(self._account_id)
        except ConsulUnknown as error:
            trouble, entries = trouble or error, ()
        # A request may have been moved on already: its id stays.
        request = cluster.read(self._account_id, entries).request
        if write.request and request is not None and request.id == write.request:
            return True
        if any(entry.key == write.key and entry.value == write.value.encode() for entry in entries):
            return True
        if trouble is not None:
            text = f"{trouble.message}; whether it has the request is not known"
            raise ConsulUnknown(text, "Look before you ask again: it may still be carried out")
        return False

    def _cluster(self) -> cluster.Cluster:
        entries = self._consul.entries(self._account_id)
        if not entries:
            known = _listed(self._consul.accounts()) or "none"
            text = f"Consul at {self._consul.agents.names} has no cluster of account {self._account_id}"
            hint = f"Is the account id right, and did a supervisor ever run? Accounts that have one: {known}"
            raise Refused(text, hint)
        return cluster.read(self._account_id, entries, self._doubt)

    def _doubt(self, entry: Entry) -> str:
        return self._records.doubt(entry.key, entry.value) if self._records is not None else ""

    def _only_account(self) -> str:
        known = self._consul.accounts()
        if len(known) == 1:
            return checked_account(known[0])
        text = f"no account_id is given, and Consul at {self._consul.agents.names} has {len(known) or 'none'}"
        raise BadConfig(text, f"Name one of: {_listed(known)}" if known else "Do its supervisors run?")


def _listed(accounts: tuple[str, ...]) -> str:
    """For people: these are names of keys, which anybody may have made up."""
    shown = ["".join(sign for sign in account if sign.isprintable()) for account in accounts[:_MOST_SHOWN]]
    return ", ".join([*shown, *(["…"] if len(accounts) > _MOST_SHOWN else [])])
