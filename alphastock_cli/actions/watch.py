"""Look at the market again and again: quotes, indices, breadth and positions, turn by turn.

Yields what was seen; what a view makes of it is `views/model.py`. A provider that fails is told and
not fatal: the last values stay and grow older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from alphastock_cli.actions import watch_list
from alphastock_cli.actions.watch_list import Breadth
from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.domain.trading import Position
from alphastock_cli.errors import AlphaStockError, AuthError, OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.runners.base import RunnerPolicy
from alphastock_cli.runners.indices import IndexRunner

INDICES = ("NIFTY 50", "NIFTY BANK", "NIFTY FIN SERVICE", "NIFTY MID SELECT", "INDIA VIX")
_SEGMENT = calendar.Segment.EQUITY
_AHEAD = timedelta(seconds=5)  # a quote of a later time than that is no reason to leave one out
_SLOW_SECONDS = 60.0  # what comes from daily rows need not be asked for at every turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Whether shares trade at a moment.

    Attributes
    ----------
    state : str
        ``open``, ``closed``, or ``unknown`` where the calendar's tables do not reach.
    next_open : datetime or None
        When continuous trading begins next; None where nobody knows.
    settled : datetime or None
        While closed: the earliest end of continuous trading of the last session. Prices may stand
        still from then on without being old.
    """

    state: str
    next_open: datetime | None = None
    settled: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One turn: everything known at `now`.

    Attributes
    ----------
    as_of : datetime or None
        The provider's moment when it last answered; None before its first answer.
    indices : mapping of str to Snapshot
        Index rows by name; `quotes` may hold newer values under their keys.
    index_names : tuple of str
        Which to show, in order.
    symbols : tuple of str
        Keys to show, in order.
    no_breadth : str
        Why there is none and there will be none; "" where it may come yet.
    positions : tuple of Position or None
        None where they could not be read.
    warnings : tuple of str
        What went wrong in this turn, and what the provider remarks of its answers.
    """

    now: datetime
    generated_at: datetime
    source: str
    simulated: bool
    market: Market
    as_of: datetime | None = None
    indices: Mapping[str, Snapshot] = field(default_factory=lambda: MappingProxyType({}))
    index_names: tuple[str, ...] = ()
    quotes: Mapping[str, Quote] = field(default_factory=lambda: MappingProxyType({}))
    symbols: tuple[str, ...] = ()
    breadth: Breadth | None = None
    no_breadth: str = ""
    positions: tuple[Position, ...] | None = ()
    warnings: tuple[str, ...] = ()


def none_held() -> Sequence[Position]:
    """Return no positions: the source where there is no ledger."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """What to look at and how often.

    Attributes
    ----------
    symbols : tuple of str
        Keys, e.g. ``NSE:SBIN``.
    indices : tuple of str
        Names in any spelling; empty means the usual ones, as far as the provider knows them.
    every : float
        Seconds from the beginning of one turn to that of the next.
    count : int or None
        Turns; None means until stopped.
    until : datetime or None
        No turn begins after it.
    moment : datetime or None
        A fixed moment to look from, in place of the clock's.
    """

    symbols: tuple[str, ...]
    indices: tuple[str, ...] = ()
    every: float = 2.0
    count: int | None = None
    until: datetime | None = None
    moment: datetime | None = None


def watch(
    provider: MarketData,
    clock: Clock,
    request: WatchRequest,
    *,
    positions: Callable[[], Sequence[Position]] = none_held,
) -> Iterator[Seen]:
    """Yield what is seen, a turn every `request.every` seconds on the clock.

    A turn that took longer is followed by the next at once; turns missed are not made up for.

    Raises
    ------
    AlphaStockError
        The very first turn failed with what time cannot mend (no data, no login, not offered); or
        the turns are over and the provider answered in none of them.
    """
    eyes = _Eyes(provider, clock, request, positions)
    due, turn = clock.monotonic(), 0
    while True:
        yield eyes.look(first=turn == 0)
        turn += 1
        if request.count is not None and turn >= request.count:
            break
        due = max(due + request.every, clock.monotonic())
        clock.sleep(max(0.0, due - clock.monotonic()))
        if request.until is not None and clock.now() > request.until:
            break
    if eyes.as_of is None and eyes.failure is not None:
        raise eyes.failure


def market_at(now: datetime) -> Market:
    """Return whether shares trade at `now`, and when they do next."""
    try:
        is_open = calendar.is_open(_SEGMENT, now)
    except OutOfRange:
        return Market(state="unknown")
    try:
        next_open: datetime | None = calendar.next_open(_SEGMENT, now)
    except OutOfRange:
        next_open = None
    if is_open:
        return Market(state="open", next_open=next_open)
    try:
        last = calendar.latest_session(_SEGMENT, now)
    except OutOfRange:
        return Market(state="closed", next_open=next_open)
    settled = last.closes_for(has_derivatives=True) or calendar.known_from(_SEGMENT, last.day)
    return Market(state="closed", next_open=next_open, settled=settled)


class _Eyes:
    """The last answers of provider and ledger, and what to ask next."""

    def __init__(
        self,
        provider: MarketData,
        clock: Clock,
        request: WatchRequest,
        positions: Callable[[], Sequence[Position]],
    ) -> None:
        self.as_of: datetime | None = None
        self.failure: AlphaStockError | None = None
        self._provider, self._clock, self._request = provider, clock, request
        self._read_positions = positions
        self._names = tuple(canonical_index(name) for name in request.indices or INDICES)
        # a view that waits for retries is a view that stands still: the next turn is the retry
        self._runner = IndexRunner(
            provider,
            clock=clock,
            symbols=self._names,
            policy=RunnerPolicy(attempts=1, cache_seconds=_SLOW_SECONDS / 2),
            live=False,  # their quotes are asked for with all others, in one call
        )
        self._quotes: dict[str, Quote] = {}
        self._positions: tuple[Position, ...] | None = None
        self._daily = watch_list.Daily()
        self._daily_at: float | None = None

    def look(self, *, first: bool) -> Seen:
        """Ask once, keep what was known where there is no answer, and tell."""
        warnings: list[str] = []
        self._ask_positions(warnings)
        self._ask_provider(warnings, first=first)
        warnings += getattr(self._provider, "remarks", list)()
        now = self._request.moment or self._clock.now()
        return Seen(
            now=now,
            generated_at=self._clock.now(),
            source=self._provider.name,
            simulated=self._provider.simulated,
            market=market_at(now),
            as_of=self.as_of,
            indices=MappingProxyType(self._runner.get_latest_data()),
            index_names=self._shown(),
            quotes=MappingProxyType(dict(self._quotes)),
            symbols=self._request.symbols,
            breadth=watch_list.breadth(self._daily, self._quotes),
            no_breadth=self._daily.why_not,
            positions=self._positions,
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _ask_positions(self, warnings: list[str]) -> None:
        try:
            self._positions = tuple(self._read_positions())
        except AlphaStockError as error:
            warnings.append(f"positions: {error.what}")

    def _ask_provider(self, warnings: list[str], *, first: bool) -> None:
        try:
            as_of = self._provider.as_of()
            self._ask_daily(as_of, warnings)
            found = self._provider.quotes(self._keys())
            if self.as_of is None:
                watch_list.check_known(self._provider, self._request.symbols, found)
        except AlphaStockError as error:
            self.failure = error
            if first and not error.retryable:
                raise
            warnings.append(f"{self._provider.name}: {_told(error)}")
            return
        self._take(found)
        self.as_of = as_of
        absent = [key for key in self._request.symbols if key not in self._quotes]
        if absent:
            warnings.append(f"{self._provider.name} quotes no {', '.join(absent)}")

    def _take(self, found: Mapping[str, Quote]) -> None:
        """Keep of two tellings of one instrument the later: a view never goes back in time."""
        latest = self._clock.now() + _AHEAD
        for key, quote in found.items():
            held = self._quotes.get(key)
            if held is None or held.time > latest or _order(quote) >= _order(held):
                self._quotes[key] = quote

    def _ask_daily(self, as_of: datetime, warnings: list[str]) -> None:
        """Ask once a minute for what rests on daily rows; not having them is no failure."""
        now = self._clock.monotonic()
        if self._daily_at is not None and now - self._daily_at < _SLOW_SECONDS:
            return
        told = len(warnings)
        by_call = getattr(self._provider, "asks_by_name", False)  # its quotes tell the indices
        if Capability.INDICES_DAY in self._provider.capabilities and not by_call:
            try:
                self._runner.run_once()
            except AlphaStockError as error:
                warnings.append(f"indices: {error.what}")
        try:
            self._daily = watch_list.daily(self._provider, as_of)
        except AlphaStockError as error:
            warnings.append(f"breadth: {error.what}")
        if len(warnings) == told:  # else the next turn asks again
            self._daily_at = now

    def _keys(self) -> list[str]:
        held = [position.instrument.key for position in self._positions or ()]
        indices = [self._index_key(name) for name in self._names]
        return list(dict.fromkeys([*self._request.symbols, *held, *indices, *self._daily.keys]))

    def _index_key(self, name: str) -> str:
        found = self._runner.get_latest_data(name).get(name)
        return f"NSE:{name}" if found is None else found.instrument.key

    def _shown(self) -> tuple[str, ...]:
        """Return the indices asked for; of the usual ones those that somebody knows."""
        if self._request.indices:
            return self._names
        held = self._runner.get_latest_data()
        return tuple(n for n in self._names if n in held or f"NSE:{n}" in self._quotes)


def _order(quote: Quote) -> tuple[datetime, int]:
    """Return what is greater of the later of two quotes: times are often whole seconds."""
    return quote.time, quote.volume or 0


def _told(error: AlphaStockError) -> str:
    """Return what went wrong; of a login that is needed, the command too."""
    if not isinstance(error, AuthError) or not error.hint:
        return error.what
    return f"{error.what.rstrip('.')}. {error.hint}"
