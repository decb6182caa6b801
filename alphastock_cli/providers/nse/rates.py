"""Daily series of a third party, in the form investing.com exports: rates, and joined contracts.

The file does not say what it is a series of: its name does, or it is refused. It is no index and no
contract, hence a dataset of its own. What is read and what not: `docs/data-sources.md`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import polars as pl

from alphastock_cli.exchange.tables import read_table
from alphastock_cli.providers.nse.parts import (
    Form,
    Part,
    Prepared,
    UnclearError,
    fields,
    names,
    prices,
)
from alphastock_cli.providers.nse.rows import Field

_SYMBOL, _EXCHANGE, _KIND = "symbol by the file's name", "exchange", "kind of series"
# a gold or copper series may be of any market of the world, in dollars; these names are MCX's own
_MCX_NAMES = frozenset({"GOLDM", "GOLDGUINEA", "GOLDPETAL", "GOLDTEN", "SILVERM", "SILVERMIC",
                        "CRUDEOILM", "NATGASMINI", "ZINCMINI", "LEADMINI", "ALUMINI"})  # fmt: skip
_THOUSANDS = r"^-?[0-9]{1,3}(,[0-9]{2,3})+(\.[0-9]+)?$"


def of_name(name: str) -> tuple[str, str, str] | None:
    """Return symbol, exchange and kind of the series a file is named after, or None.

    >>> of_name("a.zip!USD_INR Historical Data.csv"), of_name("goldm_2015.txt")
    (('USDINR', 'OTC', 'spot'), ('GOLDM', 'MCX', 'continuous'))
    >>> of_name("gold.csv"), of_name("mcx_gold.csv")
    (None, ('GOLD', 'MCX', 'continuous'))
    """
    words = re.findall(r"[A-Z]+|[0-9]+", Path(name.rsplit("!", 1)[-1]).stem.upper())
    is_mcx = words[:1] == ["MCX"]
    begun = list(accumulate(words[is_mcx:]))
    rows = {row["symbol"]: row["segment"] for row in read_table("contracts")}
    found = next((word for word in reversed(begun) if rows.get(word) in {"CDS", "MCX"}), None)
    if found is None:
        return None
    if rows[found] == "CDS":
        return found, "OTC", "spot"
    return (found, "MCX", "continuous") if is_mcx or found in _MCX_NAMES else None


def _name(rows: pl.DataFrame, name: str) -> Prepared:
    """Add what the name says and take the commas out of the thousands."""
    found = of_name(name)
    if found is None:
        raise UnclearError(
            "the rows do not say what they are a series of: the file's name must begin with a "
            "currency pair (USD_INR) or a contract of MCX (mcx_gold, goldm)"
        )
    symbol, exchange, kind = found
    columns = [column for column in ("Price", "Close", "Open", "High", "Low")
               if rows.schema.get(column) == pl.String]  # fmt: skip
    plain = [
        pl.when(pl.col(c).str.contains(_THOUSANDS)).then(pl.col(c).str.replace_all(",", ""))
        .otherwise(pl.col(c)).alias(c) for c in columns
    ]  # fmt: skip
    note = f"a series of a third party: {symbol}, {kind}, by the file's name"
    made = (pl.lit(value).alias(column) for value, column in
            ((symbol, _SYMBOL), (exchange, _EXCHANGE), (kind, _KIND)))  # fmt: skip
    return rows.with_columns(*plain).with_columns(*made), (note,)


def _part(close: str) -> Part:
    return Part(
        dataset="rates_day",
        fields=(
            *fields("text", symbol=_SYMBOL, exchange=_EXCHANGE, kind=_KIND),
            Field(name="date", column="Date", kind="date", formats=("%b %d, %Y",)),
            *prices(open="Open", high="High", low="Low", close=close),
        ),
    )


def _form(close: str, header: frozenset[str]) -> Form:
    return Form(
        name="investing_daily", title="daily series of a third party (Date, Price, Change %)",
        header=header, parts=(_part(close),), prepare=_name, named_by_day=False,
    )  # fmt: skip


FORMS: Sequence[Form] = (
    _form("Price", names("Date Price Open High Low") | {"Change %"}),
    _form("Close", names("Date Close Open High Low Volume Chg%")),
)
