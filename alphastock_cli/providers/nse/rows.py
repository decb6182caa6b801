"""From rows of text to checked rows: types, units, dates, and a reason for each row refused.

One engine for every form; what differs between them stands in `forms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from alphastock_cli.domain.frames import REJECTS, conform
from alphastock_cli.safety import safe_text

ROW = "__row"
_REASON = "__reason"
_SHARE = r"^[A-Za-z0-9][A-Za-z0-9&._*$#@%+()' -]{0,49}$"
_INDEX = r"^[A-Z0-9][A-Z0-9&.,:/%+()' -]{0,99}$"  # names, in capitals: NIFTY500 MULTICAP 50:25:25
_SERIES = r"^[A-Za-z0-9*$#@&._+ -]{0,10}$"
_CONTROLS = r"[\p{Cc}\p{Cf}\p{Co}]"
_RAW_LIMIT = 500
_EXACT = 2.0**53  # beyond it a float64 no longer holds every whole number
_PRICES = (
    "open", "high", "low", "close", "last", "average_price", "previous_close", "settlement",
    "strike",
)  # fmt: skip
_AMOUNTS = (
    "volume", "turnover", "trades", "delivery_quantity", "delivery_pct", "contracts",
    "open_interest",
)  # fmt: skip
_KEY = ("date", "exchange", "symbol", "series", "expiry", "strike", "option_type")
_SAID = ("open", "high", "low", "close", "volume", "settlement", "contracts", "open_interest")
# a range printed to the paisa may be half a paisa narrower than the price inside it
_ROUNDING = 0.0051
# T+0 settlement: the close is the one of the ordinary series, its own trades may lie elsewhere
_FOREIGN_CLOSE = "T0"

Rule = tuple[pl.Expr, str | pl.Expr]
Rules = Callable[[], Sequence[Rule]]
WORKING = "__"  # columns of such names serve the rules and are no column of a dataset


def no_rules() -> Sequence[Rule]:
    """Return no rule: what every row has to pass is enough."""
    return ()


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
    """Good rows, the refused ones in the `REJECTS` schema, and how many repeats were left out."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    repeats: int = 0


def check(
    text: pl.DataFrame,
    fields: Sequence[Field],
    *,
    dataset: str,
    form: str,
    file: str,
    schema: pl.Schema,
    finish: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame,
    rules: Rules = no_rules,
    close_reach: float = 0.0,
) -> Checked:
    """Return the typed rows of `text` and the refused ones.

    Parameters
    ----------
    text : DataFrame
        Columns of the file, blanks stripped, empty and ``-`` as null, and `ROW`.
    finish : callable
        What only this form knows: units by evidence, constant columns. Runs on typed rows.
    rules : callable
        Tests of typed rows and the reasons for refusing where one is true.
    close_reach : float
        The share by which the close may lie outside the day's range.
    """
    trouble = [_unreadable(field, text.schema[field.column]) for field in fields]
    typed = text.select(
        ROW,
        *(_typed(field, text.schema[field.column]).alias(field.name) for field in fields),
        pl.coalesce(*trouble).alias(_REASON),
    )
    typed = finish(typed)
    if "series" in schema:
        typed = typed.with_columns(pl.col("series").fill_null(""))
    names = set(typed.columns)
    pattern = _INDEX if dataset == "indices_day" else _SHARE
    broken = _broken(names, pattern, close_reach=close_reach)
    own = [_when(test, reason) for test, reason in rules()]
    typed = typed.with_columns(pl.coalesce(_REASON, *own, *broken).alias(_REASON))
    key = [name for name in _KEY if name in names]
    typed, repeats = _without_repeats(typed, key)
    bad = typed.filter(pl.col(_REASON).is_not_null())
    good = typed.filter(pl.col(_REASON).is_null())
    rejects = _rejects(bad, text, dataset=dataset, form=form, file=file)
    rows = conform(good.select(pl.exclude(f"^{WORKING}.*$")), schema, what=file)
    return Checked(rows=rows, rejects=rejects, repeats=repeats)


def _rejects(
    bad: pl.DataFrame, text: pl.DataFrame, *, dataset: str, form: str, file: str
) -> pl.DataFrame:
    """Return refused rows in the `REJECTS` schema, their text harmless to a terminal."""
    if bad.is_empty():
        return pl.DataFrame(schema=REJECTS)
    cells = pl.all().exclude(ROW).cast(pl.String).fill_null("")
    raw = text.select(ROW, raw=pl.concat_str(cells, separator=",").str.slice(0, _RAW_LIMIT))
    joined = bad.join(raw, on=ROW, how="left", maintain_order="left")
    return conform(
        joined.select(
            dataset=pl.lit(dataset), source=pl.lit(form), file=pl.lit(file), row=ROW,
            date=pl.col("date") if "date" in bad.columns else pl.lit(None),
            symbol=_harmless("symbol", 50), reason=_harmless(_REASON, 200),
            raw=_harmless("raw", _RAW_LIMIT),
        ),
        REJECTS,
        what=file,
    )  # fmt: skip


