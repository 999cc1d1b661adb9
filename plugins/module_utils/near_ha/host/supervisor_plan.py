"""What of an account's processes has to be exchanged, and when that is done. Decisions only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# The states in which the supervisor may be when it has been exchanged, by the one in which it was.
_ANY = ("Startup", "Syncing", "Registering", "Voting", "Validating")
_BACK = {"Voting": ("Voting", "Validating"), "Validating": ("Validating",)}


@dataclass(frozen=True)
class Plan:
    """Why guard and supervisor are exchanged; empty where they are left alone."""

    guard: tuple[str, ...] = ()
    supervisor: tuple[str, ...] = ()


def plan(now: dict[str, Any], restart_guard: bool, would_change: list[str]) -> Plan:
    """What to exchange, by a look (``_supervisor_host.look``).

    ``would_change`` names files that check mode has not written. A neard that may sign is only restarted with
    ``restart_guard``. While such a neard goes on with an older config.json, its supervisor is left alone too: a new one
    would read the new file, and could ask at another port.
    """
    neard = now["neard"]
    of_guard = [f"{path} would change" for path in would_change if "/near-guard@" in path]
    others = [f"{path} would change" for path in would_change if "/near-guard@" not in path]
    guard: list[str] = []
    if now["guard"]["pid"] and (restart_guard or not neard["armed"]):
        guard = now["guard"]["outdated"] + of_guard
    supervisor: list[str] = []
    if now["supervisor"]["pid"] and (guard or not (neard["armed"] and neard["config_changed"])):
        supervisor = now["supervisor"]["outdated"] + others
        if guard and neard["config_changed"]:
            supervisor.append("neard's config.json has changed")
    return Plan(tuple(guard), tuple(supervisor))


def neard_is_same(before: dict[str, Any], after: dict[str, Any], made: Plan) -> bool:
    """Whether a neard that may sign went on, unless it was to be restarted."""
    return bool(not before["neard"]["armed"] or made.guard or after["neard"]["pid"] == before["neard"]["pid"])


def missing(before: dict[str, Any], after: dict[str, Any], made: Plan) -> str:
    """What the supervisor does not do yet that it did before; empty when it is back."""
    status = after["status"]
    if status is None:
        return "it does not answer"
    if made.supervisor and after["supervisor"]["outdated"]:
        return f"it still runs, though {after['supervisor']['outdated'][0]}"
    was = (before["status"] or {}).get("state", "Startup")
    wanted = _BACK["Voting"] if made.guard and was == "Validating" else _BACK.get(was, _ANY)
    reason = f" ({status['reason']})" if status.get("reason") else ""
    return "" if status["state"] in wanted else f"it is {status['state']}{reason}, and was {was}"
