"""The simulated exchange as a provider: frames, quotes and candles up to its moment.

Nothing is stored: a day is a function of the seed. A session's row appears when the session is
over; while it is open only its minutes so far are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import ClassVar

import numpy as np
import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    CANDLES,
    EQUITIES_DAY,
    INDICES_DAY,
    INSTRUMENTS,
    SYMBOL_CHANGES,
    conform,
)
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import NotOffered
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.sim import days as simulated_days
from alphastock_cli.providers.sim import frames, minutes
from alphastock_cli.providers.sim.universe import index_names, members, shares
from alphastock_cli.registry import PROVIDERS

_SEGMENT = calendar.Segment.EQUITY
_FIRST = date(2016, 1, 1)
_MINUTE = timedelta(minutes=1)


@PROVIDERS.register("sim")
class SimExchange:
    """A market made of one seed.

    Parameters
    ----------
    seed : int
        Which market; the same seed is the same market on every machine.
    universe : int
        Number of shares; the first two hundred carry real symbols.
    as_of : datetime, optional
        The moment; the clock's where none is given.
    """

    name: ClassVar[str] = "sim"
    simulated: ClassVar[bool] = True
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.INSTRUMENTS,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.EQUITIES_DAY,
            Capability.INDICES_DAY,
        }
    )

    def __init__(
        self, clock: Clock, seed: int = 42, universe: int = 200, as_of: datetime | None = None
    ) -> None:
        self.seed = seed
        self.shares = shares(universe)
        self._count = universe
        self._moment, self.warnings = _within_reach(as_of or clock.now())

    # -- moments ------------------------------------------------------------------------------

    def as_of(self) -> datetime:
        """Return the moment while the market is open, else the end of the last session."""
        if calendar.is_open(_SEGMENT, self._moment):
            return self._moment
        final = calendar.last_final_session(_SEGMENT, self._moment).final_at
        return final or self._moment

    @cached_property
    def _sessions(self) -> list[date]:
        """Every session that is over, and the one that has begun."""
        last = calendar.latest_session(_SEGMENT, self._moment).day
        return calendar.sessions(_SEGMENT, _FIRST, last)

    @cached_property
    def _final(self) -> int:
        """How many of the sessions are over."""
        last = calendar.last_final_session(_SEGMENT, self._moment).day
        return len(self._sessions) - (self._sessions[-1] > last)

    @cached_property
    def _days(self) -> simulated_days.Days:
        return simulated_days.generate(self.shares, seed=self.seed, days=len(self._sessions))

    def _span(self, start: date | None, end: date | None) -> tuple[int, int]:
        """Return the range of final sessions from `start` to `end`, both inclusive."""
        held = self._sessions[: self._final]
        low = 0 if start is None else int(np.searchsorted(held, start, side="left"))  # type: ignore[call-overload]
        high = len(held) if end is None else int(np.searchsorted(held, end, side="right"))  # type: ignore[call-overload]
        return low, max(low, high)

    # -- days ---------------------------------------------------------------------------------

    def equities_day(
        self,
        *,
        exchange: Exchange = Exchange.NSE,
        symbols: Sequence[str] | None = None,
        series: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Return simulated rows of NSE, series EQ, of the sessions that are over."""
        names = list(EQUITIES_DAY) if columns is None else list(columns)
        other = exchange is not Exchange.NSE or (series is not None and "EQ" not in series)
        wanted = None if symbols is None else set(symbols)
        chosen = [
            i for i, share in enumerate(self.shares) if wanted is None or share.symbol in wanted
        ]
        low, high = self._span(start, end)
        if other or not chosen or low == high:
            return pl.LazyFrame(schema=EQUITIES_DAY).select(names)
        rows = frames.equities(
            self._days, self.shares, self._sessions, chosen=chosen, span=(low, high), columns=names
        )
        order = [name for name in ("symbol", "date") if name in names]
        return rows.lazy().sort(order) if order else rows.lazy()

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return simulated index rows: weighted sums of the members, and INDIA VIX."""
        wanted = None if symbols is None else {canonical_index(name) for name in symbols}
        low, high = self._span(start, end)
        names = [n for n in index_names(self._count) if wanted is None or n in wanted]
        if not names or low == high:
            return pl.LazyFrame(schema=INDICES_DAY)
        rows = frames.indices(
            self._days, self.shares, self._sessions, names=names, span=(low, high)
        )
        return rows.lazy().sort("symbol", "date")

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the shares listed; none but on NSE."""
        if exchange is not Exchange.NSE:
            return pl.DataFrame(schema=INSTRUMENTS)
        frame = pl.DataFrame(
            {
                "tradingsymbol": [share.symbol for share in self.shares],
                "sector": [share.sector for share in self.shares],
            }
        ).with_columns(
            exchange=pl.lit("NSE"), asset_type=pl.lit("equity"), series=pl.lit("EQ"),
            lot_size=pl.lit(1), tick_size=pl.lit(simulated_days.TICK),
        )  # fmt: skip
        return conform(frame, INSTRUMENTS, what="sim instruments")

    def adjustments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the splits up to the moment."""
        if exchange is not Exchange.NSE:
            return pl.DataFrame(schema=ADJUSTMENTS)
        return frames.adjustments(self._days, self.shares, self._sessions)

    def symbol_changes(self) -> pl.DataFrame:
        """Return none: no simulated share is renamed."""
        return pl.DataFrame(schema=SYMBOL_CHANGES)

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return the members of a simulated index, the same on every day; None if unknown."""
        found = members(canonical_index(index), self._count) if on >= _FIRST else ()
        return tuple(sorted(share.symbol for share in found)) or None

    # -- inside the day -----------------------------------------------------------------------

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the day so far while the market is open, else the last session's close."""
        number = {f"NSE:{share.symbol}": i for i, share in enumerate(self.shares)}
        return {key: self._quote(key, number[key]) for key in keys if key in number}

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return candles that begin inside ``[start, end)`` and are over by the moment."""
        found = [
            i for i, share in enumerate(self.shares) if share.symbol == instrument.tradingsymbol
        ]
        if instrument.exchange is not Exchange.NSE or not found:
            raise NotOffered(
                f"the simulated exchange does not list {instrument.key}",
                hint="`alphastock sql 'select tradingsymbol from instruments' --provider sim`",
            )
        share = found[0]
        low, high = self._begun(start.date(), end.date())
        parts = [
            frames.candles(self.shares[share].symbol, *self._minutes(share, t))
            for t in range(low, high)
        ]
        made = pl.concat(parts) if parts else pl.DataFrame(schema=CANDLES)
        made = frames.gathered(made, interval, self._moment)
        return made.filter((pl.col("time") >= start) & (pl.col("time") < end))

    def _begun(self, start: date, end: date) -> tuple[int, int]:
        held = self._sessions
        low = int(np.searchsorted(held, start, side="left"))  # type: ignore[call-overload]
        high = int(np.searchsorted(held, end, side="right"))  # type: ignore[call-overload]
        return low, high

    def _minutes(self, share: int, t: int) -> tuple[list[datetime], minutes.Minutes]:
        """Return start times and values of every minute of session number `t`."""
        day, d = self._sessions[t], self._days
        times = _minute_starts(day)
        values = minutes.generate(
            seed=self.seed, number=self.shares[share].number, ordinal=day.toordinal(),
            count=len(times), open_=float(d.open[t, share]), high=float(d.high[t, share]),
            low=float(d.low[t, share]), close=float(d.close[t, share]),
            volume=int(d.volume[t, share]),
        )  # fmt: skip
        return times, values

    def _quote(self, key: str, share: int) -> Quote:
        t, d = len(self._sessions) - 1, self._days
        times, m = self._minutes(share, t)
        done = sum(moment + _MINUTE <= self._moment for moment in times)
        low, high = simulated_days.limits(d.base[t], d.band)
        count = max(done, 1)
        last = float(m.close[count - 1]) if done else float(m.open[0])
        live, tick = calendar.is_open(_SEGMENT, self._moment), simulated_days.TICK
        return Quote(
            key=key, time=self.as_of(), last_price=last, open=float(m.open[0]),
            high=float(m.high[:count].max()) if done else last,
            low=float(m.low[:count].min()) if done else last,
            previous_close=float(d.base[t, share]), volume=int(m.volume[:done].sum()),
            bid=round(last - tick, 2) if live and last > tick else None,
            ask=round(last + tick, 2) if live else None,
            lower_circuit=float(low[share]), upper_circuit=float(high[share]),
        )  # fmt: skip


def _minute_starts(day: date) -> list[datetime]:
    """Return the first moment of each minute of continuous trading on a session."""
    session = calendar.session(_SEGMENT, day)
    assert session is not None, f"{day} is no session"
    spans = [(p.opens, p.closes) for p in session.phases_for(has_derivatives=False)
             if p.name == "continuous"]  # fmt: skip
    if not spans:  # the hours of a far year are not in the tables: the usual ones
        opens = datetime(day.year, day.month, day.day, 9, 15, tzinfo=calendar.IST)
        spans = [(opens, opens + 375 * _MINUTE)]
    found = []
    for opens, closes in spans:
        count = int((closes - opens) / _MINUTE)
        found += [opens + i * _MINUTE for i in range(count)]
    return found


def _within_reach(moment: datetime) -> tuple[datetime, tuple[str, ...]]:
    """Return the moment, moved back to the end of the calendar where it lies beyond."""
    _, last = calendar.reach(_SEGMENT)
    if moment.date() <= last:
        return moment, ()
    end = datetime(last.year, last.month, last.day, 23, 59, tzinfo=moment.tzinfo)
    return end, (f"the calendar ends on {last}: the simulated exchange stands still there",)
