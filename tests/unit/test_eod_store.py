"""Rows of contracts are stored as they come: what waits has a bound, the lake is the same."""

from __future__ import annotations

from datetime import date
from functools import cache

import polars as pl
import pytest

from alphastock_cli.actions.eod_report import FetchReport
from alphastock_cli.actions.eod_store import CONTRACTS, Waiting
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.nse.source import read_file
from alphastock_cli.store.lake import Lake
from tests.unit import nse_texts as texts

DAYS = [
    *calendar.sessions(calendar.Segment.FNO, date(2020, 12, 30), date(2021, 1, 5)),
    *calendar.sessions(calendar.Segment.FNO, date(2021, 1, 28), date(2021, 2, 2)),
]


@cache
def batch(day: date) -> EodBatch:
    return read_file(f"{day}.csv", texts.fo_day(f"{day:%d-%b-%Y}".upper()).encode())


def load(lake: Lake, days: list[date], limit: int) -> FetchReport:
    report = FetchReport()
    waiting = Waiting(lake, report, limit=limit)
    for day in days:
        found = batch(day)
        report.take(found)
        waiting.add(found)
        assert sum(rows.height for parts in waiting._parts.values() for _, rows in parts) <= limit
    waiting.finish()
    assert waiting.datasets == set(CONTRACTS)
    return report


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    return {f"{name}/{path.name}": pl.read_parquet(path)
            for name in CONTRACTS for path in lake.files(name)}  # fmt: skip


@pytest.mark.parametrize("limit", [0, 20, 1_000_000])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_bound_and_the_order_change_nothing_in_the_lake(
    tmp_path_factory: pytest.TempPathFactory, limit: int, *, backwards: bool
) -> None:
    whole = Lake(tmp_path_factory.mktemp("whole"))
    load(whole, DAYS, 1_000_000)
    lake = Lake(tmp_path_factory.mktemp("parts"))
    report = load(lake, sorted(DAYS, reverse=backwards), limit)
    assert list(contents(lake)) == [
        "futures_day/2020.parquet", "futures_day/2021.parquet",
        "options_day/2020-12.parquet", "options_day/2021-01.parquet", "options_day/2021-02.parquet",
    ]  # fmt: skip
    for name, frame in contents(whole).items():
        assert contents(lake)[name].equals(frame), name
    assert (report.added, report.changed, report.unchanged) == (11 * len(DAYS), 0, 0)
    counted = {name: report.forms["nse_fo_bhavcopy_old", name] for name in CONTRACTS}
    assert [counted[name].added for name in CONTRACTS] == [3 * len(DAYS), 8 * len(DAYS)]
    assert len(counted["options_day"].days) == len(DAYS)


def test_a_second_load_counts_every_row_as_known(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    load(lake, DAYS, 40)
    for limit in (40, 1_000_000):
        report = load(lake, DAYS, limit)
        assert (report.added, report.changed, report.unchanged) == (0, 0, 11 * len(DAYS))
        known = [report.forms["nse_fo_bhavcopy_old", name].unchanged for name in CONTRACTS]
        assert known == [3 * len(DAYS), 8 * len(DAYS)]


def test_one_new_file_among_known_ones(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    load(lake, DAYS[1:], 1_000_000)
    report = load(lake, DAYS, 1_000_000)
    assert (report.added, report.changed, report.unchanged) == (11, 0, 11 * (len(DAYS) - 1))
    options = report.forms["nse_fo_bhavcopy_old", "options_day"]
    assert (options.added, options.changed, options.unchanged) == (8, 0, 8 * (len(DAYS) - 1))
