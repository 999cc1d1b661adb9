"""Breaks of a key for a neard that runs."""

from __future__ import annotations

from .one_break import CORE, GUARD, UNIT, Break

BREAKS: tuple[Break, ...] = (
    # --- strategy hot
    Break(
        "hot: neard counts as armed from when the guard is asked to put the key in place",
        CORE + "rules_hot.py",
        "armed = replace(neard, armed=True, key_given_at=now)",
        "armed = replace(neard, key_given_at=now)",
        UNIT + "test_hot.py",
    ),
    Break(
        "hot: the guard counts it as armed before the key is in place",
        GUARD,
        "neard.armed, neard.tag, neard.deadline = True, str",
        "neard.armed, neard.tag, neard.deadline = False, str",
        UNIT + "test_guard_arming.py",
    ),
    Break(
        "hot: the kernel's timer is set before the key is in place",
        GUARD,
        "        self.backstop.set(deadline + BACKSTOP_MS)\n        neard.armed, neard.tag",
        "        neard.armed, neard.tag",
        UNIT + "test_guard_arming.py",
    ),
    Break(
        "hot: a takeover is over when neard shows the key, not before",
        CORE + "rules_switchover.py",
        "if node.neard is None or hot.confirmed_by(node.neard) is not None:",
        "if node.neard is None:",
        UNIT + "test_hot.py",
    ),
    Break(
        "hot: a neard that has just come up is not sent a SIGHUP",
        CORE + "rules_hot.py",
        "if now < hot.settled_at(neard) or tenure.deadline - now < room:",
        "if tenure.deadline - now < room:",
        UNIT + "test_hot.py",
    ),
    Break(
        "hot: rule 4 holds for it, too",
        CORE + "rules_lease.py",
        "    if node.sync.height > tenure.floor:",
        "    if True:",
        UNIT + "test_hot.py",
    ),
)
