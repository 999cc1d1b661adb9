"""The packed file (tools/pack.py), compiled for the Python of this host.

A packed file holds sources, the same for every Python, so that each start compiles all that it imports. Beside
``FILE`` there may be ``FILE.CACHE_TAG.zip``: the same members, and of each module its bytecode. Both end with the
digest of the sources, so that neither one of another version nor a torn one is taken; tools/zip_daemon/__main__.py
looks at that, and at who can have written it, before a line of it runs. Bytecode that another Python has made is
passed over: Python compiles the source beside it.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import sys
import zipfile
from pathlib import Path

from near_ha.errors import BadConfig
from near_ha.host import atomic_file

# PEP 552: found by the hash of its source, which is not compared again at each import.
_UNCHECKED_HASH = (1).to_bytes(4, "little")


def compile_it() -> Path | None:
    """Compile the packed file that this runs from; None when this runs from bytecode of this Python already.

    BadConfig when it runs from no packed file, or nothing can be written beside it.
    """
    archive = getattr(sys.modules[__name__].__loader__, "archive", None)
    if archive is None:
        raise BadConfig(
            "near-supervisor compile is for the file that tools/pack.py makes, and this is none",
            "What pip has installed is compiled already",
        )
    ending = f".{sys.implementation.cache_tag}.zip"
    if str(archive).endswith(ending):
        return None
    target = Path(f"{archive}{ending}")
    try:
        atomic_file.place(target, compiled(Path(archive)), 0o644, replace=True)
    except OSError as error:
        raise BadConfig(
            f"{target} cannot be written: {error.strerror}",
            "Compile it as the user who owns that directory; without, it runs too, each start just takes longer",
        ) from None
    return target


def compiled(source: Path) -> bytes:
    """The members of a packed file and the bytecode of each module, ending as the packed file does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(source) as packed, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as fresh:
        for entry in packed.infolist():
            content = packed.read(entry)
            fresh.writestr(zipfile.ZipInfo(entry.filename), content)
            if entry.filename.endswith(".py"):
                bytecode = _bytecode(content, f"{source}/{entry.filename}")
                fresh.writestr(zipfile.ZipInfo(f"{entry.filename}c"), bytecode)
        fresh.comment = packed.comment
    return buffer.getvalue()


def _bytecode(content: bytes, name: str) -> bytes:
    code = compile(content, name, "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(content)
    return head + marshal.dumps(code)
