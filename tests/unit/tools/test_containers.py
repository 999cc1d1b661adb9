from __future__ import annotations

import os

import pytest

import debian_packages
import engine
import image
from near_localnet.apt_sources import parse_one_line

DEBIAN = "/usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.mark.parametrize(
    ("environ", "root", "apt", "says"),
    [
        ({}, True, True, ""),
        ({}, False, True, "bin/containers up"),
        ({"DOCKER_HOST": "tcp://x:1"}, True, True, "DOCKER_HOST=tcp://x:1 does not answer"),
    ],
)
def test_why_no_engine_can_be_started(environ: dict[str, str], root: bool, apt: bool, says: str) -> None:
    reason = engine.why_not(environ, root=root, apt=apt)
    assert says in reason
    assert bool(says) == bool(reason)


def test_the_last_words_of_a_log_are_one_line() -> None:
    log = "info\nfailed to start daemon: permission denied\n (exit status 4)\n"
    assert debian_packages.last_words(log) == "failed to start daemon: permission denied (exit status 4)"
    assert debian_packages.last_words("\n") == "it said nothing"


def test_this_process_is_no_dockerd() -> None:
    assert not engine._is_dockerd(os.getpid())


def test_only_the_distributions_own_suites_are_built_from() -> None:
    text = f"""
    deb [signed-by={DEBIAN}] http://mirror/debian bookworm main contrib
    deb http://mirror/debian bookworm-updates main
    deb http://mirror/security bookworm-security main
    deb http://mirror/debian bullseye main
    deb [signed-by=/etc/apt/keyrings/docker.gpg] http://docker bookworm main
    deb http://third bookworm stable
    """
    assert image.source_lines(parse_one_line(text), "bookworm") == [
        f"deb [signed-by={DEBIAN}] http://mirror/debian bookworm main contrib",
        "deb http://mirror/debian bookworm-updates main",
        "deb http://mirror/security bookworm-security main",
    ]


def test_another_recipe_is_another_image() -> None:
    first = image.image_name("bookworm", image.arguments())
    assert first.startswith("validator-ha-near:bookworm-")
    assert first == image.image_name("bookworm", image.arguments())
    assert first != image.image_name("bookworm", [*image.arguments(), "--more"])
    assert first != image.image_name("trixie", image.arguments())
