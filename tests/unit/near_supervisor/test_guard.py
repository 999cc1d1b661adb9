"""The guard against real processes: what it starts, what it kills, and what kills for it."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from near_supervisor import guard
from support.guard_rig import GuardRig, alive, wait_for
from support.notify_socket import NotifySocket, notify_socket

SLEEP = ("sleep", "60")
DEAF = ("sh", "-c", "trap '' TERM; exec sleep 60")
# A child in a session of its own, which neither a signal to neard nor one to its group reaches.
LEAVES_A_CHILD = (sys.executable, "-c", "import os,time\nif os.fork() == 0: os.setsid()\ntime.sleep(60)")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GuardRig]:
    with GuardRig(tmp_path) as running:
        yield running


def descendants(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ignores_sigterm(pid: int) -> bool:
    ignored = Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0]
    return bool(int(ignored, 16) & 1 << (signal.SIGTERM - 1))


def test_it_starts_by_taking_the_key_away(tmp_path: Path) -> None:
    rig = GuardRig(tmp_path)
    rig.link.symlink_to(rig.key)
    with rig:
        assert not rig.link.is_symlink()


def test_a_real_key_file_in_neards_home_is_set_aside_not_deleted(tmp_path: Path) -> None:
    rig = GuardRig(tmp_path)
    rig.link.write_text("somebody's only copy")
    with rig:
        assert not rig.link.exists()
        [aside] = rig.home.glob("validator_key.json.set-aside-*")
        assert aside.read_text() == "somebody's only copy"
        assert str(aside) in rig.ask("hello")["notes"][0]


@pytest.mark.parametrize("deadline", [None, "soon", True, -1, 0, 10**18])
def test_it_refuses_to_arm_without_a_deadline_ahead(rig: GuardRig, deadline: object) -> None:
    request = {"argv": list(SLEEP), "lock": str(rig.lock), "armed": True, "validator_key": str(rig.key)}
    assert "deadline" in rig.ask("start", **request, deadline=deadline)["error"]
    assert not rig.link.is_symlink()
    assert descendants(rig.process.pid) == []


def test_the_key_is_there_exactly_while_neard_is_armed(rig: GuardRig) -> None:
    rig.start(*SLEEP)
    assert not rig.link.is_symlink()
    rig.ask("kill")
    rig.exit_event()
    rig.start(*SLEEP, armed=True)
    assert rig.link.read_text() == "the key"
    rig.ask("kill")
    rig.exit_event()
    assert not rig.link.is_symlink()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_without_its_guard_nobody_finds_the_key(rig: GuardRig, number: signal.Signals) -> None:
    """A link outlives a loss of power, and whoever starts neard at boot without a guard would sign."""
    rig.start(*SLEEP, armed=True)
    rig.signal_guard(number)
    rig.process.wait(10)
    assert rig.link.is_symlink() == (number is signal.SIGKILL)
    assert not rig.link.exists()


def test_a_link_that_cannot_be_removed_leads_nowhere_once_the_key_is_taken_away(tmp_path: Path) -> None:
    key, link = tmp_path / "key", tmp_path / "link"
    key.write_text("the key")
    in_place = guard.KeyInPlace(str(link))
    in_place.open(str(key))
    in_place.place()
    assert link.read_text() == "the key"
    in_place.close()
    assert link.is_symlink()
    assert not link.exists()


def test_it_has_the_key_wherever_it_may_open_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the key")
    in_place, numbers = guard.KeyInPlace(str(tmp_path / "link")), set[int]()
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for allowed in (most, most, most, guard.KEY_FD_FROM):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        try:
            in_place.open(str(tmp_path / "key"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        in_place.place()
        assert (tmp_path / "link").read_text() == "the key"
        numbers.add(in_place.fd)
    in_place.close()
    assert len(numbers) > 1, "where it is cannot be known beforehand"
    assert min(numbers) < guard.KEY_FD_FROM


def test_what_neard_would_not_find_is_no_key_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("the key")
    in_place = guard.KeyInPlace(str(tmp_path / "link"))
    in_place.open(str(tmp_path / "key"))
    # A pid of another namespace than /proc's.
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)
    with pytest.raises(guard.Refused, match="does not lead to the validator key"):
        in_place.place()
    in_place.close()


def test_where_processes_do_not_see_each_other_it_says_so_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    guard.require_open_proc()
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)
    with pytest.raises(guard.Refused, match="processes of one user have to see each other"):
        guard.require_open_proc()


def test_neard_does_not_inherit_the_key(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True)["pid"]
    wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "neard runs")
    assert str(rig.key) not in [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    held = [fd for fd in Path(f"/proc/{rig.process.pid}/fd").iterdir() if fd.readlink() == rig.key]
    assert len(held) == 1
    rig.ask("kill")
    rig.exit_event()
    assert not held[0].is_symlink(), "it lets the key go"


def test_at_the_deadline_it_kills(rig: GuardRig) -> None:
    pid = rig.start(*DEAF, armed=True, ms=300, tag="t/1")["pid"]
    end = rig.exit_event()
    assert (end["pid"], end["how"], end["cause"], end["tag"]) == (pid, "signal 9 (SIGKILL)", "deadline", "t/1")
    assert not alive(pid)


def test_a_deadline_that_is_moved_on_in_time_spares_neard(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True, ms=600)["pid"]
    for _ in range(6):
        before = guard.boot_ms()
        assert rig.ask("deadline", deadline=before + 600).get("ok")
        wait_for(lambda before=before: guard.boot_ms() > before + 200, "200 ms pass")  # type: ignore[misc]
        assert alive(pid)
    assert rig.exit_event()["cause"] == "deadline"


@pytest.mark.parametrize("who", ["guard", "guard and neard"])
def test_a_guard_that_is_frozen_is_ended_by_the_kernel_and_neard_with_it(rig: GuardRig, who: str) -> None:
    """What a whole host that hangs is to its processes: the timer of the kernel goes on."""
    pid = rig.start(*SLEEP, armed=True, ms=700)["pid"]
    # Before its exec the child is no neard yet: it would end by itself once thawed, without its parent.
    wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "neard runs")
    if who != "guard":
        os.kill(pid, signal.SIGSTOP)
    rig.signal_guard(signal.SIGSTOP)
    wait_for(lambda: not alive(pid), "neard is gone", 0.7 + guard.BACKSTOP_MS / 1000 + 2)
    wait_for(lambda: rig.process.poll() == -signal.SIGKILL, "the guard was killed")


def test_while_neard_is_armed_others_are_there_to_give_the_memory_back(rig: GuardRig) -> None:
    """Then the first thread, neard's parent, is not the last one to go, and neard ends at once."""

    def threads() -> int:
        return len(list(Path(f"/proc/{rig.process.pid}/task").iterdir()))

    rig.start(*SLEEP)
    assert threads() == 1
    rig.ask("kill")
    rig.exit_event()
    for _tenure in range(2):
        rig.start(*SLEEP, armed=True)
        wait_for(lambda: threads() == 1 + guard.Caretakers.COUNT, "they are there")
        rig.ask("kill")
        rig.exit_event()
        # A fork is for a program with one thread.
        wait_for(lambda: threads() == 1, "they are gone")


