"""Every command in surroundings that are broken: it says a sentence or does its work, and never ends in a traceback."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.short_paths import short_directory

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent
LONGEST_S = 90
NOBODY = 65534
FEW_FILES = 12

BIN = [str(path) for path in sorted((ROOT / "bin").iterdir()) if path.is_file()]
LOCALNET = str(ROOT / "bin" / "localnet")
SUPERVISOR, KUUTAMOCTL, KUUTAMOD = (str(SCRIPTS / name) for name in ("near-supervisor", "kuutamoctl", "kuutamod"))
# A port of loopback on which nothing listens.
NOBODYS_CONSUL = ("--consul-url", "http://127.0.0.1:1")
# {data}: a directory of this command's own.
ON_A_PART = ("start", "stop", "kill", "lose", "return", "freeze", "thaw", "logs")
ON_A_CLUSTER = ("promote", "demote", "pause", "resume", "cancel", "history")

COMMANDS: tuple[tuple[str, ...], ...] = (
    *((path, "--help") for path in BIN),
    (LOCALNET,),
    (LOCALNET, "--version"),
    (LOCALNET, "--data", "{data}", "status"),
    (LOCALNET, "--data", "{data}", "status", "--json"),
    *((LOCALNET, "--data", "{data}", verb, "validator-a") for verb in ON_A_PART),
    # Settings that nobody can have, so that nothing is started.
    (LOCALNET, "--data", "{data}", "up", "--lease", "0"),
    (LOCALNET, "--data", "{data}", "demo", "--lease", "0"),
    (LOCALNET, "--data", "{data}", "reset"),
    (LOCALNET, "--data", "{data}", "inventory"),
    (LOCALNET, "--data", "{data}", "down", "--wipe"),
    (LOCALNET, "completion", "bash"),
    (SUPERVISOR,),
    (SUPERVISOR, "--help"),
    (SUPERVISOR, "--version"),
    (SUPERVISOR, "run"),
    (SUPERVISOR, "run", "--help"),
    (SUPERVISOR, "run", "--neard-home", "{data}", "--validator-key", "{data}/key", "--account-id", "a.near"),
    (SUPERVISOR, "status", "--run-dir", "{data}"),
    *((SUPERVISOR, verb, "--account-id", "a.near", *NOBODYS_CONSUL) for verb in ON_A_CLUSTER),
    (SUPERVISOR, "detach", "--run-dir", "{data}"),
    (SUPERVISOR, "notify", "--run-dir", "{data}"),
    (SUPERVISOR, "completion", "zsh"),
    (SUPERVISOR, "compile"),
    (SUPERVISOR, "guard"),
    (SUPERVISOR, "guard", "--help"),
    (SUPERVISOR, "guard", "--run-dir", "{data}/no", "--home", "{data}", "--key-link", "{data}/k", "--linger", "0.1"),
    (KUUTAMOCTL, "--version"),
    (KUUTAMOCTL, *NOBODYS_CONSUL, "active-validator"),
    (KUUTAMOCTL, "completion", "bash"),
    (KUUTAMOD, "--version"),
    (sys.executable, "-m", "neard_sim", "--version"),
    (sys.executable, "-m", "neard_sim", "--home", "{data}", "run"),
    (sys.executable, str(ROOT / "tools" / "pack.py"), "--help"),
)


@dataclass(frozen=True)
class Surroundings:
    """What is broken around a command. ``script`` runs it, with its words as "$@", and shows a reason if need be."""

    environ: dict[str, str | None] = field(default_factory=dict)
    script: str = 'exec "$@"'
    before: Callable[[], None] | None = None
    data: Callable[[Path], None] = Path.mkdir


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES))


def nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def a_file(data: Path) -> None:
    data.write_text("{")


def full_of_rubbish(data: Path) -> None:
    """Whatever name is looked for there is a file that cannot be read as what it should be."""
    data.mkdir()
    for name in ("config.json", "localnet.json", "options.json", "validator_key.json", "key", "status", "neard.json"):
        (data / name).write_bytes(b'{"a": [\xff\x00')
    for name in ("near", "consul", "logs", "run", "guard.sock", "control.sock", "data"):
        (data / name).write_bytes(b"\x00")


def in_other_letters(data: Path) -> None:
    """The directory's own name has others."""
    (data.parent / "ü ł").mkdir()
    data.symlink_to(data.parent / "ü ł")


