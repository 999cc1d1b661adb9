#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: makes the secrets of a Consul cluster once, and reads them ever after."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_consul_secrets
short_description: Create the secrets of a Consul cluster once
version_added: 0.1.0
description:
  - Keeps a gossip key, tokens, a certificate authority and certificates in a directory that belongs to root. Creates
    those that are requested but missing.
  - The module is meant for the first server of the cluster. Tasks for other hosts delegate to it.
  - The module returns the secrets, so tasks that call it need C(no_log).
options:
  directory:
    description: Where the secrets are kept. The module creates the directory with mode 0700.
    type: path
    required: true
  program:
    description: The program C(consul), needed for certificates only.
    type: path
    default: consul
  gossip_key:
    description: Whether the gossip key is requested.
    type: bool
    default: false
  tokens:
    description: The names of the requested tokens. Each token is a UUID.
    type: list
    elements: str
    default: []
  certificate:
    description: The requested certificate, with its certificate authority.
    type: dict
    suboptions:
      name:
        description: The name of the agent.
        type: str
        required: true
      server:
        description: Whether the agent is a server. Consul's servers accept only such certificates from each other.
        type: bool
        default: false
      datacenter:
        description: Consul's datacenter, which is part of a server's name.
        type: str
        default: dc1
      domain:
        description: Consul's domain, which is part of a server's name.
        type: str
        default: consul
      addresses:
        description: Addresses that the certificate is valid for, in addition to 127.0.0.1.
        type: list
        elements: str
        default: []
      days:
        description: For how many days the certificate is valid.
        type: int
        default: 1825
      renew_days:
        description: Renew the certificate when fewer days than this are left.
        type: int
        default: 90
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - validator_ha.near.attributes.consul_host
attributes:
  check_mode:
    details: Secrets that do not exist yet are returned as placeholders.
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Read the gossip key, or create it
  validator_ha.near.near_consul_secrets:
    directory: /etc/consul.d/secrets
    gossip_key: true
  delegate_to: "{{ groups.consul_servers | first }}"
  register: secrets
  no_log: true
"""

RETURN = r"""
gossip_key:
  description: The key, in base64; empty if it was not requested.
  returned: always
  type: str
tokens:
  description: The tokens, by name.
  returned: always
  type: dict
ca_certificate:
  description: The certificate of the certificate authority, in PEM format.
  returned: when O(certificate) is given
  type: str
certificate:
  description: The certificate of the agent, in PEM format.
  returned: when O(certificate) is given
  type: str
private_key:
  description: The private key of the agent's certificate, in PEM format.
  returned: when O(certificate) is given
  type: str
made:
  description: The names of the secrets that were created, or would be.
  returned: always
  type: list
  elements: str
