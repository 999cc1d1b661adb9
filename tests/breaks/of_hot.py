"""Breaks of a key for a neard that runs."""

from __future__ import annotations

from .one_break import CORE, GUARD, GUARD_UNIT, UNIT, Break

BREAKS: tuple[Break, ...] = (
    # --- strategy hot
    Break(
        "hot: neard counts as armed from when the guard is asked to put the key in place",
        CORE + "rules/validator_key.py",
        "armed = replace(neard, armed=True, arming=True, key_given_at=now)",
        "armed = replace(neard, arming=True, key_given_at=now)",
        UNIT + "test_hot_takeover.py",
    ),
    Break(
        "hot: the guard counts it as armed before the key is in place",
        GUARD + "verbs.py",
        "neard.armed, neard.tag, neard.deadline = True, str",
        "neard.armed, neard.tag, neard.deadline = False, str",
        GUARD_UNIT + "test_arming.py",
    ),
    Break(
        "hot: the kernel's timer is set before the key is in place",
        GUARD + "verbs.py",
        "        self._owner.kernel_timer.set(deadline + KERNEL_TIMER_MS)\n        neard.armed, neard.tag",
        "        neard.armed, neard.tag",
        GUARD_UNIT + "test_arming.py",
    ),
    Break(
        "hot: a takeover is over when neard shows the key, not before",
        CORE + "rules/switchover.py",
        "if node.neard is None or hot_takeover.confirmed_by(node.neard) is not None:",
        "if node.neard is None:",
        UNIT + "test_hot_takeover.py",
    ),
    Break(
        "hot: a neard that has just come up is not sent a SIGHUP",
        CORE + "rules/validator_key.py",
        "if now < hot_takeover.settled_at(neard) or leadership.deadline - now < room:",
        "if leadership.deadline - now < room:",
        UNIT + "test_hot_takeover.py",
    ),
    Break(
        "restart: nobody waits for the slow end of a neard that is in the way",
        CORE + "rules/neard.py",
        "stopped = cmd.StopNeard(why, IN_THE_WAY_MS if in_the_way else None)",
        "stopped = cmd.StopNeard(why)",
        UNIT + "test_signing.py",
    ),
    Break(
        "a signer that shows another key than it was given is killed",
        CORE + "rules/fencing.py",
        "if neard is None or not neard.armed or not neard.other_key:",
        "if True:",
        UNIT + "test_signing.py",
    ),
    Break(
        "hot: whose neard ends before it has the key does not start one with it",
        CORE + "rules/promotion.py",
        "if node.settings.strategy is not Strategy.RESTART and not leadership.by_restart:",
        "if False:",
        UNIT + "test_hot_takeover.py",
    ),
    Break(
        "hot: a failure of before does not end the next try",
        CORE + "rules/validator_key.py",
        'neard=armed, hot=replace(node.hot, reason=""), leadership',
        "neard=armed, leadership",
        UNIT + "test_hot_takeover.py",
    ),
    Break(
        "restart: a standby that would be started anew lets a better one go first",
        CORE + "conditions/election.py",
        " or _better_stands_by(node) else 0",
        " else 0",
        UNIT + "test_election.py",
    ),
    Break(
        "restart: whoever would be refused after a silent loss says so before",
        CORE + "conditions/readiness.py",
        'against = hot_takeover.against_as_it_runs(node) if _stands_by(node) else ""',
        'against = ""',
        UNIT + "test_readiness.py",
    ),
    # --- the key is given back
    Break(
        "give back: only an answer to a question from after the key was taken away counts",
        CORE + "updates/neard.py",
        "asked_at >= neard.key_taken_at and neard.armed",
        "neard.armed",
        UNIT + "test_giving_back.py",
    ),
    Break(
        "give back: it is armed until the guard has said otherwise",
        CORE + "rules/validator_key.py",
        "node = replace(node, neard=replace(neard, key_taken_at=now, key_is_gone=False))",
        "node = replace(node, neard=replace(neard, key_taken_at=now, key_is_gone=False, armed=False))",
        UNIT + "test_giving_back.py",
    ),
    Break(
        "give back: who has signed does not go on announcing itself while another one has the lease",
        CORE + "rules/validator_key.py",
        '    return stop(node, "it has signed, and is started afresh so that',
        '    return node, []\n    return stop(node, "it has signed, and is started afresh so that',
        UNIT + "test_giving_back.py",
    ),
    Break(
        "give back: while nobody has the lease, who gave it back may take it again",
        CORE + "rules/validator_key.py",
        "if seen is None or seen.session is None or seen.record is None:",
        "if seen is None:",
        UNIT + "test_giving_back.py",
    ),
    Break(
        "give back: what cannot be proved is ended",
        CORE + "updates/neard.py",
        'return replace(node, neard=neard), [Log("warn", f"killing neard: {why}"), KillNeard(why)]',
        "return replace(node, neard=neard), []",
        UNIT + "test_giving_back.py",
    ),
    Break(
        "give back: the guard kills what is not seen without its key in time",
        GUARD + "neard.py",
        '        elif self.prove_by is not None and now >= self.prove_by:\n            self.kill("disarm")\n',
        "",
        GUARD_UNIT + "test_disarming.py",
    ),
    Break(
        "give back: nobody's word counts who has taken no key away",
        GUARD + "verbs.py",
        '        if neard.prove_by is None:\n            raise Refused(f"nobody has',
        '        if neard.prove_by is None and False:\n            raise Refused(f"nobody has',
        GUARD_UNIT + "test_disarming.py",
    ),
    Break(
        "give back: the kernel's timer does not outlive it",
        GUARD + "verbs.py",
        "neard.gave_up = False, None, neard.tag\n        self._owner.kernel_timer.set(0)\n",
        "neard.gave_up = False, None, neard.tag\n",
        GUARD_UNIT + "test_disarming.py",
    ),
    Break(
        "give back: it must have been this process that answered",
        "src/near_supervisor/io/listener.py",
        "    return False\n\n\ndef _listening",
        "    return True\n\n\ndef _listening",
        UNIT + "test_io_listener.py",
    ),
    Break(
        "hot: rule 4 holds for it, too",
        CORE + "rules/promotion.py",
        "    if heights.is_above(node, leadership):",
        "    if True:",
        UNIT + "test_hot_takeover.py",
    ),
    Break(
        "hot: the rules of a signer are asked in the step that makes it one",
        CORE + "machine.py",
        "if node is decided and asked(node) is asked(before):",
        "if node is decided:",
        UNIT + "test_hot_takeover.py",
    ),
)
