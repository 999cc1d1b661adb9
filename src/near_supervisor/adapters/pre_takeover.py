"""The driver's half towards the hook ``pre_takeover``: asks it on a worker of its own, and tells the core."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from near_ha.operator.cluster_report import request_json
from near_supervisor.core import commands as cmd
from near_supervisor.core import events as ev

from ..commandline.options import Options
from ..io import hook_process
from ..io.worker import Worker


class PreTakeoverAdapter:
    """Whatever becomes of the hook, each question has one answer, in bounded time; everything but status 0 is a no."""

    def __init__(self, options: Options, post: Callable[[ev.Event], None]) -> None:
        self._options, self._post = options, post
        self._worker = Worker("pre_takeover") if options.hooks.pre_takeover else None
        self._newest = ""

    def carry_out(self, command: cmd.AskPreTakeover) -> None:
        """Ask it when the question before is answered; of several that wait only the newest is of any use."""
        request = command.request
        if self._worker is None:
            self._post(ev.PreTakeoverAnswered(request.id, True))
            return
        self._newest = request.id
        failed = ev.PreTakeoverAnswered(request.id, False, "it could not be asked, see the log")
        self._worker.submit(lambda: self._ask(command), lambda: self._post(failed))

    # --- on the worker

    def _ask(self, command: cmd.AskPreTakeover) -> None:
        request, options = command.request, self._options
        if request.id != self._newest:
            self._post(ev.PreTakeoverAnswered(request.id, False, "another request came after it"))
            return
        document: dict[str, Any] = {
            "event": "pre_takeover",
            "account_id": options.account_id,
            "node_id": options.node_id,
            "hostname": options.hostname,
            "request": request_json(request),
        }
        more = {"NEAR_EVENT": "pre_takeover", "NEAR_ACCOUNT_ID": options.account_id, "NEAR_NODE_ID": options.node_id}
        ran = hook_process.run(
            options.hooks.pre_takeover,
            json.dumps(document).encode() + b"\n",
            hook_process.environment(os.environ, more),
            options.hooks.pre_takeover_timeout_ms,
        )
        # A hook that says no says why in its last line; of one that did not get that far it is told what happened.
        reason = ran.last_line if ran.status is not None and ran.status > 0 and ran.last_line else ran.reason
        self._post(ev.PreTakeoverAnswered(request.id, not ran.problem, reason))
