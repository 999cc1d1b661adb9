"""The import rules: what may know what. Each rule is a function of a module's source, and has a snippet it catches."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUPERVISOR = ROOT / "src" / "near_supervisor"
GUARD = ROOT / "src" / "near_guard"
NEAR_HA = ROOT / "plugins" / "module_utils" / "near_ha"

PURE = {
    "__future__", "collections.abc", "dataclasses", "enum", "functools", "itertools", "math", "typing",
}  # fmt: skip
CLOCK_MODULES = {"time"}
CLOCK_CALLS = {"now", "utcnow", "today"}  # of datetime and date
SPAWNING_MODULES = {"subprocess", "multiprocessing", "pty"}
# The one file that starts a guard, the one that asks neard to check its files, and the one that runs operators' hooks.
SPAWNERS = ("io/guard_process.py", "io/hook_process.py", "io/preflight.py")
# Neard itself, and the child that finds out whether neard will find its key.
GUARD_SPAWNERS = ("neard.py", "key_link.py")
SPAWNING_OS_CALLS = ("fork", "exec", "spawn", "posix_spawn", "system", "popen")

Rule = Callable[[ast.Module], list[str]]


def imported(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Full names of all modules imported anywhere in the tree; relative ones are resolved against `package`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            # `from package import module` imports that module, too.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def core_is_pure(room: str = "") -> Rule:
    """For the modules of a room of the core, or for those beside the rooms."""
    package = f"near_supervisor.core.{room}".removesuffix(".")
    allowed = ("near_supervisor.core", "near_ha", *PURE)

    def rule(tree: ast.Module) -> list[str]:
        return [name for name in imported(tree, package) if not any(within(name, one) for one in allowed)]

    return named(rule, f"core_is_pure_{room}")


def notifications_are_pure(tree: ast.Module) -> list[str]:
    """What is told is decided by the core's facts and the time."""
    allowed = ("near_supervisor.core", "near_ha", *PURE)
    return [name for name in imported(tree, "near_supervisor") if not any(within(name, one) for one in allowed)]


def no_arrow_up(room: str, *known: str) -> Rule:
    """A room of the core knows itself and those below it, and nothing else of the core."""
    package = f"near_supervisor.core.{room}".removesuffix(".")
    below = tuple(f"near_supervisor.core.{one}" for one in (*known, *([room] if room else [])))

    def rule(tree: ast.Module) -> list[str]:
        names = [name for name in imported(tree, package) if within(name, "near_supervisor.core")]
        return [
            name for name in names if name != "near_supervisor.core" and not any(within(name, one) for one in below)
        ]

    return named(rule, f"no_arrow_up_{room}")


def named(rule: Rule, name: str) -> Rule:
    rule.__name__ = name
    return rule


def io_knows_no_machine(tree: ast.Module) -> list[str]:
    return [name for name in imported(tree, "near_supervisor.io") if within(name, "near_supervisor.core.machine")]


