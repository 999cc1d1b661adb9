"""What a person reads of a standby's readiness."""

from __future__ import annotations

from dataclasses import replace

from near_ha.operator.cluster_report import cluster_json
from near_ha.records.cluster import Cluster
from near_ha.records.history import Change, Kind
from near_supervisor.commandline import cluster_text
from near_supervisor.core import events as ev
from near_supervisor.core.facts.host import Host
from near_supervisor.snapshot import Snapshot
from support.core_play import Play, standby


def test_the_table_names_what_speaks_against_a_member_that_is_ready() -> None:
    members = (standby("a", reasons=("disk", "version")), standby("b"), standby("c", ready=False, reason="no peers"))
    text = cluster_text.cluster_text(cluster_json(Cluster("pool.near", members=members)))
    ends = [line.split("  ")[-1].strip() for line in text.splitlines()[-3:]]
    assert ends == ["yes, but: disk, version", "yes", "no: no peers"]


def test_a_document_of_an_older_version_has_no_reasons() -> None:
    document = cluster_json(Cluster("pool.near", members=(standby("a"),)))
    odds: list[object] = [None, "disk", [1], {}]
    for odd in odds:
        document["members"][0]["reasons"] = odd
        assert cluster_text.cluster_text(document).splitlines()[-1].endswith("  yes")
    del document["members"][0]["reasons"]
    assert cluster_text.cluster_text(document).splitlines()[-1].endswith("  yes")


def test_a_member_that_is_gone_has_none_whatever_it_said_last() -> None:
    gone = standby("a", reasons=("disk",))
    document = cluster_json(Cluster("pool.near", members=(type(gone)("a", gone.record, None),)))
    assert document["members"][0]["reasons"] == []


def test_this_host_says_each_reason_that_does_not_block_on_a_line_of_its_own() -> None:
    play = Play().to_voting()
    play.do(ev.HostSeen(Host(disk_free_bytes=2**30, key="no key", preflight="no \x1bfield")))
    text = cluster_text.own_text(Snapshot(play.node, play.now, 0).status())
    assert "(no key)" in text
    lines = [line for line in text.splitlines() if line.startswith("readiness")]
    assert lines.pop(0).startswith("readiness:  restart: a takeover would start neard anew (strategy restart)")
    assert lines == [
        "readiness:  disk: 1.0 GiB are free for neard's data, fewer than 10",
        "readiness:  preflight: no field",
    ]


def test_what_neard_said_last_is_in_the_history_and_as_long_as_it_is_news_in_the_status() -> None:
    failed = Change(7, "a", Kind.RELEASE, 1, reason="never signed: x", last_words="panicked at \x1b[31mx.rs")
    after = tuple(Change(term, "b", Kind.RELEASE, 1) for term in (8, 9))

    def shown(*changes: Change) -> str:
        return cluster_text.cluster_text(cluster_json(Cluster("pool.near", changes=changes)))

    said = "failed:     a in term 7: neard ended by itself; it said last: panicked at [31mx.rs\n"
    assert said in shown(failed)
    assert said in shown(failed, after[0])
    assert "failed:" not in shown(failed, *after)
    text = cluster_text.history_text(cluster_json(Cluster("pool.near", changes=(failed, *after))), 20)
    assert "never signed: x; its neard ended by itself and said last: panicked at [31mx.rs" in text


def test_this_host_says_for_how_long_it_lets_others_go_first() -> None:
    play = Play().to_voting()
    assert "holds back" not in cluster_text.own_text(Snapshot(play.node, play.now, 0).status())
    play.node = replace(play.node, early_ends=replace(play.node.early_ends, cool_until=play.now + 80_000))
    text = cluster_text.own_text(Snapshot(play.node, play.now, 0).status())
    assert "holds back: for 80 s, because its last leaderships ended early\n" in text


def test_on_a_terminal_of_40_columns_each_member_is_a_paragraph_of_lines_that_fit() -> None:
    members = (standby("a", reasons=("disk",)), standby("b", ready=False, reason="no peers"))
    document = cluster_json(Cluster("pool.near", members=members))
    _head, *paragraphs = cluster_text.cluster_text(document, columns=40).split("\n\n")
    assert [text.splitlines()[0] for text in paragraphs] == ["node: a", "node: b"]
    assert [text.splitlines()[-1] for text in paragraphs] == ["ready: yes, but: disk", "ready: no: no peers"]
    assert cluster_text.cluster_text(document, columns=120) == cluster_text.cluster_text(document)
