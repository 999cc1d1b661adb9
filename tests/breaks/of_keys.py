"""Breaks of what is about the validator key: one lock for each, and who may take over with it."""

from __future__ import annotations

from .one_break import CORE, UNIT, Break

STORE = "src/near_supervisor/io/consul_store.py"
LOCKS = "tests/integration/consul_store/test_key_lock.py"

BREAKS: tuple[Break, ...] = (
    Break(
        "one key, one lock: whoever takes the lease takes the lock of the key in the same transaction",
        STORE,
        "[*conditions[how], *self._take_key(key_index, session, value), lock]",
        "[*conditions[how], lock]",
        LOCKS,
    ),
    Break(
        "one key, one lock: it is taken only as it was read",
        STORE,
        'there: list[Operation] = [{"Verb": "check-index", "Index": index}, {"Verb": "delete-cas", "Index": index}]',
        'there: list[Operation] = [{"Verb": "delete", "Index": index}]',
        LOCKS,
    ),
    Break(
        "one key, one lock: where there was none there still has to be none",
        STORE,
        'conditions = [{"Verb": "check-not-exists"}] if index is None else there',
        'conditions = [{"Verb": "delete"}] if index is None else there',
        LOCKS,
    ),
    Break(
        "one key, one lock: each heartbeat is written to it, and is refused where it is another's",
        STORE,
        '*ours, {**write, "Key": self._kept_key}, *keep, write])',
        '*ours, {**write, "Key": self._kept_key}, write])',
        LOCKS,
    ),
    Break(
        "one key, one lock: what another name has left there is not written over by a heartbeat",
        STORE,
        "if seen.index is not None and seen.account_id != self.account_id:",
        "if False:",
        LOCKS,
    ),
    Break(
        "one key, one lock: a holder that another name has waited out hears no, and not that it is late",
        STORE,
        '_INDEXES = ("check-index", "check-not-exists", "delete-cas")',
        '_INDEXES = ("check-index", "check-not-exists", "delete-cas", "lock")',
        LOCKS,
    ),
    Break(
        "one key, one lock: beside a holder of another name nobody tries",
        CORE + "key_lock.py",
        "    if seen.session is not None:\n        return None\n",
        "",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "one key, one lock: a silent holder of another name is waited out for the longer lease",
        CORE + "key_lock.py",
        "return watch.since + max(settings.lease_ms, record.lease_ms)",
        "return watch.since + settings.lease_ms",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "one key, one lock: a lock that is not there is waited for",
        CORE + "key_lock.py",
        "        return watch.since + settings.lease_ms\n    if not",
        "        return 0\n    if not",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "one key, one lock: what may not be read forbids",
        CORE + "key_lock.py",
        "    if seen.problem:\n        return None\n",
        "",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "one key, one lock: each heartbeat of another name starts the wait again",
        CORE + "key_lock.py",
        "(watch is not None and watch.seen == seen)",
        "watch is not None",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "one key, one lock: what was signed under another name is not signed again",
        CORE + "rules_lease.py",
        "return max(floor, under_other_name), End(now)",
        "return floor, End(now)",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "one key, one lock: a release that was seen is not that of another name",
        CORE + "rules_lease.py",
        "return max(floor, under_other_name), End(now)",
        "return max(floor, under_other_name), answer.end",
        UNIT + "test_key_lock.py",
    ),
    Break(
        "other names: what may be a kuutamod's lease of this validator keeps the first node from trying",
        CORE + "other_locks.py",
        "    if not strange or not is_first:\n",
        "    if True:\n",
        UNIT + "test_other_locks.py",
    ),
    Break(
        "other names: a lease with this key keeps every node from trying",
        CORE + "other_locks.py",
        "    if same:\n",
        "    if same and is_first:\n",
        UNIT + "test_other_locks.py",
    ),
    Break(
        "other names: only what a session holds now counts",
        "src/near_supervisor/io/consul_members.py",
        "if entry.session is not None and entry.key != mine]",
        "if entry.key != mine]",
        "tests/integration/consul_store/test_members.py",
    ),
    Break(
        "other names: another name than the key's account is not taken without a word",
        "src/near_supervisor/options.py",
        "given.account_id == account_id or given.account_id_differs or as_kuutamod",
        "True",
        UNIT + "test_run_options.py",
    ),
    Break(
        "the chain's key: a node with another one takes no lease",
        CORE + "readiness.py",
        '("chain_key", _chain_key, True)',
        '("chain_key", _chain_key, False)',
        UNIT + "test_listing.py",
    ),
    Break(
        "the chain's key: one that is listed from the next epoch on does not count yet",
        CORE + "listing.py",
        "return self.current or self.following",
        "return self.following or self.current",
        UNIT + "test_listing.py",
    ),
    Break(
        "the chain's key: a released lease is not for another key, unless that is listed",
        CORE + "beside.py",
        'return "" if is_new else _released_by(record, mine)',
        'return ""',
        UNIT + "test_listing.py",
    ),
    Break(
        "the chain's key: under another name a listed key may be another validator's",
        CORE + "beside.py",
        "is Listed.OURS and mine.account_id == mine.validator_account_id",
        "is Listed.OURS",
        UNIT + "test_listing.py",
    ),
    Break(
        "the chain's key: a neard that does not tell changes nothing",
        CORE + "absorb_chain.py",
        "if event.listing is None or event.listing == node.listing:",
        "if event.listing == node.listing:",
        UNIT + "test_listing.py",
    ),
    Break(
        "a block time that the chain does not have is said",
        CORE + "readiness.py",
        "if pace is None or 4 * configured <= 5 * pace <= 6 * configured:",
        "if True:",
        UNIT + "test_heads.py",
    ),
)
