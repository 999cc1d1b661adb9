"""What a shell completes by: a script for bash or zsh, made from a parser of arguments by the library shtab."""

from __future__ import annotations

import argparse
import re

SHELLS = ("bash", "zsh")
# As shtab.FILE and shtab.DIRECTORY, which are for all shells that it knows.
_FILE = {"bash": "_shtab_compgen_files", "zsh": "_files"}
_DIRECTORY = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/"}
_DIRECTORIES = re.compile(r"--(data|home|run-dir|.*-home|.*-dir)$")
_FILES = re.compile(r"--(.*-file|.*-key|.*-binary|record-key|neard)$")


def add_to(verbs: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> argparse.ArgumentParser:
    """The verb `completion SHELL` among the others of ``program``."""
    text = "print the script by which bash or zsh completes this command"
    verb = verbs.add_parser(
        "completion",
        help=text,
        description=f"{text.capitalize()}. For this shell: source <({program} completion bash); for each new one, put"
        " that line into ~/.bashrc, or into ~/.zshrc below compinit.",
    )
    verb.add_argument("shell", choices=SHELLS, metavar="SHELL", help=" or ".join(SHELLS))
    return verb


def script(parser: argparse.ArgumentParser, shell: str, name: str) -> str:
    """The script for a command that is called by ``name``, whatever directory is typed before it."""
    # Not at every start of a command that could be completed.
    import shtab

    parser.prog = name
    _paths(parser)
    return str(shtab.complete(parser, shell))


def _paths(parser: argparse.ArgumentParser) -> None:
    """An option that names a file, or a directory, is completed by those that are there."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _paths(each)
        for flag in action.option_strings:
            if action.nargs == 0 or action.choices:
                continue
            if _DIRECTORIES.match(flag):
                action.complete = _DIRECTORY  # type: ignore[attr-defined]
            elif _FILES.match(flag):
                action.complete = _FILE  # type: ignore[attr-defined]
