"""The simulated exchange as a provider: frames, chains, quotes and candles up to its moment.

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
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import ConfigError, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.sim import frames, moments
from alphastock_cli.providers.sim.books import Books, now
from alphastock_cli.providers.sim.chain_history import earlier_chains
from alphastock_cli.providers.sim.days import TICK, Days
from alphastock_cli.providers.sim.derivatives import Derivatives
from alphastock_cli.providers.sim.future_days import FutureDays
from alphastock_cli.providers.sim.intraday import Intraday
from alphastock_cli.providers.sim.spot import Spot
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
            Capability.CHAIN,
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
        self._spot = Spot(seed, self.shares)
        self._books = Books(self._spot)
        self._derivatives = Derivatives(self._books)
        self._intraday = Intraday(self._spot, self._books)
        self._future_days = FutureDays(self._books)
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

    def _days(self, moment: moments.Moment) -> Days:
        return self._spot.days(len(moment.sessions))

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
        """Return the shares of NSE, or the futures and options of NFO; none elsewhere.

        Raises
        ------
        OutOfRange
            The tables of contracts do not reach the moment's day.
        """
        if exchange is Exchange.NFO:
            return self._derivatives.instruments(now(self._moment()))
        if exchange is not Exchange.NSE:
            return pl.DataFrame(schema=INSTRUMENTS)
        frame = pl.DataFrame(
            {
                "tradingsymbol": [share.symbol for share in self.shares],
                "sector": [share.sector for share in self.shares],
            }
        ).with_columns(
            exchange=pl.lit("NSE"), asset_type=pl.lit("equity"), series=pl.lit("EQ"),
            lot_size=pl.lit(1), tick_size=pl.lit(TICK),
        )  # fmt: skip
        return conform(frame, INSTRUMENTS, what="sim instruments")

    def underlyings(self) -> tuple[str, ...]:
        """Return what NFO lists contracts on; far sooner than to make the list of all of them."""
        return tuple(self._books.underlyings)

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

    # -- derivatives ----------------------------------------------------------------------------

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """Return the option expiries listed on the moment's day, ascending.

        Raises
        ------
        UnknownName
            Nothing is listed on it.
        OutOfRange
            The tables of contracts do not reach that day.
        """
        items = self._books.expiries(self._books.underlying(underlying), now(self._moment()))
        return tuple(item.day for item in items)

    def option_chain(self, underlying: str, expiry: date) -> pl.DataFrame:
        """Return the `CHAIN` frame of an expiry: at the last full minute, or the last close.

        Raises
        ------
        UnknownName
            No such underlying, or no such expiry of it on the moment's day.
        OutOfRange
            The tables of contracts do not reach that day.
        """
        at = now(self._moment())
        return self._derivatives.option_chain(self._books.underlying(underlying), expiry, at)

    def previous_closes(self, underlying: str, expiry: date) -> pl.DataFrame | None:
        """Return strike, option_type and previous_close; None of an expiry listed since then."""
        at = now(self._moment())
        return self._derivatives.previous_closes(self._books.underlying(underlying), expiry, at)

    def earlier_chains(
        self, underlyings: Sequence[str], *, before: date, sessions: int = 252, days_ahead: int = 30
    ) -> pl.DataFrame:
        """Return the closes next to the money of the sessions before a day (`chain_history`).

        Raises
        ------
        UnknownName
            Nothing is listed on one of them.
        """
        named = [self._books.underlying(name) for name in underlyings]
        return earlier_chains(
            self._books, named, now(self._moment()),
            before=before, sessions=sessions, ahead=days_ahead,
        )  # fmt: skip

    def chain_as_of(self, underlying: str) -> datetime:
        """Return the moment the chains of an underlying are valid for: a full minute, or the close.

        The derivatives close later than the shares, so it may lie after `as_of`.

        Raises
        ------
        UnknownName
            Nothing is listed on it.
        """
        return self._books.traded(self._books.underlying(underlying), now(self._moment()))

    def chain_spot(self, underlying: str) -> float:
        """Return the price of the underlying the chains at `chain_as_of` stand on, rupees.

        Its quote says the same, but knows the range of the whole day as well, which takes longer.

        Raises
        ------
        UnknownName
            Nothing is listed on it.
        """
        return self._books.price(self._books.underlying(underlying), now(self._moment()))

    def futures(self, underlying: str) -> pl.DataFrame:
        """Return the listed futures, nearest first: prices, volume and open interest, in units.

        Raises
        ------
        UnknownName
            Nothing is listed on it.
        OutOfRange
            The tables of contracts do not reach that day.
        """
        return self._derivatives.futures(self._books.underlying(underlying), now(self._moment()))

    # -- inside the day -----------------------------------------------------------------------

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the day so far during a session, else the last session as it ended.

        Of shares `previous_close` is what the price band counts from, adjusted on an ex-date.
        """
        moment = self._moment()
        found = {key: self._intraday.quote(key, moment) for key in keys}
        return {key: quote for key, quote in found.items() if quote is not None}

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return candles that begin inside ``[start, end)`` and are over by the moment.

        A session whose hours no table has is missing from all but daily candles. Days are those
        of futures as well.

        Raises
        ------
        UsageError
            `start` or `end` is naive.
        NotOffered
            No share or index of this exchange, nor a day of a future.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise UsageError(f"candles need aware times, got {start} and {end}")
        begin, finish = start.astimezone(calendar.IST), end.astimezone(calendar.IST)
        span = (begin.date(), finish.date())
        if interval is Interval.DAY and _is_future(instrument):
            made = self._future_days.of(instrument.tradingsymbol, now(self._moment()), *span)
        elif interval is Interval.DAY:
            made = frames.day_candles(instrument.tradingsymbol, self._rows(instrument, *span))
        else:
            made = self._intraday.candles(instrument, interval, span, self._moment())
        return made.filter((pl.col("time") >= begin) & (pl.col("time") < finish))

    def joined_days(self, future: Instrument, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the days inside ``[start, end)`` of the futures on its underlying, nearest first.

        Each day is that of the future that ended next, in the terms of that day.

        Raises
        ------
        UnknownName
            Nothing is listed on the underlying.
        """
        begin, finish = start.astimezone(calendar.IST), end.astimezone(calendar.IST)
        made = self._future_days.joined(
            future.underlying, now(self._moment()), begin.date(), finish.date()
        )
        return made.filter((pl.col("time") >= begin) & (pl.col("time") < finish))

    def _rows(self, instrument: Instrument, start: date, end: date) -> pl.DataFrame:
        """Return the daily rows of a share or an index."""
        lane, name = self._intraday.listed(instrument)
        if lane is None:
            return self.indices_day(symbols=[name], start=start, end=end).collect()
        rows = self.equities_day(symbols=[name], start=start, end=end, columns=_CANDLE_COLUMNS)
        return rows.collect()


def _is_future(instrument: Instrument) -> bool:
    return instrument.exchange is Exchange.NFO and instrument.option_type is None
