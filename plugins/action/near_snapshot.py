# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Starts the loading of a snapshot on a host, and prints how far it is until it is done."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

FIRST_LOOK_S = 1.0
LOOK_EVERY_S = 10.0
MB = 1e6
GB = 1e9

display = Display()


def sentence(result: dict[str, Any], rate: float) -> str:
    """``downloading, 12.3 of 350.0 GB (3 %), 95 MB/s, 59 min to go``; ``rate`` in bytes a second, 0 if unknown."""
    words = [str(result["stage"])]
    done, total = result["done_bytes"], result["total_bytes"]
    unit, name = (GB, "GB") if max(done, total) >= 10 * GB else (MB, "MB")
    if total:
        words.append(f"{done / unit:.1f} of {total / unit:.1f} {name} ({100 * done // total} %)")
    elif done:
        words.append(f"{done / unit:.1f} {name}")
    if rate > 0:
        words.append(f"{rate / MB:.0f} MB/s")
        if total:
            words.append(f"{(total - done) / rate / 60:.0f} min to go")
    return ", ".join(words)


class ActionModule(ActionBase):
    """Runs the module once to begin, then again and again to look."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the last look, or of the step that failed."""
        super().run(tmp, task_vars)
        host = (task_vars or {}).get("inventory_hostname", "")
        result = self._step("begin", task_vars)
        pause, last, moment = FIRST_LOOK_S, result, time.monotonic()
        while not result.get("failed") and not result.get("skipped") and result.get("stage") != "done":
            time.sleep(pause)
            result = self._step("look", task_vars)
            if result.get("failed") or result.get("stage") == "done":
                break
            now = time.monotonic()
            moved = result["done_bytes"] - last["done_bytes"] if result["stage"] == last.get("stage") else 0
            display.display(f"{host}: snapshot: {sentence(result, moved / (now - moment))}")
            pause, last, moment = min(pause * 2, LOOK_EVERY_S), result, now
        return result

    def _step(self, step: str, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = {**self._task.args, "step": step}
        result: dict[str, Any] = self._execute_module(
            module_name="validator_ha.near.near_snapshot", module_args=arguments, task_vars=task_vars
        )
        return result
