"""The order of rows inside a year file."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.tiles import tiled

FIRST = date(2024, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(366) if n % 7 < 5]


def year(symbols: int) -> pl.DataFrame:
    """Return rows by symbol and date; every third symbol is listed late, every fifth leaves."""
    rows = [
        {"date": day, "symbol": f"S{n:03d}", "exchange": "NSE", "series": "EQ", "volume": n * i}
        for n in range(symbols) for i, day in enumerate(DAYS)
        if not (n % 3 == 0 and i < 100) and not (n % 5 == 0 and i > 200)
    ]  # fmt: skip
    return conform(pl.DataFrame(rows), DATASETS["equities_day"], what="test")


@pytest.mark.parametrize("row_group", [1, 7, 261, 1000, 100_000])
def test_the_rows_are_the_same_and_a_symbols_days_ascend(row_group: int) -> None:
    rows = year(23)
    stored = tiled(rows, row_group=row_group)
    assert stored.sort("symbol", "date").equals(rows)
    gaps = stored.select(pl.col("date").diff().over("symbol"))["date"].drop_nulls()
    assert gaps.min() > timedelta()


def test_a_row_group_holds_its_symbols_whole_and_seven_weeks_together() -> None:
    rows, size = year(40), 1500
    stored = tiled(rows, row_group=size)
    for first in range(0, stored.height, size):
        group, plain = stored[first : first + size], rows[first : first + size]
        assert group.sort("symbol", "date").equals(plain), "the groups are those of the plain order"
        tiles = [(day.timetuple().tm_yday - 1) // 53 for day in group["date"]]
        assert tiles == sorted(tiles)
        assert max(tiles) == 6, "seven a year"


def test_an_empty_year_and_one_row_stay_what_they_are() -> None:
    rows = year(1)
    assert tiled(rows.clear()).equals(rows.clear())
    assert tiled(rows[:1]).equals(rows[:1])


def test_the_lake_stores_in_that_order_and_answers_the_same(tmp_path: Path) -> None:
    rows, lake = year(30), Lake(tmp_path / "lake")
    lake.upsert("equities_day", rows.sample(fraction=1.0, shuffle=True, seed=1))
    assert pl.read_parquet(lake.files("equities_day")[0]).equals(tiled(rows))
    day = DAYS[17]
    found = lake.scan("equities_day", start=day, end=day).collect().sort("symbol")
    assert found.equals(rows.filter(date=day))
    one = lake.scan("equities_day").filter(symbol="S007").collect()
    assert one.equals(rows.filter(symbol="S007"))
