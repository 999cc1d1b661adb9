"""What neard refuses in ``config.json``, though the simulation makes no use of it. Tried with neard 2.13.0."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_TRACKING = ("NoShards", "Shards", "AllShards", "ShadowValidator", "Schedule", "Accounts")
_BOOLEANS = {
    "": ("archive", "save_trie_changes"),
    "store": ("load_mem_tries_for_tracked_shards",),
    "network": ("skip_sync_wait", "allow_private_ip_in_public_addrs"),
    "rpc": ("enable_debug_rpc",),
    "consensus": ("produce_empty_blocks",),
}
_NUMBERS = {"": ("gc_num_epochs_to_keep",), "consensus": ("min_num_peers", "block_header_fetch_horizon")}


def check(document: dict[str, Any]) -> None:
    """ValueError with what neard says of the first fault."""
    _check_types(document)
    _check_tracking(document.get("tracked_shards_config"))
    if document.get("save_trie_changes") is False and not document.get("archive"):
        raise ValueError(
            "config.json semantic issue: Configuration with archive = false and save_trie_changes = false is not"
            " supported because non-archival nodes must save trie changes in order to do garbage collection."
        )
    _check_public_addresses(document.get("network") or {})


def check_name(host: str, entry: str) -> None:
    """The host of a boot node is looked up while the file is read; ValueError where nobody knows it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            raise ValueError(f"boot_nodes: invalid format: {entry}") from None


def _check_types(document: dict[str, Any]) -> None:
    for section, field, value in _fields(document, _BOOLEANS):
        if value is not None and not isinstance(value, bool):
            raise ValueError(f"invalid type: {value!r}, expected a boolean ({section or 'config'}.{field})")
    for section, field, value in _fields(document, _NUMBERS):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ValueError(f"invalid type: {value!r}, expected usize ({section or 'config'}.{field})")


def _fields(document: dict[str, Any], named: dict[str, tuple[str, ...]]) -> list[tuple[str, str, Any]]:
    found = []
    for section, fields in named.items():
        within = (document.get(section) or {}) if section else document
        found += [(section, field, within.get(field)) for field in fields]
    return found


def _check_tracking(value: Any) -> None:
    if value is None:
        return
    variant = next(iter(value), "") if isinstance(value, dict) else value
    if variant not in _TRACKING:
        raise ValueError(f"unknown variant `{variant}`, expected one of {', '.join(f'`{one}`' for one in _TRACKING)}")


def _check_public_addresses(network: dict[str, Any]) -> None:
    for entry in network.get("public_addrs") or ():
        _peer, at, where = str(entry).partition("@")
        host, colon, port = where.rpartition(":")
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            address = None
        if not at or not colon or not port.isdecimal() or address is None:
            raise ValueError(f"expected <PeerId>@<IP>:<port>, got '{entry}'")
        closed = isinstance(address, ipaddress.IPv4Address) and address.is_private
        if not network.get("allow_private_ip_in_public_addrs") and (closed or address.is_loopback):
            raise ValueError(f"public_addrs: {address} is not a public IP.")
