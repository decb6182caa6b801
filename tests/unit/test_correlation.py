"""Correlation of daily returns against numpy, and what makes it unknown."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from alphastock_cli.analytics import correlation

FIRST = date(2026, 1, 1)


def series(symbol: str, closes: list[float | None], *, start: int = 0) -> pl.DataFrame:
    days = [FIRST + timedelta(days=start + n) for n in range(len(closes))]
    schema = {"symbol": pl.String, "date": pl.Date, "close": pl.Float64}
    return pl.DataFrame({"symbol": symbol, "date": days, "close": closes}, schema=schema)


def walk(seed: int, count: int = 100) -> list[float]:
    rng = np.random.default_rng(seed)
    return list(100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, count))))


def one(a: pl.DataFrame, b: pl.DataFrame, span: int = 60) -> float | None:
    moves = correlation.returns(pl.concat([a, b]).sort("symbol", "date"))
    first, second = a["symbol"][0], b["symbol"][0]
    made = correlation.pairs(moves.filter(symbol=first), moves.filter(symbol=second), span=span)
    assert made.columns == ["symbol", "other", "correlation"]
    return None if made.is_empty() else made.row(0)[2]


def test_equals_numpy_over_the_last_sixty_returns() -> None:
    a, b = walk(1), walk(2)
    mixed = [x + 0.5 * y for x, y in zip(a, b, strict=True)]
    expected = np.corrcoef(np.diff(np.log(a))[-60:], np.diff(np.log(mixed))[-60:])[0, 1]
    assert one(series("A", a), series("B", mixed)) == pytest.approx(expected, abs=1e-12)


def test_a_series_with_itself_is_one() -> None:
    moves = correlation.returns(series("A", walk(3)))
    assert correlation.pairs(moves, moves)["correlation"].to_list() == pytest.approx([1.0])


def test_a_day_that_one_lacks_makes_no_pair() -> None:
    """Without it, a return over two days would be held against one over one day."""
    a, b = walk(4, 80), walk(5, 80)
    gap = [None if n == 40 else x for n, x in enumerate(b)]
    pairs = [n for n in range(1, 80) if n not in {40, 41}][-60:]
    x = [np.log(a[n] / a[n - 1]) for n in pairs]
    y = [np.log(b[n] / b[n - 1]) for n in pairs]
    assert one(series("A", a), series("B", gap)) == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_too_few_common_returns_are_unknown() -> None:
    assert one(series("A", walk(6, 60)), series("B", walk(7, 60))) is None
    assert one(series("A", walk(6, 61)), series("B", walk(7, 61))) is not None
    assert one(series("A", walk(6, 80)), series("B", walk(7, 80), start=200)) is None


def test_what_did_not_move_is_unknown_and_never_nan() -> None:
    made = one(series("A", walk(8, 80)), series("B", [100.0] * 80))
    assert made is None


def test_a_close_that_is_no_price_is_passed_over() -> None:
    moves = correlation.returns(series("A", [100.0, 0.0, None, 110.0]))
    assert moves["change"].to_list() == pytest.approx([np.log(1.1)])
    assert (moves["date"][0] - moves["since"][0]).days == 3
