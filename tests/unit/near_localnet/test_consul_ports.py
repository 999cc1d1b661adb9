"""A Consul of either age keeps its doors closed, and is given no name that it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from near_localnet.consul_ports import closed_ports, version_of

OLD, NEW = {"dns": -1, "grpc": -1, "serf_wan": -1}, {"dns": -1, "grpc": -1, "serf_wan": -1, "grpc_tls": -1}


def consul(path: Path, script: str) -> Path:
    program = path / "consul"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("script", "version", "ports"),
    [
        ("echo 'Consul v1.8.7+dfsg1'; echo 'Protocol 2 spoken by default'", (1, 8), OLD),
        ("echo Consul v1.13.9", (1, 13), OLD),
        ("echo Consul v1.14.0", (1, 14), NEW),
        ("echo Consul v1.21.5; echo Revision x", (1, 21), NEW),
        ("echo Consul v2.0.0-dev", (2, 0), NEW),
        ("echo something else", None, OLD),
        ("exit 1", None, OLD),
        ("printf '\\377\\376'", None, OLD),
    ],
)
def test_what_each_version_is_told(
    tmp_path: Path, script: str, version: tuple[int, int] | None, ports: dict[str, int]
) -> None:
    program = consul(tmp_path, script)
    assert version_of(program) == version
    assert closed_ports(program) == ports


def test_a_program_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert version_of(tmp_path / "consul") is None
