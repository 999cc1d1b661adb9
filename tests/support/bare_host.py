"""A host without anything of ours: this machine, as Ansible's connection `local` sees it, in check mode only.

Programs that say what the host is are stood in for: an operator's machine has no systemd in a container, and tests run
as anybody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import near_keys
from support.pages import ROOT

LONGEST_S = 100
ACCOUNT = "a.near"


class BareHost:
    """An inventory of one host in a directory, and programs that answer for it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs = directory / "bin"
        self.programs.mkdir()
        self.limit = "here"
        # Nothing may depend on where an operator calls Ansible.
        self.elsewhere = directory / "elsewhere"
        self.elsewhere.mkdir()
        self.answer("systemctl", "Version=252.1-deb", when="*--property=Version*")
        self.answer("id", "0")
        near_keys.write(directory / "key.json", "a", account_id=ACCOUNT)
        (directory / "genesis.json").write_text('{"chain_id": "localnet"}')
        consul = directory / "consul"
        consul.write_text("#!/bin/sh\necho 'Consul v1.20.1'\n")
        consul.chmod(0o755)
        self.variables: dict[str, Any] = {
            "ansible_python_interpreter": sys.executable,
            "neard_chain_id": "localnet",
            "neard_simulated": True,
            "neard_manage_sysctl": False,
            "neard_genesis_file": str(directory / "genesis.json"),
            "neard_home": str(directory / "home"),
            "supervisor_account_id": ACCOUNT,
            "deploy_other_neards_are_known": True,
            "supervisor_validator_key_file": str(directory / "key.json"),
            "consul_bind_address": "127.0.0.1",
            "consul_install_method": "binary",
            "consul_binary_file": str(consul),
            "consul_config_dir": str(directory / "consul.d"),
            "consul_http_port": 18500,
            "consul_serf_port": 18301,
            "consul_server_port": 18300,
        }

    def answer(self, program: str, text: str, *, when: str = "*") -> None:
        """A program of the host prints this, for arguments that fit the shell's pattern; nothing for others."""
        file = self.programs / program
        file.write_text(f"#!/bin/sh\ncase \"$*\" in {when}) echo '{text}' ;; esac\n")
        file.chmod(0o755)

    def inventory(self) -> Path:
        """The file, as it is now."""
        host = {"here": {"ansible_connection": "local"}}
        groups = {name: {"hosts": dict(host)} for name in ("consul_servers", "validators", "prometheus")}
        # A second one of the account, which is never asked.
        groups["validators"]["hosts"]["away"] = {"ansible_connection": "local"}
        file = self.directory / "inventory.yml"
        file.write_text(json.dumps({"all": {"children": groups, "vars": self.variables}}))
        return file

    def role(self, role: str, *words: str, facts: tuple[str, ...] = ()) -> tuple[int, str]:
        """A play of one role, with no more gathered before than these kinds of facts."""
        play = self.directory / f"{role}.yml"
        task = {"hosts": "validators", "gather_facts": bool(facts), "roles": [f"validator_ha.near.{role}"]}
        play.write_text(json.dumps([{**task, "gather_subset": ["!all", "!min", *facts]}]))
        return self.play(str(play), *words)

    def playbook(self, name: str, *words: str) -> tuple[int, str]:
        """As `play`, for one of the collection's."""
        return self.play(str(ROOT / "playbooks" / f"{name}.yml"), *words)

    def play(self, *words: str) -> tuple[int, str]:
        """Exit status of ansible-playbook in check mode, and what it printed, with every run of blanks as one."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environ |= {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        done = subprocess.run(
            [program, "-i", str(self.inventory()), "--check", "--limit", self.limit, *words],
            cwd=self.elsewhere, env=environ, text=True, check=False, timeout=LONGEST_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, " ".join(done.stdout.split())
