# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Options of everything that may ask Consul."""

from __future__ import annotations


class ModuleDocFragment:
    """By what right, and over what wire, Consul is asked."""

    DOCUMENTATION = r"""
options:
  consul_token:
    description: >-
      The SecretID of a Consul token. Without it and O(consul_token_file), that of E(CONSUL_HTTP_TOKEN) where the module
      runs.
    type: str
  consul_token_file:
    description: A file on the host that holds the token. Not everybody there may be able to read it.
    type: path
  consul_ca_file:
    description: >-
      The authority that signed the certificates of V(https) agents, as PEM. The default is what the host trusts.
    type: path
  consul_cert_file:
    description: A certificate to show to V(https) agents, as PEM.
    type: path
  consul_key_file:
    description: The key of O(consul_cert_file), as PEM and not encrypted.
    type: path
  validate_certs:
    description: >-
      Whether V(https) agents have to prove who they are. Without that, whoever stands between gets the token.
    type: bool
    default: true
"""
