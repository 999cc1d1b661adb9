"""Options of notifications and of the hook before a planned takeover: off by default, and checked before a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from near_supervisor.commandline.hook_options import NONE
from support.run_options import check, files, flags, refused

__all__ = ["files"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "hook"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def secret(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o400)
    return str(path)


def test_nobody_is_told_anything_unless_somebody_wants_it(files: Path) -> None:
    assert check({**flags(files)}).hooks == NONE


def test_all_of_them(files: Path, program: Path) -> None:
    url, token = secret(files / "url", "http://h/x\n"), secret(files / "token", "t")
    hooks = check({
        **flags(files), "--notify-command": f"{program} --to 'me and you'", "--notify-url-file": url,
        "--notify-token-file": token, "--notify-timeout": "2.5", "--notify-again": "60", "--pre-takeover": str(program),
        "--pre-takeover-timeout": "30",
    }).hooks  # fmt: skip
    assert hooks.notify_command == (str(program), "--to", "me and you")
    assert hooks.webhook is not None
    assert hooks.webhook.address().host == "h"
    assert (hooks.notify_timeout_ms, hooks.notify_again_ms) == (2_500, 60_000)
    assert (hooks.pre_takeover, hooks.pre_takeover_timeout_ms) == ((str(program),), 30_000)
    assert "others can read the token on its way" in hooks.problems()[0]


def test_the_variables_stand_in(files: Path, program: Path) -> None:
    environ = {
        "NEAR_SUPERVISOR_NOTIFY_COMMAND": str(program), "NEAR_SUPERVISOR_NOTIFY_URL": "https://h/",
        "NEAR_SUPERVISOR_PRE_TAKEOVER": f"{program} x",
    }  # fmt: skip
    hooks = check({**flags(files)}, environ).hooks
    assert (hooks.notify_command, hooks.pre_takeover) == ((str(program),), (str(program), "x"))
    assert hooks.webhook is not None
    assert not hooks.problems()


@pytest.mark.parametrize("flag", ["--notify-command", "--pre-takeover"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tell me", "does not begin with a program's absolute path"),
        ("'", "cannot be split into words"),
    ],
)
def test_a_command_that_is_none(files: Path, flag: str, text: str, words: str) -> None:
    error = refused({**flags(files), flag: text})
    assert error.message.startswith(flag)
    assert words in error.message


@pytest.mark.parametrize("flag", ["--notify-command", "--pre-takeover"])
@pytest.mark.parametrize("text", ["/nothing/there", "/etc", "/etc/passwd"])
def test_a_program_that_is_not_there_is_told_and_keeps_no_supervisor_from_its_lease(
    files: Path, flag: str, text: str
) -> None:
    (problem,) = check({**flags(files), flag: text}).hooks.problems()
    assert problem.startswith(f"{flag}: {text} cannot be started: ")


def test_a_program_that_everybody_can_change_does_not_run_beside_the_key(files: Path, program: Path) -> None:
    program.chmod(0o757)
    (problem,) = check({**flags(files), "--pre-takeover": str(program)}).hooks.problems()
    assert "every user of this host can change it" in problem


@pytest.mark.parametrize("flag", ["--notify-timeout", "--pre-takeover-timeout"])
@pytest.mark.parametrize("text", ["0", "-1", "61", "x", "nan", "1e400"])
def test_a_time_limit_is_one(files: Path, flag: str, text: str) -> None:
    assert refused({**flags(files), flag: text}).message.startswith(f"{flag} ")


@pytest.mark.parametrize("flag", ["--notify-token-file", "--notify-ca-file"])
def test_what_belongs_to_an_address_is_nothing_without_one(files: Path, flag: str) -> None:
    assert "is given without --notify-url" in refused({**flags(files), flag: secret(files / "x", "x")}).message


def test_one_address_and_not_two(files: Path) -> None:
    given = {"--notify-url": "https://h/", "--notify-url-file": secret(files / "url", "https://h/")}
    assert "are both given" in refused({**flags(files), **given}).message


def test_an_address_in_a_file_that_everybody_can_read(files: Path) -> None:
    path = Path(secret(files / "url", "https://h/SECRET"))
    path.chmod(0o644)
    (problem,) = check({**flags(files), "--notify-url-file": str(path)}).hooks.problems()
    assert "every user of this host can get at the URL" in problem
    assert "SECRET" not in problem


def test_an_address_that_is_none_is_refused(files: Path) -> None:
    error = refused({**flags(files), "--notify-url": "h/SECRET"})
    assert "--notify-url holds no http or https URL" in error.message
    assert "SECRET" not in str(error)
