"""Checks the Ansible collection as Galaxy would get it: built, unpacked, then ansible-lint and ansible-test sanity.

Run by ``bin/test collection``, with ansible-core and ansible-lint beside the interpreter. The checkout may lie
anywhere. ansible-test's own environments are kept in ``.tools/ansible``, so that only the first run is slow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".tools" / "ansible"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

Command = list[Path | str]


def main() -> int:
    """Exit status 0 when neither has anything to say."""
    bin_dir = Path(sys.executable).parent
    environ = _environment(bin_dir)
    with tempfile.TemporaryDirectory(prefix="near-collection-") as name:
        tree = _unpacked(bin_dir, Path(name), environ)
        lint: Command = [bin_dir / "ansible-lint", "--offline", "--profile", "production"]
        sanity: Command = [bin_dir / "ansible-test", "sanity", "--venv", "--color", "no", "--python", PYTHON]
        # The scenarios are not part of an archive, but their plays have to be as good.
        shutil.copytree(ROOT / "molecule", tree / "molecule", ignore=shutil.ignore_patterns("__pycache__"))
        # Its plays and roles call its modules by their full names.
        found = [_run(lint, tree, {**environ, "ANSIBLE_COLLECTIONS_PATH": name})]
        shutil.rmtree(tree / "molecule")
        found.append(_run(sanity, tree, environ))
        return max(found)


def _environment(bin_dir: Path) -> dict[str, str]:
    """Homes of their own for Ansible and for ansible-test, which forgets what pip was told by variables."""
    home = STATE / "home"
    cache, pip = home / ".ansible" / "test" / "cache", home / ".config" / "pip"
    for directory in (cache, pip):
        directory.mkdir(parents=True, exist_ok=True)
    certificate = os.environ.get("PIP_CERT")
    (pip / "pip.conf").write_text("[global]\n" + (f"cert = {certificate}\n" if certificate else ""))
    for version in _pip_versions(bin_dir):
        shutil.copy(ROOT / "tools" / "get_pip.py", cache / f"get_pip_{version.replace('.', '_')}.py")
    # ansible-test takes every python3.x in PATH for one: a version manager's shims only look like it.
    path = [part for part in os.environ["PATH"].split(os.pathsep) if not part.endswith("/shims")]
    search = os.pathsep.join([str(bin_dir), str(Path(sys.base_prefix) / "bin"), *path])
    return {**os.environ, "HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible"), "PATH": search, "NO_COLOR": "1"}


def _pip_versions(bin_dir: Path) -> list[str]:
    """The versions of pip that this ansible-test may ask for: they name the file that it looks for in its cache."""
    find = "import ansible_test, pathlib; print(pathlib.Path(list(ansible_test.__path__)[0]) / '_internal')"
    done = subprocess.run([bin_dir / "python", "-c", find], check=True, stdout=subprocess.PIPE, text=True)
    source = (Path(done.stdout.strip()) / "python_requirements.py").read_text()
    return sorted(set(re.findall(r"['\"](\d+(?:\.\d+)+)['\"]", source)))


def _unpacked(bin_dir: Path, where: Path, environ: dict[str, str]) -> Path:
    """The collection, built from the working tree and unpacked where Ansible wants to find it."""
    build: Command = [bin_dir / "ansible-galaxy", "collection", "build", "--output-path", where]
    subprocess.run(build, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
    (archive,) = where.glob("*.tar.gz")
    namespace, name = archive.name.split("-")[:2]
    tree = where / "ansible_collections" / namespace / name
    shutil.unpack_archive(archive, tree)
    # Of what is not built, only the settings of ansible-test belong to the check.
    (tree / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "config.yml", tree / "tests")
    # ansible-lint looks for the project's top.
    shutil.copy(ROOT / "galaxy.yml", tree)
    return tree


def _run(command: Command, tree: Path, environ: dict[str, str]) -> int:
    """Runs one check; its output is shown only when it finds something."""
    done = subprocess.run(
        command, cwd=tree, env=environ, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        print(f"\n$ {' '.join(map(str, command))}\n{done.stdout}", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
