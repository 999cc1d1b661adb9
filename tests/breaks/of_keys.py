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
)