def reads_no_clock(tree: ast.Module) -> list[str]:
    found = [name for name in imported(tree) if name.partition(".")[0] in CLOCK_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCK_CALLS:
            owner = ast.unparse(node.value)
            if owner.rpartition(".")[2] in ("datetime", "date"):
                found.append(f"{owner}.{node.attr}")
    return found


def spawns_nothing(tree: ast.Module) -> list[str]:
    found = [name for name in imported(tree) if name.partition(".")[0] in SPAWNING_MODULES]
    found += [name for name in imported(tree) if name.startswith(tuple(f"os.{call}" for call in SPAWNING_OS_CALLS))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith(SPAWNING_OS_CALLS):
            owner = ast.unparse(node.value)
            if owner in ("os", "asyncio") or owner.endswith("_loop"):
                found.append(f"{owner}.{node.attr}")
    return found


def no_stand_ins(tree: ast.Module) -> list[str]:
    foreign = ("neard_sim", "near_localnet", "tests")
    return [name for name in imported(tree) if any(within(name, package) for package in foreign)]


def standard_library_only(tree: ast.Module, floors: int = 1) -> list[str]:
    """Relative imports stay inside the package, of which this file is so many ``floors`` deep; anything else is the
    standard library's.
    """
    escaping = [
        f"{'.' * node.level}{node.module or ''}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level > floors
    ]
    absolute = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for name in imported(node)
    ]
    return escaping + [name for name in absolute if name.partition(".")[0] not in sys.stdlib_module_names]


def standard_library_only_in_a_room(tree: ast.Module) -> list[str]:
    """As above, one floor down."""
    return standard_library_only(tree, floors=2)


def guard_stands_alone(tree: ast.Module) -> list[str]:
    """As above, and it may call itself by its name: it is started as a file, which belongs to no package."""
    return [name for name in standard_library_only(tree) if not within(name, "near_guard")]


def modules(directory: Path, *, but: tuple[str, ...] = ()) -> list[Path]:
    excepted = {directory / name for name in but}
    return sorted(file for file in directory.rglob("*.py") if file not in excepted)


CORE = SUPERVISOR / "core"
ROOMS = ("facts", "conditions", "updates", "rules")
# What facts are made of, and what is wanted and has happened, in terms of them.
WORDS = ("facts", "commands", "events", "step")

RULES: list[tuple[Rule, list[Path], str]] = [
    (core_is_pure(), sorted(CORE.glob("*.py")), "import socket"),
    (core_is_pure(), sorted(CORE.glob("*.py")), "from near_supervisor.io import clock"),
    (core_is_pure(), sorted(CORE.glob("*.py")), "from ..io import clock"),
    *((core_is_pure(room), modules(CORE / room), "from ...io import clock") for room in ROOMS),
    (notifications_are_pure, [SUPERVISOR / "notifications.py"], "import threading"),
    (notifications_are_pure, [SUPERVISOR / "notifications.py"], "from .io import clock"),
    (no_arrow_up("facts"), modules(CORE / "facts"), "from .. import events"),
    (no_arrow_up("", *WORDS), [CORE / f"{name}.py" for name in WORDS[1:]], "from .conditions import readiness"),
    (no_arrow_up("conditions", *WORDS), modules(CORE / "conditions"), "from ..rules import lease"),
    (no_arrow_up("conditions", *WORDS), modules(CORE / "conditions"), "from ..updates.table import update"),
    (no_arrow_up("updates", *WORDS, "conditions"), modules(CORE / "updates"), "from ..rules import lease"),
    (no_arrow_up("rules", *WORDS, "conditions"), modules(CORE / "rules"), "from ..updates import consul"),
    (no_arrow_up("rules", *WORDS, "conditions"), modules(CORE / "rules"), "from ..machine import step"),
    (io_knows_no_machine, modules(SUPERVISOR / "io"), "from near_supervisor.core import machine"),
    (io_knows_no_machine, modules(SUPERVISOR / "io"), "from ..core.machine import step"),
    (reads_no_clock, modules(SUPERVISOR, but=("io/clock.py",)), "import time"),
    (reads_no_clock, modules(SUPERVISOR, but=("io/clock.py",)), "from time import monotonic"),
    (reads_no_clock, modules(SUPERVISOR, but=("io/clock.py",)), "x = datetime.datetime.now()"),
    (reads_no_clock, modules(GUARD, but=("kernel.py",)), "import time"),
    (spawns_nothing, modules(SUPERVISOR, but=SPAWNERS), "import subprocess"),
    (spawns_nothing, modules(SUPERVISOR, but=SPAWNERS), "os.posix_spawn(a, b, c)"),
    (spawns_nothing, modules(SUPERVISOR, but=SPAWNERS), "from os import execv"),
    (spawns_nothing, modules(GUARD, but=GUARD_SPAWNERS), "os.fork()"),
    (no_stand_ins, modules(SUPERVISOR), "def f():\n    from neard_sim import referee"),
    (standard_library_only, sorted(NEAR_HA.glob("*.py")), "import consul"),
    (standard_library_only, sorted(NEAR_HA.glob("*.py")), "from near_supervisor.commandline import options"),
    (standard_library_only, sorted(NEAR_HA.glob("*.py")), "from ..other import thing"),
    (standard_library_only_in_a_room, sorted(NEAR_HA.glob("*/*.py")), "import consul"),
    (standard_library_only_in_a_room, sorted(NEAR_HA.glob("*/*.py")), "from ...other import thing"),
    (guard_stands_alone, modules(GUARD), "from near_supervisor.commandline import main"),
    (guard_stands_alone, modules(GUARD), "def f():\n    import near_ha.errors"),
    (guard_stands_alone, modules(GUARD), "from ..near_ha import errors"),
    (guard_stands_alone, modules(GUARD), "import near_guard_of_another"),
]


@pytest.mark.parametrize(("rule", "files", "violation"), RULES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_holds_and_catches_its_violation(rule: Rule, files: list[Path], violation: str) -> None:
    assert rule(ast.parse(violation)), f"{rule.__name__} lets {violation!r} pass"
    assert files, f"{rule.__name__} looks at no file"
    broken = {str(file.relative_to(ROOT)): found for file in files if (found := rule(ast.parse(file.read_text())))}
    assert not broken


@pytest.mark.parametrize(
    "rule", sorted({rule for rule, _, _ in RULES}, key=lambda rule: str(getattr(rule, "__name__", rule)))
)
def test_an_innocent_module_passes_every_rule(rule: Rule) -> None:
    assert rule(ast.parse("from __future__ import annotations\nfrom dataclasses import dataclass\nx = 1")) == []
