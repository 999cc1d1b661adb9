# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for plugins
"""Inventory plugin: puts hosts of other sources into groups by what they do now."""

from __future__ import annotations

DOCUMENTATION = r"""
name: near_cluster
short_description: Group validator hosts by their current role
version_added: 0.1.0
author:
  - The validator_ha.near contributors (@validator-ha)
description:
  - Asks Consul for the cluster of an account and puts its hosts into the groups C(near_active) (who validates),
    C(near_standby) (who could take over now) and C(near_unready) (who could not).
  - The plugin adds no hosts. The hosts come from other inventory sources, which must be named before this one. A member
    of the cluster is matched to the host whose C(supervisor_node_id) is the member's node id. If a host has no
    C(supervisor_node_id), its name in the inventory or the name of its machine is used. The plugin warns about a member
    that matches no host.
  - A host whose C(supervisor_account_id) is the account, but which is not a member, is C(near_unready).
  - Each of these hosts gets the variables C(near_state) and C(near_reason). C(near_reason) says why it is not ready.
  - If Consul cannot be asked or does not know the account, the inventory source fails and the groups do not exist. So
    nothing is done to a host that may not be what its group says.
  - Each command asks Consul again, and nothing is cached. The validator may change while a play runs. Anything
    that must not be wrong then belongs in a task with M(validator_ha.near.near_failover_info).
extends_documentation_fragment:
  - validator_ha.near.consul
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [validator_ha.near.near_cluster]
  account_id:
    description:
      - The validator's account. It may be omitted if there is only one account in Consul.
      - For several accounts, use one file for each.
    type: str
  consul_url:
    description: Consul agents to ask, such as C(http://localhost:8500). They are tried in order until one answers.
    type: list
    elements: str
    required: true
    env:
      - name: NEAR_CONSUL_URL
  consul_token:
    env:
      - name: CONSUL_HTTP_TOKEN
seealso:
  - module: validator_ha.near.near_failover_info
"""

EXAMPLES = r"""
# near_cluster.yml, next to the inventory of the hosts:
#   ansible near_active -i inventory.yml -i near_cluster.yml -m near_failover_info
plugin: validator_ha.near.near_cluster
account_id: my.pool.near
consul_url:
  - http://192.0.2.11:8500
  - http://192.0.2.12:8500
"""

from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources

from ..module_utils.near_ha.errors import NearError
from ..module_utils.near_ha.operator.cluster_groups import GROUPS, Host, places
from ..module_utils.near_ha.operator.cluster_options import Access
from ..module_utils.near_ha.transport.by_consul import ConsulWay

_FILES = ("consul_token_file", "consul_ca_file", "consul_cert_file", "consul_key_file")


class InventoryModule(BaseInventoryPlugin):
    """One source: one account's cluster."""

    NAME = "validator_ha.near.near_cluster"

    def verify_file(self, path: str) -> bool:
        """Any YAML file may be one; its key ``plugin`` decides."""
        return bool(super().verify_file(path)) and path.endswith((".yml", ".yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Ask, and group; AnsibleParserError when nobody can be asked."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            found = places(ConsulWay(self._access()).look(), [self._host(name) for name in inventory.hosts])
        except NearError as error:
            raise AnsibleParserError(f"{path}: {error}") from None
        for warning in found.warnings:
            self.display.warning(warning)
        for group in GROUPS:
            inventory.add_group(group)
        for name, place in found.hosts.items():
            inventory.add_child(place.group, name)
            inventory.set_variable(name, "near_state", place.state)
            inventory.set_variable(name, "near_reason", place.reason)

    def _host(self, name: str) -> Host:
        """What the sources before this one say of it; a value that is a template is not known here."""
        host = self.inventory.hosts[name]
        groups = {group.name: group for group in (self.inventory.groups["all"], *host.get_groups())}
        variables = get_group_vars(list(groups.values()))
        for entities in (list(groups.values()), [host]):
            files = get_vars_from_inventory_sources(self.loader, self.inventory.processed_sources, entities, "all")
            variables = combine_vars(variables, files)
        variables = combine_vars(variables, host.get_vars())

        def known(variable: str) -> str:
            value = variables.get(variable)
            return value if isinstance(value, str) and "{{" not in value else ""

        node_id, account = known("supervisor_node_id"), known("supervisor_account_id")
        return Host(name, known("ansible_host"), node_id, account)

    def _access(self) -> Access:
        files = {name: self.get_option(name) for name in _FILES}
        token = "" if files["consul_token_file"] else self.get_option("consul_token") or ""
        return Access(
            account_id=self.get_option("account_id") or "",
            consul_urls=tuple(self.get_option("consul_url")),
            token=str(token),
            token_file=files["consul_token_file"] or "",
            ca_file=files["consul_ca_file"] or "",
            cert_file=files["consul_cert_file"] or "",
            key_file=files["consul_key_file"] or "",
            validate_certs=self.get_option("validate_certs"),
        )
