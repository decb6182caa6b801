"""A lot proven by a day's figures is the true one: rows are made from a lot, as the exchange does.

Turnover is summed trade by trade, each cut to a hundredth of a lakh; the reader sees the sums only.
"""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.providers.lake.lots import proven_lot

LOTS = (10, 15, 25, 40, 75, 125, 250, 425, 1375, 1851, 8924, 22500)


@st.composite
def days(draw: st.DrawFn) -> tuple[int, pl.DataFrame]:
    """Return a true lot and the rows of one expiry."""
    lot = draw(st.sampled_from(LOTS))
    spot = draw(st.floats(20, 40_000))
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        strike = draw(st.sampled_from([0.0, round(spot * 0.9), round(spot), round(spot * 1.2)]))
        level = spot if strike == 0 else spot * 0.03
        trades = draw(
            st.lists(st.tuples(st.integers(1, 40), st.floats(0.9, 1.1)), min_size=0, max_size=8)
        )
        prices = [round(level * factor, 2) for _, factor in trades]
        cut = sum(
            int(count * lot * (strike + price) // 1000) * 1000
            for (count, _), price in zip(trades, prices, strict=True)
        )
        units = draw(st.integers(0, 5000)) * lot
        rows.append(
            {
                "contracts": sum(count for count, _ in trades), "turnover": float(cut),
                "high": max(prices, default=None), "low": min(prices, default=None),
                "strike": strike, "open_interest": units,
                "oi_change": draw(st.integers(-50, 50)) * lot,
            }
        )  # fmt: skip
    schema = {"contracts": pl.Int64, "turnover": pl.Float64, "high": pl.Float64,
              "low": pl.Float64, "strike": pl.Float64, "open_interest": pl.Int64,
              "oi_change": pl.Int64}  # fmt: skip
    return lot, pl.DataFrame(rows, schema=schema)


@given(days())
def test_what_is_proven_is_true(day: tuple[int, pl.DataFrame]) -> None:
    lot, rows = day
    assert proven_lot(rows) in {lot, None}


@given(days(), st.integers(1, 40))
def test_open_interest_that_no_lot_divides_proves_nothing_false(
    day: tuple[int, pl.DataFrame], odd: int
) -> None:
    lot, rows = day
    broken = rows.with_columns(open_interest=pl.col("open_interest") + odd)
    found = proven_lot(broken)
    assert found in {lot, None} if odd % lot == 0 else found != lot


def test_some_days_do_prove_it() -> None:
    row = {"contracts": 10, "turnover": 11_400_000.0, "high": 260.0, "low": 180.0,
           "strike": 15000.0, "open_interest": 3000, "oi_change": -750}  # fmt: skip
    assert proven_lot(pl.DataFrame([row])) == 75
    assert proven_lot(pl.DataFrame([row | {"open_interest": 0, "oi_change": 0}])) is None
    assert proven_lot(pl.DataFrame([row | {"open_interest": 3001}])) is None
    wide = row | {"strike": 0.0, "high": 300.0, "low": 100.0, "turnover": 150_000.0}
    assert proven_lot(pl.DataFrame([wide])) is None, "50 and 75 and 150 fit alike"
