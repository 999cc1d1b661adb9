#!/usr/bin/python
# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Ansible module: keys of neard's config.json."""

from __future__ import annotations

DOCUMENTATION = r"""
module: near_config
short_description: Set keys in neard's config.json
version_added: 0.1.0
description:
  - Merges O(values) key by key into the C(config.json) that C(neard init) wrote. Reports which of the changed keys a
    running neard applies only after a restart.
  - The file is replaced atomically, and only if a value differs. Comments, which neard allows in the file, are
    understood. They are lost, with a warning, when the file is written.
options:
  path:
    description: The path of the file.
    type: path
    required: true
  values:
    description:
      - The values that the file must contain. Objects are merged recursively. Lists and all other values replace the
        existing value.
      - V(null) removes a key, so that neard's own default applies. Without C(rpc), neard opens its RPC on all
        interfaces.
      - A section gets the fields that neard requires and has no default for, with the values that C(neard init) writes.
      - Secrets do not belong here and are refused. neard reads keys from separate files.
    type: dict
    required: true
  restart_stamp:
    description:
      - A file that is rewritten whenever a key changes that needs a restart. A neard that was started before that
        still runs with the old values. M(validator_ha.near.near_node_info) compares the two.
    type: path
extends_documentation_fragment:
  - ansible.builtin.files
attributes:
  check_mode:
    description: Reports what would change without changing it.
    support: full
  diff_mode:
    description: Shows the file before and after. Values with the name of a secret, and logins in URLs, are omitted.
    support: full
notes:
  - In check mode, a file that does not exist yet counts as empty. Otherwise a missing file is an error, because neard
    cannot run with only the few keys that are given here.
seealso:
  - module: validator_ha.near.near_home
  - module: validator_ha.near.near_node_info
author:
  - The validator_ha.near contributors (@validator-ha)
"""

EXAMPLES = r"""
- name: Make neard listen on loopback only and track no shards
  validator_ha.near.near_config:
    path: /var/lib/near/neard/config.json
    values:
      rpc:
        addr: 127.0.0.1:3030
      tracked_shards_config: NoShards
    owner: near
    group: near
    mode: "0644"

- name: Return to neard's own default
  validator_ha.near.near_config:
    path: /var/lib/near/neard/config.json
    values:
      log_summary_period: null
"""

RETURN = r"""
changed_keys:
  description: The keys whose values changed, as dotted paths.
  returned: always
  type: list
  elements: str
  sample: [network.addr, tracked_shards_config]
restart_keys:
  description: Those of RV(changed_keys) that neard applies only after a restart. It reloads the others on SIGHUP.
  returned: always
  type: list
  elements: str
  sample: [network.addr, tracked_shards_config]
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.near_ha.errors import BadConfig
from ..module_utils.near_ha.host import config_merge, relaxed_json
from ..module_utils.near_ha.module_end import run_module


def read(path: Path) -> tuple[str, dict[str, Any]] | None:
    """Text and content of the file, None if there is none; BadConfig if it cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
        document = relaxed_json.loads(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path} cannot be used: {error}", "Mend it by hand; nothing was changed") from None
    if not isinstance(document, dict):
        raise BadConfig(f"{path} does not hold a JSON object", "Mend it by hand; nothing was changed")
    return text, document


def refuse_secrets(values: dict[str, Any]) -> None:
    """BadConfig if somebody put a secret among the wanted values."""
    secrets = config_merge.secret_keys(values)
    if secrets:
        raise BadConfig(
            f"values holds what looks like a secret: {', '.join(secrets)}",
            "config.json is no place for it; neard reads keys from files of their own",
        )


def write(module: AnsibleModule, path: Path, text: str) -> None:
    """Put the file in place in one step."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    module.atomic_move(temporary, str(path))


def run(module: AnsibleModule) -> dict[str, Any]:
    """Do what the parameters ask for; the module's result."""
    path, values = Path(module.params["path"]), module.params["values"]
    refuse_secrets(values)
    found = read(path)
    if found is None and not module.check_mode:
        raise BadConfig(f"{path} does not exist", "Make neard's home first, with near_home or neard init")
    text, before = found or ("", {})
    after = config_merge.complete(config_merge.merge(before, values))
    keys = config_merge.changed_keys(before, after)
    needing_restart = config_merge.restart_keys(keys)
    result = {
        "changed": bool(keys),
        "changed_keys": keys,
        "restart_keys": needing_restart,
        "diff": {
            "before_header": str(path),
            "after_header": str(path),
            "before": config_merge.render(config_merge.shown(before)) if found else "",
            "after": config_merge.render(config_merge.shown(after)),
        },
    }
    if keys and relaxed_json.has_comments(text):
        module.warn(f"{path} had comments; they are not kept")
    if keys and not module.check_mode:
        stamp = module.params["restart_stamp"]
        if stamp and needing_restart:
            # Before the file itself: a run that is cut off in between asks for one restart too many, not too few.
            write(module, Path(stamp), "".join(f"{key}\n" for key in needing_restart))
            # near_home gives away what is not the owner's in neard's home: the next run would change it.
            module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=stamp), False)
        write(module, path, config_merge.render(after))
    if found or not module.check_mode:
        arguments = module.load_file_common_arguments(module.params)
        result["changed"] = module.set_fs_attributes_if_different(arguments, result["changed"])
    return result


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "values": {"type": "dict", "required": True},
            "restart_stamp": {"type": "path"},
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    run_module(module, lambda: run(module))


if __name__ == "__main__":
    main()
