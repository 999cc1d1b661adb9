"""``neard run``: from the files on disk to the end of the process, in neard's order.

Config and keys, lock, loading, network, RPC, and only then signal handlers: a signal that comes earlier
has its default effect. A stop is ordered by signal; signing ends some way into it; the process ends last.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

from . import clock, config, home, http, lock, log, store, view
from .chain import Entry
from .config import NodeConfig
from .holder import Holder
from .home import Home
from .live import LiveSettings
from .metrics import Periodic
from .node import RunningNode
from .peers import Identity
from .referee_log import RefereeLog
from .reload import Reload
from .routes import Routes

_POLL_S = 0.1
_MIGRATED_AT_ONCE = 256 * 1024
_ALIVE_MIN_S = 0.05
_RESET_MARK = ".EPOCH_SYNC_DATA_RESET"
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def run(path: Path, live: LiveSettings, flags: dict[str, object]) -> int:
    """Run the node in ``path`` until it is told to stop; the exit status. Faults abort the process."""
    settings = live.settings
    files = _load(path, flags)
    files.check_shards(files.validator, settings)
    data_dir = path / files.config.store_path
    data_dir.mkdir(parents=True, exist_ok=True)
    _open_database(data_dir)
    referee = RefereeLog(settings.referee_log, path, files.node_key.public_key)
    holder = Holder(referee, files.validator, max(_ALIVE_MIN_S, files.config.min_delay / clock.NS_PER_S))
    asyncio.run(Process(files, live, referee, holder, data_dir).main())
    holder.take(None)
    return 0


def _end_without_disk(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A node that cannot write to its database ends: RocksDB's error is unwrapped, and a panic aborts."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        log.panic(f"called `Result::unwrap()` on an `Err` value: IO error: {error.strerror}: While appending to file")
    loop.default_exception_handler(context)


class Process:
    """The life of one node process inside its event loop."""

    def __init__(self, files: Home, live: LiveSettings, referee: RefereeLog, holder: Holder, data_dir: Path) -> None:
        self._files = files
        self._live = live
        self._referee = referee
        self._holder = holder
        self._data_dir = data_dir
        self._store = store.Store(data_dir, live.settings.history_blocks)
        self._periodic = Periodic()
        self._servers: list[http.HttpServer] = []
        self._stopping = False
        self._key_since: float | None = None
        self._reload: Reload | None = None

    async def main(self) -> None:
        """Load, take part, stop."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_end_without_disk)
        self._ended = self._loop.create_future()
        self._loop.call_soon(self._holder.start, self._loop)
        node = self._make_node()
        await self._load_delay()
        self._panic_as_told()
        self._store.mark_running(True)
        await self._open(node)
        self._handle_signals(node)
        self._loop.call_later(_POLL_S, self._poll, node)
        self._loop.call_later(self._files.config.log_summary_period / clock.NS_PER_S, self._summary, node)
        await self._ended
        # The loop takes its handlers away when it closes: a late signal must not change the exit status.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        self._store.save_peers(node.peers.addresses())
        self._store.mark_running(False)

    def _make_node(self) -> RunningNode:
        files = self._files
        host, port = config.address(files.config.network_addr) if files.config.network_addr else ("", 0)
        identity = Identity(
            files.node_key.public_key,
            files.path.resolve().name,
            None if files.validator is None else files.validator.account_id,
            files.genesis.first_block.hash,
            "" if host in _WILDCARDS else host,
            port,
        )
        node = RunningNode(
            files.config, files.genesis, identity, files.validator, self._live.settings, self._store, self._referee
        )
        node.on_head = lambda entry: self._new_head(node, entry)
        node.on_stale = self._start_over
        if files.validator is not None:
            log.info("client", f"starting validator node validator_id={files.validator.account_id}")
        return node

    async def _load_delay(self) -> None:
        settings = self._live.settings
        genesis_wait_s = (self._files.genesis.first_block.timestamp_ns - clock.wall_ns()) / clock.NS_PER_S
        if genesis_wait_s > 0:
            log.info("near", f"Waiting until genesis: {genesis_wait_s:.0f}s")
            await asyncio.sleep(genesis_wait_s)
        if settings.never_ready:
            await self._loop.create_future()
        await self._migrate(settings.migration_ms)
        await asyncio.sleep(max(0.0, (settings.start_delay_ms - clock.process_age_ms()) / 1000))

    async def _migrate(self, lasts_ms: int) -> None:
        """As a real one: no handler of a signal is there yet, so that SIGTERM ends it at once."""
        if not lasts_ms:
            return
        log.info("store", "Migrating the database")
        until, scratch = self._loop.time() + lasts_ms / 1000, self._data_dir / "migration"
        while self._loop.time() < until:
            scratch.write_bytes(bytes(_MIGRATED_AT_ONCE))
            await asyncio.sleep(_POLL_S / 10)
        scratch.unlink(missing_ok=True)
        log.info("store", "Migrated the database")

    def _panic_as_told(self) -> None:
        if self._live.settings.panic_on_start:
            log.panic("start_with_config: told to panic by the knob panic_on_start")
        if self._live.settings.panic_after_sigkill and self._store.was_killed:
            # Only the first start after a kill fails.
            self._store.mark_running(False)
            log.panic("start_client: No ChunkExtra for block in the database")

    async def _open(self, node: RunningNode) -> None:
        try:
            await node.start()
        except OSError as error:
            log.panic(f"failed to start listening on server_addr={self._files.config.network_addr} e={error}")
        routes = Routes(node, self._periodic)
        for addr, handler in (
            (self._files.config.rpc_addr, routes.handle),
            (self._files.config.prometheus_addr, routes.metrics_only),
        ):
            if not addr:
                continue
            server = http.HttpServer(*config.address(addr), handler)
            try:
                await server.listen()
            except OSError as error:
                log.panic(f"called `Result::unwrap()` on an `Err` value: {addr}: {error}")
            await server.set_fault(self._live.settings.rpc_fault)
            self._servers.append(server)
            log.info("network", f"starting http server addr={addr}")

    def _handle_signals(self, node: RunningNode) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._told_to_stop, node, number)
        self._reload = Reload(self._files, node, self._holder)
        self._loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)

    def _told_to_reload(self) -> None:
        if self._reload is not None and not self._stopping:
            self._reload.ask()

    def _told_to_stop(self, node: RunningNode, number: signal.Signals) -> None:
        if self._live.settings.ignore_sigterm or self._stopping:
            return
        name = number.name
        if self._live.settings.version == "2.x":
            log.info("neard", f'stopping, this may take a few minutes sig=OsSignal("{name}")')
        else:
            log.info("neard", f"{name}, stopping... this may take a few minutes.")
        self._stop(node)

    def _stop(self, node: RunningNode) -> None:
        settings = self._live.settings
        self._stopping = True
        if settings.stop_rpc_gone:
            for server in self._servers:
                server.close()
        self._loop.call_later(settings.signing_in_stop_ms / 1000, self._stop_signing, node)
        self._loop.call_later(settings.stop_delay_ms / 1000, self._end, node)

    @staticmethod
    def _stop_signing(node: RunningNode) -> None:
        node.may_sign = False
        log.info("neard", "waiting for rocksdb to gracefully shutdown")

    def _end(self, node: RunningNode) -> None:
        node.may_sign = False
        log.info("db", "all rocksdb instances closed")
        self._ended.set_result(None)

    def _poll(self, node: RunningNode) -> None:
        self._loop.call_later(_POLL_S, self._poll, node)
        self._panic_with_key(node)
        if self._live.poll():
            log.info("sim", "live knobs changed")
            node.apply(self._live.settings)
            if not (self._stopping and self._live.settings.stop_rpc_gone):
                for server in self._servers:
                    self._loop.create_task(server.set_fault(self._live.settings.rpc_fault))

    def _panic_with_key(self, node: RunningNode) -> None:
        after_ms = self._live.settings.panic_with_key_ms
        if node.validator is None:
            self._key_since = None
        elif self._key_since is None:
            self._key_since = self._loop.time()
        elif 0 <= after_ms <= (self._loop.time() - self._key_since) * 1000:
            log.panic("client_actor: told to panic by the knob panic_with_key_ms")

    def _new_head(self, node: RunningNode, entry: Entry) -> None:
        reload = self._reload
        limit = reload.expected_shutdown if reload is not None else self._files.config.expected_shutdown
        if limit is not None and entry.block.height >= limit and not self._stopping:
            log.info("neard", "expected shutdown triggered")
            self._stop(node)

    def _summary(self, node: RunningNode) -> None:
        self._loop.call_later(self._files.config.log_summary_period / clock.NS_PER_S, self._summary, node)
        self._periodic.refresh(node)
        text = view.stats(node)
        log.info("stats", f'node_status="{text}"' if self._live.settings.version == "2.x" else text)

    def _start_over(self) -> None:
        """Re-execute this program under the same pid; the next life wipes the data first."""
        log.warn("neard", "node is too far behind: resetting its data and starting over")
        (self._data_dir / _RESET_MARK).touch()
        os.environ[clock.REEXEC_VARIABLE] = str(clock.boot_ns())
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself


def _load(path: Path, flags: dict[str, object]) -> Home:
    log.info("config", "validating config, extracted from config.json")
    try:
        files = home.load(path)
        changed: NodeConfig = config.with_flags(files.config, **flags)  # type: ignore[arg-type]
    except (config.BadConfig, ValueError) as error:
        log.panic(f"Error loading config: {error}")
    log.info("config", "all validations have passed")
    return Home(files.path, changed, files.genesis, files.node_key, files.validator)


def _open_database(data_dir: Path) -> None:
    log.info("db_opener", f"opening node storage path={data_dir} cold_path=none")
    try:
        lock.take(data_dir)
    except lock.LockHeld as held:
        log.panic(f"start_with_config: unable to open database at {data_dir}\n\nCaused by:\n    {held}")
    if (data_dir / _RESET_MARK).exists():
        store.wipe(data_dir)
        (data_dir / _RESET_MARK).unlink()
    exists = (data_dir / "blocks").exists()
    log.info("db_opener", "the database exists" if exists else "the database doesn't exist, creating it")
    log.info("db", "opened a new rocksdb instance num_instances=1")
