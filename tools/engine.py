"""A Docker engine for the tests in containers: found, or installed and started where that may be done."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import debian_packages
from bootstrap import ROOT, say
from debian_packages import last_words

STATE = ROOT / ".tools" / "dockerd"
DOCKER_PID = Path("/var/run/docker.pid")
ASK_TIMEOUT_S = 10
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
ATTEMPTS = 3
# What makes an engine, by the program that shows that it is there. The client alone proves nothing.
PACKAGES = {"dockerd": "docker.io", "iptables": "iptables"}


class NoContainers(Exception):
    """No engine or no image can be had; the text is one sentence: what is missing, and how to get it."""


def version() -> str | None:
    """The version of the engine that answers; None if none does."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ASK_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def up() -> None:
    """Returns when an engine answers. Raises NoContainers."""
    if version():
        return
    refusal = why_not(os.environ, root=os.geteuid() == 0, apt=shutil.which("apt-get") is not None)
    if refusal:
        raise NoContainers(refusal)
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if version():
            return
        missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
        install(missing)
        if shutil.which("docker") is None:
            install(["docker-cli"])  # newer releases split the client off
        if Path("/run/systemd/system").is_dir():
            subprocess.run(["systemctl", "start", "docker"], check=False, capture_output=True)
        if not _wait(None):
            _start()


def why_not(environ: Mapping[str, str], *, root: bool, apt: bool) -> str:
    """The reason why no engine can be started from here; empty if it can."""
    named = environ.get("DOCKER_HOST")
    if named:
        return f"the Docker engine named by DOCKER_HOST={named} does not answer: start it, or unset DOCKER_HOST"
    if not root:
        return (
            "no Docker engine answers this user: join the group docker if one runs here, "
            "or let root install and start one with: bin/containers up"
        )
    if not apt and shutil.which("dockerd") is None:
        return "no Docker engine answers, and there is no apt-get to install one with: install and start Docker"
    return ""


def install(packages: list[str]) -> None:
    """Installs Debian packages as root. Raises NoContainers."""
    try:
        debian_packages.install(packages, "containers")
    except debian_packages.NotInstalled as error:
        raise NoContainers(str(error)) from None


def _start() -> None:
    """Starts dockerd without an init system; it outlives this process and its terminal."""
    log = STATE / "dockerd.log"
    say(f"containers: starting dockerd (its log: {log.relative_to(ROOT)}; end it with: bin/containers down)")
    for _attempt in range(ATTEMPTS):  # after a SIGKILL, its containerd takes a moment to end
        _remove_stale_pid()
        with log.open("ab") as out:
            process = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
            )
        (STATE / "pid").write_text(str(process.pid))
        if _wait(process):
            return
        if process.poll() is None:
            break
        time.sleep(2)
    raise NoContainers(f"dockerd was started and does not answer: {last_words(log.read_text(errors='replace'))}")


def _wait(process: subprocess.Popen[bytes] | None) -> bool:
    """Waits for an answer: as long as `process` lives, or just one look if there is none."""
    until = time.monotonic() + START_TIMEOUT_S
    while not version():
        if process is None or process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def _remove_stale_pid() -> None:
    """A pid file that a killed daemon left behind makes the next one refuse to start."""
    try:
        left = int(DOCKER_PID.read_text())
    except (OSError, ValueError):
        return
    if not _is_dockerd(left):
        DOCKER_PID.unlink(missing_ok=True)


def down() -> str:
    """Stops the engine that `up` started from this checkout, and only that one. Says what it did."""
    try:
        pid = int((STATE / "pid").read_text())
    except (OSError, ValueError):
        return "no engine was started from here"
    if _is_dockerd(pid):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_TIMEOUT_S
        while _is_dockerd(pid):
            if time.monotonic() > until:
                raise NoContainers(f"dockerd, pid {pid}, did not end within {STOP_TIMEOUT_S:g} s after SIGTERM")
            time.sleep(0.1)
    (STATE / "pid").unlink()
    return "the engine is stopped"


def _is_dockerd(pid: int) -> bool:
    """Whether this process is a living dockerd; a zombie is none."""
    try:
        name, _paren, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return False
    return name == "dockerd" and rest.split()[0] != "Z"
