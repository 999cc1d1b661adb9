"""The least that ``run`` is started with, and the check of its command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from near_ha.errors import BadConfig, BadKey, NearError
from near_supervisor.commandline import options
from near_supervisor.commandline.options import Options
from support import near_keys

KEYS = ("validator_key", "validator_node_key", "voter_node_key")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A home, three keys and a program named neard."""
    (tmp_path / "home").mkdir()
    for name in KEYS:
        near_keys.write(tmp_path / f"{name}.json")
    (tmp_path / "neard").write_text("#!/bin/sh\n")
    (tmp_path / "neard").chmod(0o755)
    return tmp_path


def flags(files: Path) -> dict[str, str]:
    """The least that must be given."""
    return {
        "--neard-home": str(files / "home"),
        "--neard": str(files / "neard"),
        **{f"--{name.replace('_', '-')}": str(files / f"{name}.json") for name in KEYS},
    }


def check(
    flags: dict[str, str | None], environ: dict[str, str] | None = None, *more: str, program: str = ""
) -> Options:
    """Parse and check as the command line does; a flag with None is left out."""
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, environ or {}, strategy=program)
    words = [f"{flag}={value}" for flag, value in flags.items() if value is not None]
    return options.check(parser.parse_args([*words, "--account-id-differs", *more]), environ or {})


def refused(flags: dict[str, str | None], environ: dict[str, str] | None = None) -> NearError:
    with pytest.raises((BadConfig, BadKey)) as caught:
        check(flags, environ)
    assert caught.value.hint
    return caught.value
