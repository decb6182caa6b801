"""Kite Connect as a provider: instruments, quotes, candles, chains, and days of named symbols.

Answers are of now: only candles can be asked for as of an earlier moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import ADJUSTMENTS, CANDLES, SYMBOL_CHANGES
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import NotOffered, OutOfRange, UsageError
from alphastock_cli.exchange import calendar, closes
from alphastock_cli.providers.kite import history, listing, quoting, session_before
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.days import Days, Lists
from alphastock_cli.providers.kite.dump import Dump
from alphastock_cli.providers.kite.facts import history_days, quote_batch
from alphastock_cli.providers.kite.loading import JOINED, Loading
from alphastock_cli.providers.kite.rest import TRIES
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.store.lake import Lake

if TYPE_CHECKING:
    from alphastock_cli.config.settings import Settings

_NOW = timedelta(minutes=1)  # a moment so near is now
_FRESH = 3.0  # seconds for which a quote need not be asked again
_FUTURES = 6  # the nearest ones are told


@PROVIDERS.register("kite")
class Kite(Loading, Days):
    """Market data of Zerodha's Kite Connect.

    Parameters
    ----------
    clock : Clock
        Gives the moment.
    settings : Settings
        Where data lie, and how Kite is asked.
    lake : Lake
        Where lists of index members may have been loaded: Kite has none.
    as_of : datetime, optional
        Candles up to then; quotes and chains of an earlier moment are not offered.
    notify, progress : callable
        Take a line for a person: one that stays, one that the next one rewrites.
    """

    name: ClassVar[str] = "kite"
    simulated: ClassVar[bool] = False
    asks_by_name: ClassVar[bool] = True
    asks_again: ClassVar[bool] = True  # what may pass was tried again before it is raised
    tries: int = TRIES  # of a call for quotes
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

    def __init__(  # noqa: PLR0917 - given by name, see bootstrap
        self,
        clock: Clock,
        settings: Settings,
        lake: Lake,
        as_of: datetime | None = None,
        notify: Callable[[str], None] = lambda _: None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.connection = Connection(settings.data_dir, settings.kite, clock)
        self.dump = Dump(self.connection.cache, clock, self._fetch_list)
        self._clock, self._asked, self._lake = clock, as_of, lake
        self.tell, self.progress = notify, progress
        self.grace = timedelta(seconds=settings.kite.grace)
        self._quotes: dict[str, tuple[float, Quote | None]] = {}
        super().__init__()

    # -- moments ------------------------------------------------------------------------------

    def as_of(self) -> datetime:
        """Return the moment asked for, else now."""
        now = self._clock.now()
        return now if self._asked is None else min(self._asked.astimezone(calendar.IST), now)

    def chain_as_of(self, underlying: str) -> datetime:
        """Return now while the contracts trade, else the end of their last session."""
        now = self.as_of()
        segment = calendar.segment_of(closes.derivative_exchange(underlying))
        try:
            if calendar.is_open(segment, now):
                return now
            last = calendar.latest_session(segment, now).final_at
        except OutOfRange:
            return now
        return now if last is None else min(last, now)

    def is_now(self) -> bool:
        """Tell whether the moment asked for is the present one."""
        return self._asked is None or self._clock.now() - self._asked <= _NOW

    def _refuse_past(self, what: str) -> None:
        """Refuse what Kite tells only of now."""
        if not self.is_now():
            raise NotOffered(
                f"Kite tells {what} only as of now, not of {self.as_of():%Y-%m-%d %H:%M}",
                hint="For an earlier moment: --provider lake.",
            )

    def remarks(self) -> list[str]:
        """Return what a person should know of the answers so far, those for days among them."""
        return [*super().remarks(), *self.warned]

    # -- instruments --------------------------------------------------------------------------

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return what is listed on an exchange today; indices are no instruments to trade.

        Of commodities and currencies `lot_size` is our table's, null where that knows none.
        """
        return listing.instruments(self.dump.of(exchange), exchange, self.as_of().date())

    def instrument(self, exchange: Exchange, symbol: str) -> Instrument:
        """Return one instrument by name, an index by any of its names.

        Raises
        ------
        UnknownName
            It is not listed; the nearest names are told.
        """
        return listing.instrument(self.dump.find(exchange, symbol), self.underlyings())

    def underlyings(self) -> frozenset[str]:
        """Return what NFO lists futures on, indices among them; it decides when a share closes."""
        return listing.underlyings(self.dump, self.as_of().date())

    def _fetch_list(self) -> bytes:
        return self.connection.rest.instruments()

    # -- quotes -------------------------------------------------------------------------------

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the quotes of the listed keys among `keys`, in calls of as many as Kite allows.

        Raises
        ------
        NotOffered
            Of an earlier moment.
        """
        if not keys:
            return {}
        self._refuse_past("quotes")
        now = self._clock.monotonic()
        held = {key: each for key, each in self._quotes.items() if now - each[0] < _FRESH}
        wanted = [key for key in self._listed(keys) if key not in held]
        size = quote_batch(self._clock.now().date())
        for first in range(0, len(wanted), size):
            batch = wanted[first : first + size]
            rows = self.connection.rest.quotes(batch, tries=self.tries)
            at, moment = self._clock.monotonic(), self._clock.now()
            for key in batch:
                quote = quoting.quote_of(key, rows[key], moment) if key in rows else None
                held[key] = (at, quote)
        self._quotes = held
        found = {key: held[key][1] for key in keys if key in held}
        return {key: quote for key, quote in found.items() if quote is not None}

    def _listed(self, keys: Sequence[str]) -> list[str]:
        """Return the keys that are in today's list, each once."""
        by_code: dict[str, list[str]] = {}
        for key in dict.fromkeys(keys):
            code, mark, symbol = key.partition(":")
            if mark and symbol and code in Exchange.__members__:
                by_code.setdefault(code, []).append(symbol)
        found = set()
        for code, symbols in by_code.items():
            rows = self.dump.of(Exchange(code)).filter(pl.col("tradingsymbol").is_in(symbols))
            found |= {f"{code}:{symbol}" for symbol in rows["tradingsymbol"]}
        return [key for key in dict.fromkeys(keys) if key in found]

    def full_quotes(
        self, keys: Sequence[str], *, tries: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return Kite's own full quotes of listed keys, in calls of as many as Kite allows."""
        size = quote_batch(self._clock.now().date())
        found: dict[str, dict[str, Any]] = {}
        for first in range(0, len(keys), size):
            batch = keys[first : first + size]
            found |= self.connection.rest.quotes(batch, tries=tries or TRIES)
        return found

    # -- candles ------------------------------------------------------------------------------

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return final candles that begin inside ``[start, end)`` and are over by the moment.

        Days are as Kite tells them: adjusted for splits and bonuses.

        Raises
        ------
        UsageError
            `start` or `end` is naive.
        UnknownName
            No such instrument.
        """
        return self.history(instrument, interval, start, end)

    def history(
        self,
        instrument: Instrument,
        interval: Interval,
        start: datetime,
        end: datetime,
        *,
        continuous: bool = False,
        oi: bool = False,
    ) -> pl.DataFrame:
        """Return candles as `candles` does; with open interest, or of joined futures.

        Raises
        ------
        NotOffered
            `continuous` of anything but day candles of futures.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise UsageError(f"candles need aware times, got {start} and {end}")
        row = self.dump.find(instrument.exchange, instrument.tradingsymbol)
        joins = instrument.exchange in JOINED and str(row["segment"]).endswith("-FUT")
        if continuous and (interval.is_intraday or not joins):
            raise NotOffered(
                f"Kite joins only days of futures of {' and '.join(JOINED)}, not {interval.value}"
                f" ones of {instrument.key}",
                hint="Leave it out, or ask for days of a future.",
            )
        moment = self.as_of()
        begin, finish = (t.astimezone(calendar.IST) for t in (start, min(end, moment)))
        if begin >= finish:
            return pl.DataFrame(schema=CANDLES)
        size = history_days(interval, moment.date())
        parts = [
            self.part(row, interval, span, continuous=continuous, oi=oi, moment=moment)
            for span in history.spans(begin.date(), finish.date(), size)
        ]
        frame = pl.concat(parts).with_columns(symbol=pl.lit(instrument.tradingsymbol))
        return frame.filter((pl.col("time") >= begin) & (pl.col("time") < finish)).sort("time")

    def part(
        self,
        row: dict[str, Any],
        interval: Interval,
        span: tuple[date, date],
        *,
        continuous: bool = False,
        oi: bool = False,
        moment: datetime | None = None,
    ) -> pl.DataFrame:
        """Return the final candles of one call, of an instrument by its row of the list."""
        until = (moment or self.as_of()) - self.grace
        answer = self.answer(row, interval, span, continuous=continuous, oi=oi)
        exchange, symbol = Exchange(row["exchange"]), row["tradingsymbol"]
        index = row["asset_type"] == AssetType.INDEX
        if not interval.is_intraday:
            return history.days_of(answer, symbol=symbol, exchange=exchange, span=span, now=until,
                                   index=index, steady=row["option_type"] is None)  # fmt: skip
        return history.checked(
            answer, symbol=symbol, exchange=exchange, interval=interval, span=span, now=until,
            steady=row["option_type"] is None,
        ).candles  # fmt: skip

    def answer(
        self,
        row: dict[str, Any],
        interval: Interval,
        span: tuple[date, date],
        *,
        continuous: bool = False,
        oi: bool = False,
    ) -> list[list[Any]]:
        """Return the rows of one call, as Kite tells them."""
        first, last = history.moments(span)
        return self.connection.rest.candles(
            row["instrument_token"], interval, first, last, continuous=continuous, oi=oi
        )

    # -- derivatives --------------------------------------------------------------------------

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """Return the option expiries listed today, ascending.

        Raises
        ------
        NotOffered
            Of an earlier moment.
        UnknownName
            Nothing is listed on it; the nearest are told.
        """
        self._refuse_past("option chains")
        rows = listing.options(self.dump, underlying)
        today = self.as_of().date()
        return tuple(day for day in rows["expiry"].unique().sort() if day >= today)

    def option_chain(self, underlying: str, expiry: date) -> pl.DataFrame:
        """Return the `CHAIN` frame of an expiry, with the quotes of now.

        `oi_change` is known where the lake has the exchange's file of the session before.

        Raises
        ------
        NotOffered
            Of an earlier moment.
        UnknownName
            Nothing is listed on it, or no such expiry.
        """
        self._refuse_past("option chains")
        rows = listing.options(self.dump, underlying, expiry)
        keys = listing.keys(rows)
        # spot and futures in the same call: they are of the same second, and cost nothing
        beside = [*listing.spot_keys(underlying), *listing.keys(self._futures(underlying))]
        quotes = self.quotes([*beside, *keys])
        exact = rows.with_columns(lot_size=listing.lots(rows, self.as_of().date()))
        made = quoting.chain_of(exact, quotes, underlying=underlying, expiry=expiry)
        session = self.chain_as_of(underlying).date()
        return session_before.with_oi_change(made, self._lake, underlying, expiry, session)

    def previous_closes(self, underlying: str, expiry: date) -> pl.DataFrame | None:
        """Return the close of the session before of each contract, from the quotes of its chain.

        Columns ``strike, option_type, previous_close`` in rupees. None of an earlier moment, and on
        the morning of a session until it opens: which session Kite means then is not documented.
        """
        if not self.is_now() or not session_before.is_told(underlying, self.as_of()):
            return None
        rows = listing.options(self.dump, underlying, expiry)
        return session_before.closes_of(rows, self.quotes(listing.keys(rows)))

    def chain_spot(self, underlying: str) -> float | None:
        """Return the last price of the underlying, asked for together with the chain."""
        keys = listing.spot_keys(underlying)
        quote = self.quotes(keys).get(keys[0]) if keys else None
        return None if quote is None else quote.last_price

    def futures(self, underlying: str) -> pl.DataFrame:
        """Return the listed futures, nearest first: prices, volume and open interest.

        Raises
        ------
        NotOffered
            Of an earlier moment.
        """
        self._refuse_past("futures")
        rows = self._futures(underlying)
        return listing.with_quotes(rows, self.quotes(listing.keys(rows)))

    def _futures(self, underlying: str) -> pl.DataFrame:
        rows = listing.futures(self.dump, underlying)
        return rows.filter(pl.col("expiry") >= self.as_of().date()).head(_FUTURES)

    # -- what Kite does not tell --------------------------------------------------------------

    def adjustments(self, exchange: Exchange) -> pl.DataFrame:
        """Return none: Kite's day candles are adjusted already."""
        del exchange
        return pl.DataFrame(schema=ADJUSTMENTS)

    def symbol_changes(self) -> pl.DataFrame:
        """Return none: Kite knows a share by its present name alone."""
        return pl.DataFrame(schema=SYMBOL_CHANGES)

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return the members by the lists of the lake or those typed in; Kite has none."""
        return Lists(self._lake, self.as_of()).members(index, on)
