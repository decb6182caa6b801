"""Laws of the commands about options: any file of positions, any two moments, any book."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.actions.positions_file import read_positions
from alphastock_cli.analytics.portfolio import Book, scenarios
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.daycount import sessions_left
from tests.conftest import IST

START = datetime(2026, 1, 1, tzinfo=IST)
MOMENTS = st.integers(0, 360 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))
CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
HEADS = st.sampled_from(["tradingsymbol", "quantity", "lots", "price", "iv", "strike", "expiry",
                         "option_type", "underlying", "Qty.", "other"])  # fmt: skip


@settings(max_examples=150)
@given(
    heads=st.lists(HEADS, max_size=6),
    rows=st.lists(st.lists(CELLS, max_size=6), max_size=4),
    name=st.sampled_from(["a.csv", "a.jsonl"]),
)
def test_any_file_is_rows_or_a_reason(heads: list[str], rows: list[list[str]], name: str) -> None:
    text = "\n".join(",".join(cells) for cells in [heads, *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(text.encode())
        try:
            found = read_positions(path)
        except UsageError:  # said in words; anything else would be a defect
            return
    assert found
    for row in found:
        assert row.problem or row.quantity or row.lots
        assert row.problem.isprintable()
        assert row.quantity is None or row.quantity != 0


@given(moments=st.tuples(MOMENTS, MOMENTS, MOMENTS).map(sorted))
def test_trading_time_adds_up_and_is_never_more_than_calendar_time(
    moments: list[datetime],
) -> None:
    first, second, third = moments
    segment = calendar.Segment.FNO
    whole = sessions_left(segment, first, third)
    parts = sessions_left(segment, first, second) + sessions_left(segment, second, third)
    assert whole == pytest.approx(parts, abs=1e-9)
    assert 0 <= whole <= (third.date() - first.date()).days + 1
    if first.date() == third.date() and not calendar.is_session(segment, first.date()):
        assert whole == 0


@settings(max_examples=60)
@given(
    units=st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=5),
    strikes=st.lists(st.floats(15_000, 35_000), min_size=5, max_size=5),
    vol=st.floats(0.05, 0.9), years=st.floats(0.001, 1.0), call=st.booleans(),
)  # fmt: skip
def test_a_book_is_linear_and_a_long_one_is_convex(
    units: list[int], strikes: list[float], vol: float, years: float, *, call: bool
) -> None:
    count = len(units)

    def book(quantity: list[int]) -> Book:
        return Book(
            quantity=np.array(quantity, dtype=float), level=np.full(count, 24_000.0),
            strike=np.array(strikes[:count]), vol=np.full(count, vol),
            is_call=np.full(count, call), is_option=np.ones(count, bool),
            years=np.full((count, 1), years), now=np.full(count, years), rate=0.065,
            spot_held=False,
        )  # fmt: skip

    grid = {"spot_pct": (-4.0, -2.0, 0.0, 2.0, 4.0), "iv_points": (-3.0, 0.0, 3.0)}
    one = scenarios(book(units), **grid)
    assert scenarios(book([-each for each in units]), **grid) == pytest.approx(-one, abs=1e-6)
    long = scenarios(book([abs(each) for each in units]), **grid)[0]
    scale = 1e-9 * 24_000.0 * sum(map(abs, units))
    assert (np.diff(long, 2, axis=1) >= -scale).all(), "options are convex in what they are on"
    assert (np.diff(long, axis=0) >= -scale).all(), "and worth more the more it moves"
