"""What the activation of another NixOS system would do to a host, by what its `dry-activate` prints. Decisions only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import BadConfig

# By switch-to-configuration, the one in Perl and the one in Rust: the same words before the names of units.
_LISTS = {
    "would stop the following units: ": "stopped",
    "would restart the following units: ": "restarted",
    "would reload the following units: ": "reloaded",
    "would start the following units: ": "started",
    "would NOT stop the following changed units: ": "left",
}
# The second is what some releases in Perl print, and do, in a dry run.
_SWAP = "would stop swap device: ", "stopping swap device: "
_REEXEC = "would restart systemd"
_HEADING = "would activate the configuration..."
# What the system's own activation script says: users and groups, and secrets by sops-nix.
_SCRIPT = tuple(
    re.compile(pattern)
    for pattern in (
        r"would (revive|remove|create|update|add) (user|group)\b",
        r"warning: (would not apply|not applying) [UG]ID change of (user|group) ",
        r"warning: (no declarative or previous shell|password file|user .* has unknown group)",
        r"would (add|modify|remove) (secret|rendered secret|template)s?: ",
        r"sops-install-secrets: Imported ",
    )
)
_OURS = re.compile(r"(near-guard@|near-supervisor@).*\.service$|consul\.service$")
_NETWORK = re.compile(
    r"(systemd-networkd|systemd-resolved|NetworkManager|dhcpcd|network-|network\.|firewall|nftables|iptables|ip6tables"
    r"|wpa_supplicant|iwd|wireguard|wg-quick|openvpn|tailscale|zerotier|strongswan|sys-subsystem-net)"
)


@dataclass(frozen=True)
class Activation:
    """The units that would be stopped, restarted, reloaded and started; those that changed and would be left alone."""

    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    reloaded: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    swap: tuple[str, ...] = ()
    restarts_systemd: bool = False


def parse(printed: str, known: Iterable[str] = ()) -> Activation:
    """What was printed, line by line. ``known`` are regular expressions of further lines that mean nothing.

    Raises BadConfig for a line that is not known: it may be about a unit that validates.
    """
    units: dict[str, tuple[str, ...]] = {}
    swap: list[str] = []
    reexec = False
    harmless = [*_SCRIPT, *(re.compile(pattern) for pattern in known)]
    for line in filter(None, map(str.rstrip, printed.splitlines())):
        heading = next((words for words in _LISTS if line.startswith(words)), "")
        device = next((words for words in _SWAP if line.startswith(words)), "")
        if heading:
            named = tuple(line[len(heading) :].split(", "))
            units[_LISTS[heading]] = units.get(_LISTS[heading], ()) + named
        elif device:
            swap.append(line[len(device) :])
        elif line == _REEXEC:
            reexec = True
        elif line != _HEADING and not any(pattern.match(line) for pattern in harmless):
            raise BadConfig(
                f"dry-activate of the new system says {line!r}, and what that does to a validator is not known",
                "See what it means. If it is harmless, add a regular expression for it to nixos_known_lines",
            )
    return Activation(**units, swap=tuple(swap), restarts_systemd=reexec)


def touched(activation: Activation) -> list[str]:
    """What it would do to guard, supervisor, Consul, network, file systems and memory, in words; empty if nothing.

    Units that would be started count for nothing: they do not run. A changed unit that is left alone neither.
    """
    done = (("stopped", activation.stopped), ("restarted", activation.restarted), ("reloaded", activation.reloaded))
    found = [f"{unit} would be {words}" for words, units in done for unit in units if _is_protected(unit, words)]
    return found + [f"the swap device {device} would be stopped" for device in activation.swap]


def _is_protected(unit: str, done: str) -> bool:
    # A mount that is reloaded is mounted with other options; one that is stopped is gone.
    if unit.endswith(".mount"):
        return done != "reloaded"
    # A firewall that reads its rules again keeps the connections that are there.
    if done == "reloaded" and unit.startswith(("firewall", "nftables")):
        return False
    return bool(_OURS.match(unit) or _NETWORK.match(unit))


@dataclass(frozen=True)
class Systems:
    """Three systems by their path in the store: the one that was built, the one that runs, the one that boots."""

    built: str
    running: str
    booted: str


NOTHING, BOOT, TEST, HOLD, DEFER = "nothing", "boot", "test", "hold", "defer"


def step(systems: Systems, touches: list[str], armed: list[str], *, signers: bool) -> str:
    """What to do with the system that was built.

    NOTHING: it runs, and it boots. BOOT: it runs already. TEST: activate it. HOLD: it would end what validates here.
    DEFER: this host validates, and it is not its turn yet, as ``signers`` says.
    """
    if systems.built == systems.running:
        return NOTHING if systems.built == systems.booted else BOOT
    if armed and not signers:
        return DEFER
    return HOLD if armed and touches else TEST
