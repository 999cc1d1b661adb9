"""Breaks of what a record has to be to be believed: signed by a member, and not put back from long ago."""

from __future__ import annotations

from .one_break import CORE, UNIT, Break

NEAR_HA = "plugins/module_utils/near_ha/"
IO = "src/near_supervisor/io/"
RECORDS = UNIT + "test_records.py"
SIGNED = "tests/unit/near_ha/test_record_key.py"
STORE = "tests/integration/consul_store/test_forgeries.py"
VALUES = UNIT + "test_cluster_values.py"

BREAKS: tuple[Break, ...] = (
    # --- the signature
    Break(
        "a signature that is not right is none",
        NEAR_HA + "keys/record_key.py",
        "right = isinstance(given, str) and hmac",
        "right = isinstance(given, str) or hmac",
        SIGNED,
    ),
    Break(
        "what is not signed is not believed",
        NEAR_HA + "keys/record_key.py",
        '                return "it is not signed"',
        '                return ""',
        SIGNED,
    ),
    Break(
        "a value is signed for its key of Consul, and so for its account",
        NEAR_HA + "keys/record_key.py",
        'text = f"{key}\\0{json',
        'text = f"{json',
        SIGNED,
    ),
    Break(
        "what signs records is not the validator's secret itself",
        NEAR_HA + "keys/record_key.py",
        '        self._secret = hmac.digest(extracted, origin + b"\\x01", hashlib.sha256)\n',
        "        self._secret = secret\n",
        SIGNED,
    ),
    Break(
        "whoever can read the record key's file is this user alone, or its group",
        NEAR_HA + "keys/record_key.py",
        "if mode & 0o007:",
        "if False:",
        SIGNED,
    ),
    Break(
        "a node that starts is no candidate, whatever it says of itself",
        NEAR_HA + "operator/cluster_report.py",
        '"ready": False, "starting": True}',
        '"starting": True}',
        "tests/unit/near_ha/test_starting.py",
    ),
    Break(
        "the store shows no record that no member has signed",
        IO + "consul_store.py",
        "        if doubt:\n            return Seen(",
        "        if False:\n            return Seen(",
        STORE,
    ),
    Break(
        "where a record is not to be believed, the last heartbeat is read",
        CORE + "facts/lease_view.py",
        "return self.index is None or self.claim is not None",
        "return self.index is None",
        STORE,
    ),
    Break(
        "a member record that nobody has signed counts as one that cannot be read",
        IO + "consul_members.py",
        "None if doubt else record",
        "record",
        STORE,
    ),
    Break(
        "a member record counts with the session that it was signed for",
        IO + "consul_members.py",
        'return f"{key} {session}"',
        "return key",
        STORE,
    ),
    Break(
        "a request that no member has signed is not followed",
        "src/near_supervisor/adapters/cluster.py",
        "        return ev.RequestSeen(entry.index, None)\n    return ev.RequestSeen(entry.index, request)",
        "    return ev.RequestSeen(entry.index, request)",
        VALUES,
    ),
    Break(
        "a pause that no member has signed is not followed",
        "src/near_supervisor/adapters/cluster.py",
        "        return ev.ConfigSeen(None)\n    return ev.ConfigSeen(config.paused)",
        "    return ev.ConfigSeen(config.paused)",
        VALUES,
    ),
    # --- what follows from a claim
    Break(
        "what is only claimed is waited out",
        CORE + "facts/lease_view.py",
        "        return watch.since + silence_ms\n",
        "        return watch.since\n",
        RECORDS,
    ),
    Break(
        "a claim is no foreign record: it blocks for a known lease and not for ever",
        CORE + "facts/lease_view.py",
        "    if seen.claim is not None:\n        # Whoever",
        "    if False:\n        # Whoever",
        RECORDS,
    ),
    Break(
        "what the last heartbeat says is known, also where a claim hides the lease",
        CORE + "updates/consul.py",
        "for record in (seen.record, seen.kept):",
        "for record in (seen.record, None if seen.claim else seen.kept):",
        RECORDS,
    ),
    Break(
        "behind a claim the holder's end is by the chain's clock, too",
        CORE + "rules/lease.py",
        "end = replace(end, chain_ms=heights.gone_by(node, now))",
        "pass",
        RECORDS,
    ),
    Break(
        "only this node's own record shows that its acquisition came through",
        CORE + "updates/consul.py",
        "mine = lease_view.is_own(seen, node.settings) and seen.record",
        "mine = seen.record",
        RECORDS,
    ),
    Break(
        "who was never told anything that it believes may have the wrong key, and does not stand",
        CORE + "conditions/config_mismatch.py",
        "(seen.claim if seen is not None and not told else None)",
        "None",
        RECORDS,
    ),
    Break(
        "who was told is not kept from standing by a claim of another key",
        CORE + "conditions/config_mismatch.py",
        "(seen.claim if seen is not None and not told else None)",
        "(seen.claim if seen is not None else None)",
        RECORDS,
    ),
    Break(
        "many forged records are one line of the log",
        CORE + "conditions/belief.py",
        "now < node.believed.doubt_said_at + SAY_DOUBT_AGAIN_MS",
        "False",
        RECORDS,
    ),
    # --- what is put back
    Break(
        "a record of a term that is over is not believed again",
        CORE + "conditions/belief.py",
        "        return record.term < node.last_term\n",
        "        return False\n",
        RECORDS,
    ),
    Break(
        "nor one that is older than another of its term",
        CORE + "conditions/belief.py",
        "return one == other and record.seq < known.seq",
        "return False",
        RECORDS,
    ),
    Break(
        "a read that is stale is no record that was put back",
        CORE + "conditions/belief.py",
        "(seen.index or 0) < node.believed.index or not",
        "not",
        RECORDS,
    ),
    Break(
        "looking begins with the last heartbeat",
        IO + "consul_store.py",
        "if not index or seen.tells_nothing or not is_news:",
        "if seen.tells_nothing or not is_news:",
        STORE,
    ),
    Break(
        "a record that is older than what was read is read with the last heartbeat",
        IO + "consul_store.py",
        "if not index or seen.tells_nothing or not is_news:",
        "if not index or seen.tells_nothing:",
        STORE,
    ),
    Break(
        "an acquisition is kept as a heartbeat is",
        IO + "consul_store.py",
        ", self._keep(value), lock]",
        ", lock]",
        STORE,
    ),
    Break(
        "a record that is older than the last heartbeat is not believed by a newcomer either",
        CORE + "conditions/belief.py",
        "        node = know(node, seen.kept)\n",
        "        pass\n",
        RECORDS,
    ),
    Break(
        "a holder that was never seen has the longest lease that was",
        CORE + "conditions/belief.py",
        "lease_ms=max(node.believed.lease_ms, record.lease_ms)",
        "lease_ms=record.lease_ms if newer else max(node.believed.lease_ms, record.lease_ms)",
        UNIT + "test_settings_change.py",
    ),
    Break(
        "a heartbeat between both reads makes nothing old",
        CORE + "conditions/belief.py",
        "(seen.kept_index or 0) <= (seen.index or 0)",
        "True",
        RECORDS,
    ),
    Break(
        "that the last heartbeat is read once only does not start the wait again",
        CORE + "facts/lease_view.py",
        "if one.index is None and one.kept_index",
        "if one.kept_index",
        RECORDS,
    ),
    Break(
        "a new term is kept for the next process at once",
        CORE + "updates/consul.py",
        " and term <= node.believed.kept_term",
        "",
        UNIT + "test_lease_view.py",
    ),
    # --- a way past the supervisors
    Break(
        "who cannot sign asks nothing of a cluster that follows only what is signed",
        NEAR_HA + "transport/by_consul.py",
        "if any(record_key.is_signed(entry.value) for entry in entries):",
        "if False:",
        "tests/integration/test_consul_way.py",
    ),
    Break(
        "a forged request stands in nobody's way",
        NEAR_HA + "records/cluster.py",
        "self._found(request_index=entry.index)\n        if self._note_doubt(entry):",
        "self._found(request_index=entry.index)\n        if False:",
        "tests/unit/near_ha/test_cluster.py",
    ),
    Break(
        "a release goes on top of what its node wrote last",
        "src/near_supervisor/io/consul_store.py",
        "*_if_at(index), *key, unlock",
        "*key, unlock",
        "tests/integration/consul_store/test_releases.py",
    ),
    Break(
        "a node that was cut off does not go on from the record of another one that was put under its session",
        "src/near_supervisor/io/consul_store.py",
        "ours = seen.record is None or lease_record.one_leadership(seen.record, mine)",
        "ours = True",
        "tests/integration/consul_store/test_releases.py",
    ),
    Break(
        "a process that has written nothing yet goes on only from a leadership that the last heartbeat shows",
        "src/near_supervisor/io/consul_store.py",
        "ours = ours and kept is not None and lease_record.one_leadership(kept, mine)",
        "pass",
        "tests/integration/consul_store/test_releases.py",
    ),
    Break(
        "nor from its own, once somebody has taken over",
        "src/near_supervisor/io/consul_store.py",
        'ours = ours and self._created[1] == found["CreateIndex"]',
        "pass",
        "tests/integration/consul_store/test_releases.py",
    ),
)
