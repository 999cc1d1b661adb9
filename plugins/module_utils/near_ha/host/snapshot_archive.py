"""Unpacks an archive of neard's database and lets nothing else through: no key, no link, no way out."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import NearError
from .download import Progress

# A real database has no such file. Keys that come with an image of another machine are how operators sign twice.
_KEY_NAME = re.compile(r"(^|[_.-])key\.json|^(validator|node)_?key|\.(pem|key)$|^id_(rsa|ed25519|ecdsa)", re.IGNORECASE)
_KEY_TEXT = re.compile(rb'"(secret|private)_key"\s*:')
_SMALL = 64 * 1024
_ZSTD = b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 20
_DIRECTORY, _FILE = 0o750, 0o640


class BadArchive(NearError):
    """The archive holds what it must not, or is damaged. Another try with it is useless."""

    code = "archive"


class CannotUnpack(NearError):
    """This host cannot take what is in the archive, for example because its disk is full."""

    code = "unpack"


def unpack(archive: Path, into: Path, owner: tuple[int, int], progress: Progress) -> None:
    """The database in ``archive`` as the new directory ``into``, owned by ``owner``.

    BadArchive or CannotUnpack, and no ``into``, if that is not possible.

    The database is the directory ``data`` of the archive, or the whole of it if there is none and it holds ``CURRENT``
    (a file of every RocksDB). Beside ``data``, other files are left out, but a key among them refuses the archive, too.
    """
    shutil.rmtree(into, ignore_errors=True)
    whole = into.with_name(into.name + ".whole")
    shutil.rmtree(whole, ignore_errors=True)
    try:
        whole.mkdir(mode=0o700)
        _extract(archive, whole, owner, progress)
        root = whole / "data" if (whole / "data").is_dir() else whole
        if root is whole and not (whole / "CURRENT").exists():
            raise BadArchive(
                f"{archive.name} holds neither a directory data nor a database", "Is this a snapshot of neard?"
            )
        root.chmod(_DIRECTORY)
        os.chown(root, *owner)
        root.replace(into)
    except (tarfile.TarError, EOFError) as error:
        raise BadArchive(f"the snapshot is damaged or no archive: {error}", _OTHER) from None
    except OSError as error:
        raise CannotUnpack(
            f"the snapshot cannot be unpacked: {error}", "Mend that; the archive was kept, run this again"
        ) from None
    finally:
        shutil.rmtree(whole, ignore_errors=True)


def _extract(archive: Path, into: Path, owner: tuple[int, int], progress: Progress) -> None:
    total = archive.stat().st_size
    # Unbuffered: the position is the one that zstd reads from, and moves on.
    with archive.open("rb", buffering=0) as raw, _stream(raw) as stream:
        for member in stream:
            progress(raw.tell(), total)
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise BadArchive(f"the snapshot holds {member.name!r}, which leads out of its directory", _OTHER)
            if _KEY_NAME.search(path.name):
                raise BadArchive(f"the snapshot holds {member.name!r}, which looks like a key", _KEYS)
            target = into / path
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(stream, member, target)
            else:
                raise BadArchive(f"the snapshot holds {member.name!r}, which is neither file nor directory", _OTHER)
            target.chmod(_DIRECTORY if member.isdir() else _FILE)
            for item in (target, *target.parents):
                if item == into:
                    break
                os.chown(item, *owner)


_OTHER = "Take a snapshot from another source"
_KEYS = "Keys never travel in snapshots: take one from another source, and find out whose key that is"


def _write(stream: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = stream.extractfile(member)
    if source is None:
        raise BadArchive(f"{member.name!r} of the snapshot cannot be read", _OTHER)
    with target.open("xb") as file:
        if member.size <= _SMALL:
            content = source.read()
            if _KEY_TEXT.search(content):
                raise BadArchive(f"the snapshot holds {member.name!r}, which has a secret key in it", _KEYS)
            file.write(content)
        else:
            shutil.copyfileobj(source, file, BLOCK)


@contextlib.contextmanager
def _stream(raw: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """The archive as a stream, unpacked on the way; zstd needs the program of that name."""
    head = raw.read(4)
    raw.seek(0)
    if head != _ZSTD:
        with tarfile.open(fileobj=raw, mode="r|*", bufsize=BLOCK) as stream:
            yield stream
        return
    try:
        program = subprocess.Popen(["zstd", "-dcq"], stdin=raw, stdout=subprocess.PIPE)
    except FileNotFoundError:
        raise BadArchive("the snapshot is packed with zstd, which is not installed here", "Install zstd") from None
    try:
        with tarfile.open(fileobj=program.stdout, mode="r|", bufsize=BLOCK) as stream:
            yield stream
        if program.wait() != 0:
            raise BadArchive("the snapshot is damaged: zstd cannot unpack it", _OTHER)
    finally:
        program.kill()
        program.wait()
        if program.stdout:
            program.stdout.close()
