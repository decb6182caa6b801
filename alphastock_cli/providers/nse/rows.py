"""From rows of text to checked rows: types, units, dates, and a reason for each row refused.

One engine for every form; what differs between them stands in `forms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from alphastock_cli.domain.frames import REJECTS, conform

ROW = "__row"
_RAW = "__raw"
_REASON = "__reason"
_SAFE = r"^[A-Za-z0-9][A-Za-z0-9&._*$#@%+()' -]{0,49}$"
_RAW_LIMIT = 500
_PRICES = ("open", "high", "low", "close", "last", "average_price", "previous_close")
_AMOUNTS = ("volume", "turnover", "trades", "delivery_quantity", "delivery_pct")
# a range printed to the paisa may be half a paisa narrower than the price inside it
_ROUNDING = 0.0051


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column of ours and where it comes from.

    `kind` is ``text``, ``number``, ``whole`` or ``date``; `scale` turns the file's unit into ours;
    with `zero_is_missing` a 0 means that there was nothing to print.
    """

    name: str
    column: str
    kind: str = "number"
    scale: float = 1.0
    zero_is_missing: bool = False
    formats: tuple[str, ...] = ("%d-%b-%Y",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Good rows with their row numbers in `ROW`, and the refused ones in the `REJECTS` schema."""

    rows: pl.DataFrame
    rejects: pl.DataFrame


def check(
    text: pl.DataFrame,
    fields: Sequence[Field],
    *,
    dataset: str,
    form: str,
    file: str,
    schema: pl.Schema,
    finish: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame,
) -> Checked:
    """Return the typed rows of `text` and the refused ones.

    Parameters
    ----------
    text : DataFrame
        Columns of the file, blanks stripped, empty and ``-`` as null, and `ROW`.
    finish : callable
        What only this form knows: units by evidence, constant columns. Runs on typed rows.
    """
    trouble = [_unreadable(field, text.schema[field.column]) for field in fields]
    typed = text.select(
        ROW,
        pl.concat_str(
            pl.all().exclude(ROW).cast(pl.String).fill_null(""), separator=","
        ).str.slice(0, _RAW_LIMIT).alias(_RAW),
        *(_typed(field, text.schema[field.column]).alias(field.name) for field in fields),
        pl.coalesce(*trouble).alias(_REASON),
    )  # fmt: skip
    typed = finish(typed)
    names = set(typed.columns)
    typed = typed.with_columns(pl.coalesce(pl.col(_REASON), *(_broken(names))).alias(_REASON))
    key = [name for name in ("date", "exchange", "symbol", "series") if name in names]
    typed = _without_repeats(typed, key)
    bad = typed.filter(pl.col(_REASON).is_not_null())
    good = typed.filter(pl.col(_REASON).is_null())
    rejects = conform(
        bad.select(
            dataset=pl.lit(dataset), source=pl.lit(form), file=pl.lit(file), row=ROW,
            date=pl.col("date") if "date" in names else pl.lit(None),
            symbol="symbol", reason=_REASON, raw=_RAW,
        ),
        REJECTS,
        what=file,
    )  # fmt: skip
    rows = conform(good.drop(ROW, _RAW, _REASON), schema, what=file)
    return Checked(rows=rows, rejects=rejects)


def reject_file(file: str, reason: str, *, form: str = "", dataset: str = "") -> pl.DataFrame:
    """Return the one reject row of a file that is refused whole."""
    row = {"dataset": dataset, "source": form, "file": file, "reason": reason, "raw": ""}
    return conform(pl.DataFrame([row]), REJECTS, what=file)


def stripped(frame: pl.DataFrame) -> pl.DataFrame:
    """Return text columns without blanks at the ends; empty and ``-`` become null."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    clean = [pl.col(name).str.strip_chars() for name in texts]
    nulls = [pl.when(~pl.col(n).is_in(["", "-"])).then(pl.col(n)).alias(n) for n in texts]
    return frame.with_columns(clean).with_columns(nulls)


def _typed(field: Field, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(field.column)
    if field.kind == "text":
        return column.cast(pl.String)
    if field.kind == "date":
        return column if dtype == pl.Date else _date(column, field.formats)
    number = column.cast(pl.Float64, strict=False)
    if field.zero_is_missing:
        number = pl.when(number != 0.0).then(number)
    if field.kind == "whole":
        return number.round().cast(pl.Int64, strict=False)
    return number * field.scale if field.scale != 1.0 else number


def _date(column: pl.Expr, formats: Sequence[str]) -> pl.Expr:
    # months come as AUG, Aug and aug
    words = column.str.to_titlecase()
    return pl.coalesce(*(words.str.to_date(style, strict=False) for style in formats))


def _unreadable(field: Field, dtype: pl.DataType) -> pl.Expr:
    """Return the reason where the file has something that is not what the column holds."""
    column = pl.col(field.column)
    if field.kind == "text" or dtype != pl.String:
        return pl.lit(None, pl.String)
    if field.kind == "date":
        good, what = _date(column, field.formats).is_not_null(), "not a date"
    else:
        number = column.cast(pl.Float64, strict=False)
        good, what = number.is_not_null() & number.is_finite(), "not a number"
        if field.kind == "whole":
            good &= number == number.round()
            what = "not a whole number"
    shown = column.str.slice(0, 40)
    return pl.when(column.is_not_null() & ~good).then(
        pl.format(f"{field.column} is {what}: {{}}", shown)
    )


def _broken(names: set[str]) -> list[pl.Expr]:
    """Return the reasons for rows no market can have made, the gravest first."""
    symbol = pl.col("symbol")
    rules = [
        (symbol.is_null(), "no symbol"),
        (~symbol.str.contains(_SAFE) | symbol.str.contains("..", literal=True),
         "the symbol is no exchange's symbol"),
        (pl.col("close").is_null(), "no closing price"),
        (pl.col("high") < pl.col("low"), "high is below low"),
        (pl.col("open") > pl.col("high") + _ROUNDING, "open is above high"),
        (pl.col("open") < pl.col("low") - _ROUNDING, "open is below low"),
    ]  # fmt: skip
    if "date" in names:
        rules.insert(0, (pl.col("date").is_null(), "no date"))
    rules += [
        (pl.col(name) < 0, f"{name} is negative") for name in (*_PRICES, *_AMOUNTS) if name in names
    ]
    return [pl.when(test).then(pl.lit(reason)) for test, reason in rules]


def _without_repeats(typed: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Keep one row of those that agree in prices and volume, the fullest; refuse contradictions."""
    if not typed.select(pl.struct(*key).is_duplicated().any()).item():
        return typed
    same = [name for name in (*key, "open", "high", "low", "close", "volume", _REASON)
            if name in typed.columns]  # fmt: skip
    gaps = pl.sum_horizontal(pl.all().is_null().cast(pl.Int32))
    once = (
        typed.sort(gaps, maintain_order=True)
        .unique(same, keep="first", maintain_order=True)
        .sort(ROW)
    )
    again = pl.struct(*key).is_duplicated() & ~pl.struct(*key).is_first_distinct()
    reason = pl.coalesce(
        _REASON, pl.when(again).then(pl.lit("a second row for this symbol, with other figures"))
    )
    return once.with_columns(reason.alias(_REASON))
