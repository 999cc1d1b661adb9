#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module, for the controller: fetches a release archive of Consul, verifies it, and takes the program out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_consul_archive
short_description: Fetch and verify a release archive of Consul
version_added: 0.1.0
description:
  - Downloads a zip archive, verifies its SHA-256, and unpacks the program C(consul) from it into a cache.
  - The module is meant for the controller, so that hosts need no access to the internet.
  - It works in check mode too, because it writes only a cache.
options:
  url:
    description: The URL of the archive. C(file:///path) works too.
    type: str
    required: true
  checksum:
    description: The checksum that the archive must have, as C(sha256:HEX).
    type: str
    required: true
  cache_dir:
    description: Where programs are kept, each in a directory named after the checksum of its archive.
    type: path
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: The cache is filled in check mode too.
  diff_mode:
    support: none
  platform:
    platforms: posix
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Fetch Consul
  validator_ha.near.near_consul_archive:
    url: file:///srv/mirror/consul_1.20.1_linux_amd64.zip
    checksum: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    cache_dir: ~/.cache/validator_ha.near
  delegate_to: localhost
  register: consul
"""

RETURN = r"""
program:
  description: The unpacked program.
  returned: success
  type: str
"""

import fcntl
import hashlib
import tempfile
import urllib.error
import zipfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ..module_utils.near_ha.module_end import Stop


def fetch(url: str, checksum: str, into: Path) -> Path:
    """The program from the archive. Raises Stop."""
    program = into / "consul"
    into.mkdir(parents=True, exist_ok=True)
    with (into / "lock").open("w") as lock, tempfile.TemporaryFile(dir=into) as archive:
        # Several hosts of a play may ask at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return program
        digest = hashlib.sha256()
        try:
            with open_url(url, timeout=60) as answer:
                while block := answer.read(1 << 20):
                    digest.update(block)
                    archive.write(block)
        except (OSError, ValueError, urllib.error.URLError) as error:
            raise Stop(
                f"consul_archive_url {url} cannot be fetched: {error}. Correct it, or name a copy that this controller "
                "can reach; file:///path works too."
            ) from error
        if digest.hexdigest() != checksum:
            raise Stop(
                f"consul_archive_url {url} gave an archive with sha256:{digest.hexdigest()}, and "
                f"consul_archive_checksum says sha256:{checksum}. Correct the one that is wrong: a "
                "release's checksums are published beside it. Nothing was installed."
            )
        _unpack(url, archive, program)
    return program


def _unpack(url: str, archive, program: Path) -> None:  # type: ignore[no-untyped-def]
    try:
        with zipfile.ZipFile(archive) as unzipped:
            content = unzipped.read("consul")
    except (zipfile.BadZipFile, KeyError) as error:
        raise Stop(
            f"consul_archive_url {url} is no zip archive with a program `consul` in it ({error}). "
            "Give a release archive for Linux."
        ) from error
    part = program.with_name("consul.part")
    part.write_bytes(content)
    part.chmod(0o755)
    part.replace(program)


def main() -> None:
    """Fetches unless the cache has it."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "checksum": {"type": "str", "required": True},
            "cache_dir": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    checksum = module.params["checksum"].removeprefix("sha256:").lower()
    into = Path(module.params["cache_dir"]).resolve() / f"consul-{checksum}"
    try:
        program = fetch(module.params["url"], checksum, into)
    except Stop as stop:
        module.fail_json(msg=str(stop))
    # A filled cache is no change of any host.
    module.exit_json(changed=False, program=str(program))


if __name__ == "__main__":
    main()
