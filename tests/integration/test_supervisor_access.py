"""A whole supervisor on a Consul that wants a certificate and a token: it validates, and the token is seen nowhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from near_ha.errors import ControlRefused
from near_ha.records import lease_record
from near_ha.records.lease_record import LeaseState
from near_ha.transport import control_client
from support.consul_papers import papers, tls_config
from support.documented_rights import ACCOUNT, POLICY
from support.guarded_consul import a_file, a_token, guarded_consul
from support.real_consul import RealConsul
from support.supervised import Supervised
from support.supervised_hosts import Chain, chain, hosts, refuses, stopped_chain
from support.waiting import until

__all__ = ["chain", "hosts", "papers", "stopped_chain"]

# Its lease has another name than the account of its key.
OF_KEY = 'key_prefix "near-supervisor/node3/keys/" { policy = "write" }'

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory, papers: Path) -> Iterator[RealConsul]:
    with guarded_consul(tmp_path_factory.mktemp("consul"), **tls_config(papers)) as running:
        yield running


@pytest.fixture
def host(chain: Chain, hosts: list[Supervised], fortress: RealConsul, papers: Path) -> Supervised:
    host = chain.host("a", fortress.https_url)
    hosts.append(host)
    host.flags |= {
        "--account-id": ACCOUNT,
        "--consul-ca-file": str(papers / "consul-agent-ca.pem"),
        "--consul-cert-file": str(papers / "dc1-client-consul-0.pem"),
        "--consul-key-file": str(papers / "dc1-client-consul-0-key.pem"),
    }
    return host


def everything_said(host: Supervised) -> str:
    """Its log, its status, its files, and what any user of the host can see of its processes."""
    assert host.process
    seen = [host.log(), str(host.status())]
    seen += [path.read_text(errors="replace") for path in host.run_dir.iterdir() if path.is_file()]
    for pid in (host.process.pid, *host.processes()):
        seen += [(Path("/proc") / str(pid) / name).read_text(errors="replace") for name in ("cmdline", "environ")]
    return "\n".join(seen)


def test_it_validates_with_the_documented_policy_and_shows_its_token_to_nobody(
    host: Supervised, fortress: RealConsul, tmp_path: Path
) -> None:
    token = a_token(fortress, POLICY + OF_KEY)
    host.flags["--consul-token-file"] = str(a_file(tmp_path, token))
    host.start().reaches("Validating")
    assert token not in everything_said(host)
    assert host.stop() == 0
    host.left_nothing()
    last = fortress.entry(f"kuutamod-leader/{ACCOUNT}")
    assert last
    assert lease_record.parse(base64.b64decode(last["Value"])).state is LeaseState.RELEASED
    assert token not in host.log()


def test_a_token_without_rights_is_said_and_a_better_one_is_taken_without_a_restart(
    host: Supervised, fortress: RealConsul, tmp_path: Path
) -> None:
    poor = a_token(fortress, "")
    host.flags["--consul-token-file"] = str(a_file(tmp_path, poor))
    host.start()
    said = host.says("Permission denied")
    assert "--consul-token-file" in said
    assert poor not in everything_said(host)
    with pytest.raises(ControlRefused, match=r"the token may not read .* in Consul at https://.*") as caught:
        control_client.call(host.run_dir / "control.sock", "POST", "/pause")
    assert caught.value.status == HTTPStatus.FORBIDDEN
    rich = a_token(fortress, POLICY + OF_KEY)
    a_file(tmp_path, rich)
    host.reaches("Validating")
    assert rich not in everything_said(host)
    assert host.stop() == 0


def test_a_token_that_everybody_can_read_stops_it_before_anything_starts(host: Supervised, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("e4f9c2ce-9d63-4f6e-a8a1-000000000001")
    path.chmod(0o644)
    host.flags["--consul-token-file"] = str(path)
    refuses(host, f"--consul-token-file {path} has mode 0644", "chmod 0400")
    assert "e4f9c2ce" not in host.log()
    assert not host.run_dir.exists()


def test_it_says_that_the_agents_certificate_is_not_the_authoritys(
    host: Supervised, fortress: RealConsul, papers: Path, tmp_path: Path
) -> None:
    host.flags["--consul-token-file"] = str(a_file(tmp_path, a_token(fortress, POLICY + OF_KEY)))
    host.flags["--consul-ca-file"] = str(papers / "dc1-client-consul-0.pem")
    host.start()
    said = host.says("certificate verify failed")
    assert "--consul-ca-file" in said
    until("it goes on asking", lambda: host.status().get("uptime_ms", 0) > 3_000, host.evidence)
    assert host.armed_pid() is None
    assert host.stop() == 0
