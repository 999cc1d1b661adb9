"""By which way, and by what right, a cluster is asked: the options that its modules and the shell have in common."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadConfig

if TYPE_CHECKING:
    from ..keys.record_key import RecordKey
    from ..transport.consul_http import Agents

RUN_DIRECTORY = Path("/run/near-supervisor")
TOKEN_VARIABLE = "CONSUL_HTTP_TOKEN"  # noqa: S105 - its name
_MAX_TOKEN = 4096

# As AnsibleModule takes them.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "account_id": {"type": "str"},
    "run_dir": {"type": "path"},
    "consul_url": {"type": "list", "elements": "str"},
    "consul_token": {"type": "str", "no_log": True},
    "consul_token_file": {"type": "path", "no_log": False},
    "consul_ca_file": {"type": "path"},
    "consul_cert_file": {"type": "path"},
    "consul_key_file": {"type": "path", "no_log": False},
    "validate_certs": {"type": "bool", "default": True},
}
MUTUALLY_EXCLUSIVE = [["run_dir", "consul_url"], ["consul_token", "consul_token_file"]]
REQUIRED_TOGETHER = [["consul_cert_file", "consul_key_file"]]
REQUIRED_BY = {
    name: ["consul_url"]
    for name in ("consul_token", "consul_token_file", "consul_ca_file", "consul_cert_file", "consul_key_file")
}


@dataclass(frozen=True)
class Access:
    """``account_id`` and ``run_dir`` may be "": then there has to be only one.

    Without ``consul_urls`` it is the control socket of this host's supervisor that is asked. ``record_key_file`` signs
    what is written to Consul past every supervisor ("" = it cannot be).
    """

    account_id: str = ""
    run_dir: str = ""
    consul_urls: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    token_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    validate_certs: bool = True
    record_key_file: str = ""

    def records(self) -> RecordKey | None:
        """The key that signs; None where none is given. BadConfig, BadKey when it cannot."""
        from ..keys.record_key import load  # noqa: PLC0415 - not for who asks a control socket

        return load(Path(self.record_key_file)) if self.record_key_file else None

    def agents(self) -> Agents:
        """The agents to ask; BadConfig when an option cannot work."""
        from ..transport.consul_http import Agents, addresses  # noqa: PLC0415 - not for who asks a control socket

        https = any(url.strip().startswith("https://") for url in self.consul_urls)
        named = {"CA": self.ca_file, "certificate": self.cert_file, "key": self.key_file}
        given = next((f"{what} file {path}" for what, path in named.items() if path), "")
        if given and not https:
            raise BadConfig(f"the {given} is given, but no Consul URL is https", "Ask an https:// agent, or drop it")
        return Agents(addresses(self.consul_urls, self._tls() if https else None), self._token())

    def _token(self) -> str:
        if not self.token_file:
            return checked_token(self.token, "the Consul token") if self.token else ""
        path = Path(self.token_file)
        try:
            text, mode = path.read_text(encoding="latin-1")[: 2 * _MAX_TOKEN], stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            raise BadConfig(f"the Consul token file {path} cannot be read: {error.strerror}") from None
        if mode & 0o007:
            text = f"the Consul token file {path} has mode {mode:04o}: every user of this host can get at the token"
            raise BadConfig(text, f"Close it with: chmod 0400 {path}; if it was open for long, replace the token")
        return checked_token(text, f"the Consul token file {path}")

    def _tls(self) -> ssl.SSLContext:
        tls = ssl.create_default_context()
        if not self.validate_certs:
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        try:
            if self.ca_file:
                tls.load_verify_locations(self.ca_file)
            if self.cert_file:
                # An encrypted key would ask for its password on the terminal.
                tls.load_cert_chain(self.cert_file, self.key_file or None, lambda: "")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
            named = " ".join(path for path in (self.ca_file, self.cert_file, self.key_file) if path)
            raise BadConfig(
                f"the TLS files cannot be used ({reason}): {named}", "They have to be PEM, the key not encrypted"
            ) from None
        return tls


def checked_token(text: str, where: str) -> str:
    """A word that fits into a header: the HTTP library would quote one that does not in its error."""
    token = text.strip()
    if not token or not (token.isascii() and token.isprintable()) or " " in token or len(token) > _MAX_TOKEN:
        raise BadConfig(f"{where} is not a token", "It should be one word: the SecretID of a Consul token")
    return token


def from_module(params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Access:
    """What a module was given; where it asks Consul and was given no token, that of the environment counts."""
    if environ is None:
        environ = os.environ
    urls = tuple(params["consul_url"] or ())
    named = params["consul_token"] or params["consul_token_file"]
    return Access(
        account_id=params["account_id"] or "",
        run_dir=params["run_dir"] or "",
        consul_urls=urls,
        token=params["consul_token"] or ("" if named or not urls else environ.get(TOKEN_VARIABLE, "")),
        token_file=params["consul_token_file"] or "",
        ca_file=params["consul_ca_file"] or "",
        cert_file=params["consul_cert_file"] or "",
        key_file=params["consul_key_file"] or "",
        validate_certs=params["validate_certs"],
        # Who only looks has none.
        record_key_file=params.get("record_key_file") or "",
    )


def checked_account(account_id: str) -> str:
    """``account_id`` if it can be a part of a path and of a key; BadConfig if not."""
    if account_id in ("", ".", "..") or not account_id.isprintable() or "/" in account_id or " " in account_id:
        raise BadConfig(f"{account_id!r} is not an account id", "It should look like my.pool.near")
    return account_id
