"""How the simulation names itself in each of the neard versions it can play."""

from __future__ import annotations

from .genesis import PROTOCOL_VERSION

RELEASES = {"1.27": "1.27.0", "1.34": "1.34.0", "2.x": "2.13.0"}
_BUILD = "simulated"
_COMMIT = "0" * 40
_RUSTC = "1.86.0"


def version_object(version: str) -> dict[str, str]:
    """The ``version`` field of ``/status``."""
    shown = {"version": RELEASES[version], "build": _BUILD, "rustc_version": _RUSTC}
    return shown | {"commit": _COMMIT} if version == "2.x" else shown


def version_text(version: str) -> str:
    """What ``neard --version`` prints."""
    if version != "2.x":
        return f"neard (release {RELEASES[version]}) (build {_BUILD}) (rustc {_RUSTC}) (protocol 61) (db 36)"
    return (
        f"neard (release {RELEASES[version]}) (build {_BUILD}) (commit {_COMMIT}) (rustc {_RUSTC}) "
        f"(min_protocol 83) (protocol {PROTOCOL_VERSION}) (db 49)\nfeatures: [simulated]"
    )


def banner(version: str) -> str:
    """The first log line of ``run``."""
    commit = f' commit="{_COMMIT}"' if version == "2.x" else ""
    return f'version="{RELEASES[version]}" build="{_BUILD}"{commit} latest_protocol={PROTOCOL_VERSION}'
