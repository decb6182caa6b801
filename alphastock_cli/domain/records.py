"""`dataclass` for values that are made a few times: the same classes, made in a third of the time.

The standard decorator writes and compiles seven methods for every class, half a millisecond at each
start of the program. Here a frozen class with slots gets an ``__init__`` of its own and shares the
other methods, which are a little slower when called. Values made by the thousand (quotes, candles,
ticks, keys of a cache) take the standard one; this module knows no class of the product.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen=False, slots=False, eq=True, kw_only=False):  # noqa: ANN001, ANN201 - as the standard one
        """Return the decorator; what is not frozen with slots is left to the standard one."""
        if not (frozen and slots):
            return dataclasses.dataclass(frozen=frozen, slots=slots, eq=eq, kw_only=kw_only)

        def made(cls: type) -> type:
            if any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:]):
                return dataclasses.dataclass(frozen=True, slots=True, eq=eq, kw_only=kw_only)(cls)
            own = vars(cls).keys()
            cls = dataclasses.dataclass(slots=True, eq=False, repr=False, kw_only=kw_only)(cls)
            cls.__dataclass_params__.frozen, cls.__dataclass_params__.eq = True, eq
            cls.__setattr__, cls.__delattr__ = _set_once, _keep
            shared = {"__repr__": _repr} | ({"__eq__": _eq, "__hash__": _hash} if eq else {})
            for name, method in shared.items():
                if name not in own:
                    setattr(cls, name, method)
            return cls

        return made


def _set_once(self: Any, name: str, value: object) -> None:  # noqa: ANN401 - any record
    """Let ``__init__`` fill the slots, and nothing change them afterwards."""
    if hasattr(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _keep(_: Any, name: str) -> None:  # noqa: ANN401 - any record
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _repr(self: Any) -> str:  # noqa: ANN401 - any record
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> bool:  # noqa: ANN401 - any record
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:  # noqa: ANN401 - any record
    return hash(_values(self))


def _values(record: Any) -> tuple[object, ...]:  # noqa: ANN401 - any record
    return tuple(getattr(record, f.name) for f in dataclasses.fields(record) if f.compare)
