"""What the rows of a file of option chains are worth: snapshots, refused rows, remarks.

The forms come from `chain_forms.py` and `chain_maps.py`; quantities become units in
`chain_units.py`. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

import polars as pl

from alphastock_cli.domain.frames import CHAINS, conform
from alphastock_cli.errors import OutOfRange, UsageError
from alphastock_cli.exchange import calendar, closes
from alphastock_cli.safety import safe_text
from alphastock_cli.store import cells
from alphastock_cli.store.archive import TABLES, member_names
from alphastock_cli.store.candle_checks import REASON, UNSET, refused
from alphastock_cli.store.cells import RAW, ROW
from alphastock_cli.store.chain_forms import BOOK, FIGURES, SIDES, Form, underlying_of
from alphastock_cli.store.chain_maps import read_any
from alphastock_cli.store.chain_units import QUANTITIES, in_units

WANTED = TABLES | {".json"}
_SYMBOL = r"^[A-Z0-9][A-Z0-9&_-]*$"
_MONEY = ("spot", "last_price", "bid", "ask")  # a 0 among them is nobody's price
_KEY = ("underlying", "time", "expiry", "strike", "option_type")
_NAMED = 4
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFile:
    """What one table of chains held, checked row by row.

    Attributes
    ----------
    snapshots : DataFrame
        Good rows in the `CHAINS` schema.
    rejects : DataFrame
        Refused rows with their reasons, in the `REJECTS` schema.
    rows, repeated : int
        Contracts in the file, and those among them that repeat another row exactly.
    notes : tuple of str
        What a person should know.
    """

    file: str
    form: str
    snapshots: pl.DataFrame
    rejects: pl.DataFrame
    rows: int
    repeated: int
    notes: tuple[str, ...]


def read_chains(
    path: Path, *, now: datetime, underlying: str = "", mapping: Mapping[str, str] = _NONE
) -> Iterator[ChainFile]:
    """Read and check the chains of a file, or of each table of a zip, in order of names.

    Parameters
    ----------
    now : datetime
        Snapshots of later moments are refused.
    underlying : str
        Only the chains of this one; "" takes all there are.
    mapping : mapping of str to str
        Column by field, for a table whose names do not tell.

    Raises
    ------
    UsageError, UnknownName
        No such file, it holds no chain of the underlying, or a mapping makes no sense.
    BadReply, StorageError
        It is no chain; the disk says no.
    """
    for name, data in _tables(path):
        form, rows, odd = read_any(name, data, mapping, underlying)
        yield _checked_file(name, form, rows, odd, now=now, underlying=underlying)


def _tables(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each table of a file."""
    data = cells.file_bytes(path)
    if not cells.is_zip(data):
        yield cells.content(path, wanted=WANTED)
        return
    try:
        names = member_names(path.name, data, wanted=WANTED)
    except ValueError as error:
        raise cells.no_table(path.name, str(error)) from error
    if not names:
        raise cells.no_table(path.name, "the archive holds no table")
    for name in names:
        yield cells.content(path, partial(_this, name), wanted=WANTED)


def _this(name: str, _: Sequence[str]) -> str:
    """Return the member of an archive whose turn it is."""
    return name


def _checked_file(
    name: str, form: Form, rows: pl.DataFrame, odd: pl.DataFrame, *, now: datetime, underlying: str
) -> ChainFile:
    typed = _typed(rows, form)
    if underlying:
        typed = _only(typed, underlying_of(underlying), name)
    checked = _with_reasons(typed, now)
    good = checked.filter(pl.col(REASON).is_null())
    single, repeated, contradicting = _unrepeated(good)
    counted, notes = in_units(single, form)
    none = int(single["unsolved"].sum())
    if none:
        notes.append(f"{none} volatilities the source could not find: stored as not known")
    bad = checked.filter(pl.col(REASON).is_not_null())
    cut = odd.with_columns(
        pl.lit("more or fewer cells than the header").alias(REASON), timestamp=pl.lit(None)
    )
    what = {"dataset": "chains", "source": form.name, "file": name, "symbol": underlying}
    stamped = [
        part.rename({"time": "timestamp"}).with_columns(symbol=_harmless("underlying"))
        for part in (bad, contradicting)
    ]
    places = {
        each: closes.derivative_exchange(each).value for each in counted["underlying"].unique()
    }
    frame = counted.select(
        *(column for column in CHAINS if column in counted.columns),
        exchange=pl.col("underlying").replace_strict(places, return_dtype=pl.String),
        source=pl.lit(form.name),
    )
    return ChainFile(
        file=name, form=form.name, snapshots=conform(frame.sort(_KEY), CHAINS, what=name),
        rejects=refused([*stamped, cut], what), rows=typed.height + odd.height,
        repeated=repeated, notes=tuple(notes),
    )  # fmt: skip


def _harmless(name: str) -> pl.Expr:
    """Return names fit for a terminal."""
    return pl.col(name).map_elements(lambda text: safe_text(text, limit=40), return_dtype=pl.String)


