"""Small lakes with their copy by date, and what is asked of both."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.store.by_date import ByDate
from alphastock_cli.store.files import read_whole
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import KEYS

D = date
DAYS = [D(2025, 12, 10) + timedelta(days=n) for n in range(40) if n % 7 < 5]
LAST = DAYS[-1]
NEXT = LAST + timedelta(days=1)


def frame(*days: date, close: float = 100.0, symbols: int = 60) -> pl.DataFrame:
    rows = [
        {"date": day, "exchange": exchange, "symbol": f"S{n:03d}", "series": series,
         "close": close + n, "volume": n}
        for day in days for n in range(symbols)
        for exchange, series in (("NSE", "EQ"), ("BSE", "A"))
    ]  # fmt: skip
    return conform(pl.DataFrame(rows), DATASETS["equities_day"], what="test")


def copy_of(lake: Lake) -> ByDate:
    return ByDate(lake.root, "equities_day")


def year(lake: Lake, day: date = LAST) -> Path:
    return lake.root / "equities_day" / f"{day.year}.parquet"


def parts(lake: Lake) -> list[Path]:
    return sorted(copy_of(lake).folder.iterdir())


def believed(lake: Lake, start: date = LAST, end: date | None = None) -> bool:
    """Tell whether a scan of these days would come from the copy."""
    end = end or start
    years = [
        path for path in lake.files("equities_day") if start.year <= int(path.stem) <= end.year
    ]
    return copy_of(lake).scan(years, start, end) is not None


def truth(lake: Lake, start: date, end: date) -> pl.DataFrame:
    """Read the year files themselves, each whole; the rows by their key, year by year."""
    found = [read_whole(path, "equities_day") for path in lake.files("equities_day")]
    rows = pl.concat(frame.sort(KEYS["equities_day"]) for frame in found)
    return rows.filter(pl.col("date").is_between(start, end))


def agrees(lake: Lake, start: date = LAST, end: date | None = None) -> bool:
    """Tell whether a scan gives the rows of the year files, each symbol's days ascending."""
    found = lake.scan("equities_day", start=start, end=end or start).collect()
    same = ["symbol", "exchange", "series"]
    ascends = found.select(pl.col("date").diff().over(same).min() > timedelta()).item()
    keys = KEYS["equities_day"]
    return found.sort(keys).equals(truth(lake, start, end or start).sort(keys)) and ascends in {
        None,
        True,
    }
