"""The options about Consul's token and certificates: what cannot work is refused by name, and no secret is quoted."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from near_ha.errors import BadConfig
from near_supervisor.commandline import options
from near_supervisor.io import consul_access
from near_supervisor.io.consul_access import ConsulAccess, Token
from near_supervisor.io.consul_client import connect, describe

HTTP, HTTPS = "http://localhost:8500", "https://localhost:8501"
SECRET = "e4f9c2ce-9d63-4f6e-a8a1-000000000001"


def access(urls: str = HTTP, **files: Path | None) -> ConsulAccess:
    parser = argparse.ArgumentParser()
    options.add_rows(parser, consul_access.ROWS, {})
    words = [f"--consul-{name}-file={path}" for name, path in files.items() if path]
    return consul_access.check(parser.parse_args(words), urls)


def refused(urls: str = HTTP, **files: Path | None) -> BadConfig:
    with pytest.raises(BadConfig) as caught:
        access(urls, **files)
    assert caught.value.hint
    assert SECRET[:8] not in str(caught.value)
    return caught.value


def a_file(path: Path, text: str = f"{SECRET}\n", mode: int = 0o400) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    paper = (
        x509.CertificateBuilder(name, name, secret.public_key(), 1, now, now + timedelta(days=1))
        .sign(secret, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (tmp_path / "cert.pem").write_bytes(paper)
    return tmp_path / "cert.pem", written(tmp_path / "key.pem", secret, NoEncryption())


def written(path: Path, secret: ec.EllipticCurvePrivateKey, lock: KeySerializationEncryption) -> Path:
    path.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    path.chmod(0o400)
    return path


def test_nothing_given_is_nobodys_access() -> None:
    assert access() == ConsulAccess()


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_token_file_that_only_its_user_and_group_can_read(tmp_path: Path, mode: int) -> None:
    path = a_file(tmp_path / "token", mode=mode)
    found = access(token=path)
    assert found.token_file == path
    assert SECRET not in repr(found)
    assert SECRET not in repr(found.token(""))


@pytest.mark.parametrize("mode", [0o404, 0o644, 0o602, 0o777])
def test_a_token_that_everybody_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    path = a_file(tmp_path / "token", mode=mode)
    error = refused(token=path)
    assert error.message.startswith(f"--consul-token-file {path} has mode {mode:04o}")
    assert f"chmod 0400 {path}" in error.hint


def test_a_token_file_that_is_not_there_or_is_no_file(tmp_path: Path) -> None:
    assert refused(token=tmp_path / "none").message == f"--consul-token-file {tmp_path / 'none'} does not exist"
    assert "cannot be read: Is a directory" in refused(token=tmp_path).message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        (f"{SECRET} {SECRET}\n", "does not hold a token"),
        (f"{SECRET}\n{SECRET}\n", "does not hold a token"),
        (f'{{"SecretID": "{SECRET}"}}', "does not hold a token"),
        (f"{SECRET}\x00", "does not hold a token"),
        (f"{SECRET}é", "does not hold a token"),
        (SECRET * 200, "does not hold a token"),
    ],
)
def test_what_is_no_token_is_refused_and_not_quoted(tmp_path: Path, text: str, words: str) -> None:
    path = a_file(tmp_path / "token", text)
    assert refused(token=path).message == f"--consul-token-file {path} {words}"


def test_a_token_of_the_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", f"{SECRET} x")
    with pytest.raises(BadConfig) as caught:
        connect("http", "localhost", 1, 100)
    assert str(caught.value).startswith("CONSUL_HTTP_TOKEN does not hold a token")
    assert SECRET not in str(caught.value)


def test_a_request_that_fails_says_nothing_of_its_token(tmp_path: Path) -> None:
    client = connect("http", "127.0.0.1", 1, 100, access(token=a_file(tmp_path / "token")))
    with pytest.raises(Exception, match="Connection refused") as caught:
        client.kv.get("k")
    assert SECRET not in repr(caught.value) + str(caught.value) + describe(caught.value)


def test_a_denied_token_is_read_again_and_kept_when_there_is_no_other(tmp_path: Path) -> None:
    def shown(token: Token) -> str:
        request = SimpleNamespace(headers={})
        return str(token.sign(request).headers["X-Consul-Token"])

    path = a_file(tmp_path / "token")
    token = access(token=path).token("")
    path.unlink()
    a_file(path, "another")
    token.heard(SimpleNamespace(status_code=200, content=b""))
    token.heard(SimpleNamespace(status_code=409, content=b'{"Errors": [{"What": "failed session check"}]}'))
    assert shown(token) == SECRET
    token.heard(SimpleNamespace(status_code=409, content=b'{"Errors": [{"What": "Permission denied"}]}'))
    assert shown(token) == "another"
    path.unlink()
    token.heard(SimpleNamespace(status_code=403, content=b"ACL not found"))
    assert shown(token) == "another"


# --- TLS


def test_certificates_that_fit(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    found = access(HTTPS, ca=certificate, cert=certificate, key=key)
    assert found.client_certificate == (str(certificate), str(key))


@pytest.mark.parametrize("name", ["ca", "cert", "key"])
def test_a_certificate_without_an_https_agent(pair: tuple[Path, Path], name: str) -> None:
    assert refused(HTTP, **{name: pair[0]}).message.startswith(f"--consul-{name}-file is given, but --consul-url")


def test_certificate_and_key_go_together(pair: tuple[Path, Path]) -> None:
    assert refused(HTTPS, cert=pair[0]).message == "--consul-cert-file is given without --consul-key-file"
    assert refused(HTTPS, key=pair[1]).message == "--consul-key-file is given without --consul-cert-file"


def test_a_key_that_everybody_can_read_is_refused(pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    key.chmod(0o644)
    assert f"--consul-key-file {key} has mode 0644" in refused(HTTPS, cert=certificate, key=key).message


def test_files_that_do_not_fit_are_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = pair
    text = a_file(tmp_path / "text", "no certificate")
    assert refused(HTTPS, ca=text).message.startswith(f"--consul-ca-file {text} does not hold certificates in PEM form")
    assert "does not exist" in refused(HTTPS, ca=tmp_path / "none").message
    assert str(key) in refused(HTTPS, cert=text, key=key).message
    assert (
        f"does not hold the certificate of --consul-key-file {text}"
        in refused(HTTPS, cert=certificate, key=text).message
    )


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    locked = written(tmp_path / "locked.pem", secret, BestAvailableEncryption(b"secret"))
    certificate, _key = pair
    assert "not encrypted" in refused(HTTPS, cert=certificate, key=locked).message