def _typed(rows: pl.DataFrame, form: Form) -> pl.DataFrame:
    """Return every figure of a form, absent ones null; names as the contracts have them."""
    words = rows["underlying"].drop_nulls().unique().to_list()
    names = {word: underlying_of(word) for word in words}
    frame = rows.select(
        ROW, RAW, "time", "expiry", "option_type",
        pl.col("underlying").replace_strict(names, default=None, return_dtype=pl.String),
        *(pl.col(name) if name in rows.columns else pl.lit(None, pl.Float64).alias(name)
          for name in (*FIGURES, *BOOK)),
    )  # fmt: skip
    absent = pl.lit(value=False) if form.unsolved is None else pl.col("iv") == form.unsolved
    return frame.with_columns(
        *(pl.when(pl.col(name) != 0.0).then(pl.col(name)) for name in _MONEY if name != "spot"),
        # the spot of collectors that keep four bytes: 24052.400390625 is 24052.40
        spot=_paisa("spot"),
        unsolved=absent.fill_null(value=False),
        iv=pl.when(~absent).then(pl.col("iv") / 100.0),
    )


def _paisa(name: str) -> pl.Expr:
    """Return a price without what four-byte floats add behind its paise; 0 is none."""
    value = pl.col(name)
    near = (value - value.round(2)).abs() <= value.abs() * 2.0**-24
    return pl.when(value != 0.0).then(pl.when(near).then(value.round(2)).otherwise(value))


def _only(rows: pl.DataFrame, name: str, file: str) -> pl.DataFrame:
    own = rows.filter(pl.col("underlying") == name)
    if own.is_empty():
        held = rows["underlying"].drop_nulls().unique().sort().to_list()
        shown = safe_text(", ".join(held[:_NAMED]), limit=160)
        more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
        raise UsageError(
            f"{file} holds no chain of {name}; it holds {shown}{more}",
            safe="Nothing was stored.",
        )
    return own


def _with_reasons(rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the rows with the first reason against each, null where there is none."""
    shut = {}
    for name, day in (
        rows.select("underlying", pl.col("time").dt.date()).drop_nulls().unique().rows()
    ):
        shut[name, day] = _closed(name, day)
    places = pl.DataFrame(
        [(name, day, closed) for (name, day), closed in shut.items()],
        schema={"underlying": pl.String, "day": pl.Date, "shut": pl.Boolean}, orient="row",
    )  # fmt: skip
    placed = rows.with_columns(day=pl.col("time").dt.date()).join(
        places, on=["underlying", "day"], how="left", maintain_order="left"
    )
    figures = [pl.col(name) for name in (*_MONEY, "strike", "iv", *QUANTITIES)]
    whole = [pl.col(name) != pl.col(name).floor() for name in QUANTITIES]
    below = [pl.col(name) < 0 for name in (*_MONEY, "iv", "volume", "open_interest")]
    reasons = (
        (pl.col("time").is_null(), "no time that can be read"),
        (pl.col("time").dt.year() == UNSET, "a time stamp of 1970"),
        (~pl.col("underlying").str.contains(_SYMBOL).fill_null(value=False), "no underlying"),
        (pl.col("expiry").is_null(), "no expiry that can be read"),
        (pl.col("expiry") < pl.col("day"), "it had expired before that day"),
        (~pl.col("option_type").is_in(SIDES).fill_null(value=False), "neither CE nor PE"),
        (pl.any_horizontal(each.is_nan() | each.is_infinite() for each in figures),
         "a figure is no number"),
        (~(pl.col("strike") > 0).fill_null(value=False), "the strike is not positive"),
        (pl.any_horizontal(below), "a figure is negative"),
        (pl.any_horizontal(whole), "a quantity is no whole number"),
        (pl.col("shut"), "the exchange was closed that day"),
        (pl.col("time") > now, "it is still to come"),
    )  # fmt: skip
    return placed.with_columns(
        pl.coalesce(pl.when(test).then(pl.lit(text)) for test, text in reasons).alias(REASON)
    )


def _closed(underlying: str, day: date) -> bool:
    """Tell whether the exchange of a contract is known to have had no session."""
    try:
        segment = calendar.segment_of(closes.derivative_exchange(underlying))
        return calendar.session(segment, day) is None
    except OutOfRange:
        return False


def _unrepeated(rows: pl.DataFrame) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """Return one row a contract and moment, the exact repeats, and the rows that contradict."""
    values = [name for name in rows.columns if name not in {ROW, RAW}]
    single = rows.unique(values, keep="first", maintain_order=True)
    clash = single.select(pl.struct(_KEY).is_duplicated()).to_series()
    contradicting = single.filter(clash).with_columns(
        pl.lit("contradicts another row of the same contract and time").alias(REASON)
    )
    return single.filter(~clash), rows.height - single.height, contradicting
