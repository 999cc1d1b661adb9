"""The two ways to a cluster: the control socket of the supervisor on this host, or Consul from anywhere.

Only the one that is gone is loaded: on a target everything is compiled anew each time.
"""

from __future__ import annotations

from ..operator.cluster_options import Access
from .base import Way


def open_way(access: Access) -> Way:
    """The way that ``access`` names; NearError when there is none."""
    if access.consul_urls:
        from .by_consul import ConsulWay  # noqa: PLC0415

        return ConsulWay(access)
    from .by_socket import SocketWay  # noqa: PLC0415

    return SocketWay(access)
