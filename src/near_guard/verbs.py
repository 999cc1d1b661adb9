"""The requests of a supervisor, and what each does."""

from __future__ import annotations

import json
import os
import signal

from .guard_socket import GuardSocket
from .kernel import KERNEL_TIMER_MS, boot_ms
from .key_link import clear
from .locks import refuse_held
from .log import say
from .neard import Neard
from .owner import Owner
from .request import Refused, duration_ms, time_ms, words
from .service_manager import Manager


class Verbs:
    """What can be asked for in ``do``. A request that is refused changes nothing, unless its error says so."""

    def __init__(self, owner: Owner, socket: GuardSocket, manager: Manager) -> None:
        self._owner, self._socket, self._manager = owner, socket, manager

    def answer(self, line: bytes) -> dict[str, object]:
        """Do what is asked for, or say why not.

        The answer is returned, not sent: so it is written no deeper in the stack than the request was read, and an id
        that could be read can be written.
        """
        number: object = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise Refused("a request is a JSON object")
            number = request.get("id")
            reply = self._do(request)
        except (Refused, ValueError, LookupError, TypeError, RecursionError) as error:
            return {"id": number, "error": str(error) or type(error).__name__}
        except OSError as error:
            return {"id": number, "error": f"{error.filename or ''}: {error.strerror}"}
        return {"id": number, "ok": True, **reply}

    def _do(self, request: dict[str, object]) -> dict[str, object]:
        verbs = {
            "hello": self._hello,
            "start": self._start,
            "arm": self._arm,
            "disarm": self._disarm,
            "disarmed": self._disarmed,
            "deadline": self._deadline,
            "stop": self._stop,
            "kill": self._kill,
            "listen": self._listen_where_it_was,
            "quit": self._quit,
        }
        verb = verbs.get(str(request.get("do")))
        if verb is None:
            raise Refused(f"there is no request {request.get('do')!r}")
        return verb(request)

    def _hello(self, _request: dict[str, object]) -> dict[str, object]:
        notes, self._owner.notes = self._owner.notes, []
        running = self._owner.neard
        neard = running and {
            "pid": running.pid,
            "armed": running.armed,
            "deadline": running.deadline if running.armed else None,
            "tag": running.tag,
            "gave_up": running.gave_up,
        }
        return {
            "pid": os.getpid(),
            "home": self._owner.home,
            "key_link": self._owner.key_link,
            "neard": neard,
            "last_exit": self._owner.last_exit,
            "notes": notes,
        }

    def _start(self, request: dict[str, object]) -> dict[str, object]:
        if self._owner.neard is not None:
            raise Refused(f"neard {self._owner.neard.pid} is still there")
        if self._owner.quitting:
            raise Refused("this guard is on its way out")
        argv = words(request, "argv")
        armed = request.get("armed") is True
        deadline = time_ms(request, "deadline") if armed else 0
        if armed and deadline <= boot_ms():
            raise Refused("refusing to arm: the deadline has passed")
        refuse_held(str(request["lock"]))
        # Nothing is written to the log from here on: while neard is armed, no disk may hold this program up.
        say("info", f"starting neard {'with' if armed else 'without'} the validator key")
        neard = Neard(argv, str(request.get("tag", "")), armed, deadline)
        try:
            self._owner.place_keys(request, armed)
            if armed:
                self._owner.kernel_timer.set(deadline + KERNEL_TIMER_MS)
            self._owner.output.open()
            neard.spawn(os.getpid(), self._owner.output)
        except BaseException:
            self._owner.output.close()
            self._owner.kernel_timer.set(0)
            self._owner.disarm_key()
            raise
        self._owner.output.forked()
        self._owner.neard = neard
        if armed:
            self._owner.teardown_helpers.call()
        self._manager.tell(f"STATUS=neard {neard.pid} {'with' if armed else 'without'} the validator key")
        return {"pid": neard.pid}

    def _arm(self, request: dict[str, object]) -> dict[str, object]:
        """Give the key to a neard that runs without it: put it in place, then SIGHUP. Armed from before that."""
        neard = self._owner.neard
        if neard is None or neard.pid != request["pid"]:
            raise Refused(f"there is no neard {request['pid']} to arm")
        if neard.armed:
            raise Refused(f"neard {neard.pid} is armed already")
        if self._owner.quitting or neard.killed or neard.kill_at is not None or neard.status is not None:
            raise Refused(f"neard {neard.pid} is on its way out")
        deadline, target = time_ms(request, "deadline"), str(request["validator_key"])
        if deadline <= boot_ms():
            raise Refused("refusing to arm: the deadline has passed")
        self._owner.key.open(target)
        # Nothing is written to the log from here on: while neard is armed, no disk may hold this program up.
        say("info", f"giving neard {neard.pid} the validator key while it runs")
        self._owner.kernel_timer.set(deadline + KERNEL_TIMER_MS)
        neard.armed, neard.tag, neard.deadline = True, str(request.get("tag", "")), deadline
        neard.gave_up = ""
        self._owner.teardown_helpers.call()
        try:
            self._owner.note(clear(self._owner.key_link), self._owner.key_link)
            self._owner.key.place()
            os.kill(neard.pid, signal.SIGHUP)
        except (Refused, OSError):
            # Nobody knows what it has read: it does not get the time to use it.
            neard.kill("arm")
            raise
        self._manager.tell(f"STATUS=neard {neard.pid} with the validator key")
        return {"pid": neard.pid}

    def _disarm(self, request: dict[str, object]) -> dict[str, object]:
        """Take the key away from a signer while it runs. It is armed until it was seen without, or else killed."""
        neard = self._signer(request)
        if neard.prove_by is not None:
            raise Refused(f"neard {neard.pid} was told already that it has no key any more")
        now = boot_ms()
        # The limit first: whatever fails from here on, it does not sign for longer.
        neard.prove_by = now + duration_ms(request, "timeout_ms")
        self._owner.disarm_key()
        neard.reload(now)
        return {}

    def _disarmed(self, request: dict[str, object]) -> dict[str, object]:
        """The supervisor has seen, after ``disarm``, that neard has no key: it is a standby from here on."""
        neard = self._signer(request)
        now = boot_ms()
        if neard.prove_by is None:
            raise Refused(f"nobody has taken the key away from neard {neard.pid}")
        if now >= min(neard.prove_by, neard.deadline):
            raise Refused(f"too late: neard {neard.pid} is being killed")
        # Nothing but this guard puts a key in place; what somebody else put there meanwhile is found here.
        if os.path.lexists(self._owner.key_link):
            neard.kill("disarm")
            raise Refused(f"there is a key at {self._owner.key_link} again")
        neard.armed, neard.prove_by, neard.gave_up = False, None, neard.tag
        self._owner.kernel_timer.set(0)
        self._owner.teardown_helpers.dismiss()
        self._manager.tell(f"STATUS=neard {neard.pid} without the validator key")
        say("info", f"neard {neard.pid} has given the validator key up")
        return {}

    def _deadline(self, request: dict[str, object]) -> dict[str, object]:
        if self._owner.neard is None or not self._owner.neard.armed:
            raise Refused("there is no armed neard")
        deadline = time_ms(request, "deadline")
        if self._owner.neard.killed:
            raise Refused(f"neard {self._owner.neard.pid} has been killed already")
        self._owner.kernel_timer.set(deadline + KERNEL_TIMER_MS)
        self._owner.neard.deadline = deadline
        return {}

    def _stop(self, request: dict[str, object]) -> dict[str, object]:
        if self._owner.neard is not None and self._owner.neard.kill_at is None:
            self._owner.neard.stop(boot_ms(), duration_ms(request, "timeout_ms"))
        return {}

    def _kill(self, _request: dict[str, object]) -> dict[str, object]:
        if self._owner.neard is not None:
            self._owner.neard.kill("kill")
        return {}

    def _listen_where_it_was(self, _request: dict[str, object]) -> dict[str, object]:
        if not self._socket.can_be_found():
            self._socket.listen_again(self._owner.armed)
        return {}

    def _quit(self, _request: dict[str, object]) -> dict[str, object]:
        self._owner.quitting = True
        return {}

    def _signer(self, request: dict[str, object]) -> Neard:
        neard = self._owner.neard
        if neard is None or neard.pid != request["pid"] or not neard.armed:
            raise Refused(f"there is no neard {request['pid']} that is armed")
        if self._owner.quitting or neard.killed or neard.kill_at is not None or neard.status is not None:
            raise Refused(f"neard {neard.pid} is on its way out")
        return neard
