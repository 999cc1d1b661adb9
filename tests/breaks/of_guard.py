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
        "                self.backstop.set(deadline + BACKSTOP_MS)\n            self.output.open()",
        "                pass\n            self.output.open()",
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
        "a journal that takes nothing does not hold up the guard",
        GUARD,
        "while self.pending and poller.poll(0):",
        "while self.pending:",
        UNIT + "test_guard_output.py",
    ),
    Break(
        "no secret that neard writes goes on to the history",
        "src/near_supervisor/io/last_words.py",
        "words = secret.sub(mask, words)",
        "pass",
        UNIT + "test_io_last_words.py",
    ),
    Break(
        "nor half of one, whose beginning was cut off",
        GUARD,
        "if len(kept) >= KEPT_OUTPUT else kept",
        "if False else kept",
        UNIT + "test_guard_output.py",
    ),
    Break(
        "a guard that nobody can find any more ends, after its neard",
        GUARD,
        "return self.quitting or idle or self._is_out_of_reach()",
        "return self.quitting or idle",
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
