"""near-guard: the parent of neard, and its dead man's switch.

A program of its own: standard library, no network, and of this project nothing but this package. It starts neard,
puts the validator key in place only for a neard that is armed under a deadline, and kills that neard when the
deadline passes without being moved on.

A neard is *armed* from the moment it is started with the key, or the key is about to be put in place for it while it
runs, until waitpid() has returned for it and for everything it left behind, or until the supervisor has said that it
saw it without the key after this program had taken that away. Three things end an armed neard, each without the one
before it:

1. this program, at the deadline (SIGKILL);
2. a kernel timer (timer_create on CLOCK_BOOTTIME with SIGKILL as its signal) that ends *this program* shortly
   after the deadline, also when it hangs, is stopped by SIGSTOP, or the host was suspended;
3. PR_SET_PDEATHSIG: the kernel kills neard when this program ends, however it ends.

Requests and answers are JSON objects, one a line, on ``<run dir>/guard.sock`` (mode 0600). Requests carry ``id``
and ``do``: ``hello``, ``start``, ``arm``, ``disarm``, ``disarmed``, ``deadline``, ``stop``, ``kill``, ``listen``,
``quit``. The end of neard is told as ``{"event": "exit", ...}``. All times are milliseconds on CLOCK_BOOTTIME. One
supervisor at a time.

``guard.py`` waits for what happens next; ``owner.py`` has neard and does what is due, ``verbs.py`` what is asked for.
"""
