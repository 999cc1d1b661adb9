"""Every file in Nix's language can be read, and the flake gives what it promises."""

from __future__ import annotations

import pytest

from support.nix_host import NixHost
from support.pages import ROOT, files

FILES = list(files(".nix"))


def test_there_are_some() -> None:
    names = {str(path.relative_to(ROOT)) for path in FILES}
    assert {
        "flake.nix",
        "nix/units.nix",
        "nix/module.nix",
        "nix/managed.nix",
        "nix/package.nix",
        "nix/test.nix",
    } <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nix_reads_it(host: NixHost, path: object) -> None:
    assert host.run("nix-instantiate", "--parse", str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_are_short(path: object) -> None:
    text = (ROOT / str(path)).read_text()
    assert max(map(len, text.splitlines())) <= 120


def test_units_need_nothing_but_nix(host: NixHost) -> None:
    text = (ROOT / "nix" / "units.nix").read_text()
    assert "lib." not in text
    assert "pkgs" not in text
    assert "import " not in text
    assert host.value(f"builtins.attrNames (builtins.functionArgs (import {ROOT}/nix/units.nix))") == [
        "programs",
        "settings",
    ]


def test_the_flake_packs_the_daemon_from_its_own_sources(host: NixHost) -> None:
    module = f'((import {ROOT}/flake.nix).outputs {{ self = "{ROOT}"; }}).nixosModules.default'
    settings = '{ services.near-validator = { enable = true; neardProgram = "/n"; validators."my.pool.near" = { }; }; }'
    told = host.told(f"({module})", settings)
    assert told["wrong"] == []
    assert "near-supervisor" in told["etc"]["near/bin/near-supervisor"]["source"]
