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
      The SecretID of a Consul token. Without it and O(consul_token_file), the token from E(CONSUL_HTTP_TOKEN) on the
      host where the module runs is used.
    type: str
  consul_token_file:
    description: A file on the host that contains the token. It must not be readable by everybody there.
    type: path
  consul_ca_file:
    description: >-
      The certificate authority that signed the certificates of V(https) agents, in PEM format. By default, the
      authorities that the host trusts are used.
    type: path
  consul_cert_file:
    description: A certificate to present to V(https) agents, in PEM format.
    type: path
  consul_key_file:
    description: The private key of O(consul_cert_file), in PEM format and not encrypted.
    type: path
  validate_certs:
    description: >-
      Whether to verify the certificates of V(https) agents. Without verification, a man in the middle gets the token.
    type: bool
    default: true
"""
