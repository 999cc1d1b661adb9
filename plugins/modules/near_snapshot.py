#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: begins neard's database from a snapshot. The action plugin of the same name shows its progress."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_snapshot
short_description: Bootstrap neard's database from a snapshot
version_added: 0.1.0
description:
  - Downloads an archive of neard's database, checks and unpacks it, and puts it in place, if the database is empty.
    A database that is not empty is never touched.
  - The work runs in the background on the host, and its progress is printed. If the playbook is stopped, the work
    continues, and the next run joins it. If the work itself is stopped, the next run continues where it stopped.
  - The archive is unpacked next to the database and renamed when it is complete. An archive that contains a key, a
    link, or a name that leads elsewhere is refused.
options:
  url:
    description: The URLs of the archive. The mirrors are tried in order. The format is C(tar), C(tar.gz), C(tar.bz2),
      C(tar.xz) or, with the program C(zstd) on the host, C(tar.zst). The content decides, not the name.
    type: list
    elements: str
    required: true
  checksum:
    description: >-
      The checksum of the archive, as C(sha256:HEX). With it, an interrupted download continues at any mirror.
    type: str
  path:
    description: The database, such as C(/var/lib/near/neard/data). The archive is kept next to it, in C(PATH.snapshot).
    type: path
    required: true
  owner:
    description: The user that runs neard.
    type: str
    required: true
  group:
    description: The group of the files.
    type: str
    required: true
  step:
    description: Used by the action plugin. V(begin) starts or joins the work. V(look) reports its progress.
    type: str
    choices: [begin, look]
    default: begin
attributes:
  check_mode:
    description: Reports whether the database would be bootstrapped. Nothing is downloaded.
    support: full
  diff_mode:
    description: A database has nothing to show.
    support: none
  async:
    description: The module has its own background process.
    support: none
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Bootstrap from a snapshot
  validator_ha.near.near_snapshot:
    url:
      - https://snapshots.example.org/mainnet.tar
      - https://mirror.example.net/mainnet.tar
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    path: /var/lib/near/neard/data
    owner: near
    group: near
"""

RETURN = r"""
stage:
  description: The current or last stage.
  returned: always
  type: str
  sample: done
done_bytes:
  description: How many bytes of the stage are done.
  returned: always
  type: int
total_bytes:
  description: How many bytes the stage has in total; 0 if not known.
  returned: always
  type: int
"""

import contextlib
import fcntl
import grp
import json
import os
import pwd
import shutil
import time
import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import BadConfig, NearError
from ..module_utils.near_ha.host import neard_home
from ..module_utils.near_ha.host.download import Download
from ..module_utils.near_ha.host.snapshot_archive import BadArchive, unpack
from ..module_utils.near_ha.module_end import run_module

STATUS_EVERY_S = 0.5


class Work:
    """The background part: one process, which holds the lock for as long as it lives."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.data = Path(params["path"])
        self.room = self.data.with_name(self.data.name + ".snapshot")
        self.status_file, self.lock_file = self.room / "status.json", self.room / "lock"
        self._told = 0.0
        self._stage = "starting"

    def tell(self, done: int = 0, total: int = 0, *, error: str = "", now: bool = False) -> None:
        """Leave word how far it is, twice a second at most."""
        moment = time.monotonic()
        if not now and moment - self._told < STATUS_EVERY_S:
            return
        self._told = moment
        status = {"stage": self._stage, "done_bytes": done, "total_bytes": total, "error": error}
        fresh = self.status_file.with_suffix(".new")
        fresh.write_text(json.dumps(status))
        fresh.replace(self.status_file)

    def stage(self, name: str) -> None:
        """The next stage."""
        self._stage = name
        self.tell(now=True)

    def run(self) -> None:
        """Everything, from nothing to a database in place. Whatever goes wrong is left in the status."""
        try:
            self._run()
        except NearError as error:
            self.tell(error=str(error), now=True)
        except Exception:
            self.tell(error=f"the snapshot failed in an unforeseen way: {traceback.format_exc()}", now=True)

    def _run(self) -> None:
        owner = (pwd.getpwnam(self.params["owner"]).pw_uid, grp.getgrnam(self.params["group"]).gr_gid)
        archive = Download(
            self.room / "archive.part", self.params["url"], self.params["checksum"] or "", self.tell, time.sleep
        )
        self.stage("downloading")
        archive.run()
        self.stage("checking")
        archive.verify()
        self.stage("unpacking")
        try:
            unpack(archive.part, self.room / "data", owner, self.tell)
        except BadArchive:
            archive.forget()
            raise
        self.stage("writing to disk")
        os.sync()
        if not neard_home.is_empty(self.data):
            raise BadConfig(
                f"{self.data} was begun while the snapshot was loaded", "Stop neard, empty it, and run this again"
            )
        (self.room / "data").replace(self.data)
        archive.forget()
        self.stage("done")


def begin(work: Work) -> None:
    """Start the work in the background, unless it is running."""
    work.room.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(work.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return
    work.status_file.unlink(missing_ok=True)
    child = os.fork()
    if child:
        os.close(lock)
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    # The lock is inherited: it is free when this process has ended, however that happens.
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    work.run()
    os._exit(0)


def look(work: Work) -> dict[str, Any]:
    """How far the work is. NearError with its own words if it failed, or if it is gone without a word."""
    running = _is_running(work)
    status = {"stage": "starting", "done_bytes": 0, "total_bytes": 0, "error": ""}
    with contextlib.suppress(OSError, ValueError):
        status.update(json.loads(work.status_file.read_text()))
    error = status.pop("error")
    if error:
        raise BadConfig(str(error).rstrip())
    if not running and status["stage"] != "done":
        raise BadConfig("the loading of the snapshot was stopped", "Run this again: it goes on where it stopped")
    if not running:
        shutil.rmtree(work.room, ignore_errors=True)
    # Done only when its process has ended: until then it may still write.
    return status if not running else {**status, "stage": status["stage"].replace("done", "ending")}


def _is_running(work: Work) -> bool:
    try:
        lock = os.open(work.lock_file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def run(module: AnsibleModule) -> dict[str, Any]:
    """One step; the module's result."""
    work = Work(module.params)
    for url in module.params["url"]:
        if not url.startswith(("http://", "https://")):
            raise BadConfig(f"the URL {url!r} of the snapshot is neither http:// nor https://", "Name a web server")
    finished = {"stage": "done", "done_bytes": 0, "total_bytes": 0}
    if module.params["step"] == "look":
        return {"changed": True, **look(work)}
    if not neard_home.is_empty(work.data):
        return {"changed": False, **finished}
    if module.check_mode:
        return {"changed": True, **finished}
    begin(work)
    return {"changed": True, "stage": "starting", "done_bytes": 0, "total_bytes": 0}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "list", "elements": "str", "required": True},
            "checksum": {"type": "str"},
            "path": {"type": "path", "required": True},
            "owner": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "step": {"type": "str", "choices": ["begin", "look"], "default": "begin"},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda: run(module))


if __name__ == "__main__":
    main()
