"""Forms in which people keep snapshots of option chains, each turned into one row a contract.

A form says whose columns are what, in which unit its quantities count and how it marks a volatility
it could not find; the evidence is in `docs/data-sources.md`. What the rows are worth is decided in
`chain_checks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from alphastock_cli.errors import BadReply
from alphastock_cli.exchange import contracts, indices
from alphastock_cli.store.candle_files import stamps
from alphastock_cli.store.cells import RAW, ROW, Cells, cells_of, no_table

TEXTS = ("underlying", "option_type")
FIGURES = ("strike", "spot", "last_price", "bid", "ask", "volume", "open_interest", "oi_change",
           "iv")  # fmt: skip
BOOK = ("bid_quantity", "ask_quantity", "buy_total", "sell_total")  # units, in one form only
SIDES = ("CE", "PE")
UNKNOWN = "no form of an option chain we know"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a source writes a chain.

    Attributes
    ----------
    name : str
        As stored in the column `source`.
    in_contracts : bool
        True where volume and open interest count contracts, False where they count units.
    unsolved : float or None
        The volatility, in percent, that stands for none found; None where the form has none.
    """

    name: str
    in_contracts: bool
    unsolved: float | None


COLLECTOR = Form(name="chain_collector", in_contracts=True, unsolved=0.1)
KITE_FNO = Form(name="chain_kite_fno", in_contracts=False, unsolved=None)
NSE_SITE = Form(name="nse_option_chain_json", in_contracts=True, unsolved=0.0)


def is_json(data: bytes) -> bool:
    """Tell whether bytes begin as a JSON object."""
    return data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_form(name: str, data: bytes) -> tuple[Form, pl.DataFrame, pl.DataFrame]:
    """Return the form of a file, its rows and its odd lines.

    Returns
    -------
    tuple
        Rows have `ROW`, `RAW`, ``time``, ``expiry`` (null where unreadable), the `TEXTS` and the
        `FIGURES` the form has (NaN where they are no number, ``iv`` in percent), and the `BOOK` of
        the exchange's site. Odd lines have `ROW` and `RAW`.

    Raises
    ------
    BadReply
        No form we know, or one that holds no chain.
    """
    if is_json(data):
        return NSE_SITE, _nse_site(name, data), pl.DataFrame(schema={ROW: pl.Int64, RAW: pl.String})
    cells = cells_of(name, data)
    held = {column.casefold() for column in cells.columns}
    for needed, form, read in _TABLES:
        if needed <= held:
            return form, read(cells), cells.odd
    if held >= _ATM_SERIES:
        raise BadReply(
            f"{name} holds one price a minute of whatever contract was at the money, with"
            " somebody's own volatility: neither a chain nor candles",
            safe="Nothing was stored.",
            hint="A chain has every strike of a moment; a candle has open, high, low and close.",
        )
    known = ", ".join(form.name for form in (COLLECTOR, KITE_FNO, NSE_SITE))
    raise no_table(name, f"{UNKNOWN} ({known})")


# -- tables ---------------------------------------------------------------------------------------


def _collector(cells: Cells) -> pl.DataFrame:
    """Return the rows of a collector that writes one a contract and minute, greeks of its own."""
    column = {name.casefold(): pl.col(name) for name in cells.columns}
    optional = {"spot": "spot", "bid": "bid", "ask": "ask", "oi_change": "oi_chg"}
    return cells.rows.select(
        ROW, RAW, **_when(cells, "timestamp", "expiry"),
        underlying=texts(column["symbol"]), option_type=texts(column["option_type"]),
        strike=figures(column["strike"]), last_price=figures(column["ltp"]),
        volume=figures(column["volume"]), open_interest=figures(column["oi"]),
        iv=figures(column["iv"]),
        **{ours: figures(column[theirs]) for ours, theirs in optional.items() if theirs in column},
    )  # fmt: skip


def _kite_fno(cells: Cells) -> pl.DataFrame:
    """Return the rows of a collector that writes call and put of a strike side by side."""
    column = {name.casefold(): pl.col(name) for name in cells.columns}
    when = _when(cells, "timestamp", "expiry")
    spot = {"spot": figures(column["stock_ltp"])} if "stock_ltp" in column else {}
    sides = [
        cells.rows.select(
            ROW, RAW, **when, underlying=texts(column["stock"]), option_type=pl.lit(side),
            strike=figures(column["strike"]), last_price=figures(column[f"{side}_ltp".casefold()]),
            volume=figures(column[f"{side}_volume".casefold()]),
            open_interest=figures(column[f"{side}_oi".casefold()]), **spot,
        )
        for side in SIDES
    ]  # fmt: skip
    return pl.concat(sides)


_TABLES: tuple[tuple[frozenset[str], Form, Callable[[Cells], pl.DataFrame]], ...] = (
    (
        frozenset({"timestamp", "symbol", "expiry", "strike", "option_type", "ltp", "volume", "oi",
                   "iv"}),
        COLLECTOR, _collector,
    ),
    (
        frozenset({"stock", "expiry", "strike", "ce_ltp", "ce_oi", "ce_volume", "pe_ltp", "pe_oi",
                   "pe_volume", "timestamp"}),
        KITE_FNO, _kite_fno,
    ),
)  # fmt: skip
_ATM_SERIES = frozenset({"optionprice", "strikeprice", "optionsymbol", "tte", "iv"})


