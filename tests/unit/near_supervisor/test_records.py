"""Records that no member has signed, or that somebody has put back: waited out, never obeyed, and said aloud."""

from __future__ import annotations

from dataclasses import replace

import pytest

from near_ha.records.lease_record import LeaseState
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev
from near_supervisor.core.conditions import readiness
from near_supervisor.core.facts.lease_view import How, Seen
from near_supervisor.core.facts.model import Believed, Node
from support.core_play import SETTINGS, UNKNOWN, D, Play, claimed, held, record, released

FORGED = [
    pytest.param(claimed(), id="released to anybody"),
    pytest.param(claimed(handover_to="a"), id="released to this node"),
    pytest.param(claimed(node_id="a", hostname="host-a", handover_to="c"), id="this node's own release"),
    pytest.param(claimed(state=LeaseState.VACANT, node_id=""), id="a vacancy"),
    pytest.param(claimed(state=LeaseState.VALIDATING), id="a silent holder with a short lease"),
    pytest.param(claimed(session="session-x"), id="locked by somebody"),
    pytest.param(claimed(session="session-a"), id="locked with this node's session"),
    pytest.param(claimed(state=LeaseState.VALIDATING, lease_ms=3_600_000), id="a long lease"),
    pytest.param(claimed(state=LeaseState.VALIDATING, validator_public_key="ed25519:X"), id="another validator key"),
]


def acquired(out: list[cmd.Command]) -> cmd.Acquire | None:
    found = Play.one(cmd.Acquire, out)
    assert found is None or isinstance(found, cmd.Acquire)
    return found


@pytest.mark.parametrize("seen", FORGED)
@pytest.mark.parametrize("lease_ms", [D, 3 * D])
def test_a_forged_record_is_waited_out_for_the_longest_lease_that_is_known_and_no_longer(
    seen: Seen, lease_ms: int
) -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(50, lease_ms=lease_ms, height=5_000)))
    assert not acquired(play.do(ev.LeaseSeen(seen), after=10))
    assert not acquired(play.wait(lease_ms - 1))
    attempt = acquired(play.wait(2))
    assert attempt is not None
    assert (attempt.how, attempt.index) == (How.TAKEOVER, seen.index), "whoever holds it loses it, if nothing came"
    assert (attempt.record.term, attempt.record.height) == (8, 5_000), "nothing of it is what the forged one says"


@pytest.mark.parametrize("seen", FORGED)
def test_a_node_that_has_just_started_goes_by_the_last_heartbeat(seen: Seen) -> None:
    kept = record(lease_ms=3 * D, height=7_000)
    forged = replace(seen, kept=kept, kept_index=49)
    if forged.claim is not None and forged.claim.validator_public_key != SETTINGS.validator_public_key:
        forged = replace(forged, claim=replace(forged.claim, validator_public_key=SETTINGS.validator_public_key))
    play = Play().to_voting()
    assert not acquired(play.do(ev.LeaseSeen(forged)))
    assert not acquired(play.wait(3 * D - 1))
    attempt = acquired(play.wait(2))
    assert attempt is not None
    assert (attempt.record.term, attempt.record.height) == (8, 7_000)


def test_its_end_is_that_of_the_last_holder_that_was_believed() -> None:
    """By the chain's clock, too: a standby that lags must not take an old block for one from after that end."""
    play = Play().to_voting()
    clock = 1_700_000_000_000
    play.do(ev.LeaseSeen(held(50, chain_ms=clock)))
    play.do(ev.LeaseSeen(claimed()), after=10)
    assert acquired(play.wait(D + 1)) is not None
    assert play.node.candidate.attempt is not None
    assert play.node.candidate.attempt.end.chain_ms >= clock + D * 8 // 10


def test_each_write_of_it_starts_the_wait_again() -> None:
    """A heartbeat may have been between two of them."""
    play = Play().to_voting()
    for index in range(50, 60):
        assert not acquired(play.do(ev.LeaseSeen(claimed(index))))
        assert not acquired(play.wait(D - 1))
    assert acquired(play.wait(2)) is not None


def test_a_heartbeat_ends_it() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(50)))
    play.do(ev.LeaseSeen(claimed(51)), after=10)
    assert "record" in readiness.names(play.node)
    play.do(ev.LeaseSeen(held(52, seq=2)), after=10)
    assert "record" not in readiness.names(play.node)
    assert acquired(play.do(ev.LeaseSeen(replace(released(seq=3), index=53)), after=10)) is not None


def test_a_forged_lock_of_our_own_session_is_not_taken_for_our_acquisition() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(UNKNOWN))
    mine = {"node_id": "a", "hostname": "host-a", "term": 8, "state": LeaseState.VALIDATING}
    play.do(ev.LeaseSeen(claimed(51, "session-a", **mine)))
    assert play.node.leadership is None
    assert play.node.candidate.attempt is None, "and the record has moved on"


def test_anothers_record_under_our_session_is_not_taken_for_our_acquisition() -> None:
    """Signed, and of the term that this node has asked for: of the one who was faster."""
    play = Play().to_voting()
    play.do(ev.LeaseSeen(released()))
    play.do(ev.AcquireAnswered(UNKNOWN))
    play.do(ev.LeaseSeen(replace(held(51, term=8), session="session-a")))
    assert play.node.leadership is None


# --- what is put back


