"""Several levels a side against a plain search, and their first against the single ones."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from alphastock_cli.analytics import indicators, levels
from tests.unit.test_levels import WINDOW, Row, bars

FIRST = date(2026, 1, 1)


def frame(rows: list[Row], *, price: float | None = None, symbol: str = "X") -> pl.DataFrame:
    days = [FIRST + timedelta(days=n) for n in range(len(rows))]
    high, low, close = zip(*rows, strict=True)
    at = close[-1] if price is None else price
    return pl.DataFrame({"symbol": symbol, "date": days, "high": high, "low": low, "close": close,
                         "price": at})  # fmt: skip


def plain(rows: list[Row], price: float, *, below: bool, count: int) -> list[float]:
    """Return the levels as a person would find them on a chart of the last sixty sessions."""
    series = [row[1] if below else row[0] for row in rows[-WINDOW:]]
    found = set()
    for n in range(2, len(series) - 2):
        sides = [*series[n - 2 : n], *series[n + 1 : n + 3]]
        if below and series[n] < min(sides) and series[n] <= price:
            found.add(series[n])
        if not below and series[n] > max(sides) and series[n] >= price:
            found.add(series[n])
    if not found:
        extreme = min(series) if below else max(series)
        found = {extreme} if (extreme <= price if below else extreme >= price) else set()
    return sorted(found, reverse=below)[:count]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("away", [0.0, -30.0, -4.0, 4.0, 30.0])
def test_equals_a_plain_search(seed: int, away: float) -> None:
    rows = bars(90, seed=seed)
    price = rows[-1][2] + away
    made = levels.nearest(frame(rows, price=price), count=3).row(0, named=True)
    assert made["support"] == plain(rows, price, below=True, count=3)
    assert made["resistance"] == plain(rows, price, below=False, count=3)


@pytest.mark.parametrize("seed", range(8))
def test_the_first_one_is_the_single_level(seed: int) -> None:
    rows = frame(bars(75, seed=seed))
    lists = levels.nearest(rows).row(0, named=True)
    single = indicators.latest(rows, ["support", "resistance"]).row(0, named=True)
    assert lists["support"][0] == single["support"]
    assert lists["resistance"][0] == single["resistance"]


def test_symbols_do_not_mix_and_order_is_kept() -> None:
    a, b = bars(70, seed=1), bars(70, seed=2)
    both = levels.nearest(pl.concat([frame(a, symbol="A"), frame(b, symbol="B")]))
    assert both["symbol"].to_list() == ["A", "B"]
    for number, rows in enumerate((a, b)):
        alone = levels.nearest(frame(rows)).row(0, named=True)
        assert both.row(number, named=True)["support"] == alone["support"]


def test_short_history_and_holes_are_unknown() -> None:
    assert levels.nearest(frame(bars(59, seed=3))).row(0)[1:] == (None, None)
    holed = frame(bars(70, seed=3)).with_columns(
        low=pl.when(pl.int_range(pl.len()) == 40).then(None).otherwise("low")
    )
    made = levels.nearest(holed).row(0, named=True)
    assert made["support"] is None
    assert made["resistance"] is not None