def _when(cells: Cells, time: str, expiry: str) -> dict[str, pl.Series]:
    """Return the moment and the expiry of each row."""
    own = {name.casefold(): name for name in cells.columns}
    moments = whole_stamps(cells.rows[own[time]]).alias("timestamp")
    made = stamps(moments.to_frame(), {"timestamp": "timestamp"})
    return {"time": made, "expiry": days(cells.rows[own[expiry]])}


def whole_stamps(moments: pl.Series) -> pl.Series:
    """Return moments in which ``202608191130`` is written as ``2026-08-19 11:30``."""
    if moments.dtype == pl.Datetime:
        return moments
    text = moments.cast(pl.String).str.strip_chars()
    return text.str.replace(r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$", "$1-$2-$3 $4:$5")


def days(written: pl.Series) -> pl.Series:
    """Return dates of ``2026-02-24`` or ``25-Aug-2026``; null where they are neither."""
    if written.dtype.is_temporal():
        return written.cast(pl.Date)
    text = pl.col("day").cast(pl.String).str.strip_chars()
    forms = ("%Y-%m-%d", "%d-%b-%Y")
    parsed = pl.coalesce(text.str.to_date(form, strict=False) for form in forms)
    return pl.DataFrame({"day": written}).select(parsed).to_series()


def texts(column: pl.Expr) -> pl.Expr:
    """Return names and words without blanks around them, in capitals."""
    return column.cast(pl.String).str.strip_chars().str.to_uppercase()


def figures(column: pl.Expr) -> pl.Expr:
    """Return a number; an empty cell is null, what is no number NaN."""
    text = column.cast(pl.String).str.strip_chars()
    number = column.cast(pl.Float64, strict=False)
    return pl.when(text.is_null() | (text == "")).then(None).otherwise(
        number.fill_null(float("nan"))
    )  # fmt: skip


# -- the exchange's site --------------------------------------------------------------------------

_SITE = {
    "last_price": "lastPrice", "bid": "bidprice", "ask": "askPrice", "iv": "impliedVolatility",
    "volume": "totalTradedVolume", "open_interest": "openInterest",
    "oi_change": "changeinOpenInterest", "spot": "underlyingValue", "bid_quantity": "bidQty",
    "ask_quantity": "askQty", "buy_total": "totalBuyQuantity", "sell_total": "totalSellQuantity",
}  # fmt: skip


def _nse_site(name: str, data: bytes) -> pl.DataFrame:
    """Return the rows of the JSON behind the exchange's option chain page.

    `filtered` repeats the nearest expiry out of `records` and is not read.
    """
    try:
        records = json.loads(data)["records"]
        moment, held = str(records["timestamp"]), list(records["data"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise no_table(name, f"no option chain of the exchange's site: {error!r}") from error
    rows = [
        _site_row(number, record, side)
        for number, record in enumerate(held, 1)
        if isinstance(record, dict)
        for side in SIDES
        if isinstance(record.get(side), dict)
    ]
    if not rows:
        raise no_table(name, "it lists no contract")
    schema = {ROW: pl.Int64, RAW: pl.String, "day": pl.String, "underlying": pl.String,
              "option_type": pl.String, "strike": pl.Float64}  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema | dict.fromkeys(_SITE, pl.Float64))
    zone = pl.Series([moment]).str.to_datetime("%d-%b-%Y %H:%M:%S", time_unit="us", strict=False)
    return frame.with_columns(
        time=pl.lit(zone[0], pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata"),
        expiry=days(frame["day"]),
    ).drop("day")  # fmt: skip


def _site_row(number: int, record: Mapping[str, Any], side: str) -> dict[str, Any]:
    own = record[side]
    return {
        ROW: number, RAW: json.dumps(own, separators=(",", ":")), "option_type": side,
        "day": str(record.get("expiryDate")), "underlying": str(own.get("underlying", "")).upper(),
        "strike": _number(record.get("strikePrice")),
        **{ours: _number(own.get(theirs)) for ours, theirs in _SITE.items()},
    }  # fmt: skip


def _number(value: object) -> float | None:
    """Return a JSON number; null is missing, anything else NaN."""
    if value is None:
        return None
    try:
        return float(value) if isinstance(value, int | float) else float("nan")
    except OverflowError:
        return float("nan")


@cache
def derivative_symbols() -> Mapping[str, str]:
    """Return the symbol of the contracts by the canonical name of their index."""
    found = {indices.underlying_index(name): name for name in contracts.symbols()}
    return {index: name for index, name in found.items() if index}


def underlying_of(word: str) -> str:
    """Return the symbol of the contracts on an underlying, an index in any spelling.

    >>> underlying_of("Nifty50"), underlying_of("sbin")
    ('NIFTY', 'SBIN')
    """
    return derivative_symbols().get(indices.canonical_index(word), word.strip().upper())
