"""The two ways to a cluster: the control socket of the supervisor on this host, or Consul from anywhere."""

from __future__ import annotations

from .cluster_options import Access
from .consul_way import ConsulWay
from .socket_way import SocketWay
from .way import Way


def open_way(access: Access) -> Way:
    """The way that ``access`` names; NearError when there is none."""
    return ConsulWay(access) if access.consul_urls else SocketWay(access)
