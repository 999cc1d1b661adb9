"""Checks the Ansible collection as Galaxy would get it: built, unpacked, then ansible-lint and ansible-test sanity.

It is built in a copy of the checkout in which an operator has left what operators leave there: none of that may be in
it.

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from archive_list import listed

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".tools" / "ansible"
# By ansible-galaxy.
WRITTEN = ("MANIFEST.json", "FILES.json")
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

Command = list[Path | str]

CONTENT = "ed25519:this is nobody's key"
# What operators, editors and our own programs leave in a checkout.
LEFT_BEHIND = (
    "secrets/validator_key.json",
    "secrets/consul_token",
    "inventory.yml",
    "inventory.yml~",
    "near_cluster.yml",
    "group_vars/all/vault.yml",
    "host_vars/validator1.yml",
    "playbooks/group_vars/all/vault.yml",
    "playbooks/vault.yml",
    "playbooks/ours.yml",
    "playbooks/tasks/.look.yml.swp",
    "roles/supervisor/files/validator_key.json",
    "roles/supervisor/vars/vault.yml",
    "examples/inventory-of-ours.yml",
    "docs/notes.md",
    "plugins/modules/near_failover.py.orig",
    "src/near_supervisor/validator_key.json",
    "tools/pack.py~",
    "validator_key.json",
    "key.pem",
    "id_ed25519",
    ".vault_pass",
    ".env",
    ".data/near/localnet/node3/validator_key.json",
    ".tools/consul_token",
    "validator_ha-near-0.0.1.tar.gz",
)


def main() -> int:
    """Exit status 0 when neither has anything to say."""
    bin_dir = Path(sys.executable).parent
    environ = _environment(bin_dir)
    with tempfile.TemporaryDirectory(prefix="near-collection-") as name:
        checkout = _lived_in(Path(name) / "checkout")
        tree = _unpacked(bin_dir, checkout, Path(name), environ)
        if wrong := _not_as_listed(tree):
            print("\n".join(wrong))
            return 1
        _for_the_checks(tree)
        sanity: Command = [bin_dir / "ansible-test", "sanity", "--venv", "--color", "no", "--python", PYTHON]
        lint: Command = [bin_dir / "ansible-lint", "--offline", "--profile", "production"]
        linted = Path(name) / "linted" / tree.relative_to(name)
        shutil.copytree(tree, linted)
        # The scenarios are not part of an archive, but their plays have to be as good.
        shutil.copytree(ROOT / "molecule", linted / "molecule", ignore=shutil.ignore_patterns("__pycache__"))
        # Its plays and roles call its modules by their full names.
        called = {**environ, "ANSIBLE_COLLECTIONS_PATH": str(Path(name) / "linted")}
        with ThreadPoolExecutor() as workers:
            both = (workers.submit(_run, lint, linted, called), workers.submit(_run, sanity, tree, environ))
        return max(one.result() for one in both)


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


def _lived_in(checkout: Path) -> Path:
    """A copy of what git has here, as it is in the working tree, and of what people leave behind."""
    known = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(known, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name, follow_symlinks=False)
    for name in LEFT_BEHIND:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(f"{CONTENT}\n")
    return checkout


def _not_as_listed(tree: Path) -> list[str]:
    """What the archive has and should not have, or lacks, a line each."""
    built = {str(file.relative_to(tree)) for file in tree.rglob("*") if file.is_file()} - set(WRITTEN)
    wrong = [f"the archive has {name}, which galaxy.yml does not list" for name in sorted(built - set(listed(ROOT)))]
    wrong += [f"the archive lacks {name}" for name in sorted(set(listed(ROOT)) - built)]
    found = [file for file in tree.rglob("*") if file.is_file() and CONTENT.encode() in file.read_bytes()]
    return wrong + [f"the archive has somebody's secret in {file.relative_to(tree)}" for file in found]


def _unpacked(bin_dir: Path, checkout: Path, where: Path, environ: dict[str, str]) -> Path:
    """The collection, built from ``checkout`` and unpacked where Ansible wants to find it."""
    build: Command = [bin_dir / "ansible-galaxy", "collection", "build", "--output-path", where]
    subprocess.run(build, cwd=checkout, env=environ, check=True, stdout=subprocess.DEVNULL)
    (archive,) = where.glob("*.tar.gz")
    namespace, name = archive.name.split("-")[:2]
    tree = where / "ansible_collections" / namespace / name
    shutil.unpack_archive(archive, tree)
    return tree


def _for_the_checks(tree: Path) -> None:
    """Of what is not built, only the settings of ansible-test belong to them."""
    (tree / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "config.yml", tree / "tests")
    # ansible-lint looks for the project's top.
    shutil.copy(ROOT / "galaxy.yml", tree)


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
