"""The supervisor's end of the guard's socket."""

from __future__ import annotations

from pathlib import Path

from near_guard.kernel import boot_ms
from near_supervisor.io.guard_client import GuardClient, Reply
from support.guard_rig import GuardRig, wait_for

# As neard does: it takes the key at SIGHUP, and runs on.
NEARD = ("/bin/sh", "-c", "trap '' HUP; exec sleep 600")


def pidfds(pid: int) -> int:
    """How many descriptors of that process this one holds; other tests' may still wait for their end."""
    found = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            found += f"Pid:\t{pid}\n" in info.read_text()
        except FileNotFoundError:
            continue
    return found


def ignores_hangups(pid: int) -> bool:
    """Has it got so far?"""
    ignored = Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0]
    return bool(int(ignored, 16) & 1)


def test_a_neard_that_is_given_the_key_again_and_again_is_held_on_to_once(tmp_path: Path) -> None:
    """A descriptor was lost with each hot takeover."""
    with GuardRig(tmp_path) as rig:
        rig.socket.close()
        ended: list[Reply] = []
        client = GuardClient(rig.run_dir / "guard.sock", ended.append, lambda: None)
        client.listen()
        words = {"argv": list(NEARD), "lock": str(rig.lock), "validator_key": str(rig.key)}
        answers: list[Reply] = []
        client.ask({"do": "start", "armed": False, "deadline": 0, **words}, answers.append)
        wait_for(lambda: len(answers) == 1, "neard is there")
        assert answers[0]["ok"]
        pid = answers[0]["pid"]
        before = pidfds(pid)
        assert before == 1
        wait_for(lambda: ignores_hangups(pid), "it takes SIGHUP")
        for _ in range(5):
            client.ask({"do": "arm", "pid": pid, "deadline": boot_ms() + 60_000, **words}, answers.append)
        wait_for(lambda: len(answers) == 6, "the guard has answered")
        assert pidfds(pid) == before
        client.ask({"do": "quit"})
        wait_for(lambda: bool(ended), "neard has ended")
        assert pidfds(pid) < before
        client.close()