def test_neard_dies_with_its_guard(rig: GuardRig) -> None:
    pid = rig.start(*DEAF)["pid"]
    rig.signal_guard(signal.SIGKILL)
    wait_for(lambda: not alive(pid), "neard is gone")


def test_neard_outlives_its_supervisor_and_is_found_again(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True, ms=60_000, tag="s/3")["pid"]
    rig.socket.close()
    wait_for(lambda: rig._connected() and "ok" in rig.ask("hello"), "the guard takes another supervisor")
    found = rig.ask("hello")["neard"]
    assert (found["pid"], found["armed"], found["tag"]) == (pid, True, "s/3")


def test_the_end_of_a_neard_is_kept_for_the_supervisor_that_comes_back(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP, armed=True, tag="s/3")["pid"]
    rig.socket.close()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not rig.link.is_symlink(), "the guard has seen the end")
    wait_for(lambda: rig._connected() and "ok" in rig.ask("hello"), "the guard takes another supervisor")
    hello = rig.ask("hello")
    assert hello["neard"] is None
    assert (hello["last_exit"]["pid"], hello["last_exit"]["armed"], hello["last_exit"]["tag"]) == (pid, True, "s/3")


def test_a_second_supervisor_is_turned_away(rig: GuardRig) -> None:
    rig.ask("hello")
    first = rig.socket
    assert rig._connected()
    assert b"busy" in rig.socket.recv(100)
    rig.socket.close()
    rig.socket = first
    assert rig.ask("hello")["ok"]


