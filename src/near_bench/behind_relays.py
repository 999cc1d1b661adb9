"""A host's supervisor whose way to Consul leads through relays: they count, and they can make it slow."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from near_bench.relay import Relay
from near_localnet import bring_up, pair, processes
from near_localnet.layout import CONSUL_PORT, CONSUL_SERVERS, Validator
from near_measure.stage import Stage


@contextmanager
def behind_relays(stage: Stage, host: Validator) -> Iterator[list[Relay]]:
    """Start the supervisor of ``host`` again, with a relay before each Consul server that it knows.

    Its guard and neard stay. In the end, also of a play that failed, it is started once more without them.
    """
    layout = stage.net.layout
    servers = {layout.consul_url(name): (layout.consul_address(name), CONSUL_PORT) for name in CONSUL_SERVERS}
    relays = {url: Relay(layout.address, server) for url, server in servers.items()}
    command = pair.command(layout, host, stage.options)
    for number, word in enumerate(command):
        if word == "--consul-url":
            command[number + 1] = ",".join(relays[url].url for url in command[number + 1].split(","))
    environ = bring_up.environment(layout, stage.options)
    try:
        stage.net.stop(host.name, number=signal.SIGKILL)
        processes.start(command, data=layout.data, name=host.name, log=layout.log(host.name), environ=environ)
        stage.restore()
        yield list(relays.values())
    finally:
        if stage.net.select(host.name, "supervisor"):
            stage.net.stop(host.name, number=signal.SIGKILL)
        stage.net.start(host.name)
        for relay in relays.values():
            relay.close()
