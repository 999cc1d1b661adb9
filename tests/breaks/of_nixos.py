"""Breaks of what a NixOS host is told."""

from __future__ import annotations

from .one_break import Break

UNITS = "nix/units.nix"
MODULE = "nix/module.nix"
NIX = "nix-instantiate"
SYSTEM = "plugins/modules/near_nixos_system.py"
ACTIVATION = "plugins/module_utils/near_ha/host/nixos_activation.py"
OF_SYSTEM = "tests/unit/plugins/test_near_nixos_system.py"

BREAKS: tuple[Break, ...] = (
    Break(
        "an activation of NixOS does not restart what has changed",
        UNITS,
        "    restartIfChanged = false;\n",
        "",
        "tests/nix/test_units.py::test_an_activation_touches_none_of_them",
        NIX,
    ),
    Break(
        "an activation of NixOS does not stop what has changed",
        UNITS,
        "    stopIfChanged = false;\n",
        "",
        "tests/nix/test_units.py::test_an_activation_touches_none_of_them",
        NIX,
    ),
    Break(
        "an activation of NixOS does not stop what is gone",
        UNITS,
        "unitConfig = { X-StopOnRemoval = false; } // (unit.unitConfig or { });",
        "unitConfig = unit.unitConfig or { };",
        "tests/nix/test_units.py::test_an_activation_touches_none_of_them",
        NIX,
    ),
    Break(
        "the garbage collector of Nix sees which program runs",
        UNITS,
        "; export NEAR_PROGRAM; ",
        "; ",
        "tests/nix/test_units.py::test_the_version_that_runs_is_in_its_environment",
        NIX,
    ),
    Break(
        "no secret is in the store of Nix",
        MODULE,
        'require (lib.hasPrefix "/" entry.path && !inStore entry.path)',
        "require true",
        "tests/nix/test_module.py::test_no_secret_is_in_the_store",
        NIX,
    ),
    Break(
        "a packed daemon that was changed on a NixOS host is not run",
        "nix/managed.nix",
        'assertion = named == [ (hashFile "sha256" file) ];',
        "assertion = true;",
        "tests/nix/test_module.py::test_a_file_that_was_changed_on_a_host_is_not_run",
        NIX,
    ),
    Break(
        "a system that would end what a signer lives by is only built",
        ACTIVATION,
        "return HOLD if armed and touches else TEST",
        "return TEST",
        OF_SYSTEM,
    ),
    Break(
        "a NixOS host that validates waits for the others",
        ACTIVATION,
        "    if armed and not signers:\n",
        "    if False:\n",
        OF_SYSTEM,
    ),
    Break(
        "a line of dry-activate that is not known stops it",
        ACTIVATION,
        "elif line != _HEADING and not any(",
        "elif False and not any(",
        OF_SYSTEM,
    ),
    Break(
        "a network that would go counts as what a signer lives by",
        ACTIVATION,
        "return bool(_OURS.match(unit) or _NETWORK.match(unit))",
        "return bool(_OURS.match(unit))",
        "tests/unit/near_ha/test_nixos_activation.py",
    ),
    Break(
        "a new NixOS that fails is taken back",
        SYSTEM,
        "                self.take_back(systems.running, str(error))\n",
        "                raise\n",
        OF_SYSTEM,
    ),
    Break(
        "a new NixOS boots only when the host was seen to be well",
        SYSTEM,
        'if lacking := nixos_system.wait_until_whole(pending["before"], pending["built"], self.p["wait"]):',
        'if lacking := "":',
        OF_SYSTEM,
    ),
    Break(
        "a host that is not reached again goes back to its old NixOS",
        SYSTEM,
        '            nixos_system.promise_rollback(systems.running, self.p["confirm_within"])\n',
        "",
        OF_SYSTEM,
    ),
    Break(
        "check mode activates nothing on a NixOS host",
        SYSTEM,
        'if self.module.check_mode or not self.result["changed"]:',
        'if not self.result["changed"]:',
        OF_SYSTEM,
    ),
)