"""

import base64
import fcntl
import json
import os
import re
import secrets
import ssl
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.host import atomic_file
from ..module_utils.near_ha.module_end import Stop

CA_DAYS = 7300


class Keeper:
    """The directory of secrets. Everything in it is 0600, and complete before it has its name."""

    def __init__(self, directory: Path, program: str, check: bool) -> None:
        self.directory, self.program, self.check = directory, program, check
        self.made: list[str] = []

    def keep(self, name: str, make: Callable[[], str]) -> str:
        """The secret `name`, made if it is not there; a placeholder in check mode."""
        path = self.directory / name
        if path.exists():
            return path.read_text(encoding="utf-8").strip()
        self.made.append(name)
        if self.check:
            return "made-later"
        value = make()
        self.write(path, value + "\n")
        return value

    def write(self, path: Path, content: str) -> None:
        """Puts a file in place at once. When it is there, it is on the disk: other hosts use it from then on."""
        make_directory(path.parent)
        atomic_file.place(path, content.encode(), 0o600, replace=True)

    def certificate(self, wanted: dict[str, Any]) -> dict[str, str]:
        """CA, certificate and key. The certificate is made anew when what is wanted changes, or its end is near."""
        tls = self.directory / "tls"
        ca, ca_key = tls / "ca.pem", tls / "ca-key.pem"
        pem, key, notes = (tls / f"{wanted['name']}{end}" for end in (".pem", "-key.pem", ".json"))
        if not ca.exists():
            self.made.append("tls/ca.pem")
            if self.check:
                return dict.fromkeys(("ca_certificate", "certificate", "private_key"), "made-later\n")
            self._consul_tls({"-agent-ca-key.pem": ca_key, "-agent-ca.pem": ca}, "ca", "create", f"-days={CA_DAYS}")
        note = json.dumps({name: wanted[name] for name in sorted(wanted) if name != "renew_days"})
        noted = notes.read_text(encoding="utf-8") if notes.exists() else ""
        if noted != note or days_left(pem) < wanted["renew_days"]:
            self.made.append(f"tls/{pem.name}")
            if self.check and not pem.exists():
                return {
                    "ca_certificate": ca.read_text(encoding="utf-8"),
                    "certificate": "made-later\n",
                    "private_key": "made-later\n",
                }
            if not self.check:
                names = [f"-additional-ipaddress={address}" for address in wanted["addresses"]]
                role = "-server" if wanted["server"] else "-client"
                self._consul_tls(
                    {"-key.pem": key, ".pem": pem},
                    "cert",
                    "create",
                    role,
                    f"-ca={ca}",
                    f"-key={ca_key}",
                    f"-days={wanted['days']}",
                    f"-dc={wanted['datacenter']}",
                    f"-domain={wanted['domain']}",
                    *names,
                )
                self.write(notes, note)
        files = {"ca_certificate": ca, "certificate": pem, "private_key": key}
        return {name: path.read_text(encoding="utf-8") for name, path in files.items()}

    def _consul_tls(self, files: dict[str, Path], *words: str) -> None:
        """`consul tls` writes into its working directory, under names of its own: told apart by how they end."""
        make_directory(self.directory)
        with tempfile.TemporaryDirectory(dir=self.directory) as work:
            try:
                subprocess.run(
                    [self.program, "tls", *words], cwd=work, check=True, capture_output=True, text=True, timeout=60
                )
            except (OSError, subprocess.SubprocessError) as error:
                said = (getattr(error, "stderr", None) or str(error)).strip()
                raise Stop(f"`{self.program} tls {' '.join(words[:2])}` failed: {said}") from error
            made = sorted(Path(work).iterdir(), key=lambda path: "-key." not in path.name)
            for path in made:
                end = next(end for end in files if path.name.endswith(end))
                self.write(files[end], path.read_text(encoding="utf-8"))


def make_directory(path: Path) -> None:
    """A directory for root only, on the disk with its name, as are the parents that it needs. Raises OSError."""
    missing = [place for place in (path, *path.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
        atomic_file.sync_directory(place.parent)


def days_left(certificate: Path) -> float:
    """Days until its end; below zero if there is none, or it cannot be read."""
    try:
        # The only decoder of certificates in the standard library; test suites everywhere rely on it.
        ends = ssl._ssl._test_decode_cert(str(certificate))["notAfter"]  # type: ignore[attr-defined]
    except (OSError, ssl.SSLError):
        return -1
    return (ssl.cert_time_to_seconds(ends) - time.time()) / 86400


def new_gossip_key() -> str:
    """32 random bytes, as `consul keygen` makes them."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def main() -> None:
    """Reads what is there, makes what is not."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "program": {"type": "path", "default": "consul"},
            "gossip_key": {"type": "bool", "default": False, "no_log": False},
            "tokens": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "certificate": {
                "type": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "server": {"type": "bool", "default": False},
                    "datacenter": {"type": "str", "default": "dc1"},
                    "domain": {"type": "str", "default": "consul"},
                    "addresses": {"type": "list", "elements": "str", "default": []},
                    "days": {"type": "int", "default": 1825},
                    "renew_days": {"type": "int", "default": 90},
                },
            },
        },
        supports_check_mode=True,
    )
    params = module.params
    wanted = [*params["tokens"], *([params["certificate"]["name"]] if params["certificate"] else [])]
    if bad := [name for name in wanted if not re.fullmatch(r"[\w.@-]+", name)]:
        module.fail_json(msg=f"{bad[0]!r} cannot be the name of a secret: use letters, digits, '.', '_' and '-'.")
    os.umask(0o077)
    keeper = Keeper(Path(params["directory"]), params["program"], module.check_mode)
    result: dict[str, Any] = {}
    try:
        if not module.check_mode:
            make_directory(keeper.directory)
            # Tasks of several hosts are delegated here at once. The lock ends with the process.
            lock = (keeper.directory / ".lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
        result["gossip_key"] = keeper.keep("gossip-key", new_gossip_key) if params["gossip_key"] else ""
        result["tokens"] = {name: keeper.keep(f"token-{name}", lambda: str(uuid.uuid4())) for name in params["tokens"]}
        if params["certificate"]:
            result.update(keeper.certificate(params["certificate"]))
    except Stop as stop:
        module.fail_json(msg=str(stop))
    except OSError as error:
        module.fail_json(msg=f"The secrets in {params['directory']} cannot be kept: {error}")
    module.exit_json(changed=bool(keeper.made), made=keeper.made, **result)


if __name__ == "__main__":
    main()
