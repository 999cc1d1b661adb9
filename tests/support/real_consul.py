"""One real Consul server on loopback, in memory, on ports of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from near_localnet.consul_install import ensure_consul
from near_localnet.consul_ports import closed_ports
from support.ports import free_port
from support.waiting import until

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
_ASK_S = 5.0
_UP_S = 30.0


class RealConsul:
    """A server in development mode; ``port`` stays the same over restarts, what it stored does not."""

    def __init__(self, directory: Path, token: str = "", **config: object) -> None:
        self.port, self.https_port = free_port(), free_port()
        self._token, self._config = token, config
        self.log = directory / f"consul-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """http://HOST:PORT."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def https_url(self) -> str:
        """https://HOST:PORT; served when the configuration names a certificate."""
        return f"https://127.0.0.1:{self.https_port}"

    def start(self) -> RealConsul:
        """Start it, and wait until it leads and stores."""
        ports = {"http": self.port, "server": free_port(), "serf_lan": free_port()}
        consul = ensure_consul(TOOLS)
        off = closed_ports(consul)
        if "cert_file" in self._config:
            ports["https"] = self.https_port
        config = self.log.with_suffix(".json")
        config.write_text(
            json.dumps({"ports": ports | off, "performance": {"rpc_hold_timeout": "300ms"}, **self._config})
        )
        command = [str(consul), "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-node=consul-test", f"-config-file={config}"], stdout=log, stderr=log
            )
        until("Consul has a leader", self._leads, self.evidence, _UP_S)
        return self

    def stop(self) -> None:
        """End it, and wait for the end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the server's HTTP interface says, past every client library; None for 404."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ASK_S)
        try:
            headers = {"X-Consul-Token": self._token} if self._token else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return None
        assert answer.status == http.client.OK, f"{method} {path}: {answer.status} {raw!r}"
        return json.loads(raw)

    def entry(self, key: str) -> dict[str, Any] | None:
        """The stored entry of a key; its value is base64."""
        found = self.ask("GET", f"/v1/kv/{key}?consistent")
        return dict(found[0]) if found else None

    def session(self, session: str) -> dict[str, Any] | None:
        """What Consul knows of a session; None when it is gone."""
        found = self.ask("GET", f"/v1/session/info/{session}?consistent")
        return dict(found[0]) if found else None

    def destroy(self, session: str) -> None:
        """End a session as an operator would."""
        self.ask("PUT", f"/v1/session/destroy/{session}")

    def evidence(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:]) if self.log.exists() else "no log"

    def _leads(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"Consul has ended\n{self.evidence()}"
        try:
            self.ask("GET", "/v1/kv/?keys&consistent")
        except (OSError, AssertionError, http.client.HTTPException):
            return False
        return True


@contextlib.contextmanager
def real_consul(directory: Path, token: str = "", **config: object) -> Iterator[RealConsul]:
    """A running server for the length of a ``with`` block; ``config`` is added to its configuration.

    ``token`` is what the tests themselves ask with.
    """
    consul = RealConsul(directory, token, **config)
    try:
        yield consul.start()
    finally:
        consul.stop()
