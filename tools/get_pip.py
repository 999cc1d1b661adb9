"""Stands in for PyPA's get-pip.py, which ansible-test would download: pip from the interpreter's own ``ensurepip``.

ansible-test runs this file as ``__main__`` with pip's arguments. What is installed by them comes from the package index
of the machine, as always.
"""

from __future__ import annotations

import ensurepip
import os
import runpy
import sys

# What a ``get-pip.py`` understands and ``pip install`` does not.
NOT_FOR_PIP = ("--no-setuptools", "--no-wheel")


def main() -> None:
    """Make pip available, then ``pip install`` what was asked for."""
    # ensurepip takes every PIP_ variable away, and sets one of its own.
    environ = dict(os.environ)
    ensurepip.bootstrap(upgrade=True, default_pip=True)
    os.environ.clear()
    os.environ.update(environ)
    # What ensurepip has loaded came out of the wheel that it bundles.
    for name in [name for name in sys.modules if name.partition(".")[0] == "pip"]:
        del sys.modules[name]
    sys.argv = ["pip", "install", *(word for word in sys.argv[1:] if word not in NOT_FOR_PIP)]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
