"""What the rows of an instrument master are worth: good rows of one day, refused ones with reasons.

The columns come from `masters.py`. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from alphastock_cli.domain.frames import INSTRUMENTS_DAY, REJECTS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange
from alphastock_cli.store.masters import CASH, FUTURE, INDEX, MORE, OPTION, ROW, Sheet

DATASET = "instruments"
EXPIRED = "expired before the day of the master"  # the reason of a list that is of an earlier day
_REASON = "__reason"
_KEY = ("exchange", "tradingsymbol")
_RAW_LIMIT = 500
_CELL_LIMIT = 100  # the longest name of a real master has 41 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one master held, judged row by row.

    Attributes
    ----------
    file, form : str
        Name and form of the file.
    frame : DataFrame
        Good rows in the `INSTRUMENTS_DAY` schema, unique in exchange and tradingsymbol.
    rejects : DataFrame
        Refused rows with their reasons, in the `REJECTS` schema.
    rows : int
        Rows of exchanges we know: the good, the refused and the repeated ones.
    repeated : int
        Rows that repeat another one exactly; one of them is kept.
    elsewhere : mapping of str to int
        Rows of exchanges we do not know, left out, by the exchange's code.
    """

    file: str
    form: str
    frame: pl.DataFrame
    rejects: pl.DataFrame
    rows: int
    repeated: int
    elsewhere: Mapping[str, int]


def check_master(sheet: Sheet, day: date) -> Checked:
    """Judge every row of a master that is of `day`."""
    known = pl.col("exchange").is_in(list(Exchange))
    strange = sheet.rows.filter(~known & pl.col("exchange").str.len_chars().le(_CELL_LIMIT))
    elsewhere = strange.group_by("exchange").len().sort("exchange")
    own = sheet.rows
    if strange.height:
        own = own.filter(~pl.col(ROW).is_in(strange[ROW].implode()))
    judged = own.with_columns(_reason(sheet, day).alias(_REASON))
    single, repeated = _unrepeated(judged.filter(pl.col(_REASON).is_null()))
    single = single.with_columns(_clash(single, has_tokens=sheet.has_tokens).alias(_REASON))
    bad = pl.concat([judged.filter(pl.col(_REASON).is_not_null()),
                     single.filter(pl.col(_REASON).is_not_null())])  # fmt: skip
    good = single.filter(pl.col(_REASON).is_null())
    return Checked(
        file=sheet.file, form=sheet.form,
        frame=_frame(good, sheet, day), rejects=_rejects(bad, sheet, day),
        rows=own.height, repeated=repeated, elsewhere=dict(elsewhere.iter_rows()),
    )  # fmt: skip


def _reason(sheet: Sheet, day: date) -> pl.Expr:
    """Return the first rule a row breaks, null for none."""
    kind, expiry = pl.col("kind"), pl.col("expiry")
    derivative, index = kind.is_in([FUTURE, OPTION]), kind == INDEX
    texts = ("exchange", "segment", "tradingsymbol", "name", "exchange_token", "expiry_text")
    long = pl.any_horizontal(pl.col(name).str.len_bytes() > _CELL_LIMIT for name in texts)
    ends = pl.when(kind == FUTURE).then(pl.lit("-FUT")).otherwise(pl.lit("-OPT"))
    rules: list[tuple[pl.Expr, str]] = [
        (pl.col(MORE).is_not_null(), "more cells than the header"),
        (long, f"a cell longer than {_CELL_LIMIT} bytes"),
        *((pl.col(name).is_null(), f"no {name}") for name in ("exchange", "tradingsymbol")),
        (kind.is_null(), "the type is not known"),
        (pl.col("segment").is_null(), "no segment"),
        (derivative & ~pl.col("segment").str.ends_with(ends), "segment and type disagree"),
        (derivative & pl.col("name").is_null(), "a derivative without an underlying"),
        (pl.col("expiry_text").is_not_null() & expiry.is_null(), "the expiry is not a date"),
        (derivative & expiry.is_null(), "a derivative without an expiry"),
        (derivative & (expiry < day), EXPIRED),
        ((kind == OPTION) & ~_positive("strike"), "an option without a strike"),
        (
            (kind == OPTION) & ~pl.col("option_type").is_in(["CE", "PE"]).fill_null(value=False),
            "an option neither CE nor PE",
        ),
        (~index & ~_positive("lot_size"), "the lot is not a positive whole number"),
        (~index & ~_positive("tick_size"), "the tick is not a positive number"),
    ]
    if sheet.has_tokens:
        rules.append((~_positive("instrument_token"), "no instrument_token"))
    return pl.coalesce(pl.when(broken).then(pl.lit(words)) for broken, words in rules)


