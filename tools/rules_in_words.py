"""What each rule of the core says in one sentence, and a test that fails without it.

The keys are the rules of ``core/rules/table.py``, as ``file.function``. Each test was seen to fail with its rule taken
out of the table; it is somewhere below ``tests/unit/near_supervisor``.
"""

from __future__ import annotations

IN_WORDS: dict[str, tuple[str, str]] = {
    "fencing.end_signer_without_lease": (
        "A neard that may sign and has no lease behind it is killed at once.",
        "test_rule_1_a_no_kills_at_once",
    ),
    "fencing.end_signer_at_deadline": (
        "A signer is killed at its deadline, 0.8 of the lease after the last good heartbeat was sent.",
        "test_rule_1_the_deadline_kills_and_the_lease_goes_back_when_consul_returns",
    ),
    "fencing.end_standby_that_shows_a_key": (
        "A standby that says that it has loaded a validator key is killed.",
        "test_a_standby_that_shows_a_validator_key_is_killed",
    ),
    "fencing.end_signer_with_another_key": (
        "A signer that says that it has loaded another key than it was given is killed.",
        "test_a_signer_that_shows_another_key_than_it_was_given_is_killed_and_the_lease_given_back",
    ),
    "fencing.end_neard_that_hangs": (
        "A signer that was up and is silent for three polls is killed if a standby is ready, otherwise after 30 s.",
        "test_a_signer_that_hangs_is_killed_after_three_polls_if_another_one_is_ready",
    ),
    "fencing.end_neard_that_never_gets_ready": (
        "A neard that does not answer in time after its start is killed; one that works on it has longer, one that is"
        " to sign has less time if a standby is faster.",
        "test_a_start_with_the_key_that_takes_longer_than_a_lease_is_left_to_a_standby_that_is_faster",
    ),
    "validator_key.end_signer_without_its_key": (
        "A neard that was given the key and does not show it in time is ended.",
        "test_a_neard_that_does_not_show_it_is_ended_and_the_lease_given_back",
    ),
    "validator_key.confirm": (
        "A signer that is seen without its key, by a question asked after that was taken away, goes on as a standby.",
        "test_it_is_seen_without_its_key_and_only_then_is_the_lease_released",
    ),
    "fencing.stop_when_starts_fail": (
        "After three starts in a row without one answer the supervisor ends and says so.",
        "test_three_starts_without_an_answer_end_in_words_and_status_1",
    ),
    "fencing.stop_when_starts_are_refused": (
        "After five refusals of a start in a row the supervisor ends and says so.",
        "test_refused_starts_are_retried_for_a_while_and_end_in_their_own_words",
    ),
    "run_dir.end": (
        "A supervisor whose run directory cannot be made again ends; a validator first waits for a ready standby.",
        "test_a_signer_whose_run_directory_is_gone_hands_over_when_a_standby_is_ready",
    ),
    "silent_validator.say": (
        "That a validator signs nothing that arrives is said soon, and again and again.",
        "test_without_peers_or_a_head_it_signs_nothing_and_every_place_says_so",
    ),
    "silent_validator.make_room": (
        "A validator that signs nothing for a bounded time gives the lease to a standby that would do better.",
        "test_a_signer_behind_the_chain_stays_while_no_standby_is_ready_and_steps_down_when_one_is",
    ),
    "switchover.hand_over": (
        "A holder that has accepted a request releases the lease to the target, right after a new head if one comes.",
        "test_the_holder_accepts_then_stops_then_releases_to_the_target",
    ),
    "switchover.fail": (
        "A target whose leadership ends before it signed fails the request, and the one before gets the lease back.",
        "test_a_target_whose_neard_ends_before_it_signs_says_so_and_the_old_one_has_its_role_back",
    ),
    "switchover.stop_for_successor": (
        "A signer whose lease is to be released gives its key up, or is stopped.",
        "test_the_holder_accepts_then_stops_then_releases_to_the_target",
    ),
    "shutdown.wind_down": (
        "On the way out neard is stopped, and the lease is to be released.",
        "test_rule_2_released_is_written_only_after_the_end_of_neard",
    ),
    "neard.attach_guard": (
        "A supervisor without a guard attaches to one, once the neard that it knew of is surely gone.",
        "test_a_guard_that_dies_takes_the_lease_with_it_only_after_neard_is_gone",
    ),
    "lease.heartbeat": (
        "The holder sends a heartbeat every tenth of the lease, also while neard is stopping.",
        "test_the_lease_counts_from_when_the_core_asked_for_the_heartbeat",
    ),
    "height.account": (
        "The successor counts again with each head how far its predecessor may have come.",
        "test_a_chain_that_stands_still_is_waited_for_and_said_aloud",
    ),
    "duties.read": (
        "A new holder asks neard once who makes what at the next heights, before it has to know.",
        "test_what_is_used_up_and_nobodys_duty_needs_no_block",
    ),
    "doppelganger.look": (
        "A holder looks at the chain for signatures of somebody else before it signs.",
        "test_who_sees_nothing_signs_at_once",
    ),
    "doppelganger.overrule": (
        "Only a request for this node that says so lets it sign although somebody else was seen.",
        "test_a_person_can_overrule_it_and_answers_for_it_in_the_history",
    ),
    "doppelganger.rest": (
        "The veto ends when nobody else was seen for a lease.",
        "test_it_signs_when_nobody_was_seen_for_a_lease",
    ),
    "doppelganger.make_room": (
        "A holder with a veto that can no longer see the chain gives the lease to a ready standby.",
        "test_whoever_cannot_see_whether_it_goes_on_leaves_the_lease_to_another_one",
    ),
    "doppelganger.alarm": (
        "That a holder does not sign because somebody else does is said again and again.",
        "test_somebody_else_keeps_this_node_from_signing_and_is_shouted_about",
    ),
    "promotion.clear_to_sign": (
        "Rule 4: a holder may sign when a heartbeat of its term has succeeded, neard is in sync, its head is above all"
        " that may have been signed, and nobody else is seen to sign.",
        "test_rule_4_nothing_is_armed_before_a_heartbeat_of_the_new_term_has_succeeded",
    ),
    "promotion.promote": (
        "A holder that may sign has its running neard given the key; where that cannot be, neard is started again for"
        " it.",
        "test_rule_4_nothing_is_armed_before_a_heartbeat_of_the_new_term_has_succeeded",
    ),
    "lease.release": (
        "The lease is released only after the armed neard has ended or has given its key up.",
        "test_rule_1_the_deadline_kills_and_the_lease_goes_back_when_consul_returns",
    ),
    "validator_key.renew": (
        "A neard that gave its key up is started afresh as soon as another node has the lease.",
        "test_it_is_started_afresh_as_soon_as_another_one_has_the_lease",
    ),
    "kuutamods_way.leave": (
        "Whoever is not to sign leaves the node key that the hosts share to the one that is.",
        "test_a_new_supervisor_moves_a_standby_out_of_the_validators_place",
    ),
    "neard.start_standby": (
        "Without a role to take, neard runs as a standby.",
        "test_neard_is_started_in_the_validators_place_without_the_key_and_is_given_it_there",
    ),
    "neard.poll_neard": (
        "neard is asked one question at a time, more often while something waits for the answer.",
        "test_neard_is_asked_all_the_time_until_it_shows_the_key",
    ),
    "neard.watch_end": (
        "That a neard has not ended two seconds after SIGTERM is said, with when it is killed.",
        "test_a_neard_that_ignores_sigterm_is_said_after_two_seconds_with_when_it_is_killed",
    ),
    "session.register": (
        "A synced node without a session asks Consul for one.",
        "test_it_asks_once_and_waits_for_the_answer",
    ),
    "session.renew_session": (
        "The session is renewed when it is due, whatever else goes on.",
        "test_a_raised_lease_does_not_let_the_session_of_a_shorter_one_run_out",
    ),
    "readiness.judge": (
        "What speaks against a takeover by this node is known before it is needed.",
        "test_the_member_record_names_all_reasons_a_moment_after_they_change",
    ),
    "pre_takeover.ask": (
        "Whoever would take over as somebody planned asks its hook first, once for each request.",
        "test_the_hook_is_asked_once_and_the_validator_told_that_it_is",
    ),
    "session.publish_member": (
        "The member record follows each change within a second, and is written every ten seconds.",
        "test_the_member_record_names_all_reasons_a_moment_after_they_change",
    ),
    "switchover.prove": (
        "A new validator says that it signs once it is up, in sync, and above what its predecessor signed.",
        "test_the_target_says_that_it_is_done_when_it_signs_and_how_long_nobody_did",
    ),
    "silent_validator.look": (
        "A validator looks whether the newest blocks of others have its approvals.",
        "test_the_blocks_of_others_tell",
    ),
    "signing_check.look": (
        "A validator asks what the chain has counted of its blocks, chunks and endorsements.",
        "test_a_new_signer_looks_at_once_and_then_now_and_then",
    ),
    "signing_check.tell": (
        "Once in a term it is said, and added to the history, what the chain has of the validator.",
        "test_what_arrived_is_told_once_and_noted_in_the_history",
    ),
    "signing_check.alarm": (
        "What is owed and does not arrive is said again and again, and its end once.",
        "test_a_validator_of_which_nothing_arrives_raises_the_alarm_and_stays",
    ),
    "signing_check.doppelganger": (
        "That somebody else makes blocks or chunks with the key of a validator that signs is said again and again.",
        "test_a_foreign_signer_is_shouted_about_once_a_minute",
    ),
    "signing_check.warn_of_kickout": (
        "That only few chunks may still be missed in this epoch is said now and then.",
        "test_that_few_are_left_is_said_now_and_then",
    ),
    "switchover.answer_request": (
        "The holder accepts a request, or says why not, while it still signs.",
        "test_the_holder_accepts_then_stops_then_releases_to_the_target",
    ),
    "switchover.conclude": (
        "Whoever validates after a hand-over says how the request ended.",
        "test_another_one_had_to_take_over_and_says_that_it_failed",
    ),
    "switchover.call_off": (
        "A request that nobody carries out ends by itself, so that another one can be made.",
        "test_a_request_that_nobody_carries_out_is_called_off",
    ),
    "lease.acquire": (
        "Rules 2 and 3: a synced standby tries to take the lease when that was released to it, or has been silent for"
        " long enough.",
        "test_a_silent_holder_is_waited_out_for_a_whole_lease",
    ),
    "readiness.look_at_members": (
        "A standby reads the members' records every 30 s.",
        "test_a_standby_reads_the_members_every_half_minute_and_a_holder_does_not",
    ),
    "readiness.complain": (
        "A reason against a takeover that lasts is said, and said again; its end once.",
        "test_a_reason_is_said_when_it_lasts_then_every_ten_minutes_and_its_end_once",
    ),
    "readiness.forget": (
        "What was said of a standby begins anew after it has held the lease.",
        "test_a_validator_complains_of_nothing_and_begins_anew_as_a_standby",
    ),
    "shutdown.leave": (
        "The supervisor leaves when neard has ended and the lease is given back, or could not be for too long.",
        "test_detach_leaves_everything_running",
    ),
}
