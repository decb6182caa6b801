"""Which faults are asked for, in which words, and when their dice say yes.

``429:0.1,stall:30s,502:x2@/quote``: a name, then a chance, a duration or how many times, then
the beginning of the paths it is for. What a fault does is written where it is done; the list of
names with their meaning is `fault_names.py`.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from alphastock_cli.errors import UnknownName, UsageError
from alphastock_cli.sandbox.fault_names import FAULTS

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIMES = re.compile(r"x(\d+)")
_EXAMPLE = 'e.g. "429:0.1,stall:30s,502:x2@/quote"; `--list-faults` shows every name'


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault as asked for."""

    name: str
    chance: float = 1.0
    seconds: float | None = None
    times: int | None = None
    path: str = ""

    @property
    def lasts(self) -> float:
        """How long it lasts in seconds: as asked, else as is usual for it."""
        return FAULTS[self.name].seconds if self.seconds is None else self.seconds

    def __str__(self) -> str:
        """Return the words it could be asked for with."""
        words = [self.name]
        if self.chance < 1:
            words.append(f"{self.chance:g}")
        if self.seconds is not None:
            words.append(f"{self.seconds:g}s")
        if self.times is not None:
            words.append(f"x{self.times}")
        return ":".join(words) + (f"@{self.path}" if self.path else "")


def parse(text: str) -> tuple[Fault, ...]:
    """Read a list of faults; an empty text is none.

    Raises
    ------
    UnknownName
        No fault of that name; the nearest are listed.
    UsageError
        A word behind a name that is no chance, no duration and no count.
    """
    return tuple(_one(part.strip()) for part in text.split(",") if part.strip())


def _one(text: str) -> Fault:
    words, _, path = text.partition("@")
    name, *rest = words.split(":")
    if name not in FAULTS:
        raise UnknownName.of("fault", name, FAULTS, hint="`--list-faults` shows every name.")
    if path and not path.startswith("/"):
        raise UsageError(f"fault {text}: a path begins with /", hint=_EXAMPLE)
    fault = Fault(name=name, path=path)
    for word in rest:
        if found := _SECONDS.fullmatch(word):
            fault = replace(fault, seconds=float(found[1]) * _UNITS[found[2]])
        elif found := _TIMES.fullmatch(word):
            fault = replace(fault, times=int(found[1]))
        else:
            fault = replace(fault, chance=_chance(word, text))
    return fault


def _chance(word: str, text: str) -> float:
    try:
        chance = float(word)
    except ValueError:
        raise UsageError(
            f"fault {text}: {word!r} is no chance, no duration and no count", hint=_EXAMPLE
        ) from None
    if not 0 <= chance <= 1:
        raise UsageError(f"fault {text}: a chance lies between 0 and 1", hint=_EXAMPLE)
    return chance


class Faults:
    """The faults in force. Each name has dice of its own, so that one does not disturb another."""

    def __init__(self, wanted: tuple[Fault, ...] = (), *, seed: int = 0) -> None:
        self.seed = seed
        self.played: dict[str, int] = {}
        self._dice: dict[str, random.Random] = {}
        self.set(wanted)

    def set(self, wanted: tuple[Fault, ...], *, seed: int | None = None) -> None:
        """Take other faults from now on; with a seed the dice begin anew, and so do the counts."""
        if seed is not None:
            self.seed, self._dice, self.played = seed, {}, {}
        self._wanted = {fault.name: fault for fault in wanted}
        self._left = {fault.name: fault.times for fault in wanted}

    def words(self) -> str:
        """Return the faults in force as they could be asked for."""
        return ",".join(str(fault) for fault in self._wanted.values())

    def on(self, name: str) -> Fault | None:
        """Return a fault that is a state of things, without dice: asked for or not."""
        return self._wanted.get(name)

    def roll(self, name: str, path: str = "") -> Fault | None:
        """Return the fault if it is in force for a path and its dice say yes."""
        fault = self._wanted.get(name)
        if fault is None or not path.startswith(fault.path):
            return None
        left = self._left[name]
        if left == 0 or self.dice(name).random() >= fault.chance:
            return None
        if left is not None:
            self._left[name] = left - 1
        self.played[name] = self.played.get(name, 0) + 1
        return fault

    def first(self, names: tuple[str, ...], path: str = "") -> Fault | None:
        """Return the first of several faults whose dice say yes."""
        for name in names:
            if name in self._wanted and (found := self.roll(name, path)):
                return found
        return None

    def dice(self, name: str) -> random.Random:
        """Return the dice of a name: the same seed throws the same numbers."""
        if name not in self._dice:
            self._dice[name] = random.Random(f"{self.seed}:{name}")  # noqa: S311 - no secret
        return self._dice[name]
