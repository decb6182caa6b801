"""The last session of what is kept: a file is read, nobody is asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.providers.kite.kept_days import Held, KeptDays
from alphastock_cli.providers.kite.kept_session import kept_session
from tests.conftest import IST

NOON = datetime(2026, 8, 14, 12, 0, tzinfo=IST)  # a Friday: the last session over is the 13th
GRACE = timedelta(minutes=30)


def keep(file: Path, keys: dict[int, str], *days: tuple[date, float]) -> None:
    kept = KeptDays(file)
    for token, key in keys.items():
        rows = pl.DataFrame(
            [{"token": token, "date": day, "open": close, "high": close, "low": close,
              "close": close, "average": None, "volume": 1} for day, close in days]
        )  # fmt: skip
        held = Held(key=key, first=days[0][0], through=days[-1][0], asked=NOON)
        kept.put(token, held, rows)
    kept.save()


WEDNESDAY, THURSDAY = date(2026, 8, 12), date(2026, 8, 13)


def shares(count: int) -> dict[int, str]:
    return {n << 8 | 1: f"NSE:S{n:03}" for n in range(1, count + 1)}


def test_the_last_session_and_the_one_before_it(tmp_path: Path) -> None:
    file = tmp_path / "NSE.parquet"
    others = {777 << 8 | 1: "NSE:GOLD-GB", 9: "NSE:NIFTY 50", 778 << 8 | 1: "NSE:PENNY-BE"}
    keep(file, shares(100) | others, (WEDNESDAY, 10.0), (THURSDAY, 11.0))
    found = kept_session(file, NOON, GRACE)
    assert found is not None
    assert found["symbol"].to_list() == ["PENNY", *(f"S{n:03}" for n in range(1, 101))]
    assert found.select("date", "close", "previous_close").unique().rows() == [
        (THURSDAY, 11.0, 10.0)
    ]


def test_a_session_before_that_is_not_kept_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "NSE.parquet"
    keep(file, shares(100), (THURSDAY, 11.0))
    found = kept_session(file, NOON, GRACE)
    assert found is not None
    assert found["previous_close"].null_count() == 100


@pytest.mark.parametrize("case", ["no file", "damaged", "few", "old"])
def test_what_is_no_breadth_of_the_market_is_none(tmp_path: Path, case: str) -> None:
    file = tmp_path / "NSE.parquet"
    if case == "damaged":
        file.write_bytes(b"PAR1 no")
    elif case == "few":
        keep(file, shares(99), (WEDNESDAY, 10.0), (THURSDAY, 11.0))
    elif case == "old":
        keep(file, shares(150), (WEDNESDAY, 10.0))
    assert kept_session(file, NOON, GRACE) is None
