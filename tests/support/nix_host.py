"""A NixOS host as Nix evaluates it: by our own stand-in for nixpkgs' lib, or by the tree that NIXPKGS names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support.pages import ROOT

NIXPKGS = os.environ.get("NIXPKGS", "")
EVALUATE = ROOT / "tests" / "nix" / "evaluate.nix"
WITHOUT = "Nix is not here (as root on Debian: apt-get install nix-bin); bin/test nix installs it where it may"


class NixError(Exception):
    """What Nix said."""


def is_here() -> bool:
    """Whether there is a Nix to ask."""
    return shutil.which("nix-instantiate") is not None


class NixHost:
    """Nix with a store of its own below ``place``, so that it needs no rights and leaves nothing."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.environ = {
            **os.environ,
            "NIX_STORE_DIR": str(place / "store"),
            "NIX_STATE_DIR": str(place / "state"),
            "NIX_LOG_DIR": str(place / "log"),
            "NIX_CONF_DIR": str(place / "conf"),
            "NIX_REMOTE": "",
            "NIX_CONFIG": "build-users-group =\nsubstitute = false\nsandbox = false\n",
            # Where it keeps what it has evaluated.
            "XDG_CACHE_HOME": str(place / "cache"),
        }

    def run(self, *words: str | Path) -> str:
        """What a program of Nix prints. Raises NixError."""
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=self.environ, timeout=100)
        if done.returncode != 0:
            raise NixError(done.stderr)
        return done.stdout

    def value(self, expression: str) -> Any:
        """An expression's value as JSON has it. Raises NixError."""
        return json.loads(self.run("nix-instantiate", "--eval", "--strict", "--json", "--expr", expression))

    def told(self, *modules: str, part: str = "", nixpkgs: str = NIXPKGS) -> Any:
        """What a host with these modules (Nix's words) is told: tests/nix/evaluate.nix, or a part of that.

        Raises NixError.
        """
        tree = f"/. + {json.dumps(nixpkgs)}" if nixpkgs else "null"
        whole = f"import {EVALUATE} {{ modules = [ {' '.join(modules)} ]; nixpkgs = {tree}; }}"
        return self.value(f"({whole}).{part}" if part else whole)

    def of(self, settings: dict[str, Any], *modules: str, part: str = "", nixpkgs: str = NIXPKGS) -> Any:
        """What a host is told with nix/module.nix and these settings of services.near-validator. Raises NixError."""
        file = self.place / "near-supervisor.pyz"
        file.touch()
        whole = {"enable": True, "neardProgram": "/usr/local/bin/neard", "supervisorFile": str(file), **settings}
        text = json.dumps(json.dumps(whole)).replace("${", "\\${")
        ours = f"{{ services.near-validator = builtins.fromJSON {text}; }}"
        return self.told(str(ROOT / "nix" / "module.nix"), ours, *modules, part=part, nixpkgs=nixpkgs)
