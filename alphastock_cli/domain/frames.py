"""The frames that travel between providers, lake and runners: names, types, units and their check.

One schema per dataset; the lake stores exactly these columns in exactly this order. Prices are
float64 rupees, turnover is float64 rupees, quantities are Int64 shares or contracts, percentages
are 0 to 100. Missing is null, never NaN.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from alphastock_cli.domain.instrument import Interval
from alphastock_cli.errors import BadReply, DamagedData

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME = pl.Datetime("us", "Asia/Kolkata")
_SHORT = 4096  # rows

EQUITIES_DAY = pl.Schema(
    {
        "date": pl.Date,  # the session, as the rows themselves say
        "exchange": pl.String,  # NSE or BSE
        "symbol": pl.String,  # BSE: the scrip code where a file has no ticker
        "series": pl.String,  # EQ, BE, ...; BSE group A, B, ...; "" where the file has none
        "name": pl.String,
        "isin": pl.String,
        "previous_close": pl.Float64,  # as published: not adjusted for corporate actions
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "last": pl.Float64,
        "average_price": pl.Float64,
        "volume": pl.Int64,  # shares
        "turnover": pl.Float64,  # rupees
        "trades": pl.Int64,
        "delivery_quantity": pl.Int64,
        "delivery_pct": pl.Float64,
        "source": pl.String,  # the form of file the row came from, e.g. nse_sec_bhavdata_full
    }
)

INDICES_DAY = pl.Schema(
    {
        "date": pl.Date,
        "exchange": pl.String,
        "symbol": pl.String,  # canonical name, e.g. NIFTY 50, NIFTY BANK, INDIA VIX
        "name": pl.String,  # as the file prints it
        "previous_close": pl.Float64,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Int64,
        "turnover": pl.Float64,  # rupees
        "pe": pl.Float64,
        "pb": pl.Float64,
        "dividend_yield": pl.Float64,  # percent
        "source": pl.String,
    }
)

FUTURES_DAY = pl.Schema(
    {
        "date": pl.Date,  # the session, as the rows themselves say
        "exchange": pl.String,  # NFO, BFO, MCX, CDS
        "symbol": pl.String,  # the underlying as the file writes it, e.g. NIFTY, RELIANCE, GOLD
        "expiry": pl.Date,
        "open": pl.Float64,  # null on a day without a trade
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "settlement": pl.Float64,
        "contracts": pl.Int64,  # traded that day, in contracts
        "turnover": pl.Float64,  # rupees
        "open_interest": pl.Int64,  # units: contracts times lot; of MCX, whose lot is 1, lots
        "oi_change": pl.Int64,  # units
        "kind": pl.String,  # index, stock, commodity, currency
        "source": pl.String,
    }
)

OPTIONS_DAY = pl.Schema(
    {
        "date": pl.Date,
        "exchange": pl.String,
        "symbol": pl.String,  # the underlying
        "expiry": pl.Date,
        "strike": pl.Float64,  # rupees
        "option_type": pl.String,  # CE or PE
        "open": pl.Float64,  # null on a day without a trade
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,  # as published; of an untraded contract the exchange's own value
        "settlement": pl.Float64,
        "contracts": pl.Int64,
        "turnover": pl.Float64,  # rupees of notional value: units times strike and premium
        "open_interest": pl.Int64,  # units
        "oi_change": pl.Int64,  # units
        "kind": pl.String,  # index, stock, commodity, currency
        "source": pl.String,
    }
)

RATES_DAY = pl.Schema(
    {
        "date": pl.Date,  # the day as the third party counts it; weekends occur
        "exchange": pl.String,  # OTC: of no exchange; MCX, ...: put together from its contracts
        "symbol": pl.String,  # USDINR, GOLDM, ...
        "kind": pl.String,  # spot, or continuous: contracts joined by a rule nobody states
        "open": pl.Float64,  # rupees, as the next three
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "source": pl.String,
    }
)

CHAIN = pl.Schema(
    {
        "tradingsymbol": pl.String(),
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "strike": pl.Float64(),  # rupees
        "option_type": pl.String(),  # CE or PE; both rows of a strike, strikes ascending
        "last_price": pl.Float64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "bid_quantity": pl.Int64(),  # units
        "ask_quantity": pl.Int64(),
        "volume": pl.Int64(),  # units traded in the session
        "open_interest": pl.Int64(),  # units
        "oi_change": pl.Int64(),  # units, against the session before
        "last_trade_time": TIME,  # null: not known, or not traded in the session
        "lot_size": pl.Int64(),
    }
)

CANDLES = pl.Schema(
    {
        "time": TIME,  # the candle's start
        "exchange": pl.String(),
        "symbol": pl.String(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Int64(),
        "open_interest": pl.Int64(),
    }
)

CANDLES_DAY = pl.Schema(
    {
        "date": pl.Date,
        "exchange": pl.String,
        "symbol": pl.String,  # as the broker names it; of joined contracts "NIFTY CONTINUOUS"
        "kind": pl.String,  # share, index, future, option, continuous
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Int64,
        "open_interest": pl.Int64,
        "adjusted_as_of": pl.Date,  # of shares: the day whose splits and bonuses are in the prices
        "source": pl.String,  # the form of answer the row came from, e.g. kite_history
    }
)

INSTRUMENTS = pl.Schema(
    {
        "exchange": pl.String,
        "tradingsymbol": pl.String,
        "name": pl.String,
        "asset_type": pl.String,
        "series": pl.String,
        "sector": pl.String,
        "isin": pl.String,
        "lot_size": pl.Int64,
        "tick_size": pl.Float64,
        "underlying": pl.String,  # of derivatives; null else, as the next three
        "expiry": pl.Date,
        "strike": pl.Float64,
        "option_type": pl.String,
    }
)

INSTRUMENTS_DAY = pl.Schema(
    {
        "date": pl.Date,  # the day of the snapshot: the master was known from that day on
        "exchange": pl.String,
        "segment": pl.String,  # NSE, BSE, INDICES, NFO-FUT, NFO-OPT, MCX-FUT, CDS-OPT, ...
        "tradingsymbol": pl.String,
        "name": pl.String,  # null where the master leaves it empty
        "instrument_token": pl.Int64,  # null in masters of brokers that have none
        "exchange_token": pl.String,
        "asset_type": pl.String,
        "underlying": pl.String,  # of derivatives; null else, as the next three
        "expiry": pl.Date,
        "strike": pl.Float64,
        "option_type": pl.String,  # CE or PE
        "lot_size": pl.Int64,  # as the master counts it; null for indices
        "tick_size": pl.Float64,  # rupees; null for indices
        "source": pl.String,  # the form of the master, e.g. kite_instruments
    }
)

CHAINS = pl.Schema(
    {
        "time": TIME,  # the moment the source stamps the whole chain with
        "exchange": pl.String(),  # NFO, BFO, ...
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "strike": pl.Float64(),  # rupees
        "option_type": pl.String(),  # CE or PE
        "spot": pl.Float64(),  # the underlying's price as the source says it
        "last_price": pl.Float64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "volume": pl.Int64(),  # units traded in the session; null where the lot is not known
        "open_interest": pl.Int64(),  # units, as the next
        "oi_change": pl.Int64(),  # against the session before
        "iv": pl.Float64(),  # the source's own, a fraction a year; null where it found none
        "source": pl.String(),  # the form of file the row came from
    }
)

REJECTS = pl.Schema(
    {
        "dataset": pl.String,  # where the row would have gone
        "source": pl.String,  # form of file
        "file": pl.String,  # file name, with the member of a zip after '!'
        "row": pl.Int64,  # 1 is the first row after the header; null when the whole file is refused
        "date": pl.Date,
        "symbol": pl.String,
        "reason": pl.String,
        "raw": pl.String,  # the row as read, at most 500 characters
    }
)

ADJUSTMENTS = pl.Schema(
    {
        "exchange": pl.String,
        "symbol": pl.String,
        "ex_date": pl.Date,  # prices before this date are multiplied by `factor`
        "factor": pl.Float64,  # 0.5 for a split in two; null: a break nobody explained
        "kind": pl.String,  # split_or_bonus, unexplained, imported
        "ratio": pl.String,  # "1:2" for a factor of 0.5; "" where there is none
        "source": pl.String,  # detected, or the file it was imported from
    }
)

MEMBERSHIP = pl.Schema(
    {
        "index": pl.String,  # canonical index name
        "symbol": pl.String,
        "name": pl.String,
        "sector": pl.String,  # the exchange's industry word, e.g. Financial Services
        "isin": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,  # null: still valid as far as is known
        "source": pl.String,
    }
)

SYMBOL_CHANGES = pl.Schema(
    {
        "old": pl.String,
        "new": pl.String,
        "effective_date": pl.Date,  # null where the file gives none
        "source": pl.String,
    }
)

FREEZE_QUANTITIES = pl.Schema(
    {
        "symbol": pl.String,
        "freeze_quantity": pl.Int64,  # units
        "valid_from": pl.Date,
        "source": pl.String,
    }
)

LOTS = pl.Schema(
    {
        "symbol": pl.String,
        "contract_month": pl.Date,  # first day of the month the contract expires in
        "lot_size": pl.Int64,
        "valid_from": pl.Date,
        "source": pl.String,
    }
)

DATASETS = MappingProxyType(
    {
        "equities_day": EQUITIES_DAY,
        "indices_day": INDICES_DAY,
        "futures_day": FUTURES_DAY,
        "options_day": OPTIONS_DAY,
        "rates_day": RATES_DAY,
        **{f"candles_{interval.value}": CANDLES for interval in Interval if interval.is_intraday},
        "candles_day": CANDLES_DAY,
        "instruments": INSTRUMENTS_DAY,
        "chains": CHAINS,
        "rejects": REJECTS,
        "adjustments": ADJUSTMENTS,
        "membership": MEMBERSHIP,
        "symbol_changes": SYMBOL_CHANGES,
        "freeze_quantities": FREEZE_QUANTITIES,
        "lots": LOTS,
    }
)


def conform(frame: pl.DataFrame, schema: pl.Schema, *, what: str) -> pl.DataFrame:
    """Return `frame` with exactly the columns of `schema`, in order; absent ones become null.

    Raises
    ------
    BadReply
        A column the schema does not know, a type that cannot be cast without loss, or a NaN.
    """
    unknown = [name for name in frame.columns if name not in schema]
    if unknown:
        raise BadReply(f"{what}: columns {unknown} are not part of the schema")
    columns = [
        pl.col(name) if name in frame.columns else pl.lit(None).alias(name) for name in schema
    ]
    try:
        typed = frame.select(columns).cast(schema)
    except pl.exceptions.PolarsError as error:
        raise BadReply(f"{what}: a column has the wrong type: {error}") from error
    floats = [name for name, dtype in schema.items() if dtype == pl.Float64]
    finite = typed.select(pl.col(floats).is_finite().all())  # nulls are passed over
    bad = [name for name in floats if not finite[name][0]]
    if bad:
        raise BadReply(f"{what}: columns {bad} hold NaN or infinity; missing must be null")
    return typed


def column(name: str, values: NDArray[Any]) -> pl.Series:
    """Return an array of floats or of whole numbers as a column; NaN is null.

    A short one goes by way of a list, which is as fast: for its first array Polars loads
    `numpy.ma`, and that takes longer than all the columns of a chain.
    """
    flat = values.ravel()
    if len(flat) > _SHORT:
        return pl.Series(name, flat, nan_to_null=True)
    if flat.dtype.kind == "f":
        known = [None if value != value else value for value in flat.tolist()]  # noqa: PLR0124 - NaN
        return pl.Series(name, known, dtype=pl.Float64)
    return pl.Series(name, flat.tolist(), dtype=pl.Int64)


def collect(lazy: pl.LazyFrame, *, what: str) -> pl.DataFrame:
    """Return the rows of a lazy frame; what cannot be read is damage of stored data.

    Raises
    ------
    DamagedData
        A stored file broke while it was read: flipped bits, another program's hand.
    """
    try:
        return lazy.collect()
    except (
        pl.exceptions.ComputeError,
        pl.exceptions.SchemaError,
        pl.exceptions.PanicException,  # some flipped bits end Polars' reader in a panic
        OSError,
    ) as error:
        raise DamagedData(
            f"the data of `{what}` cannot be read: {str(error).splitlines()[0]}",
            safe="Nothing was changed.",
            hint="Run `alphastock lake repair`.",
        ) from error
