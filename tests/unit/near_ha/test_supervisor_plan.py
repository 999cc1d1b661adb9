"""What a roll-out exchanges on a live host: never a neard that may sign, unless it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from near_ha.host.supervisor_plan import Plan, missing, neard_is_same, plan

UNIT, GUARD, ENV = "/u/near-supervisor@.service", "/u/near-guard@.service", "/etc/near/supervisor/a.env"


def host(**changes: Any) -> dict[str, Any]:
    """A look at a live standby on which nothing is out of date; `changes` are by `part__name`."""
    found: dict[str, Any] = {
        "status": {"state": "Voting", "reason": ""},
        "supervisor": {"pid": 10, "outdated": []},
        "guard": {"pid": 11, "outdated": []},
        "neard": {"pid": 12, "armed": False, "config_changed": False},
    }
    for name, value in changes.items():
        part, _, field = name.partition("__")
        if field:
            found[part] = {**found[part], field: value}
        else:
            found[part] = value
    return found


@pytest.mark.parametrize(
    ("now", "restart_guard", "would_change", "wanted"),
    [
        pytest.param(host(), False, [], Plan(), id="nothing is old"),
        pytest.param(host(guard__outdated=["g"]), False, [], Plan(("g",)), id="standby: guard"),
        pytest.param(host(guard__outdated=["g"], neard__armed=True), False, [], Plan(), id="signer: guard is left"),
        pytest.param(host(guard__outdated=["g"], neard__armed=True), True, [], Plan(("g",)), id="signer: asked for"),
        pytest.param(
            host(supervisor__outdated=["s"], neard__armed=True), False, [], Plan((), ("s",)), id="signer: supervisor"
        ),
        pytest.param(
            host(supervisor__outdated=["s"], neard__armed=True, neard__config_changed=True, guard__outdated=["c"]),
            False, [], Plan(), id="signer: a new supervisor would read a config.json that neard does not have",
        ),
        pytest.param(
            host(neard__config_changed=True, guard__outdated=["c"]),
            False, [], Plan(("c",), ("neard's config.json has changed",)), id="standby: config.json",
        ),
        pytest.param(host(supervisor__pid=0, guard__pid=0), False, [UNIT], Plan(), id="nothing runs"),
        pytest.param(host(), False, [ENV], Plan((), (f"{ENV} would change",)), id="check mode: settings"),
        pytest.param(host(), False, [GUARD], Plan((f"{GUARD} would change",)), id="check mode: guard"),
        pytest.param(host(neard__armed=True), False, [GUARD], Plan(), id="check mode: guard of the signer"),
    ],
)  # fmt: skip
def test_what_is_exchanged(now: dict[str, Any], restart_guard: bool, would_change: list[str], wanted: Plan) -> None:
    assert plan(now, restart_guard, would_change) == wanted


def test_a_neard_that_may_sign_has_to_go_on() -> None:
    signer = host(neard__armed=True)
    other = host(neard__armed=True, neard__pid=99)
    assert neard_is_same(signer, signer, Plan())
    assert not neard_is_same(signer, other, Plan((), ("s",)))
    assert neard_is_same(signer, other, Plan(("asked for",)))
    assert neard_is_same(host(), host(neard__pid=99), Plan())


@pytest.mark.parametrize(
    ("before", "after", "made", "lacking"),
    [
        pytest.param("Voting", "Voting", Plan(), "", id="as before"),
        pytest.param("Voting", "Validating", Plan(), "", id="it took over meanwhile"),
        pytest.param("Voting", "Syncing", Plan(), "it is Syncing, and was Voting", id="not yet"),
        pytest.param("Validating", "Voting", Plan(), "it is Voting, and was Validating", id="it lost the lease"),
        pytest.param("Validating", "Voting", Plan(("g",)), "", id="a signer that was restarted comes back as standby"),
        pytest.param("Startup", "Startup", Plan(), "", id="a new one has just started"),
    ],
)  # fmt: skip
def test_when_it_is_back(before: str, after: str, made: Plan, lacking: str) -> None:
    states = [host(status={"state": state, "reason": ""}) for state in (before, after)]
    assert missing(states[0], states[1], made) == lacking


def test_it_is_not_back_while_it_is_silent_or_the_old_one() -> None:
    assert missing(host(), host(status=None), Plan()) == "it does not answer"
    old = host(supervisor__outdated=["s has changed"])
    assert missing(host(), old, Plan((), ("s",))) == "it still runs, though s has changed"
    assert missing(host(status=None), host(), Plan()) == ""
