"""What comes out of a snapshot, and what refuses it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from near_ha.host.snapshot_archive import BadArchive, unpack

OWNER = (os.getuid(), os.getgid())
DATABASE = {"data/CURRENT": b"MANIFEST-1\n", "data/000001.sst": os.urandom(100_000), "data/LOCK": b""}


def pack(path: Path, files: dict[str, bytes], *, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def quiet(_done: int, _total: int) -> None:
    pass


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_the_directory_data_is_the_database(tmp_path: Path, mode: str) -> None:
    archive = pack(tmp_path / "part", {**DATABASE, "config.json": b"{}"}, mode=mode)
    unpack(archive, tmp_path / "data", OWNER, quiet)
    assert sorted(item.name for item in (tmp_path / "data").iterdir()) == ["000001.sst", "CURRENT", "LOCK"]
    assert (tmp_path / "data" / "000001.sst").read_bytes() == DATABASE["data/000001.sst"]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["data", "part"]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
def test_zstd(tmp_path: Path) -> None:
    plain = pack(tmp_path / "plain", DATABASE)
    subprocess.run(["zstd", "-q", str(plain), "-o", str(tmp_path / "part")], check=True)
    unpack(tmp_path / "part", tmp_path / "data", OWNER, quiet)
    assert (tmp_path / "data" / "CURRENT").exists()


def test_a_database_at_the_top(tmp_path: Path) -> None:
    archive = pack(tmp_path / "part", {"./CURRENT": b"M", "./deep/000002.sst": b"y"})
    unpack(archive, tmp_path / "data", OWNER, quiet)
    assert (tmp_path / "data" / "deep" / "000002.sst").read_bytes() == b"y"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"validator_key.json": b"{}"}, "looks like a key"),
        ({"data/node_key.json": b"{}"}, "looks like a key"),
        ({"backup/voter_node_key.json.bak": b"{}"}, "looks like a key"),
        ({"data/notes.txt": b'{"secret_key" : "ed25519:x"}'}, "has a secret key in it"),
        ({"../outside": b""}, "leads out of its directory"),
        ({"/etc/outside": b""}, "leads out of its directory"),
    ],
)
def test_refused_and_nothing_stays(tmp_path: Path, extra: dict[str, bytes], reason: str) -> None:
    archive = pack(tmp_path / "part", {**DATABASE, **extra})
    with pytest.raises(BadArchive, match=reason):
        unpack(archive, tmp_path / "data", OWNER, quiet)
    assert [item.name for item in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_only_files_and_directories(tmp_path: Path, kind: bytes) -> None:
    archive = pack(tmp_path / "part", DATABASE)
    with tarfile.open(archive, "a") as more:
        member = tarfile.TarInfo("data/odd")
        member.type, member.linkname = kind, "CURRENT"
        more.addfile(member)
    with pytest.raises(BadArchive, match="neither file nor directory"):
        unpack(archive, tmp_path / "data", OWNER, quiet)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x1f\x8b garbage"])
def test_something_else_is_no_snapshot(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "part").write_bytes(content)
    with pytest.raises(BadArchive):
        unpack(tmp_path / "part", tmp_path / "data", OWNER, quiet)
    assert not (tmp_path / "data").exists()


def test_half_an_archive_is_no_snapshot(tmp_path: Path) -> None:
    archive = pack(tmp_path / "part", DATABASE, mode="w:gz")
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "data", OWNER, quiet)
    assert not (tmp_path / "data").exists()
