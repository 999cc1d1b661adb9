"""What role supervisor says of a unit that would start neard beside the guard, and to whom it leaves it."""

from __future__ import annotations

from typing import Any

import pytest

from support.debian_units import DebianHost
from support.pages import ROOT

UNIT = {"unit": "neard.service", "elsewhere": "", "sentence": "neard.service (/f, started by t) would run neard"}
OF_USER = {**UNIT, "elsewhere": "user op disables it: so", "sentence": "x.service (/f, started by t) would run neard"}


def said(units: list[dict[str, Any]], family: str = "Debian", **given: Any) -> str:
    host = DebianHost(
        role_path=str(ROOT / "roles/supervisor"), supervisor_account_id="a.near", ansible_facts={"os_family": family},
        __supervisor_before={"other_units": units}, **given,
    )  # fmt: skip
    return str(host.value("{{ _supervisor_wrong_keys[0] }}") or "").strip()


def test_it_is_refused_with_what_to_do() -> None:
    assert said([UNIT]) == (
        "on nix-a neard.service (/f, started by t) would run neard. It would start with the host. Disable it "
        "(systemctl disable --now UNIT), or have this role mask it: supervisor_mask_units=true. If it starts no neard "
        "with the key, name it in supervisor_known_units"
    )
    assert said([]) == ""


def test_what_may_be_masked_is_left_to_it() -> None:
    assert said([UNIT], supervisor_mask_units=True) == ""
    assert "x.service" in said([UNIT, OF_USER], supervisor_mask_units=True)
    assert "user op disables it: so. If it starts no" in said([UNIT, OF_USER], supervisor_mask_units=True)
    assert "; " not in said([UNIT, OF_USER], supervisor_mask_units=True).partition(". It would")[0]


@pytest.mark.parametrize("mask", [False, True])
def test_on_nixos_there_is_no_mask(mask: bool) -> None:
    words = said([UNIT], "NixOS", supervisor_mask_units=mask)
    assert "On NixOS units come with the system, and cannot be masked through /etc/systemd/system" in words
