"""Breaks of what a NixOS host is told."""

from __future__ import annotations

from .one_break import Break

UNITS = "nix/units.nix"
MODULE = "nix/module.nix"
NIX = "nix-instantiate"

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
)
