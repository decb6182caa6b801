"""Futures and options of the lake: the newest chain it holds, and the days themselves.

A chain is a stored snapshot or the end-of-day rows of a session, whichever is newer at the moment.
A session's row is known once the session of its own exchange is over. A price is shown as traded
only where a contract changed hands that day; what the exchange computed for the others is its
settlement, and stays that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from alphastock_cli.domain.frames import CHAIN, FUTURES_DAY, collect, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import ProviderError, UnknownName
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.lake.lots import proven_lot
from alphastock_cli.store import chains as snapshots
from alphastock_cli.store.contract_names import last_of_month, option_names
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import span

_ORDER = tuple(Exchange)  # of two exchanges with one session the first is asked
_TYPES = ("CE", "PE")
_NEAR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """Every contract of one underlying in one session of one exchange."""

    exchange: Exchange
    date: date
    options: pl.DataFrame
    futures: pl.DataFrame


class Derivatives:
    """What the lake answers about contracts, as of a moment.

    Parameters
    ----------
    lake : Lake
        The store.
    moment : datetime
        Only sessions that were over by then are shown; aware, Indian.
    """

    def __init__(self, lake: Lake, moment: datetime) -> None:
        self._lake = lake
        self._moment = moment
        self._days: dict[str, _Day] = {}
        self._snapshots: dict[str, snapshots.Snapshot | None] = {}

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """Return the option expiries of the newest chain, ascending.

        Raises
        ------
        UnknownName
            No contract of that underlying is stored up to the moment; the nearest names are told.
        ProviderError
            No contract at all is stored up to then.
        """
        if held := self._snapshot(underlying):
            return held.expiries
        return tuple(self._day(underlying).options["expiry"].unique().sort())

    def option_chain(self, underlying: str, expiry: date) -> pl.DataFrame:
        """Return the `CHAIN` of one expiry in the newest chain: a snapshot as its source wrote it.

        Of end-of-day rows `last_price` is the close of contracts that traded that day, null for the
        others; bid, ask and the moment of the last trade are not in end-of-day files. A side of a
        strike that the file does not list is there with its name and no figure. `lot_size` and with
        it `volume` are null where neither the tables nor the day's figures prove the lot.

        Raises
        ------
        UnknownName, ProviderError
            As in `expiries`; UnknownName also where that expiry is not listed.
        """
        if held := self._snapshot(underlying):
            return held.chain(expiry)
        day = self._day(underlying)
        rows = day.options.filter(expiry=expiry)
        if rows.is_empty():
            raise _not_listed(underlying, expiry, day)
        lot = self._lot(day, underlying, expiry)
        sides = pl.DataFrame({"option_type": _TYPES})
        pairs = rows.select("strike").unique().join(sides, how="cross")
        paired = pairs.join(rows, on=["strike", "option_type"], how="left")
        frame = paired.sort("strike", "option_type").select(
            "strike", "option_type", "open_interest", "oi_change",
            tradingsymbol=option_names(
                underlying, expiry, monthly=last_of_month(expiry, day.options["expiry"].unique())
            ),
            underlying=pl.lit(underlying), expiry=pl.lit(expiry),
            last_price=pl.when(pl.col("contracts") > 0).then("close"),
            volume=_units(lot), lot_size=pl.lit(lot, pl.Int64),
        )  # fmt: skip
        return conform(frame, CHAIN, what=f"lake chain of {underlying}")

    def futures(self, underlying: str) -> pl.DataFrame:
        """Return the futures of the session of the chain, nearest expiry first; none of a snapshot.

        Columns ``expiry, close, settlement, open_interest``: rupees and units. `close` is null
        where nobody traded that day; `settlement` is the exchange's own price for every contract.

        Raises
        ------
        UnknownName, ProviderError
            As in `expiries`.
        """
        traded = pl.when(pl.col("contracts") > 0).then("close").alias("close")
        if self._snapshot(underlying):  # a future of another moment is no price of that one
            empty = pl.DataFrame(schema=FUTURES_DAY)
            return empty.select("expiry", "close", "settlement", "open_interest")
        rows = self._day(underlying).futures.sort("expiry")
        return rows.select("expiry", traded, "settlement", "open_interest")

    def chain_as_of(self, underlying: str) -> datetime:
        """Return the moment of the snapshot, or the end of the session, that `option_chain` shows.

        Raises
        ------
        UnknownName, ProviderError
            As in `expiries`.
        """
        if held := self._snapshot(underlying):
            return held.time
        return _end(self._day(underlying))

    def chain_spot(self, underlying: str) -> float | None:
        """Return the underlying's price as the snapshot of the chain says it; None without one."""
        held = self._snapshot(underlying)
        return held.spot if held else None

    def futures_day(
        self,
        *,
        exchange: Exchange = Exchange.NFO,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return stored `FUTURES_DAY` rows of the sessions that were over by the moment.

        Sorted by underlying, date and expiry; both ends are inclusive.
        """
        return self._rows("futures_day", exchange, symbols, start, end).sort(
            "symbol", "date", "expiry"
        )

    def options_day(
        self,
        *,
        exchange: Exchange = Exchange.NFO,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return stored `OPTIONS_DAY` rows of the sessions that were over by the moment.

        Sorted by underlying, date, expiry, strike and type; both ends are inclusive.
        """
        return self._rows("options_day", exchange, symbols, start, end).sort(
            "symbol", "date", "expiry", "strike", "option_type"
        )

    def _rows(
        self,
        dataset: str,
        exchange: Exchange,
        symbols: Sequence[str] | None,
        start: date | None,
        end: date | None,
    ) -> pl.LazyFrame:
        known = calendar.last_known(calendar.segment_of(exchange), self._moment)
        last = known if end is None else min(end, known)
        rows = self._lake.scan(dataset, start=start, end=last).filter(exchange=exchange.value)
        return rows if symbols is None else rows.filter(pl.col("symbol").is_in(list(symbols)))

    # -- the session ----------------------------------------------------------------------------

    def _snapshot(self, underlying: str) -> snapshots.Snapshot | None:
        """Return the newest snapshot, or None where end-of-day rows are newer."""
        if underlying not in self._snapshots:
            held = snapshots.newest(self._lake, underlying, self._moment)
            if held is not None and (day := self._stored_day(underlying)):
                held = held if held.time >= _end(day) else None
            self._snapshots[underlying] = held
        return self._snapshots[underlying]

    def _stored_day(self, underlying: str) -> _Day | None:
        try:
            return self._day(underlying)
        except (UnknownName, ProviderError):
            return None

    def _day(self, underlying: str) -> _Day:
        if underlying not in self._days:
            self._days[underlying] = self._find(underlying)
        return self._days[underlying]

    def _find(self, underlying: str) -> _Day:
        """Read the contracts of the last session in which the underlying has some."""
        place = self._last_of("options_day", underlying) or self._last_of("futures_day", underlying)
        if place is None:
            raise self._unknown(underlying)
        exchange, day = place
        frames = (
            collect(self._rows(name, exchange, [underlying], day, day), what=name)
            for name in ("options_day", "futures_day")
        )
        return _Day(exchange=exchange, date=day, options=next(frames), futures=next(frames))

    def _last_of(self, dataset: str, underlying: str) -> tuple[Exchange, date] | None:
        """Return the last known session with rows of the underlying, newest file first."""
        for path in reversed(self._lake.files(dataset)):
            first, last = span(path.stem)
            if first > self._moment.date():
                continue
            rows = self._lake.scan(dataset, start=first, end=last).filter(self._is_known())
            held = rows.filter(symbol=underlying).select("exchange", "date").unique()
            places = [(Exchange(name), day) for name, day in collect(held, what=dataset).rows()]
            if places:
                return max(places, key=lambda at: (at[1], -_ORDER.index(at[0])))
        return None

    def _is_known(self) -> pl.Expr:
        """Return the test for rows of sessions that were over by the moment."""
        return pl.any_horizontal(
            (pl.col("exchange") == exchange.value)
            & (pl.col("date") <= calendar.last_known(calendar.segment_of(exchange), self._moment))
            for exchange in Exchange
        )

    def _unknown(self, underlying: str) -> UnknownName | ProviderError:
        held: dict[str, list[str]] = {}
        for name in ("options_day", "futures_day"):
            rows = self._lake.scan(name).filter(self._is_known())
            names = collect(rows.select(pl.col("symbol").unique()), what=name)
            held[name] = names["symbol"].to_list()
        held["chains"] = snapshots.underlyings(self._lake, self._moment)
        if not any(held.values()):
            return ProviderError(
                f"the lake holds no options up to {self._moment:%Y-%m-%d %H:%M}",
                hint="Load F&O files with `alphastock fetch eod --from-dir FOLDER`,"
                " or a chain with `alphastock fetch chain --from-file FILE`.",
            )
        known = sorted({each for symbols in held.values() for each in symbols})
        hint = '`alphastock sql "select distinct symbol from options_day"` lists them.'
        if not held["options_day"]:
            hint = hint.replace("options_day", "futures_day")
        if not held["options_day"] and not held["futures_day"]:
            hint = '`alphastock sql "select distinct underlying from chains"` lists them.'
        return UnknownName.of("underlying", underlying, known, hint=hint)

    # -- facts about a contract -----------------------------------------------------------------

    def _lot(self, day: _Day, underlying: str, expiry: date) -> int | None:
        """Return the lot by the tables, else as the day's figures prove it."""
        from alphastock_cli.exchange import contracts  # its tables are not needed for equities

        known = contracts.lot_size(underlying, expiry, day.date)
        if known is not None:
            return known
        future = day.futures.with_columns(strike=pl.lit(0.0))
        names = ["contracts", "turnover", "high", "low", "strike", "open_interest", "oi_change"]
        both = pl.concat(rows.filter(expiry=expiry).select(names) for rows in (day.options, future))
        return proven_lot(both)


def _end(day: _Day) -> datetime:
    return calendar.known_from(calendar.segment_of(day.exchange), day.date)


def _not_listed(underlying: str, expiry: date, day: _Day) -> UnknownName:
    listed = sorted(day.options["expiry"].unique(), key=lambda each: abs(each - expiry))
    near = ", ".join(str(each) for each in sorted(listed[:_NEAR]))
    return UnknownName(
        f"{underlying} had no options expiring {expiry} on {day.date}",
        hint=f"The nearest expiries are {near}." if near else "It had futures only.",
    )


def _units(lot: int | None) -> pl.Expr:
    """Return the units traded: none is none, whatever the lot is."""
    whole = pl.col("contracts") * pl.lit(lot, pl.Int64)
    return pl.when(pl.col("contracts") == 0).then(pl.lit(0, pl.Int64)).otherwise(whole)