def test_stop_asks_first_and_kills_after_its_timeout(rig: GuardRig) -> None:
    rig.start(*SLEEP)
    rig.ask("stop", timeout_ms=5_000)
    assert rig.exit_event()["how"] == "signal 15 (SIGTERM)"
    pid = rig.start(*DEAF)["pid"]
    wait_for(lambda: ignores_sigterm(pid), "its trap is set")
    rig.ask("stop", timeout_ms=300)
    assert rig.exit_event()["how"] == "signal 9 (SIGKILL)"


def test_stop_does_not_suspend_the_deadline(rig: GuardRig) -> None:
    pid = rig.start(*DEAF, armed=True, ms=700)["pid"]
    wait_for(lambda: ignores_sigterm(pid), "its trap is set")
    rig.ask("stop", timeout_ms=60_000)
    assert rig.exit_event()["how"] == "signal 9 (SIGKILL)"


def test_the_end_is_told_only_when_nothing_that_neard_forked_is_left(rig: GuardRig) -> None:
    pid = rig.start(*LEAVES_A_CHILD, armed=True)["pid"]
    wait_for(lambda: len(descendants(pid)) == 1, "neard has forked")
    [child] = descendants(pid)
    wait_for(lambda: os.getsid(child) == child, "the child has left neard's session")
    rig.ask("kill")
    rig.exit_event()
    assert not alive(pid)
    assert not alive(child)


def test_a_foreign_process_on_the_data_directory_is_named_and_lock_stays(rig: GuardRig) -> None:
    with rig.lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        error = rig.start(*SLEEP)["error"]
        assert f"process {os.getpid()} " in error
        assert str(rig.lock) in error
    assert rig.lock.exists()
    assert rig.start(*SLEEP).get("ok"), "a LOCK file that nobody holds means nothing"


def test_a_program_that_cannot_run_is_an_end_like_any_other(rig: GuardRig) -> None:
    rig.start("/nonexistent/neard", armed=True)
    assert rig.exit_event()["how"] == "exit code 127"
    assert not rig.link.is_symlink()


def test_a_key_that_cannot_be_read_is_a_refusal(rig: GuardRig) -> None:
    rig.key.unlink()
    assert str(rig.key) in rig.start(*SLEEP, armed=True)["error"]
    assert not rig.link.is_symlink()


@pytest.mark.parametrize("line", [b"garbage", b"[]", b'{"do": "dance"}', b'{"do": "start"}', b'{"do": "deadline"}'])
def test_what_it_does_not_understand_it_refuses_and_goes_on(rig: GuardRig, line: bytes) -> None:
    rig.socket.sendall(line + b"\n")
    assert "error" in next(rig._messages())
    assert rig.ask("hello")["ok"]


def test_one_guard_for_one_home(rig: GuardRig) -> None:
    second = rig.spawn()
    assert second.wait(10) == 1
    assert "another near-guard holds" in rig.log.read_text()
    assert rig.ask("hello")["ok"]


def test_it_goes_away_when_nobody_needs_it(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0.3) as rig:
        rig.ask("hello")
        rig.socket.close()
        assert rig.process.wait(10) == 0


def test_a_guard_whose_directory_is_gone_ends_with_its_standby(tmp_path: Path) -> None:
    """It held the home for ever, and the next guard waited for it."""
    with GuardRig(tmp_path, linger_s=0) as rig:
        pid = rig.start(*SLEEP)["pid"]
        shutil.rmtree(rig.run_dir)
        rig.socket.close()
        assert rig.process.wait(10) == 0
        assert not alive(pid)
        assert "this one ends" in rig.log.read_text()


