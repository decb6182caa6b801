"""Asking Kite for the days of many instruments, one call each: said before, kept on the way.

Whatever ends it, what was answered is kept, and the same command goes on from there.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import polars as pl

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, AuthError, BadReply, PartlyDone, ProviderError
from alphastock_cli.providers.kite.day_answers import Unsound
from alphastock_cli.providers.kite.kept_days import Held, KeptDays

_SHORT = 10.0  # seconds that need no announcement
_SAVE_EVERY = 2.0  # seconds of answers that a crash may cost while the file is small,
_SAVE_COST = 10  # and as many times as long as it takes to write it
_FEW, _SHARE = 5, 10  # instruments that fail alone are left out: so many, or one in so many
_MINUTE = 60
Speak = Callable[[str], None]


Ask = Callable[[dict[str, Any]], pl.DataFrame]


class Asking:
    """The calls for the days of one exchange.

    Parameters
    ----------
    pace : tuple of int and float
        How many calls Kite takes in how many seconds.
    tell, progress : callable
        Take a line for a person: that stays, and that rewrites itself.
    """

    def __init__(
        self, kept: KeptDays, clock: Clock, pace: tuple[int, float], *, tell: Speak, progress: Speak
    ) -> None:
        self._kept, self._clock = kept, clock
        self._calls, self._seconds = pace
        self._tell, self._progress = tell, progress
        self._announced = False

    def run(
        self,
        rows: Sequence[dict[str, Any]],
        ask: Ask,
        *,
        first: date,
        through: date,
        calls_each: int = 1,
        sound: int = 0,
    ) -> dict[str, ProviderError]:
        """Ask for the days of `rows` and keep them; return who failed alone.

        Parameters
        ----------
        ask : callable
            Returns the days of a row of the list from `first` on, in the schema `ROWS`.
        first, through : date
            What is answered holds from the one to the other, the last session that is over.
        sound : int
            How many others need no call: beside many of them a few may fail.

        Raises
        ------
        AuthError, ProviderError
            The login ended, Kite lacks what is needed, or fails again and again: the rest is not
            asked for, what was answered is kept.
        """
        self._announce(len(rows) * calls_each)
        begun = self._clock.monotonic()
        due = begun + _SAVE_EVERY
        planned = {row["instrument_token"]: self._kept.held.get(row["instrument_token"])
                   for row in rows}  # fmt: skip
        todo, failed, answered = list(rows), dict[str, ProviderError](), 0
        # two processes at once, each in an order of its own, share the work by what they keep
        random.Random(os.getpid()).shuffle(todo)  # noqa: S311 - no secret
        try:
            while todo:
                row = todo.pop(0)
                key, token = f"{row['exchange']}:{row['tradingsymbol']}", row["instrument_token"]
                self._show(key, len(rows) - len(todo), len(rows), begun)
                asked = self._clock.now()
                try:
                    days = ask(row)
                except ProviderError as error:
                    failed[key] = error
                    alone = type(error) in {ProviderError, BadReply, Unsound}
                    if not alone or len(failed) > max(_FEW, (answered + sound) // _SHARE):
                        raise
                    continue
                held = Held(key=key, first=first, through=through, asked=asked)
                self._kept.put(token, held, days)
                answered += 1
                if self._clock.monotonic() >= due:
                    due = self._saved()
                    todo = [each for each in todo if not self._is_there(each, planned, through)]
        except AlphaStockError as error:
            raise _told(error, answered, len(rows)) from None
        except KeyboardInterrupt:
            self._tell(f"interrupted: {_kept(answered, len(rows))} Run again to resume.")
            raise
        finally:
            self._kept.save()
        return failed

    def _saved(self) -> float:
        """Save what was answered, and return when to do so again."""
        before = self._clock.monotonic()
        self._kept.save()
        after = self._clock.monotonic()
        return after + max(_SAVE_EVERY, _SAVE_COST * (after - before))

    def _is_there(
        self, row: dict[str, Any], planned: dict[int, Held | None], through: date
    ) -> bool:
        """Tell whether another process got the answer meanwhile."""
        token = row["instrument_token"]
        held = self._kept.held.get(token)
        return held is not None and held is not planned[token] and held.through >= through

    def _announce(self, calls: int) -> None:
        seconds = calls / self._calls * self._seconds
        if seconds <= _SHORT or self._announced:
            return
        self._announced = True
        pace = f"{self._calls} calls in {self._seconds:g} s"
        self._tell(
            f"Kite has no file of a session: {calls:,} calls for as many histories, at least"
            f" {_long(seconds)} ({pace}). They are kept: interrupted, run again to resume."
        )

    def _show(self, key: str, number: int, total: int, begun: float) -> None:
        spent = self._clock.monotonic() - begun
        least = (total - number) / self._calls * self._seconds
        left = max(least, spent / number * (total - number)) if number > 1 else least
        self._progress(f"{key}: call {number:,} of {total:,}, {_long(left)} left")


def _told(error: AlphaStockError, answered: int, total: int) -> AlphaStockError:
    """Return the error that says what is kept, and how to go on."""
    if total == 1:
        return error
    error.safe = _kept(answered, total)
    if isinstance(error, AuthError):
        error.hint = "Run `alphastock login`, then the same command: it goes on from there."
    elif answered and not isinstance(error, PartlyDone):  # that one says so itself
        error.hint = f"{error.hint} Run again to resume.".strip()
    return error


def _kept(answered: int, total: int) -> str:
    return f"{answered:,} of {total:,} histories were answered, and are kept."


def _long(seconds: float) -> str:
    """Return a duration as a person says it.

    >>> _long(767)
    '13 min'
    """
    return f"{math.ceil(seconds)} s" if seconds < 2 * _MINUTE else f"{math.ceil(seconds / 60)} min"
