"""What Kite's list of a day says of instruments, options and futures, in our frames.

The list comes from `dump.py`; quotes are only laid beside it. No asking here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import INSTRUMENTS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange import closes, contracts, indices
from alphastock_cli.providers.kite.dump import Dump
from alphastock_cli.providers.kite.quoting import counts_in_lots

_SERIES = r"-([A-Z][A-Z0-9])$"  # NSE writes a series other than EQ behind the symbol
_PLACES = (Exchange.NFO, Exchange.BFO, Exchange.MCX, Exchange.CDS, Exchange.BCD)
_FUTURES = "NFO-FUT"
_CASH = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}


def series() -> pl.Expr:
    """Return the series of an NSE share: behind the symbol, else EQ."""
    return pl.col("tradingsymbol").str.extract(_SERIES).fill_null("EQ")


def instruments(rows: pl.DataFrame, exchange: Exchange, on: date) -> pl.DataFrame:
    """Return the `INSTRUMENTS` frame of an exchange's rows, indices left out."""
    traded = rows.filter(pl.col("asset_type") != AssetType.INDEX.value)
    names = [name for name in INSTRUMENTS.names() if name in traded.columns]
    frame = traded.select(names).with_columns(lot_size=lots(traded, on))
    if exchange is Exchange.NSE:
        sectors = pl.col("tradingsymbol").replace_strict(indices.sectors(), default=None)
        frame = frame.with_columns(series=series(), sector=sectors)
    return conform(frame, INSTRUMENTS, what="kite instruments")


def underlyings(dump: Dump, on: date) -> frozenset[str]:
    """Return the symbols whose futures NFO lists on a day, indices among them.

    Kite names a contract by the symbol of its share, so that names and symbols agree as they are.
    Empty where the list has no futures of NFO: then nobody knows.
    """
    rows = dump.frame().filter((pl.col("segment") == _FUTURES) & (pl.col("expiry") >= on))
    return frozenset(rows["underlying"].drop_nulls())


def instrument(row: Mapping[str, Any], shares: frozenset[str] = frozenset()) -> Instrument:
    """Return the instrument of a row.

    Parameters
    ----------
    shares : frozenset of str
        The `underlyings`; of a share they say whether it has derivatives, an empty set nothing.
    """
    tick = row["tick_size"]
    exchange = Exchange(row["exchange"])
    is_share = exchange in _CASH.values() and row["asset_type"] != AssetType.INDEX
    lot = 1 if counts_in_lots(exchange) else row["lot_size"] or 1
    kind = row["option_type"]
    return Instrument(
        exchange=exchange, tradingsymbol=row["tradingsymbol"],
        asset_type=AssetType(row["asset_type"]), name=row["name"] or "", lot_size=lot,
        tick_size=Decimal("0.05") if not tick else Decimal(repr(tick)),
        underlying=row["underlying"] or "", expiry=row["expiry"],
        strike=None if row["strike"] is None else Decimal(repr(row["strike"])),
        option_type=None if kind is None else OptionType(kind),
        has_derivatives=row["tradingsymbol"] in shares if is_share and shares else None,
    )  # fmt: skip


def lots(rows: pl.DataFrame, on: date) -> pl.Series:
    """Return the lot of each row: Kite's where it counts units, else our table's or null."""
    found = []
    known: dict[tuple[str, date], int | None] = {}
    if not rows["exchange"].is_in([each.value for each in Exchange if counts_in_lots(each)]).any():
        return rows["lot_size"].alias("lot_size")
    for code, name, expiry, lot in rows.select(
        "exchange", "underlying", "expiry", "lot_size"
    ).iter_rows():
        if not counts_in_lots(Exchange(code)):
            found.append(lot)
            continue
        if (name, expiry) not in known:
            known[name, expiry] = contracts.lot_size(name, expiry, on)
        found.append(known[name, expiry])
    return pl.Series("lot_size", found, pl.Int64)


def options(dump: Dump, underlying: str, expiry: date | None = None) -> pl.DataFrame:
    """Return the listed options of an underlying, of one expiry or of all.

    Raises
    ------
    UnknownName
        There are none; the nearest names, or the listed expiries, are told.
    """
    rows = _on(dump, underlying).filter(pl.col("option_type").is_not_null())
    if rows.is_empty():
        frame = dump.frame().filter(pl.col("option_type").is_not_null())
        raise UnknownName.of("underlying", underlying[:60], frame["underlying"].unique().to_list(),
                             hint="Kite lists no options of it.")  # fmt: skip
    if expiry is None:
        return rows
    chosen = rows.filter(pl.col("expiry") == expiry)
    if chosen.is_empty():
        days = ", ".join(str(day) for day in rows["expiry"].unique().sort().head(8))
        raise UnknownName(f"no options of {underlying} end on {expiry}", hint=f"Listed: {days}.")
    return chosen.sort("strike", "option_type")


def futures(dump: Dump, underlying: str) -> pl.DataFrame:
    """Return the listed futures of an underlying, nearest first; none is an empty frame."""
    rows = _on(dump, underlying)
    return rows.filter(pl.col("option_type").is_null()).sort("expiry")


def _on(dump: Dump, underlying: str) -> pl.DataFrame:
    """Return the contracts on an underlying, of the exchange that is its own, else of the first."""
    rows = dump.frame().filter(
        (pl.col("underlying") == underlying) & pl.col("exchange").is_in([p.value for p in _PLACES])
    )
    held = set(rows["exchange"])
    own = closes.derivative_exchange(underlying)
    place = own if own in held else next((p for p in _PLACES if p in held), own)
    return rows.filter(pl.col("exchange") == place.value)


def keys(rows: pl.DataFrame) -> list[str]:
    """Return the keys under which rows are quoted."""
    pairs = rows.select("exchange", "tradingsymbol").iter_rows()
    return [f"{exchange}:{symbol}" for exchange, symbol in pairs]


def spot_keys(underlying: str) -> list[str]:
    """Return the key of the spot of an underlying; none for commodities and currencies."""
    cash = _CASH.get(closes.derivative_exchange(underlying))
    name = indices.underlying_index(underlying) or underlying
    return [] if cash is None else [f"{cash}:{name}"]


def with_quotes(rows: pl.DataFrame, quotes: Mapping[str, Quote]) -> pl.DataFrame:
    """Return futures with their prices."""
    held = [quotes.get(key) for key in keys(rows)]
    columns: dict[str, Any] = {
        name: [None if each is None else getattr(each, name) for each in held]
        for name in ("last_price", "bid", "ask", "volume", "open_interest")
    }
    types = {"volume": pl.Int64, "open_interest": pl.Int64}
    named = [pl.Series(n, v, types.get(n, pl.Float64)) for n, v in columns.items()]
    return rows.select("tradingsymbol", "underlying", "expiry", "lot_size").with_columns(named)
