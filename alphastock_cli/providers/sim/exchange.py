"""The simulated exchange as a provider: frames, quotes and candles up to its moment.

Nothing is stored: a day is a function of the seed. A session's row appears when the session is
over; while it is open only its minutes so far are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    EQUITIES_DAY,
    INDICES_DAY,
    INSTRUMENTS,
    SYMBOL_CHANGES,
    conform,
)
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import ConfigError, NotOffered, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.sim import days as simulated_days
from alphastock_cli.providers.sim import frames, minutes, moments
from alphastock_cli.providers.sim.quotes import quote
from alphastock_cli.providers.sim.universe import index_names, members, shares
from alphastock_cli.registry import PROVIDERS

_SEEDS = 2**63
_CANDLE_COLUMNS = ("date", "open", "high", "low", "close", "volume")


@PROVIDERS.register("sim")
class SimExchange:
    """A market made of one seed.

    Parameters
    ----------
    clock : Clock
        Gives the moment while none is asked for: the market moves on with it.
    seed : int
        Which market; with the same numpy the same seed is the same market, whenever it is asked.
    universe : int
        Number of shares; the first two hundred carry real symbols.
    as_of : datetime, optional
        The moment; the clock's where none is given.

    Raises
    ------
    ConfigError
        No such seed, or a universe without a share.
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
        if not 0 <= seed < _SEEDS:
            raise ConfigError(f"sim.seed is {seed}", hint="Use a whole number from 0.")
        if universe < 1:
            raise ConfigError(f"sim.universe is {universe}", hint="Use a whole number from 1.")
        self.seed = seed
        self.shares = shares(universe)
        self._clock, self._asked = clock, as_of
        self._lanes = {share.symbol: lane for lane, share in enumerate(self.shares)}
        self._made: simulated_days.Days | None = None
        _, held_back = moments.within_reach(as_of or clock.now())
        self.warnings: tuple[str, ...] = (held_back,) if held_back else ()

    # -- moments ------------------------------------------------------------------------------

    def as_of(self) -> datetime:
        """Return the moment while a session is under way, else the end of the last session.

        Raises
        ------
        OutOfRange
            The moment lies before the first simulated session.
        """
        return self._moment().known_at

    def _moment(self) -> moments.Moment:
        now, _ = moments.within_reach(self._asked or self._clock.now())
        return moments.look(now)

    def _days(self, moment: moments.Moment) -> simulated_days.Days:
        """Return the arrays of every session begun; made once, longer when a session begins."""
        count = len(moment.sessions)
        if self._made is None or self._made.close.shape[1] != count:
            self._made = simulated_days.generate(self.shares, seed=self.seed, days=count)
        return self._made

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
        in_order: bool = True,  # noqa: ARG002 - they are made in order, mixing would save nothing
    ) -> pl.LazyFrame:
        """Return simulated rows of NSE, series EQ, of the sessions that are over.

        Raises
        ------
        UnknownName
            `columns` names one that the schema does not have.
        """
        names = list(EQUITIES_DAY) if columns is None else list(columns)
        for name in names:
            if name not in EQUITIES_DAY:
                raise UnknownName.of("column", name, EQUITIES_DAY)
        moment = self._moment()
        span = moment.span(start, end)
        wanted = self._lanes.keys() if symbols is None else self._lanes.keys() & set(symbols)
        other = exchange is not Exchange.NSE or (series is not None and "EQ" not in series)
        if other or not wanted or span[0] == span[1]:
            return pl.LazyFrame(schema=EQUITIES_DAY).select(names)
        chosen = [self._lanes[symbol] for symbol in sorted(wanted)]
        return frames.equities(
            self._days(moment), self.shares, moment.sessions,
            chosen=chosen, span=span, columns=names,
        ).lazy()  # fmt: skip

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return simulated index rows: weighted sums of the members, and INDIA VIX."""
        known = index_names(len(self.shares))
        asked = known if symbols is None else {canonical_index(name) for name in symbols}
        names = sorted(name for name in known if name in asked)
        moment = self._moment()
        span = moment.span(start, end)
        if not names or span[0] == span[1]:
            return pl.LazyFrame(schema=INDICES_DAY)
        days = self._days(moment)
        return frames.indices(days, self.shares, moment.sessions, names=names, span=span).lazy()

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
        """Return the splits up to the moment; one is known when its ex-date's session begins."""
        if exchange is not Exchange.NSE:
            return pl.DataFrame(schema=ADJUSTMENTS)
        moment = self._moment()
        return frames.adjustments(self._days(moment), self.shares, moment.sessions)

    def symbol_changes(self) -> pl.DataFrame:
        """Return none: no simulated share is renamed."""
        return pl.DataFrame(schema=SYMBOL_CHANGES)

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return the members of a simulated index, the same on every day; None if unknown."""
        held = members(canonical_index(index), len(self.shares)) if on >= moments.FIRST else ()
        return tuple(sorted(share.symbol for share in held)) or None

    # -- inside the day -----------------------------------------------------------------------

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the day so far during a session, else the last session as it ended.

        Shares only; `previous_close` is what the price band counts from, adjusted on an ex-date.
        """
        lanes = {f"NSE:{symbol}": lane for symbol, lane in self._lanes.items()}
        moment = self._moment()
        return {key: self._quote(key, lanes[key], moment) for key in keys if key in lanes}

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return candles that begin inside ``[start, end)`` and are over by the moment.

        A session whose hours no table has is missing from all but daily candles.

        Raises
        ------
        UsageError
            `start` or `end` is naive.
        NotOffered
            The instrument is not listed here, or an index is asked for less than daily candles.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise UsageError(f"candles need aware times, got {start} and {end}")
        begin, finish = start.astimezone(calendar.IST), end.astimezone(calendar.IST)
        span = (begin.date(), finish.date())
        if interval is Interval.DAY:
            made = frames.day_candles(instrument.tradingsymbol, self._rows(instrument, *span))
        else:
            made = self._minute_candles(instrument, interval, *span)
        return made.filter((pl.col("time") >= begin) & (pl.col("time") < finish))

    def _rows(self, instrument: Instrument, start: date, end: date) -> pl.DataFrame:
        """Return the daily rows of a share or an index."""
        symbol = instrument.tradingsymbol
        if instrument.asset_type is AssetType.INDEX and instrument.exchange is Exchange.NSE:
            if canonical_index(symbol) in index_names(len(self.shares)):
                return self.indices_day(symbols=[symbol], start=start, end=end).collect()
            raise _not_listed(instrument)
        self._lane(instrument)
        rows = self.equities_day(symbols=[symbol], start=start, end=end, columns=_CANDLE_COLUMNS)
        return rows.collect()

    def _minute_candles(
        self, instrument: Instrument, interval: Interval, start: date, end: date
    ) -> pl.DataFrame:
        lane, moment = self._lane(instrument), self._moment()
        low, high = moment.span(start, end, begun=True)
        made = [self._minutes(lane, number, moment) for number in range(low, high)]
        parts = [
            (moments.minute_starts(moment.sessions[low + i]), part)
            for i, part in enumerate(made)
            if part is not None
        ]
        candles = frames.minute_candles(instrument.tradingsymbol, parts)
        return frames.gathered(candles, interval, moment.at)

    def _lane(self, instrument: Instrument) -> int:
        listed = instrument.exchange is Exchange.NSE and instrument.asset_type is AssetType.EQUITY
        if not listed or instrument.tradingsymbol not in self._lanes:
            raise _not_listed(instrument)
        return self._lanes[instrument.tradingsymbol]

    def _minutes(self, lane: int, number: int, moment: moments.Moment) -> minutes.Minutes | None:
        """Return every minute of a session, also those to come; None where hours are unknown."""
        day = moment.sessions[number]
        count = len(moments.minute_starts(day))
        if not count:
            return None
        row, share = self._day(lane, number, moment), self.shares[lane]
        return minutes.generate(
            row, seed=self.seed, number=share.number, ordinal=day.toordinal(), count=count
        )

    def _day(self, lane: int, number: int, moment: moments.Moment) -> minutes.Row:
        d = self._days(moment)
        at = lane, number
        return minutes.Row(
            open=float(d.open[at]), high=float(d.high[at]), low=float(d.low[at]),
            close=float(d.close[at]), volume=int(d.volume[at]),
        )  # fmt: skip

    def _quote(self, key: str, lane: int, moment: moments.Moment) -> Quote:
        number, d = len(moment.sessions) - 1, self._days(moment)
        made = self._minutes(lane, number, moment) if moment.under_way else None
        row, base, band = self._day(lane, number, moment), d.base[lane, number], d.band[lane]
        return quote(key, row, made, moment, base=float(base), band=float(band))


def _not_listed(instrument: Instrument) -> NotOffered:
    return NotOffered(
        f"the simulated exchange has no such candles of {instrument.key}",
        hint="It lists shares of NSE, and daily candles of its indices.",
    )
