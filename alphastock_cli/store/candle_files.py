"""Candles or ticks from a CSV or Parquet file of anybody's making: its columns and its times.

What the columns are called is told here by their names or by the person; what the rows are worth is
decided in `candle_checks.py` and `tick_checks.py`. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import polars as pl

from alphastock_cli.domain.frames import TIME
from alphastock_cli.errors import BadReply, UnknownName
from alphastock_cli.safety import safe_text
from alphastock_cli.store.cells import RAW, ROW, Pick, read_cells

_INDIA = 330  # minutes before Greenwich
# a field, and the names of columns that mean it; the first one found counts
FIELDS = MappingProxyType(
    {
        "timestamp": ("timestamp", "datetime", "date_time"),
        "date": ("date",),
        "time": ("time",),
        "open": ("open",),
        "high": ("high",),
        "low": ("low",),
        "close": ("close",),
        "price": ("ltp", "last_price", "last_traded_price", "price"),
        "volume": ("volume", "cumulative_volume", "volume_traded"),
        "open_interest": ("open_interest", "oi"),
        "symbol": ("symbol", "instrument", "tradingsymbol"),
    }
)
PRICES = ("open", "high", "low", "close")
_MOMENTS = frozenset({"timestamp", "date", "time"})
_STAMP = (
    r"^(?<day>\d{4}-?\d{2}-?\d{2})"
    r"(?:[T ]+(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?<fraction>\.\d+)?)?)?"
    r"\s*(?<zone>Z|[+-]\d{2}:?\d{2})?$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a file: `ROW`, `RAW` (the row as read), and a column a field that it has.

    `timestamp` is in Indian time, null where it cannot be read; the rest is as in the file. `odd`
    holds rows that have more or fewer cells than the header; `name` is the file's, with the member
    of a zip after ``!``. Ticks have a `price` and no open, high, low and close.
    """

    name: str
    form: str
    rows: pl.DataFrame
    odd: pl.DataFrame

    @property
    def are_ticks(self) -> bool:
        """Tell whether a row is one price of one moment."""
        return "price" in self.rows.columns


def read_table(path: Path, mapping: Mapping[str, str], pick: Pick | None = None) -> Table:
    """Read a file and name its columns.

    Parameters
    ----------
    mapping : mapping of str to str
        Field to column, over what the names say; the other way round where only that makes sense.
    pick : callable, optional
        Names the member of an archive that holds several tables.

    Raises
    ------
    UsageError, UnknownName
        No such file or member; a mapping names an unknown field or column.
    StorageError
        The file may not be read.
    BadReply
        It is no table, or has no column of times or prices.
    """
    cells = read_cells(path, pick)
    found = _columns(cells.columns, mapping, cells.name)
    rows = cells.rows.select(
        ROW, RAW, stamps(cells.rows, found).alias("timestamp"),
        *(pl.col(found[field]).alias(field) for field in FIELDS
          if field in found and field not in _MOMENTS),
    )  # fmt: skip
    kind = "ticks" if "price" in found else "candles"
    return Table(name=cells.name, form=f"{kind}_{cells.form}", rows=rows, odd=cells.odd)


# -- columns --------------------------------------------------------------------------------------


def _columns(names: Sequence[str], mapping: Mapping[str, str], file: str) -> dict[str, str]:
    """Return the column of each field that the file has."""
    given = dict(_oriented(field, column, names) for field, column in mapping.items())
    by_fold = {name.casefold(): name for name in reversed(names)}
    found = dict(given)
    for field, words in FIELDS.items():
        known = [by_fold[word] for word in words if word in by_fold]
        left = [name for name in known if name not in given.values()]
        if field not in found and left:
            found[field] = left[0]
    if given.keys() & {"date", "time"} and "timestamp" not in given:
        found.pop("timestamp", None)  # the person's word for the moment beats a guess
    missing = [name for name in PRICES if name not in found]
    if "price" in found and (missing or "price" in given):
        found = {field: name for field, name in found.items() if field not in PRICES}
        missing = []
    else:
        found.pop("price", None)
    if not found.keys() & _MOMENTS:
        missing.insert(0, "timestamp")
    if missing:
        shown = safe_text(", ".join(names), limit=160)
        raise BadReply(
            f"{file} has no column for {', '.join(missing)}; its columns: {shown}",
            safe="Nothing was stored.",
            hint=_mapping_for(names) or f"Say which it is: --map {missing[0]}=COLUMN.",
        )
    return found


