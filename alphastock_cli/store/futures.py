"""Stored futures as contracts: their names, their days as candles, and those days joined.

A day's row is known once its session is over. Prices are as published; nothing is adjusted where
one contract follows another.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from alphastock_cli.domain.frames import CANDLES, INSTRUMENTS, collect, conform
from alphastock_cli.domain.instrument import Exchange, Instrument
from alphastock_cli.exchange import calendar
from alphastock_cli.store.lake import Lake

_DATASET = "futures_day"
_FORTNIGHT = timedelta(days=14)
_ASSETS = {"commodity": "commodity", "currency": "currency"}  # by kind; the others are futures


def future_name(underlying: str, expiry: date) -> str:
    """Return a future's tradingsymbol as brokers write it.

    >>> future_name("NIFTY", date(2026, 11, 24))
    'NIFTY26NOVFUT'
    """
    return f"{underlying}{expiry:%y}{expiry:%b}".upper() + "FUT"


class StoredFutures:
    """Mixed into a provider that has a lake (`_lake`) and a moment (`_moment`, aware)."""

    _lake: Lake
    _moment: datetime

    def listed_futures(self, exchange: Exchange) -> pl.DataFrame:
        """Return the live futures of the last stored session, in the schema `INSTRUMENTS`.

        `lot_size` and `tick_size` are null where no table knows them. Of contracts that end in one
        month the last has the name; the others are left out.
        """
        from alphastock_cli.exchange import contracts  # tables that shares do not need

        last, today = self._over_by(exchange), self._moment.astimezone(calendar.IST).date()
        rows = self._lake.scan(_DATASET, start=last - _FORTNIGHT, end=last)
        held = collect(rows.filter(exchange=exchange.value), what=_DATASET)
        newest = held.filter(pl.col("date") == pl.col("date").max(), pl.col("expiry") >= today)
        made = [
            {
                "exchange": exchange.value, "tradingsymbol": future_name(symbol, expiry),
                "name": symbol, "asset_type": _ASSETS.get(kind, "futures"), "underlying": symbol,
                "expiry": expiry, "lot_size": contracts.lot_size(symbol, expiry, today),
            }
            for symbol, expiry, kind in newest.select("symbol", "expiry", "kind").iter_rows()
        ]  # fmt: skip
        frame = pl.DataFrame(made, schema={
            name: INSTRUMENTS[name] for name in ("exchange", "tradingsymbol", "name", "asset_type",
                                                 "underlying", "expiry", "lot_size")
        })  # fmt: skip
        one = frame.sort("expiry").unique("tradingsymbol", keep="last", maintain_order=True)
        return conform(one.sort("tradingsymbol"), INSTRUMENTS, what="lake futures")

    def future_days(self, future: Instrument, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the stored days of a contract as candles that begin inside ``[start, end)``.

        Days without a trade are left out, and those whose close lies outside their range: the
        price by which a contract was settled on its last day is none of a trade. Volume is in
        units, null where no table knows the lot; of MCX volume and open interest are in lots.
        """
        rows = self._rows(future, start, end).filter(pl.col("expiry") == future.expiry)
        return _candles(collect(rows, what=_DATASET), future.tradingsymbol, start, end)

    def joined_days(self, future: Instrument, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the same of whichever contract on its underlying ended next on each day."""
        rows = self._rows(future, start, end).filter(pl.col("expiry") >= pl.col("date"))
        near = rows.filter(pl.col("expiry") == pl.col("expiry").min().over("date"))
        return _candles(collect(near, what=_DATASET), future.underlying, start, end)

    def _rows(self, future: Instrument, start: datetime, end: datetime) -> pl.LazyFrame:
        first, last = (moment.astimezone(calendar.IST).date() for moment in (start, end))
        rows = self._lake.scan(_DATASET, start=first, end=min(last, self._over_by(future.exchange)))
        return rows.filter(exchange=future.exchange.value, symbol=future.underlying)

    def _over_by(self, exchange: Exchange) -> date:
        return calendar.last_known(calendar.segment_of(exchange), self._moment)


def _candles(rows: pl.DataFrame, name: str, start: datetime, end: datetime) -> pl.DataFrame:
    from alphastock_cli.exchange import contracts

    terms = rows.select("symbol", "expiry", "date").iter_rows()
    counted = set(rows["exchange"]) <= {Exchange.MCX.value}  # in lots, as its candles are
    lots = [1 if counted else contracts.lot_size(*each) for each in terms]
    midnight = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata")
    made = rows.with_columns(
        midnight.alias("time"), symbol=pl.lit(name),
        volume=pl.col("contracts") * pl.Series(lots, dtype=pl.Int64),
    )  # fmt: skip
    traded = pl.col("close").is_between("low", "high") & pl.col("open").is_not_null()
    inside = (pl.col("time") >= start) & (pl.col("time") < end)
    kept = made.filter(traded & inside).select(CANDLES.names())
    return conform(kept.sort("time"), CANDLES, what="lake futures")
