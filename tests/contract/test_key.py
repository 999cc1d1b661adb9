"""A validator key that is given to a neard that runs, and taken away from it."""

from __future__ import annotations

import signal

from contract.chain_under_test import ChainUnderTest
from near_localnet.layout import CHAIN_NODES


def test_sighup_gives_a_key_and_takes_it(neard: ChainUnderTest) -> None:
    neard.give_key()
    neard.until("it shows the key", neard.has_key, 5)
    neard.take_key()
    neard.until("it shows none", lambda: neard.status()["validator_account_id"] is None, 5)


def test_approvals_of_a_key_that_was_given_are_in_headers(neard: ChainUnderTest) -> None:
    neard.give_key()
    neard.until("a header has its approval", neard.approves)
    neard.take_key()
    neard.until("none has it", lambda: not neard.approves())


def test_what_it_has_used_up_without_a_key_it_does_not_approve_with_one(neard: ChainUnderTest) -> None:
    for _ in range(3):
        used_up = int(neard.metric("near_largest_target_height") or 0)
        assert used_up > 0
        before = set(neard.approved(used_up - 9))
        neard.give_key()
        neard.until("a header has its approval", neard.approves)
        assert min(set(neard.approved(used_up - 9)) - before) > used_up
        neard.take_key()
        neard.until("none has it", lambda: not neard.approves())


def test_a_broken_key_file_changes_nothing(neard: ChainUnderTest) -> None:
    neard.give_key()
    neard.until("it shows the key", neard.has_key, 5)
    neard.key_file.write_text("{")
    neard.hang_up()
    neard.until("it says that its files are wrong", lambda: neard.metric("near_config_correct") == 0, 10)
    assert neard.has_key()


def test_a_key_is_not_taken_while_config_json_is_broken(neard: ChainUnderTest) -> None:
    neard.give_key()
    neard.until("it shows the key", neard.has_key, 5)
    (neard.home / "config.json").write_text("{")
    neard.take_key()
    neard.until("it says that its files are wrong", lambda: neard.metric("near_config_correct") == 0, 10)
    assert neard.has_key(), "the old key goes on signing"


def test_others_take_the_new_holder_for_the_signer(neard: ChainUnderTest) -> None:
    neard.give_key()
    names = neard.peer_id()
    neard.until("everybody does", lambda: all(neard.holder(node) == names for node in CHAIN_NODES))


def test_a_restarted_neard_without_a_key_claims_nothing(neard: ChainUnderTest) -> None:
    neard.give_key()
    neard.until("it shows the key", neard.has_key, 5)
    neard.end()
    neard.begin()
    assert neard.status()["validator_account_id"] is None
    assert neard.metric("near_is_validator") == 0


def test_config_reload_is_counted(neard: ChainUnderTest) -> None:
    before = neard.metric("near_config_reloads_total")
    assert before is not None
    neard.hang_up()
    neard.until("one more", lambda: (neard.metric("near_config_reloads_total") or 0) > before, 10)


def test_sighup_before_the_handlers_stand_ends_the_process(home: ChainUnderTest) -> None:
    home.launch()
    started = home.subject()
    assert started
    for process in started:
        process.signal(signal.SIGHUP)
    home.until("it is gone", lambda: not home.subject(), 20)
