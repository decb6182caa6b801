"""One question at a time in a thread of its own, so that a view is not held up by its answer.

A name that is not resolved, a host that says nothing, a budget that rests: none of them knows a
deadline shorter than a turn. No market data here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import TransientError

T = TypeVar("T")


class Aside(Generic[T]):
    """Asks in a thread; whoever waits does so for a while and comes again.

    Parameters
    ----------
    what : str
        What is asked for, e.g. ``a call for quotes``.
    """

    def __init__(self, clock: Clock, *, what: str) -> None:
        self._clock, self._what = clock, what
        self._asked: _Asked[T] | None = None

    def ask(self, question: Callable[[], T], *, seconds: float) -> T:
        """Return the answer to `question`, or to the one before, whose answer is still awaited.

        Parameters
        ----------
        seconds : float
            How long to wait for a question that is new. One that was waited for is not waited for
            again.

        Raises
        ------
        TransientError
            There is no answer yet; ask again.
        BaseException
            What the question raised.
        """
        asked = self._asked
        if asked is None:
            asked = self._asked = _Asked(question, self._clock.monotonic())
            threading.Thread(target=asked.answer, name="kite-call", daemon=True).start()
            asked.over.wait(seconds)
        if not asked.over.is_set():
            age = self._clock.monotonic() - asked.at
            raise TransientError(
                f"no answer to {self._what} for {age:.0f} s", safe="It is still awaited."
            )
        self._asked = None
        if asked.error is not None:
            raise asked.error
        return asked.found[0]


class _Asked(Generic[T]):
    """A question and, once `over`, what came of it."""

    def __init__(self, question: Callable[[], T], at: float) -> None:
        self._question, self.at = question, at
        self.over = threading.Event()
        self.found: list[T] = []
        self.error: BaseException | None = None

    def answer(self) -> None:
        try:
            self.found.append(self._question())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asked
            self.error = error
        finally:
            self.over.set()