def _harmless(column: str, limit: int) -> pl.Expr:
    return pl.col(column).map_elements(
        lambda text: safe_text(text, limit=limit), return_dtype=pl.String
    )


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
        text = column.cast(pl.String)
        return text.str.replace_all(_CONTROLS, "\N{MIDDLE DOT}") if field.name == "name" else text
    if field.kind == "date":
        return _date(column, field.formats) if dtype == pl.String else column.cast(pl.Date)
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
    if field.kind == "text" or (field.kind == "date" and dtype != pl.String):
        return pl.lit(None, pl.String)
    if field.kind == "date":
        good, what = _date(column, field.formats).is_not_null(), "not a date"
    else:
        number = column.cast(pl.Float64, strict=False)
        good, what = number.is_not_null() & number.is_finite(), "not a number"
        if field.kind == "whole":
            good &= (number == number.round()) & (number.abs() < _EXACT)
            what = "not a whole number"
    shown = column.cast(pl.String).str.slice(0, 40)
    return pl.when(column.is_not_null() & ~good).then(
        pl.format(f"{field.column} is {what}: {{}}", shown)
    )


def _when(test: pl.Expr, reason: str | pl.Expr) -> pl.Expr:
    return pl.when(test).then(pl.lit(reason) if isinstance(reason, str) else reason)


def _broken(names: set[str], pattern: str, *, close_reach: float) -> list[pl.Expr]:
    """Return the reasons for rows no market can have made, the gravest first."""
    symbol = pl.col("symbol")
    # a share listed that day always has a close; a contract nobody traded may have none
    traded = pl.col("contracts") > 0 if "contracts" in names else pl.lit(value=True)
    rules: list[Rule] = [
        (symbol.is_null(), "no symbol"),
        (~symbol.str.contains(pattern) | symbol.str.contains("..", literal=True),
         "the symbol is no exchange's symbol"),
        (pl.col("close").is_null() & traded, "no closing price"),
    ]  # fmt: skip
    if "date" in names:
        rules.insert(0, (pl.col("date").is_null(), "no date"))
    if "series" in names:
        rules.append(
            (~pl.col("series").str.contains(_SERIES), "the series is no exchange's series")
        )
    rules += [
        (pl.col(name) < 0, f"{name} is negative") for name in (*_PRICES, *_AMOUNTS) if name in names
    ]
    rules.append((pl.col("high") < pl.col("low"), "high is below low"))
    own = pl.col("series") != _FOREIGN_CLOSE if "series" in names else pl.lit(value=True)
    for name, always, reach in (("open", True, 0.0), ("close", False, close_reach),
                                ("last", True, 0.0)):  # fmt: skip
        if name in names:
            counts = pl.lit(value=True) if always else own
            above = pl.col("high") * (1 + reach) + _ROUNDING
            below = pl.col("low") * (1 - reach) - _ROUNDING
            rules += [
                (counts & (pl.col(name) > above), f"{name} is above high"),
                (counts & (pl.col(name) < below), f"{name} is below low"),
            ]
    return [_when(test, reason) for test, reason in rules]


def _without_repeats(typed: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Keep one row of those that agree in prices and volume, the fullest; refuse contradictions.

    Rows refused for another reason stand beside the comparison. Returns the rows and how many
    were left out because another one says the same.
    """
    sound = typed.filter(pl.col(_REASON).is_null())
    if not sound.select(pl.struct(key).is_duplicated().any()).item():
        return typed, 0
    same = [name for name in (*key, *_SAID) if name in typed.columns]
    gaps = pl.sum_horizontal(pl.all().is_null().cast(pl.Int32))
    once = (
        sound.sort(gaps, maintain_order=True)
        .unique(same, keep="first", maintain_order=True)
        .sort(ROW)
    )
    what = "contract" if "expiry" in key else "symbol"
    again = pl.struct(key).is_duplicated() & ~pl.struct(key).is_first_distinct()
    reason = pl.when(again).then(pl.lit(f"a second row for this {what}, with other figures"))
    told = once.with_columns(reason.alias(_REASON))
    refused = typed.filter(pl.col(_REASON).is_not_null())
    return pl.concat([told, refused]).sort(ROW), sound.height - once.height
