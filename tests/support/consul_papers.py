"""Certificates for a Consul that shows one and asks for one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from near_localnet.consul_install import ensure_consul
from support.real_consul import TOOLS


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and what it signed for a server and a client."""
    directory = tmp_path_factory.mktemp("tls")
    for words in (["ca", "create"], ["cert", "create", "-server"], ["cert", "create", "-client"]):
        subprocess.run([ensure_consul(TOOLS), "tls", *words], cwd=directory, check=True, capture_output=True)
    for key in directory.glob("*-key.pem"):
        key.chmod(0o400)
    return directory


def tls_config(papers: Path) -> dict[str, object]:
    """What makes a server show its certificate and ask for one."""
    return {
        "ca_file": str(papers / "consul-agent-ca.pem"),
        "cert_file": str(papers / "dc1-server-consul-0.pem"),
        "key_file": str(papers / "dc1-server-consul-0-key.pem"),
        "verify_incoming_https": True,
    }
