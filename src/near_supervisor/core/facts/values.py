"""``dataclass`` and ``replace`` for the core's own values: frozen as ever, and much cheaper to make and to change.

The facts of a supervisor have some forty fields and change several times with each event. The standard library
sets each field of a frozen value by a call of its own, and changes one by making it anew; that was most of what a
step cost. Type checkers see the originals, so that names and types of fields are checked all the same.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:
    T = TypeVar("T")

    def dataclass(*, frozen: bool) -> Any:
        """The standard one, with an ``__init__`` that sets all fields at once. Not for slots or default factories."""

        def make(cls: type) -> type:
            made = dataclasses.dataclass(frozen=frozen)(cls)
            made.__init__ = _init(dataclasses.fields(made))
            return made

        return make

    def replace(value: T, /, **changes: Any) -> T:
        """A copy of a value with some fields changed, which have to be fields of it."""
        fresh = object.__new__(type(value))
        object.__setattr__(fresh, "__dict__", value.__dict__ | changes)
        return fresh


def _init(fields: tuple[dataclasses.Field[Any], ...]) -> Any:
    defaults = {f"_{field.name}": field.default for field in fields}
    required = dataclasses.MISSING
    parameters = [name[1:] if default is required else f"{name[1:]}={name}" for name, default in defaults.items()]
    together = ", ".join(f"{field.name!r}: {field.name}" for field in fields)
    source = f"def __init__({', '.join(['self', *parameters])}):\n _set(self, '__dict__', {{{together}}})"
    names: dict[str, Any] = {**defaults, "_set": object.__setattr__}
    exec(source, names)  # noqa: S102 - as the standard library makes its own
    return names["__init__"]


def assert_never(value: NoReturn) -> NoReturn:
    """What comes here is of a kind that nobody has thought of; a type checker says so before. (In typing from 3.11.)"""
    raise AssertionError(f"{value!r} is handled nowhere")


__all__ = ["assert_never", "dataclass", "replace"]
