"""The last stored session: soon found where it is recent, found all the same where it is not."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

NSE_LAST, BSE_LAST = date(2026, 8, 14), date(2026, 7, 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    rows = [
        {"date": day, "exchange": exchange, "symbol": "SBIN", "series": "EQ", "close": 1.0}
        for exchange, day in (
            ("NSE", date(2025, 3, 3)), ("NSE", NSE_LAST), ("BSE", date(2024, 5, 6)),
            ("BSE", BSE_LAST),
        )
    ]  # fmt: skip
    lake.upsert("equities_day", conform(pl.DataFrame(rows), DATASETS["equities_day"], what="test"))
    return lake


def provider(lake: Lake, day: date) -> LakeProvider:
    moment = datetime(day.year, day.month, day.day, 20, 0, tzinfo=IST)
    return LakeProvider(lake, ManualClock(moment))


@pytest.mark.parametrize("later", [0, 1, 13, 14, 15, 40, 200, 800])
def test_the_last_session_is_found_however_long_ago_it_was(lake: Lake, later: int) -> None:
    asked = provider(lake, NSE_LAST + timedelta(days=later))
    assert asked.as_of().date() == NSE_LAST
    assert asked._last(Exchange.NSE) == NSE_LAST
    assert asked._last(Exchange.BSE) == BSE_LAST, "an exchange may lie further back than the other"


def test_a_session_to_come_is_not_the_last_one(lake: Lake) -> None:
    assert provider(lake, NSE_LAST - timedelta(days=1)).as_of().date() == BSE_LAST
    assert provider(lake, BSE_LAST - timedelta(days=1)).as_of().date() == date(2025, 3, 3)
    assert provider(lake, date(2025, 3, 2))._last(Exchange.NSE) is None


def test_the_answer_is_the_same_without_the_copy_by_date(lake: Lake, tmp_path: Path) -> None:
    (lake.root / ".by_date").rename(tmp_path / "away")
    test_the_last_session_is_found_however_long_ago_it_was(lake, 3)
    test_a_session_to_come_is_not_the_last_one(lake)