def test_a_guard_whose_directory_is_gone_leaves_a_signer_to_its_deadline(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        pid = rig.start(*SLEEP, armed=True, ms=2_500)["pid"]
        began = guard.boot_ms()
        shutil.rmtree(rig.run_dir)
        rig.socket.close()
        assert rig.process.wait(10) == 0
        assert not alive(pid)
        assert guard.boot_ms() - began >= 2_300
        assert not os.path.lexists(rig.link)


def test_a_guard_whose_place_another_one_has_taken_ends(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        shutil.rmtree(rig.run_dir)
        rig.run_dir.mkdir()
        other = guard.hold(str(rig.run_dir / "guard.lock"))
        socket_file = rig.run_dir / "guard.sock"
        socket_file.write_text("the other one's")
        rig.socket.close()
        assert rig.process.wait(10) == 0
        assert "this one ends" in rig.log.read_text()
        assert socket_file.read_text() == "the other one's"
        os.close(other)


@pytest.mark.parametrize("what", ["socket", "directory"])
def test_it_is_found_again_where_its_socket_was(tmp_path: Path, what: str) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        pid = rig.start(*SLEEP, armed=True)["pid"]
        if what == "socket":
            (rig.run_dir / "guard.sock").unlink()
        else:
            shutil.rmtree(rig.run_dir)
            rig.run_dir.mkdir()
        rig.socket.close()
        wait_for(rig._connected, "it listens again")
        assert rig.ask("hello")["neard"]["pid"] == pid
        assert alive(pid)
        with pytest.raises(guard.Refused):
            guard.hold(str(rig.run_dir / "guard.lock"))


def test_what_it_and_its_next_neard_say_goes_to_the_log_that_is_there(tmp_path: Path) -> None:
    rig = GuardRig(tmp_path)
    rig.log = rig.run_dir / "neard.log"
    with rig:
        rig.ask("hello")
        shutil.rmtree(rig.run_dir)
        rig.run_dir.mkdir()
        rig.ask("listen")
        rig.start("sh", "-c", "echo here I am")
        rig.exit_event()
        assert "here I am" in rig.log.read_text()
        assert "has ended with exit code 0" in rig.log.read_text()


def test_it_listens_again_when_it_is_asked_to(rig: GuardRig) -> None:
    rig.start(*SLEEP, armed=True)
    assert rig.ask("listen")["ok"], "nothing is missing"
    shutil.rmtree(rig.run_dir)
    assert "error" in rig.ask("listen"), "there is no directory"
    rig.run_dir.mkdir()
    assert rig.ask("listen")["ok"]
    assert (rig.run_dir / "guard.sock").stat().st_mode & 0o777 == 0o600
    assert rig.ask("hello")["neard"]["armed"], "the supervisor that is there stays"
    rig.socket.close()
    wait_for(rig._connected, "the next supervisor finds it")
    assert rig.ask("hello")["ok"]


def test_it_stays_while_it_has_a_neard(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0.1) as rig:
        pid = rig.start(*SLEEP, armed=True, ms=1_000)["pid"]
        rig.socket.close()
        wait_for(lambda: not alive(pid), "the deadline")
        assert rig.process.wait(10) == 0


def test_quit_stops_neard_first(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP)["pid"]
    rig.ask("quit")
    assert rig.process.wait(10) == 0
    assert not alive(pid)


def test_neard_has_a_session_of_its_own(rig: GuardRig) -> None:
    pid = rig.start(*SLEEP)["pid"]
    wait_for(lambda: os.getsid(pid) == pid, "neard has left the guard's session")


# --- what a service manager hears


def notified(tmp_path: Path, socket: NotifySocket, **more: str) -> GuardRig:
    return GuardRig(tmp_path, linger_s=0, environ={"NOTIFY_SOCKET": socket.address, **more})


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_says_when_its_socket_is_there_and_what_it_guards(tmp_path: Path, kind: str) -> None:
    with notify_socket(f"@near-guard-test-{os.getpid()}" if kind == "abstract" else tmp_path / "notify") as socket:
        with notified(tmp_path, socket) as rig:
            socket.hears("READY=1")
            pid = rig.start(*SLEEP)["pid"]
            socket.hears(f"STATUS=neard {pid} without the validator key")
            rig.ask("kill")
            rig.exit_event()
            pid = rig.start(*SLEEP, armed=True)["pid"]
            socket.hears(f"STATUS=neard {pid} with the validator key")
            rig.ask("quit")
            assert rig.process.wait(10) == 0
        socket.hears(f"STATUS=no neard; {pid} has ended")
        assert socket.read()[-1] == "STOPPING=1"
        assert "WATCHDOG=1" not in socket.heard


def test_it_feeds_the_watchdog_while_its_loop_turns(tmp_path: Path) -> None:
    with notify_socket(tmp_path / "notify") as socket, notified(tmp_path, socket, WATCHDOG_USEC="400000") as rig:
        wait_for(lambda: socket.read().count("WATCHDOG=1") > 5, "it is fed again and again")
        rig.signal_guard(signal.SIGSTOP)
        wait_for(lambda: stopped(rig.process.pid), "it stands still")
        socket.new()
        assert not took(lambda: "WATCHDOG=1" in socket.read(), 0.5)
        rig.signal_guard(signal.SIGCONT)
        socket.hears("WATCHDOG=1")


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def took(holds: Callable[[], bool], patience_s: float) -> bool:
    """Does it come to hold within this time?"""
    try:
        wait_for(holds, "it holds", patience_s)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("state", ["full", "dead"])
def test_a_service_manager_that_does_not_listen_holds_nothing_up(tmp_path: Path, state: str) -> None:
    with notify_socket(tmp_path / "notify") as socket, notified(tmp_path, socket, WATCHDOG_USEC="20000") as rig:
        socket.hears("READY=1")
        if state == "full":
            socket.fill()
        else:
            socket.close()
        pid = rig.start(*DEAF, armed=True, ms=400)["pid"]
        assert rig.ask("hello")["neard"]["pid"] == pid
        assert rig.exit_event()["cause"] == "deadline"


def test_neard_cannot_speak_to_the_service_manager_in_its_name(tmp_path: Path) -> None:
    with notify_socket(tmp_path / "notify") as socket:
        more = {"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": "1"}
        with notified(tmp_path, socket, **more) as rig:
            pid = rig.start(*SLEEP)["pid"]
            wait_for(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "neard runs")
            environ = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PATH=" in environ
            assert b"NOTIFY_SOCKET" not in environ
            assert b"WATCHDOG" not in environ
            assert "WATCHDOG=1" not in socket.read(), "that watchdog is another process's"


def test_it_sleeps_while_there_is_nothing_to_do(tmp_path: Path) -> None:
    with GuardRig(tmp_path, linger_s=0) as rig:
        rig.ask("hello")

        def switches() -> int:
            text = Path(f"/proc/{rig.process.pid}/status").read_text()
            return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])

        before = switches()
        assert not took(lambda: switches() - before > 20, 0.5), "it wakes up all the time"


