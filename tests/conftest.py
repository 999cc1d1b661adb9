"""For all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from support.signals import let_children_hear


def pytest_configure() -> None:
    let_children_hear()
    # How long an example takes is the machine's affair. (In CI Hypothesis has a profile that says the same.)
    if settings.get_current_profile_name() == "default":
        settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("any machine")