def test_a_record_of_a_term_that_is_over_is_not_believed_again() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60, term=8, height=5_000)))
    assert not acquired(play.do(ev.LeaseSeen(replace(released(term=7, height=10), index=61)), after=10))
    assert "is put back from long ago, term 8 was seen before" in play.said()
    assert not acquired(play.wait(D - 1))
    attempt = acquired(play.wait(2))
    assert attempt is not None
    assert (attempt.how, attempt.record.term, attempt.record.height) == (How.TAKEOVER, 9, 5_000)


def test_nor_by_the_next_process() -> None:
    play = Play(Node(SETTINGS, last_term=8, believed=Believed(kept_term=8))).to_voting()
    assert not acquired(play.do(ev.LeaseSeen(released(term=7))))
    fresh = Play().to_voting()
    assert acquired(fresh.do(ev.LeaseSeen(released(term=7)))) is not None, "who never heard of a later one cannot know"


def test_nor_by_a_process_that_remembers_nothing_and_reads_the_last_heartbeat() -> None:
    later = record(term=8, lease_ms=3 * D, height=7_000)
    play = Play().to_voting()
    assert not acquired(play.do(ev.LeaseSeen(replace(released(term=7), kept=later, kept_index=49))))
    assert "is put back from long ago, term 8 was seen before" in play.said()
    assert not acquired(play.wait(3 * D - 1)), "its lease is the one that counts, however short one's own is"
    attempt = acquired(play.wait(2))
    assert attempt is not None
    assert (attempt.record.term, attempt.record.height) == (9, 7_000)


def test_nor_by_a_process_that_remembers_the_term_and_not_the_lease() -> None:
    later = record(term=8, lease_ms=3 * D)
    play = Play(Node(SETTINGS, last_term=8, believed=Believed(kept_term=8))).to_voting()
    play.do(ev.LeaseSeen(replace(released(term=7), kept=later, kept_index=49)))
    assert not acquired(play.wait(3 * D - 1))
    assert acquired(play.wait(2)) is not None


def test_a_heartbeat_between_both_reads_makes_nothing_old() -> None:
    """The last heartbeat is read after the lease."""
    play = Play().to_voting()
    play.do(ev.LeaseSeen(replace(held(50, seq=4), kept=record(seq=5, height=900), kept_index=51)))
    assert "put back" not in play.said()
    assert "record" not in readiness.names(play.node)
    assert play.node.believed.height == 900


def test_that_the_last_heartbeat_is_read_once_only_does_not_start_the_wait_again() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(replace(held(50), kept=record(), kept_index=50)))
    play.wait(D - 10)
    play.do(ev.LeaseSeen(held(50)))
    assert acquired(play.wait(11)) is not None


def test_an_earlier_record_of_the_same_term_does_not_shorten_a_lease() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60, seq=5, lease_ms=4 * D, height=900)))
    play.do(ev.LeaseSeen(held(61, seq=4, lease_ms=D, height=100)), after=10)
    assert not acquired(play.wait(4 * D - 1))
    attempt = acquired(play.wait(2))
    assert attempt is not None
    assert attempt.record.height == 900


def test_a_read_that_is_stale_is_no_record_that_was_put_back() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60, seq=5)))
    play.do(ev.LeaseSeen(held(59, seq=4)), after=10)
    assert "put back" not in play.said()
    assert "record" not in readiness.names(play.node)


def test_a_vacancy_has_no_number_in_its_term() -> None:
    """Whoever notes it counts by a clock of its own."""
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(60, seq=10**9)))
    play.do(ev.LeaseSeen(Seen(61, record(node_id="", state=LeaseState.VACANT, seq=1), "", None)), after=10)
    assert "record" not in readiness.names(play.node)


# --- said aloud


def test_it_is_said_once_with_the_key_of_consul_and_who_is_said_to_have_written_it() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(held(50)))
    for number in range(100):
        play.do(ev.LeaseSeen(claimed(51 + number, node_id=f"m{number}")), after=10)
    told = [line for line in play.said().splitlines() if "not signed" in line]
    assert len(told) == 1
    says = "kuutamod-leader/default says that it is of 'm0' on 'host-b', state Released, term 1000000"
    assert told[0].startswith(says)


def test_a_name_that_is_no_name_is_said_short_and_without_what_a_terminal_obeys() -> None:
    play = Play().to_voting()
    play.do(ev.LeaseSeen(claimed(node_id="\x1b[2J\n" + "x" * 4_000)))
    told = next(line for line in play.said().split("not signed") if "kuutamod-leader" in line)
    assert "\x1b" not in told
    assert len(told) < 400


def test_a_node_that_was_never_told_anything_it_believes_may_be_the_one_with_the_wrong_key() -> None:
    """With another validator key it can verify nobody: then it does not stand, as without signatures."""
    other = claimed(state=LeaseState.VALIDATING, validator_public_key="ed25519:X")
    fresh = Play().to_voting()
    fresh.do(ev.LeaseSeen(other))
    assert not acquired(fresh.wait(10 * D))
    assert "key_fingerprint" in readiness.names(fresh.node)
    told = Play().to_voting()
    told.do(ev.LeaseSeen(held(50)))
    told.do(ev.LeaseSeen(other), after=10)
    assert "key_fingerprint" not in readiness.names(told.node)
    assert acquired(told.wait(D + 1)) is not None
