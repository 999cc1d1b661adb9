# Copyright: The validator_ha.near contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0) or, at your choice,
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), which ansible-test wants for modules
"""Attributes that several modules have alike."""

from __future__ import annotations


class ModuleDocFragment:
    """What a module says of itself outranks what is here."""

    # Of a module that only looks.
    INFO = r"""
attributes:
  check_mode:
    description: The module changes nothing, so it does the same in check mode.
    support: full
  diff_mode:
    description: The module changes nothing, so there is nothing to compare.
    support: none
"""

    # Of a module of role consul that runs on hosts with systemd.
    CONSUL_HOST = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
"""
