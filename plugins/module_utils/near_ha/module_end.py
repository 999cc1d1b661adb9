"""How a module of Ansible ends: with what it did, or with a sentence for the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from .errors import NearError


class Stop(Exception):
    """Ends the module with a sentence for the operator."""


class Module(Protocol):
    """What is needed of an AnsibleModule."""

    def exit_json(self, **result: Any) -> NoReturn:
        """It did what it was asked for."""

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        """It could not."""

    def warn(self, warning: str) -> None:
        """Say it beside the result, in whose ``warnings`` it is then."""


def run_module(module: Module, work: Callable[[], dict[str, Any]]) -> NoReturn:
    """End ``module`` with what ``work`` returns, or with the NearError that it raises.

    Its ``warnings`` go by ``warn``: ansible-core takes them from no result from 2.23 on.
    """
    try:
        result = work()
    except NearError as error:
        module.fail_json(msg=str(error), code=error.code)
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    module.exit_json(**result)
