"""The form of MCX's bhavcopy, by contract or by date: futures on commodities.

The volume counts lots and the value is in lakh; each file has to show it. Units and oddities:
`docs/data-sources.md`. Options on commodities are not read.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from alphastock_cli.exchange.tables import read_table
from alphastock_cli.providers.nse.contracts import contract_rules, settled
from alphastock_cli.providers.nse.parts import LAKH, Form, Part, Prepared, fields, names, prices
from alphastock_cli.providers.nse.rows import WORKING, Field, Rule

_HEADER = names(
    "Date Symbol ExpiryDate Open High Low Close Volume Value OpenInterest InstrumentName"
)
_WHY = "why its units are not known"
_UNSETTLED = f"{WORKING}unsettled"
_KIND = "FUTCOM"
_CENT = 501.0  # rupees: half of the last digit of the value, in lakh with two decimals
_CLEAR = 0.95
_REACH = 0.05  # of 5,621 closes 25 lie outside the day's range, by 1.8 % at most


def _settle(rows: pl.DataFrame, _: str) -> Prepared:
    """Test symbol by symbol that the value is lakhs and the volume lots; say where it is not.

    Value / (price x volume) must be the multiplier of the contract's table for some price between
    low and high, in nearly every traded row of the symbol.
    """
    figures = ("High", "Low", "Volume", "Value")
    numbers = rows.select("Symbol", pl.col(figures).cast(pl.Float64, strict=False)).filter(
        pl.col("Volume") > 0, pl.col("Low") > 0, pl.col("High") >= pl.col("Low")
    )
    why: dict[str, str] = {}
    notes: list[str] = []
    for (symbol,), part in numbers.group_by("Symbol", maintain_order=True):
        told, settles = _judge(str(symbol), part)
        if settles:
            notes.append(f"Volume counts lots and Value lakhs: {told}")
        else:
            why[str(symbol)] = told
    reasons = pl.col("Symbol").replace_strict(why, default=None, return_dtype=pl.String)
    return rows.with_columns(reasons.alias(_WHY)), tuple(notes)


def _judge(symbol: str, traded: pl.DataFrame) -> tuple[str, bool]:
    """Return the evidence in words and whether it settles the units."""
    rupees = pl.col("Value") * LAKH
    least = (rupees - _CENT) / (pl.col("Volume") * pl.col("High"))
    most = (rupees + _CENT) / (pl.col("Volume") * pl.col("Low"))
    bounds = traded.select(least=least, most=most)
    middle = bounds.select(((pl.col("least") + pl.col("most")) / 2).median()).item()
    figure = "-" if middle is None else f"{middle:.4g}"
    ratio = f"{symbol} has Value x 100,000 / (price x Volume) of {figure}"
    known = _multipliers(symbol)
    if not known:
        return f"{ratio}, and no table holds its multiplier", False
    by = {each: bounds.filter(_inside(each)).height for each in known}
    best = max(by, key=lambda each: by[each])
    told = f"{ratio}, its multiplier is {best}: in {by[best]} of {traded.height} traded rows"
    return told, by[best] >= _CLEAR * traded.height


def _inside(multiplier: int) -> pl.Expr:
    return (pl.col("least") <= multiplier) & (multiplier <= pl.col("most"))


def _multipliers(symbol: str) -> list[int]:
    """Return what a move of 1.00 in one lot is worth, by the tables of any time.

    The tables begin in 2024. For an older file theirs is a supposition, which the file's own
    figures confirm or not.
    """
    rows = [
        row for row in read_table("contracts")
        if (row["symbol"], row["segment"]) == (symbol, "MCX") and row["multiplier"]
    ]  # fmt: skip
    return sorted({int(row["lot_size"] or 1) * int(row["multiplier"]) for row in rows})


def _finish(frame: pl.DataFrame) -> pl.DataFrame:
    known = pl.when(pl.col("kind") == _KIND).then(pl.lit("commodity"))
    return settled(frame, exchange="MCX").with_columns(kind=known)


def _rules() -> Sequence[Rule]:
    unsettled = pl.col(_UNSETTLED)
    return (
        (pl.col("kind").is_null(), "InstrumentName is not FUTCOM, a future on a commodity"),
        (unsettled.is_not_null(), pl.format("Volume or Value is in another unit: {}", unsettled)),
        *contract_rules(),
    )


_PART = Part(
    dataset="futures_day",
    fields=(
        *fields("text", kind="InstrumentName", symbol="Symbol"),
        Field(name="date", column="Date", kind="date", formats=("%Y-%m-%d", "%d-%b-%Y")),
        Field(name="expiry", column="ExpiryDate", kind="date", formats=("%d%b%Y", "%d-%b-%Y")),
        # the close is the exchange's settlement: printed without a trade, too, and on a
        # contract's last day often outside the range of its trades
        *prices(open="Open", high="High", low="Low", close="Close", settlement="Close"),
        *fields("whole", contracts="Volume", open_interest="OpenInterest"),
        Field(name="turnover", column="Value", scale=LAKH),
        Field(name=_UNSETTLED, column=_WHY, kind="text"),
    ),
    finish=_finish,
    rules=_rules,
    close_reach=_REACH,
)

FORMS: Sequence[Form] = (
    Form(name="mcx_bhavcopy", title="MCX bhavcopy", header=_HEADER, parts=(_PART,),
         prepare=_settle, named_by_day=False),
)  # fmt: skip
