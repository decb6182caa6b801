"""Records behave as the standard dataclasses they stand for."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, replace
from typing import Any

import pytest

from alphastock_cli.domain.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A record."""

    name: str
    price: float | None = None
    parts: tuple[int, ...] = field(default_factory=tuple)
    secret: str = field(default="s", repr=False, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """The same by the standard library."""

    name: str
    price: float | None = None
    parts: tuple[int, ...] = field(default_factory=tuple)
    secret: str = field(default="s", repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """Equal to itself alone."""

    value: int


VALUES: tuple[dict[str, Any], ...] = (
    {"name": "a"}, {"name": "a", "price": 1.5}, {"name": "b", "parts": (1, 2)},
    {"name": "a", "secret": "other"},
)  # fmt: skip


@pytest.mark.parametrize("first", VALUES)
@pytest.mark.parametrize("second", VALUES)
def test_they_compare_and_hash_as_the_standard_ones(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    same = Theirs(**first) == Theirs(**second)
    assert (Ours(**first) == Ours(**second)) is same
    assert hash(Ours(**first)) == hash(Theirs(**first))
    assert len({Ours(**first), Ours(**second)}) == 2 - same


@pytest.mark.parametrize("values", VALUES)
def test_they_are_written_copied_and_taken_apart_alike(values: dict[str, Any]) -> None:
    ours, theirs = Ours(**values), Theirs(**values)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert replace(ours, price=2.0) == Ours(**values | {"price": 2.0})
    assert copy.deepcopy(ours) == ours
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert [f.name for f in dataclasses.fields(Ours)] == [
        f.name for f in dataclasses.fields(Theirs)
    ]
    assert ours != theirs


def test_nothing_changes_a_record() -> None:
    made = Ours(name="a")
    with pytest.raises(FrozenInstanceError):
        made.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.price  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        made.other = 1  # type: ignore[attr-defined]
    assert made == Ours(name="a")


def test_a_record_without_equality_is_itself_alone() -> None:
    assert Alone(1) != Alone(1)
    assert len({Alone(1), Alone(1)}) == 2
    assert repr(Alone(1)) == "Alone(value=1)"