def _positive(column: str) -> pl.Expr:
    return (pl.col(column) > 0).fill_null(value=False)


def _unrepeated(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the rows with exact repeats left out, and how many those were."""
    twice = rows.filter(pl.struct(_KEY).is_duplicated())
    if twice.is_empty():
        return rows, 0
    facts = [name for name in rows.columns if name not in {ROW, MORE, _REASON}]
    kept = twice.unique(facts, keep="first")[ROW]
    again = twice.filter(~pl.col(ROW).is_in(kept.implode()))[ROW]
    return rows.filter(~pl.col(ROW).is_in(again.implode())), again.len()


def _clash(rows: pl.DataFrame, *, has_tokens: bool) -> pl.Expr:
    """Return why a row contradicts another one: nobody can say which of them is right."""
    same_key = pl.struct(_KEY).is_duplicated()
    words = [pl.when(same_key).then(pl.lit("another row has the same exchange and tradingsymbol"))]
    if has_tokens and rows["instrument_token"].is_duplicated().any():
        twice = pl.col("instrument_token").is_duplicated()
        words.append(pl.when(twice).then(pl.lit("another symbol has the same instrument_token")))
    return pl.coalesce(words)


def _frame(rows: pl.DataFrame, sheet: Sheet, day: date) -> pl.DataFrame:
    """Return good rows as the dataset has them."""
    kind, exchange = pl.col("kind"), pl.col("exchange")
    derivative = kind.is_in([FUTURE, OPTION])
    asset = (
        pl.when(kind == INDEX).then(pl.lit(AssetType.INDEX.value))
        .when(kind == CASH).then(pl.lit(AssetType.EQUITY.value))
        .when(exchange == Exchange.MCX.value).then(pl.lit(AssetType.COMMODITY.value))
        .when(exchange.is_in([Exchange.CDS.value, Exchange.BCD.value]))
        .then(pl.lit(AssetType.CURRENCY.value))
        .when(kind == OPTION).then(pl.lit(AssetType.OPTIONS.value))
        .otherwise(pl.lit(AssetType.FUTURES.value))
    )  # fmt: skip
    frame = rows.select(
        "exchange", "segment", "tradingsymbol", "name", "instrument_token", "exchange_token",
        "option_type",
        date=pl.lit(day), asset_type=asset, source=pl.lit(sheet.form),
        underlying=pl.when(derivative).then("name"),
        expiry=pl.when(derivative).then("expiry"),
        strike=pl.when(kind == OPTION).then("strike"),
        lot_size=pl.when(pl.col("lot_size") > 0).then("lot_size"),
        tick_size=pl.when(pl.col("tick_size") > 0).then("tick_size"),
    )  # fmt: skip
    return conform(frame, INSTRUMENTS_DAY, what=sheet.file)


def _rejects(bad: pl.DataFrame, sheet: Sheet, day: date) -> pl.DataFrame:
    """Return refused rows with their text as read."""
    bad = bad.sort(ROW)
    cells = sheet.cells.filter(sheet.rows[ROW].is_in(bad[ROW].implode()))
    shown = (
        pl.col(name).fill_null("").str.slice(0, _RAW_LIMIT)
        for name in cells.columns if name != MORE
    )  # fmt: skip
    raw = cells.select(pl.concat_str(shown, separator=",").str.slice(0, _RAW_LIMIT)).to_series()
    frame = bad.select(
        dataset=pl.lit(DATASET), source=pl.lit(sheet.form), file=pl.lit(sheet.file),
        row=ROW, date=pl.lit(day), symbol=pl.col("tradingsymbol").str.slice(0, _CELL_LIMIT),
        reason=_REASON, raw=raw,
    )  # fmt: skip
    return conform(frame, REJECTS, what=sheet.file)
