#!/usr/bin/python3
"""Stands in for kuutamod on a host: the same lock in Consul, the same timings, a neard with the key while it has it.

Only as far as a migration meets it: a session with a TTL of 30 s that is renewed every 10 s, no lock delay, no rule
about heights; told to end, it stops neard and gives the lock back.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

TTL, RENEW_S, TRY_S = "30s", 10.0, 0.5


class Kuutamod:
    """One of the pair."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.o = options
        self.key = f"{options.consul}/v1/kv/kuutamod-leader/{options.account}"
        self.session, self.renewed = "", 0.0
        self.neard: subprocess.Popen[bytes] | None = None
        self.leads = self.over = False

    def run(self) -> None:
        """Until told to end."""
        self.start(leads=False)
        while not self.over:
            now = time.monotonic()
            if not self.session:
                body = {"Name": "kuutamod", "TTL": TTL, "LockDelay": "0s", "Behavior": "release"}
                self.session, self.renewed = self.consul("PUT", "/v1/session/create", body)["ID"], now
            elif now - self.renewed >= RENEW_S:
                self.consul("PUT", f"/v1/session/renew/{self.session}")
                self.renewed = now
            if not self.leads and self.ask("PUT", f"{self.key}?acquire={self.session}", self.record()) is True:
                self.start(leads=True)
            time.sleep(TRY_S)
        self.stop()
        self.ask("PUT", f"{self.key}?release={self.session}", self.record())
        self.consul("PUT", f"/v1/session/destroy/{self.session}")

    def record(self) -> dict[str, str]:
        """What kuutamod writes."""
        return {"NodeId": self.o.node, "Hostname": os.uname().nodename}

    def start(self, leads: bool) -> None:
        """neard with the key, or without."""
        self.stop()
        home, self.leads = Path(self.o.home), leads
        for name, target in (
            ("node_key.json", self.o.validator_node_key if leads else self.o.voter_node_key),
            ("validator_key.json", self.o.validator_key if leads else ""),
        ):
            (home / name).unlink(missing_ok=True)
            if target:
                (home / name).symlink_to(target)
        self.neard = subprocess.Popen(["neard", "--home", str(home), "run", "--boot-nodes", self.o.boot_nodes])

    def stop(self) -> None:
        """neard, and the key with it."""
        if self.neard is not None:
            self.neard.terminate()
            self.neard.wait()
        (Path(self.o.home) / "validator_key.json").unlink(missing_ok=True)

    def consul(self, method: str, path: str, body: object = None) -> Any:
        """One question."""
        return self.ask(method, f"{self.o.consul}{path}", body)

    def ask(self, method: str, url: str, body: object = None) -> Any:
        """The answer as JSON."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, raw, method=method)  # noqa: S310 - the scenario's own Consul
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("account", "node", "home", "consul", "validator-key", "validator-node-key", "voter-node-key"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--boot-nodes", required=True)
    stand_in = Kuutamod(parser.parse_args())

    def end(*_: object) -> None:
        stand_in.over = True

    signal.signal(signal.SIGTERM, end)
    stand_in.run()


if __name__ == "__main__":
    main()
