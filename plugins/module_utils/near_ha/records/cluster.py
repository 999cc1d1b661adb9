"""All that Consul's store says of one account's cluster, as one plain value; no question is asked here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BadRecord
from . import cluster_config, consul_keys, history, lease_record, member_record, switchover
from .cluster_config import NOT_PAUSED, ClusterConfig
from .history import Change
from .lease_record import LeaseRecord, LeaseState
from .member_record import Member
from .switchover import Switchover
from .wire import Entry


@dataclass(frozen=True)
class MemberStatus:
    """One member: ``record`` is None where it cannot be read; ``session`` is None when the node is gone."""

    member_id: str
    record: Member | None
    session: str | None

    @property
    def alive(self) -> bool:
        """Its session lives. After a crash that says so for up to twice the session's TTL."""
        return self.session is not None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.record.node_id if self.record else self.member_id


@dataclass(frozen=True)
class Cluster:
    """``lease`` is None where there is no record or a foreign one, whose holder ``holder`` names ("" = nobody).

    ``starting`` are nodes that are no members yet: nobody can ask anything of them, and nobody waits for them.
    ``lease_session`` locks the lease (None = it is free). ``*_index`` are for check-and-set (0 = there is no key).
    ``config`` is the default one where it cannot be read: then ``config_known`` is false, and each supervisor holds on
    to what it read before. ``problems`` are sentences about values that cannot be read.
    """

    account_id: str
    lease: LeaseRecord | None = None
    holder: str = ""
    lease_session: str | None = None
    lease_index: int = 0
    members: tuple[MemberStatus, ...] = ()
    starting: tuple[MemberStatus, ...] = ()
    config: ClusterConfig = NOT_PAUSED
    config_index: int = 0
    config_known: bool = True
    request: Switchover | None = None
    request_index: int = 0
    changes: tuple[Change, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def validator(self) -> MemberStatus | None:
        """The member that holds the lease; None when nobody does, or one that is no member of ours."""
        if self.lease_session is None:
            return None
        return next((member for member in self.members if member.session == self.lease_session), None)

    @property
    def leader(self) -> str:
        """Who holds the lease, for people; "" when nobody does."""
        return self.holder if self.lease_session is not None else ""

    @property
    def term(self) -> int:
        """The term of the last record that could be read."""
        return self.lease.term if self.lease else 0

    @property
    def known(self) -> bool:
        """Somebody has run a supervisor, or a kuutamod, for this account."""
        return bool(self.members) or self.lease_index != 0

    def member(self, name: str) -> MemberStatus | None:
        """The member with this member id, else the only one that is called so (node id or host name)."""
        called = self.called(name)
        return called[0] if len(called) == 1 else None

    def called(self, name: str) -> tuple[MemberStatus, ...]:
        """The member with this member id, else all that are called so."""
        exact = tuple(member for member in self.members if member.member_id == name)
        if exact or not name:
            return exact
        return tuple(m for m in self.members if m.record and name in (m.record.node_id, m.record.hostname))


def read(account_id: str, entries: Iterable[Entry], doubt: Callable[[Entry], str] = lambda _entry: "") -> Cluster:
    """The cluster of ``account_id`` in ``entries``: the lease's key and all below the account's prefix.

    Never raises: what cannot be read is named in ``problems`` and otherwise counts as not there. So does a request, or
    a pause, of which ``doubt`` says why no member follows it; the lease is shown as it is.
    """
    reader = _Reader(account_id, doubt)
    for entry in entries:
        reader.take(entry)
    members = tuple(sorted(reader.members, key=lambda member: member.member_id))
    starting = tuple(reader.starting[key] for key in sorted(reader.starting))
    return replace(reader.found, members=members, starting=starting, problems=tuple(reader.problems))


class _Reader:
    def __init__(self, account_id: str, doubt: Callable[[Entry], str]) -> None:
        self._doubt = doubt
        self.members: list[MemberStatus] = []
        self.starting: dict[str, MemberStatus] = {}
        # Of each installation, when it said something last, as a member or as one that starts.
        self._newest: dict[str, tuple[int, str]] = {}
        self.problems: list[str] = []
        self.found = Cluster(account_id)
        self._members, self._starting = consul_keys.members(account_id), consul_keys.starting(account_id)
        self._singles = {
            consul_keys.leader(account_id): self._lease,
            consul_keys.config(account_id): self._config,
            consul_keys.switchover(account_id): self._request,
            consul_keys.history(account_id): self._history,
        }

    def take(self, entry: Entry) -> None:
        single = self._singles.get(entry.key)
        try:
            if single is not None:
                single(entry)
            elif entry.key.startswith(self._members):
                self._member(entry)
            elif entry.key.startswith(self._starting) and entry.session is not None:
                # What its session has left is nobody any more.
                self._begins(entry)
        except BadRecord as error:
            self.problems.append(f"{entry.key}: {error}")

    def _found(self, **fields: Any) -> None:
        self.found = replace(self.found, **fields)

    def _lease(self, entry: Entry) -> None:
        holder = lease_record.holder_name(entry.value)
        self._found(lease_index=entry.index, lease_session=entry.session, holder=holder)
        record = lease_record.parse(entry.value)
        self._note_doubt(entry)
        self._found(lease=record, holder="" if record.state is LeaseState.VACANT else record.node_id)

    def _note_doubt(self, entry: Entry) -> bool:
        doubt = self._doubt(entry)
        if doubt:
            self.problems.append(f"{entry.key}: {doubt}, so that no member follows it")
        return bool(doubt)

    def _config(self, entry: Entry) -> None:
        self._found(config_index=entry.index, config_known=False)
        if self._note_doubt(entry):
            return
        self._found(config=cluster_config.parse(entry.value), config_known=True)

    def _request(self, entry: Entry) -> None:
        self._found(request_index=entry.index)
        if self._note_doubt(entry):
            return
        self._found(request=switchover.parse(entry.value))

    def _history(self, entry: Entry) -> None:
        self._found(changes=history.parse(entry.value))

    def _begins(self, entry: Entry) -> None:
        name, record = entry.key[len(self._starting) :].rpartition("/")[0], member_record.parse(entry.value)
        if self._is_newest(record, entry):
            self.starting[entry.key] = MemberStatus(name, record, entry.session)

    def _is_newest(self, record: Member, entry: Entry) -> bool:
        """A session outlives a crash: of a node that starts again its last words as a member are still there."""
        index, key = self._newest.get(record.instance, (-1, ""))
        if entry.index <= index:
            return False
        self._newest[record.instance] = entry.index, entry.key
        self.starting.pop(key, None)
        return True

    def _member(self, entry: Entry) -> None:
        name = entry.key[len(self._members) :]
        try:
            record = member_record.parse(entry.value)
        except BadRecord as error:
            record = None
            self.problems.append(f"{entry.key}: {error}")
        if record is not None and entry.session is not None:
            self._is_newest(record, entry)
        self.members.append(MemberStatus(name, record, entry.session))
