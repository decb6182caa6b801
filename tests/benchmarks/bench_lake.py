"""The lake against plain Polars on one file sorted for the very question asked.

5 M daily rows: 2,000 symbols × 2,500 sessions, seven columns in use (symbol, date, four prices,
volume); the lake's other columns are there and empty. The sides take turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import polars as pl

from alphastock_cli.store.by_date import FOLDER
from alphastock_cli.store.lake import Lake
from tests.benchmarks.market import panel
from tests.benchmarks.timing import Row, row

COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]
SYMBOL = "SYM1234"
REPEATS = 21  # milliseconds: a median of few says little
MOST_BYTES = 18.0
Read = Callable[[], pl.DataFrame]


def run(*, symbols: int = 2000, sessions: int = 2500) -> list[Row]:
    """Return the rows of the report."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        by_symbol, by_date = (Path(folder) / f"{name}.parquet" for name in ("symbol", "date"))
        rows, days = _fill(lake, by_symbol, by_date, symbols=symbols, sessions=sessions)
        return [*_sizes(lake, by_symbol, rows), *_reads(lake, by_symbol, by_date, days)]


def _fill(
    lake: Lake, by_symbol: Path, by_date: Path, *, symbols: int, sessions: int
) -> tuple[int, dict[str, date]]:
    """Store the panel three times; return its height and the days to ask for, by what they are.

    The newest year is there by date as well, the older ones are not. Plain Polars has the newest
    day in a short last row group of its file, so older ones are asked for, too.
    """
    frame = _seven(panel(symbols=symbols, sessions=sessions))
    lake.upsert("equities_day", frame)
    plain = frame.select(COLUMNS)
    _write(plain.sort("symbol", "date"), by_symbol)
    _write(plain.sort("date", "symbol"), by_date)
    days: list[date] = frame["date"].unique().sort().to_list()
    at = {"the newest": -1, "a year ago": -len(days) // 8, "five years ago": -len(days) // 2}
    return frame.height, {name: days[place] for name, place in at.items()}


def _seven(frame: pl.DataFrame) -> pl.DataFrame:
    keep = {*COLUMNS, "exchange", "series", "source"}
    return frame.with_columns(
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in frame.schema.items()
        if name not in keep
    )


def _write(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd", compression_level=1, statistics=True)


def _sizes(lake: Lake, reference: Path, rows: int) -> list[Row]:
    """Return the bytes a row of everything the lake keeps, and of the year files alone."""
    theirs = reference.stat().st_size / rows
    copies = [path for path in (lake.root / FOLDER).rglob("*") if path.is_file()]
    truth = lake.files("equities_day")
    return [
        {
            "name": f"bytes a row (not seconds), {name}",
            "ours_s": (ours := sum(path.stat().st_size for path in files) / rows),
            "reference_s": theirs,
            "ratio": ours / theirs,
            "must": f"<= {MOST_BYTES:g} B/row",
            "note": "one file by symbol",
        }
        for name, files in (("with the copy by date", [*truth, *copies]), ("without it", truth))
    ]


def _reads(lake: Lake, by_symbol: Path, by_date: Path, days: dict[str, date]) -> list[Row]:
    def ours(start: date | None = None, end: date | None = None) -> pl.LazyFrame:
        return lake.scan("equities_day", start=start, end=end, columns=COLUMNS)

    questions: list[tuple[str, Read, Read, float, str]] = [
        ("one symbol, all years", lambda: ours().filter(symbol=SYMBOL).collect(),
         lambda: pl.scan_parquet(by_symbol).filter(symbol=SYMBOL).collect(),
         2.0, "plain Polars, one file by symbol"),
        *(
            (f"one day, all symbols: {name}", lambda day=day: ours(day, day).collect(),
             lambda day=day: pl.scan_parquet(by_date).filter(date=day).collect(),
             1.2, "plain Polars, one file by date")
            for name, day in days.items()
        ),
        ("every row of seven columns", lambda: ours().collect(),
         lambda: pl.scan_parquet(by_symbol).collect(),
         1.2, "plain Polars, one file by symbol"),
    ]  # fmt: skip
    rows = []
    for name, mine, theirs, must, against in questions:
        keys = ["symbol", "date"]
        if not mine().sort(keys).equals(theirs().sort(keys)):
            raise RuntimeError(f"{name}: the two sides answer differently")
        rows.append(row(name, *_alternating(mine, theirs), must=must, against=against))
    return rows


def _alternating(mine: Read, theirs: Read) -> tuple[float, float]:
    """Return the median seconds of both, taking turns, so that a busy minute hurts both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(REPEATS + 1):
        for work, taken in zip((mine, theirs), seconds, strict=True):
            began = time.perf_counter()
            work()
            if turn:  # the first one warms up
                taken.append(time.perf_counter() - began)
    return median(seconds[0]), median(seconds[1])