def test_its_socket_is_private(rig: GuardRig) -> None:
    assert (rig.run_dir / "guard.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--help"], 0, "--key-link FILE"),
        (["--home", "h", "--key-link", "k"], 2, "--run-dir is missing"),
        (
            ["--run-dir", "r", "--home", "h", "--key-link", "k", "--linger", "long"],
            2,
            "'long' is not a number of seconds",
        ),
        (["--run-dir", "r", "--home", "h", "--key-link", "k", "start"], 2, "what is 'start'?"),
        (["--rundir", "r"], 2, "option --rundir not recognized"),
    ],
)
def test_whoever_calls_it_wrongly_is_told_how(words: list[str], status: int, says: str) -> None:
    done = subprocess.run([sys.executable, guard.__file__, *words], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert says in done.stdout + done.stderr


def test_it_stays_small(rig: GuardRig) -> None:
    rig.start(*SLEEP, armed=True)
    assert rig.memory_kb() <= 15 * 1024


def test_how_it_ended() -> None:
    for argv, words in ((["false"], "exit code 1"), (["sh", "-c", "kill -6 $$"], "signal 6 (SIGABRT)")):
        child = subprocess.Popen(argv)
        _, status = os.waitpid(child.pid, 0)
        child.returncode = 0
        assert guard.how_it_ended(status) == words
