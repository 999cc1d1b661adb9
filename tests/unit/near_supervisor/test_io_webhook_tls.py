"""An https address has to prove its name by an authority that the host trusts, or by the one that was given."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from near_supervisor.io.webhook import Posted, Webhook
from support.accepting import Accepting
from support.hostile_http import answer


class Encrypted:
    """Answers 200 behind TLS."""

    def __init__(self, certificate: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._accepting = Accepting(self._serve)
        self.port = self._accepting.port

    def _serve(self, connection: socket.socket) -> None:
        with self._tls.wrap_socket(connection, server_side=True) as wrapped:
            heard = b""
            while not heard.endswith(b"{}"):
                heard += wrapped.recv(65536)
            wrapped.sendall(answer(b""))

    def close(self) -> None:
        self._accepting.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1, in one file; it is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*formats))
    return path


@pytest.fixture
def server(certificate: Path) -> Iterator[Encrypted]:
    server = Encrypted(certificate)
    yield server
    server.close()


def post(webhook: Webhook) -> Posted:
    return webhook.post(b"{}", "near-supervisor/test", 10_000)


def test_by_the_authority_that_was_given(server: Encrypted, certificate: Path) -> None:
    assert post(Webhook(f"https://127.0.0.1:{server.port}/x", ca_file=certificate)) == Posted()


def test_one_that_nobody_trusts_is_told_nothing(server: Encrypted) -> None:
    posted = post(Webhook(f"https://127.0.0.1:{server.port}/x"))
    assert "its certificate is not trusted" in posted.problem
    assert not posted.again


def test_a_certificate_of_another_name_is_not_taken(server: Encrypted, certificate: Path) -> None:
    posted = post(Webhook(f"https://localhost:{server.port}/x", ca_file=certificate))
    assert "its certificate is not trusted" in posted.problem


def test_an_authority_that_is_none_is_told(tmp_path: Path, certificate: Path) -> None:
    none = tmp_path / "ca.pem"
    none.write_text("nothing")
    assert "does not hold certificates in PEM form" in Webhook("https://127.0.0.1/", ca_file=none).against()
    assert "is not https" in Webhook("http://127.0.0.1/", ca_file=certificate).against()
    assert "does not exist" in Webhook("https://127.0.0.1/", ca_file=tmp_path / "x").against()
