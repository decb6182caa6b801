"""Commodities, reports of futures and rates in the lake: counted once, and answered for."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.actions.option_words import listed
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.sql_tables import Tables
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import ProviderError, UnknownName
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit import derivative_texts as texts

D = date
REPORT = "fo_lookup_report_2024-07-19.csv"
USD_INR = "USD_INR_spot.csv"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def load(lake: Lake, folder: Path, files: dict[str, bytes]) -> Result:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return fetch_eod(NseFiles(), lake, folder).result()


def rows_of(result: Result) -> list[dict[str, Any]]:
    assert not isinstance(result.rows, pl.DataFrame)
    return [dict(row) for row in result.rows]


FILES = {"02APR2026.csv": texts.mcx(), "again.csv": texts.mcx(texts.MCX_ROWS[0]), REPORT:
         texts.report(), USD_INR: texts.USD_INR}  # fmt: skip


def test_a_contract_day_counts_once_and_a_second_load_changes_nothing(
    lake: Lake, tmp_path: Path
) -> None:
    first = load(lake, tmp_path / "in", FILES)
    assert (first.summary["rows_added"], first.summary["differences"]) == (3 + 5 + 2, 0)
    again = load(lake, tmp_path / "in", FILES)
    assert (again.summary["rows_added"], again.summary["rows_changed"]) == (0, 0)
    assert lake.scan("futures_day").filter(exchange="MCX").collect().height == 3


def test_the_lake_answers_for_a_commodity(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path / "in", FILES)
    clock = ManualClock(datetime(2026, 3, 11, 23, 29, tzinfo=IST))
    early = LakeProvider(lake, clock)
    assert early.futures("GOLD").rows() == [(D(2026, 4, 2), 160000.0, 160000.0, 7550)]
    assert early.chain_as_of("GOLD") == datetime(2026, 3, 10, 23, 30, tzinfo=IST)
    clock.advance(clock.now().replace(hour=23, minute=30) - clock.now())
    late = LakeProvider(lake, clock)
    assert late.futures("GOLD").rows() == [(D(2026, 4, 2), 160500.0, 160500.0, 7552)]
    assert late.futures("ALPHA")["open_interest"].to_list() == [4200, None]
    assert late.futures_day(exchange=Exchange.MCX).select(pl.len()).collect().item() == 3
    assert late.expiries("GOLD") == ()
    with pytest.raises(ProviderError, match="has no option chain of GOLD") as caught:
        listed(late, "GOLD")
    assert caught.value.hint == "Futures alone make no chain."
    with pytest.raises(UnknownName, match="unknown underlying 'GOLDX'") as unknown:
        late.futures("GOLDX")
    assert "GOLD" in unknown.value.hint


def test_gaps_follow_the_calendar_of_the_exchange(lake: Lake, tmp_path: Path) -> None:
    rows = [texts.MCX_ROWS[0], texts.MCX_ROWS[1].replace("2026-03-10", "2026-03-02")]
    load(lake, tmp_path / "in", {"gold.csv": texts.mcx(*rows), USD_INR: texts.USD_INR})
    held = lake_status.gaps(lake, dataset="futures_day", exchange="MCX")
    # 2026-03-03 is a holiday of NSE, on which MCX opens in the evening
    days = [row["date"] for row in rows_of(held)]
    assert days == [D(2026, 3, day) for day in (3, 4, 5, 6, 9, 10)]
    clock = ManualClock(datetime(2026, 3, 12, 9, tzinfo=IST))
    told = rows_of(lake_status.status(lake, clock))
    status = {(row["dataset"], row["exchange"]): row for row in told}
    assert status["futures_day", "MCX"]["gaps"] == 6
    assert status["rates_day", "OTC"]["gaps"] is None


class Sources:
    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def provider(self, name: str | None = None) -> LakeProvider:
        raise NotImplementedError(name)


def test_a_rate_of_a_day_is_known_when_the_day_is_over(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path / "in", FILES)
    for hour, day in ((23, 16), (24, 17)):
        at = datetime(2018, 12, 17, hour % 24, tzinfo=IST).replace(day=17 + hour // 24)
        tables = Tables(Sources(lake), as_of=at)
        assert tables["rates_day"].select(pl.col("date").max()).collect().item() == D(2018, 12, day)
        assert tables.as_of == datetime(2018, 12, day, 23, 59, 59, tzinfo=IST)
