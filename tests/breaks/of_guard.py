"""Breaks of the guard and the kernel, which end a signer when nobody else does."""

from __future__ import annotations

from .one_break import GUARD, UNIT, Break

BREAKS: tuple[Break, ...] = (
    Break(
        "the guard kills at the deadline",
        GUARD,
        "if self.armed and now >= self.deadline:",
        "if False:",
        UNIT + "test_guard.py",
    ),
    Break(
        "the kernel ends a guard that hangs",
        GUARD,
        "                self.backstop.set(deadline + BACKSTOP_MS)\n            neard.spawn(",
        "                pass\n            neard.spawn(",
        UNIT + "test_guard.py",
    ),
    Break(
        "the guard's memory is left to others while neard is armed",
        GUARD,
        "            self.caretakers.call()\n",
        "            pass\n",
        UNIT + "test_guard.py",
    ),
    Break(
        "neard dies with its guard",
        GUARD,
        "_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)",
        "pass",
        UNIT + "test_guard.py",
    ),
    Break(
        "the guard refuses to arm without a deadline ahead",
        GUARD,
        "if armed and deadline <= boot_ms():",
        "if False:",
        UNIT + "test_guard.py",
    ),
    Break(
        "rule 6: every start of a guard takes the key away",
        GUARD,
        "        self.disarm_key()\n        self.wake_r",
        "        self.wake_r",
        UNIT + "test_guard.py",
    ),
    Break(
        "rule 6: the key goes when the armed neard has ended",
        GUARD,
        "        self.caretakers.dismiss()\n        self.disarm_key()\n        self.idle_since",
        "        self.caretakers.dismiss()\n        self.idle_since",
        UNIT + "test_guard.py",
    ),
    Break(
        "a process that holds the data directory is not ignored",
        GUARD,
        "if holder is not None:",
        "if False:",
        UNIT + "test_guard.py",
    ),
    Break(
        "what neard forked does not outlive it",
        GUARD,
        "            self._kill_left_behind()\n        return False",
        "            return True\n        return False",
        UNIT + "test_guard.py",
    ),
    Break(
        "without its guard nobody finds the key: the link leads through the guard",
        GUARD,
        'place(f"/proc/{os.getpid()}/fd/{self.fd}", self.link)',
        'place(os.path.realpath(f"/proc/{os.getpid()}/fd/{self.fd}"), self.link)',
        UNIT + "test_guard.py",
    ),
    Break(
        "the key that is taken away is not found through a link that is left",
        GUARD,
        "        if self.fd >= 0:\n            os.close(self.fd)\n",
        "",
        UNIT + "test_guard.py",
    ),
    Break(
        "a key that neard would not find is not in its place",
        GUARD,
        "        if not leads_to_it:\n",
        "        if False:\n",
        UNIT + "test_guard.py",
    ),
    Break(
        "a guard that nobody can find any more ends",
        GUARD,
        'cannot be had ({error}): this one ends")\n            self.quitting = True\n',
        'cannot be had ({error}): this one ends")\n',
        UNIT + "test_guard.py",
    ),
    Break(
        "a guard that nobody can find leaves a signer to its deadline",
        GUARD,
        "            if self.neard is not None and self.neard.armed:\n                # Its deadline",
        "            if False:\n                # Its deadline",
        UNIT + "test_guard.py",
    ),
    Break(
        "a guard does not take another one's place",
        GUARD,
        "        lock = self.run_lock if is_held else hold(path)\n",
        "        lock = self.run_lock\n",
        UNIT + "test_guard.py",
    ),
    Break(
        "a guard whose socket was removed makes it again",
        GUARD,
        "        try:\n            self._listen_again()\n",
        "        try:\n            raise Refused\n",
        UNIT + "test_guard.py",
    ),
    Break(
        "a hot takeover costs no descriptor",
        "src/near_supervisor/io/guard_client.py",
        "        if pid not in self._neards:\n",
        "        if True:\n",
        UNIT + "test_guard_client.py",
    ),
)
