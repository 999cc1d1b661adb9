"""What a SIGHUP does to a running node: its files are read anew, all of them or none, and a new validator key is taken.

The order is neard's: ``log_config.json``, ``config.json``, the key file that this config names. What was read is handed
to the node and taken up with the next message that arrives there, after a second at the latest (knob
``reload_apply_ms``). A key that is taken away may still sign what is under way (knob ``removal_keeps_signing_ms``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from near_ha.host import relaxed_json

from . import config as config_file
from . import home, log
from .config import BadConfig
from .holder import Holder
from .home import Home
from .keys import Signer
from .node import RunningNode

LOG_CONFIG = "log_config.json"
# neard's client looks before each message, and its timers send one every 10 ms.
_APPLY_AT_LATEST_S = 0.01
_COMPLAIN_EVERY_S = 10.0
_BROKEN = (
    "dynamically updatable configs are not valid, please fix this asap otherwise the node will be unable to restart"
)


@dataclass(frozen=True)
class Update:
    """What one reading found, of what a running node takes."""

    signer: Signer | None
    expected_shutdown: int | None


def read(path: Path, start_key: Signer | None, *, swaps: bool) -> Update:
    """The files of a home as a SIGHUP reads them; BadConfig if one of them is no good, and then none of them counts.

    ``swaps``: this version takes keys at all; one that does not keeps the one that it was started with.
    """
    _read_log_config(path / LOG_CONFIG)
    config = config_file.load(path)
    if not swaps:
        return Update(start_key, config.expected_shutdown)
    signer = home.load_validator(path, config)
    file = path / config.validator_key_file
    log.info("neard", f"{'hot loading' if signer else 'no'} validator key validator_file={file}")
    return Update(signer, config.expected_shutdown)


def _read_log_config(path: Path) -> None:
    try:
        document = relaxed_json.loads(path.read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise BadConfig(f"Failed to read log config from {path}: {error}") from None
    if not isinstance(document, dict):
        raise BadConfig(f"Failed to read log config from {path}: not a JSON object")


class Reload:
    """The reloading of one running process."""

    def __init__(self, files: Home, node: RunningNode, holder: Holder) -> None:
        self._files = files
        self._node = node
        self._holder = holder
        self._loop = asyncio.get_running_loop()
        self._waiting: Update | None = None
        self._apply_timer: asyncio.TimerHandle | None = None
        self._complaint: asyncio.TimerHandle | None = None
        self._in_flight: asyncio.TimerHandle | None = None
        self.expected_shutdown = files.config.expected_shutdown

    def ask(self) -> None:
        """SIGHUP has arrived."""
        settings = self._node.settings
        try:
            found = read(self._files.path, self._files.validator, swaps=settings.version == "2.x")
        except BadConfig as error:
            self._node.config_correct = False
            self._complain(str(error))
            return
        self._node.config_correct = True
        self._node.config_reloads += 1
        self._forget(self._complaint)
        self._forget(self._apply_timer)
        self._waiting = found
        fixed_ms = settings.reload_apply_ms
        self._node.on_trigger = self._apply if fixed_ms < 0 else _nothing
        delay_s = _APPLY_AT_LATEST_S if fixed_ms < 0 else fixed_ms / 1000
        self._apply_timer = self._loop.call_later(delay_s, self._apply)

    def _complain(self, why: str) -> None:
        self._forget(self._complaint)
        log.warn("neard", f"{_BROKEN} error={why}")
        self._complaint = self._loop.call_later(_COMPLAIN_EVERY_S, self._complain, why)

    @staticmethod
    def _forget(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

    def _apply(self) -> None:
        found, self._waiting = self._waiting, None
        self._node.on_trigger = _nothing
        if found is None:
            return
        self.expected_shutdown = found.expected_shutdown
        old = self._node.validator
        stays = found.signer is None and not self._node.settings.key_removal
        if stays or _same(found.signer, old):
            log.info("config", 'mutable config field remains the same field_name="validator_signer"')
            return
        change = f"old_value={_show(old)} new_value={_show(found.signer)}"
        log.info("config", f'updated config field field_name="validator_signer" {change}')
        if found.signer is None:
            self._drop()
        else:
            self._take(found.signer)
        log.info("config", "updated validator key")

    def _take(self, signer: Signer) -> None:
        node, settings = self._node, self._node.settings
        if node.chain.head.epoch.find(signer.account_id) is None:
            log.warn(
                "client", "not a current validator, this node won't be validating in the current epoch"
                f" validator_id={signer.account_id}"
            )  # fmt: skip
        # What was loaded at the start decides about shards, whatever config.json says by now.
        self._files.check_shards(signer, settings)
        self._forget(self._in_flight)
        self._holder.take(signer)
        if settings.cold_swap_stalls and not self._files.config.is_warm_for(signer.account_id):
            node.stall()
        node.take_key(signer)
        node.wake()

    def _drop(self) -> None:
        """Removed: it does not show any more at once, and what is under way is still signed."""
        self._node.validator = None
        after_s = self._node.settings.removal_keeps_signing_ms / 1000
        self._in_flight = self._loop.call_later(after_s, self._let_go)

    def _let_go(self) -> None:
        self._node.take_key(None)
        self._holder.take(None)


def _nothing() -> None:
    pass


def _same(one: Signer | None, other: Signer | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.account_id, one.public_key) == (other.account_id, other.public_key)


def _show(signer: Signer | None) -> str:
    return "None" if signer is None else f"Some({signer.account_id})"