ASCII = {"LANG": "C", "LC_ALL": "C", "LC_CTYPE": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SURROUNDINGS = {
    "no HOME": Surroundings({"HOME": None, "XDG_CACHE_HOME": None}),
    "a HOME that is none": Surroundings({"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}),
    "a directory that is gone": Surroundings(script='d=$(mktemp -d) && cd "$d" && rmdir "$d" && exec "$@"'),
    "a full disk": Surroundings(script='exec "$@" > /dev/full'),
    "a closed standard output": Surroundings(script='exec "$@" >&-'),
    "a closed standard input": Surroundings(script='exec "$@" <&-'),
    "no place for temporary files": Surroundings({"TMPDIR": "/dev/null/tmp"}),
    "a place for temporary files that is gone": Surroundings({"TMPDIR": "/nonexistent"}),
    "other letters in a path, of which none can be printed": Surroundings({**ASCII}, data=in_other_letters),
    "no terminal that is known": Surroundings({"TERM": None}),
    "letters of ASCII only": Surroundings(ASCII),
    "a terminal of one column": Surroundings({"TERM": "dumb", "COLUMNS": "1", "LINES": "1"}),
    "no PATH": Surroundings({"PATH": "/nonexistent"}),
    "few open files": Surroundings(before=few_files),
    "a file where data should be": Surroundings(data=a_file),
    "data that is rubbish": Surroundings(data=full_of_rubbish),
    "a user who may write nowhere": Surroundings(before=nobody),
}


@pytest.fixture(scope="module", autouse=True)
def set_up() -> None:
    """What a command needs to begin is there: how that is made has tests of its own."""
    subprocess.run([LOCALNET, "--version"], check=True, capture_output=True, timeout=LONGEST_S)


def run(words: Sequence[str], name: str, directory: Path) -> str:
    """What is wrong with the end of this command there; "" if nothing is."""
    around = SURROUNDINGS[name]
    data = directory / "data"
    around.data(data)
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for variable, value in around.environ.items():
        environ.pop(variable, None)
        if value is not None:
            environ[variable] = value
    command = [word.replace("{data}", str(data)) for word in words]
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", around.script, "sh", *command],
            env=environ, cwd=directory, preexec_fn=around.before, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=LONGEST_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{shlex.join(command)}, {name}: it has not ended after {LONGEST_S} s"
    said = (done.stdout + done.stderr).decode(errors="replace")
    wrong = "Traceback (most recent call last)" in said or "Exception ignored" in said or done.returncode < 0
    silent = done.returncode not in (0, 141) and not done.stderr.strip()
    text = f"{shlex.join(command)}, {name}: status {done.returncode}\n{said[-1500:]}"
    return text if wrong or silent else ""


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_no_command_ends_in_a_traceback(name: str) -> None:
    if name == "a user who may write nowhere" and not can_nobody_run():
        pytest.skip("only root can be another user, and only where that one may read this Python and this checkout")
    with short_directory() as top, ThreadPoolExecutor(os.cpu_count()) as pool:
        top.chmod(0o755)
        places = [top / str(number) for number in range(len(COMMANDS))]
        for place in places:
            place.mkdir()
        found = list(
            filter(None, pool.map(lambda pair: run(pair[0], name, pair[1]), zip(COMMANDS, places, strict=True)))
        )
    assert not found, "\n\n".join(found)


def can_nobody_run() -> bool:
    """Whether there is somebody without rights who can start a command of this checkout."""
    if os.geteuid() != 0 or shutil.which("sh") is None:
        return False
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import bootstrap"]
    try:
        return subprocess.run(words, preexec_fn=nobody, capture_output=True, check=False, cwd="/").returncode == 0
    except OSError:
        return False


def test_every_command_is_tried() -> None:
    tried = {words[0] for words in COMMANDS}
    assert set(BIN) <= tried
    assert {SUPERVISOR, KUUTAMOCTL, KUUTAMOD} <= tried


@pytest.mark.parametrize("command", [LOCALNET, SUPERVISOR, KUUTAMOCTL], ids=lambda command: Path(command).name)
def test_every_verb_is_tried(command: str) -> None:
    words = {word for tried in COMMANDS if tried[0] == command for word in tried[1:]}
    script = subprocess.run([command, "completion", "bash"], check=True, capture_output=True, text=True).stdout
    (verbs,) = re.findall(r"^_shtab_\w+_subparsers=\((.*)\)$", script, re.MULTILINE)[:1]
    assert set(shlex.split(verbs)) <= words