def _mapping_for(names: Sequence[str]) -> str:
    """Return the --map of a file that holds several instruments side by side, else ""."""
    ends = {name.removesuffix("_open") for name in names if name.endswith("_open")}
    whole = sorted(each for each in ends if all(f"{each}_{price}" in names for price in PRICES))
    if not whole:
        return ""
    words = ",".join(f"{price}={whole[0]}_{price}" for price in PRICES)
    return f"It holds {safe_text(', '.join(whole), limit=80)} side by side: --map {words}"


def _oriented(field: str, column: str, names: Sequence[str]) -> tuple[str, str]:
    """Return field and column of a mapping, turned round where only that makes sense."""
    if column not in names and field in names and column in FIELDS:
        field, column = column, field
    if field not in FIELDS:
        raise UnknownName.of("field of --map", field, FIELDS, hint=f"Known: {', '.join(FIELDS)}.")
    if column not in names:
        raise UnknownName.of(
            "column of --map", column, names,
            hint=f"The file has: {safe_text(', '.join(names), limit=160)}.",
        )  # fmt: skip
    return field, column


# -- times ----------------------------------------------------------------------------------------


def stamps(cells: pl.DataFrame, found: Mapping[str, str]) -> pl.Series:
    """Return the moments of the rows in Indian time; a moment without a zone is Indian.

    `found` names the column of ``timestamp``, or those of ``date`` and ``time``.
    """
    one = found.get("timestamp") or found.get("date") or found["time"]
    kind = cells[one].dtype
    if isinstance(kind, pl.Datetime):
        exact = cells[one].dt.cast_time_unit("us")
        return (
            exact.dt.replace_time_zone("Asia/Kolkata", ambiguous="null", non_existent="null")
            if kind.time_zone is None
            else exact.dt.convert_time_zone("Asia/Kolkata")
        )
    text = cells[one].cast(pl.String).str.strip_chars()
    if "timestamp" not in found and one == found.get("date") and "time" in found:
        clock = cells[found["time"]].cast(pl.String).str.strip_chars()
        whole = text.str.contains(":")  # the date column holds the time of day itself
        text = pl.select(pl.when(whole).then(text).otherwise(text + " " + clock)).to_series()
    return _parsed(text)


def _parsed(text: pl.Series) -> pl.Series:
    parts = pl.DataFrame({"text": text}).select(
        pl.col("text").str.extract_groups(_STAMP).alias("parts")
    )
    clock = pl.concat_str(
        pl.col("day").str.replace_all("-", "", literal=True), pl.lit(" "),
        pl.col("hour").fill_null("0").str.zfill(2), pl.lit(":"), pl.col("minute").fill_null("00"),
        pl.lit(":"), pl.col("second").fill_null("00"),
    )  # fmt: skip
    zone = pl.col("zone").str.replace(":", "", literal=True)
    east = (
        pl.when(zone == "Z").then(0)
        .when(zone.is_null()).then(_INDIA)
        .otherwise(
            zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
            + zone.str.slice(3, 2).cast(pl.Int64, strict=False)
        )
        * pl.when(zone.str.starts_with("-").fill_null(value=False)).then(-1).otherwise(1)
    )  # fmt: skip
    fraction = pl.col("fraction").cast(pl.Float64, strict=False).fill_null(0.0) * 1e6
    micros = fraction.round().cast(pl.Int64)
    local = clock.str.to_datetime("%Y%m%d %H:%M:%S", time_unit="us", strict=False)
    utc = local - pl.duration(minutes=east) + pl.duration(microseconds=micros)
    made = parts.unnest("parts").select(utc.dt.replace_time_zone("UTC").cast(TIME))
    return made.to_series()
