"""Debian packages that a check needs: installed where that may be done."""

from __future__ import annotations

import os
import shutil
import subprocess

from bootstrap import say


class NotInstalled(Exception):
    """The packages cannot be had; the text is one sentence: what is missing, and how to get it."""


def install(packages: list[str], purpose: str) -> None:
    """Installs packages as root. Raises NotInstalled."""
    if not packages:
        return
    names = " ".join(packages)
    if not may_install():
        raise NotInstalled(f"{names} must be installed (as root: apt-get install {names})")
    say(f"{purpose}: installing {names}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--no-install-recommends", *packages]):
        command = ["apt-get", "-qq", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environ, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise NotInstalled(f"{' '.join(command)} failed: {last_words(done.stderr)}")


def may_install() -> bool:
    """Whether this user may install packages here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def last_words(text: str) -> str:
    """The end of a log, in one line; what ended it may be followed by an exit status on a line of its own."""
    return " ".join(" ".join(text.strip().splitlines()[-2:]).split()) or "it said nothing"
