"""What bash completes by the script that a command prints: a real bash sources it, and is asked as by its editor."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LONGEST_S = 60
ASK = """\
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
read -r -a found <<< "$(complete -p "${1##*/}")"
for ((at = 0; at < ${#found[@]}; at++)); do [ "${found[at]}" = -F ] && call=${found[at + 1]}; done
"$call" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script_of(module: str, shell: str, tmp_path: Path) -> Path:
    """The script that a command prints, as a file."""
    done = subprocess.run(
        [sys.executable, "-m", module, "completion", shell],
        capture_output=True, text=True, check=True, timeout=LONGEST_S, cwd=tmp_path,
    )  # fmt: skip
    path = tmp_path / f"{module}.{shell}"
    path.write_text(done.stdout)
    return path


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last of the words."""
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", str(script), *words],
        capture_output=True, text=True, check=True, timeout=LONGEST_S, cwd=script.parent,
    )  # fmt: skip
    return {line.strip() for line in done.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize(
    ("module", "words", "expected"),
    [
        ("near_supervisor.commandline.main", ("near-supervisor", "pro"), {"promote"}),
        ("near_supervisor.commandline.main", ("/usr/local/bin/near-supervisor", "hist"), {"history"}),
        ("near_supervisor.commandline.main", ("near-supervisor", "promote", "--ch"), {"--check"}),
        ("near_supervisor.commandline.main", ("near-supervisor", "run", "--lea"), {"--lease"}),
        ("near_localnet", ("bin/localnet", "up", "--strategy", "re"), {"restart"}),
        ("near_supervisor.commandline.kuutamoctl", ("kuutamoctl", "act"), {"active-validator"}),
        ("near_localnet", ("bin/localnet", "ki"), {"kill"}),
        ("near_localnet", ("./bin/localnet", "kill", "validator-"), {"validator-a", "validator-b"}),
        ("near_localnet", ("bin/localnet", "kill", "validator-a", "--part", "ne"), {"neard"}),
    ],
)
def test_bash_completes(module: str, words: tuple[str, ...], expected: set[str], tmp_path: Path) -> None:
    assert completed(script_of(module, "bash", tmp_path), *words) == expected


def test_a_file_is_completed_by_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("")
    script = script_of("near_supervisor.commandline.main", "bash", tmp_path)
    assert "token" in completed(script, "near-supervisor", "status", "--consul-token-file", "tok")


@pytest.mark.parametrize(
    "module", ["near_supervisor.commandline.main", "near_supervisor.commandline.kuutamoctl", "near_localnet"]
)
@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
def test_zsh_takes_the_script(module: str, tmp_path: Path) -> None:
    script = script_of(module, "zsh", tmp_path)
    load = f'autoload -U compinit; compinit -u -d {tmp_path}/dump; eval "$(cat {script})"; print -l ${{(k)_comps}}'
    done = subprocess.run(["zsh", "-f", "-c", load], capture_output=True, text=True, check=True, timeout=LONGEST_S)
    names = {"near_supervisor.commandline.main": "near-supervisor", "near_localnet": "localnet"}
    assert names.get(module, "kuutamoctl") in done.stdout.splitlines()
    assert not done.stderr
