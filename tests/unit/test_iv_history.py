"""Rank and percentile of a volatility: by hand, and nothing of the day itself or after it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.analytics.iv_history import Standing, iv_ahead, standing

DAY = date(2026, 11, 20)


def history(*values: float | None) -> list[tuple[date, float | None]]:
    """Return values of the days before DAY, oldest first."""
    count = len(values)
    return [(DAY - timedelta(days=count - n), value) for n, value in enumerate(values)]


def test_by_hand() -> None:
    past = history(*[0.10 + 0.01 * n for n in range(20)])  # 0.10 ... 0.29
    got = standing(past, 0.145, before=DAY)
    assert got.sessions == 20
    assert got.rank == pytest.approx(100 * 0.045 / 0.19)
    assert got.percentile == 25.0  # 0.10 to 0.14
    assert standing(past, 0.05, before=DAY).rank == 0.0
    assert standing(past, 0.5, before=DAY) == Standing(rank=100.0, percentile=100.0, sessions=20)


def test_too_few_sessions_tell_their_number_and_nothing_else() -> None:
    past = history(*[0.1] * 19)
    assert standing(past, 0.2, before=DAY) == Standing(sessions=19)
    assert standing(past, 0.2, before=DAY, fewest=19).percentile == 100.0
    assert standing([], 0.2, before=DAY, fewest=0) == Standing()
    assert standing(history(*[0.1] * 30), None, before=DAY) == Standing(sessions=30)


def test_where_nothing_moved_there_is_no_rank() -> None:
    got = standing(history(*[0.1] * 20), 0.1, before=DAY)
    assert (got.rank, got.percentile) == (None, 0.0)


def test_unknown_days_do_not_count_and_old_ones_leave_the_window() -> None:
    past = history(9.0, *[None] * 5, *[0.1 + 0.001 * n for n in range(25)])
    got = standing(past, 0.1005, before=DAY, sessions=25)
    assert got.sessions == 25
    assert got.percentile == pytest.approx(100 / 25)
    assert standing(past, 0.1005, before=DAY).sessions == 26


def test_of_a_session_that_comes_twice_the_last_one_counts() -> None:
    past = [*history(*[0.1] * 20), (DAY - timedelta(days=1), 0.3)]
    got = standing(past, 0.2, before=DAY)
    assert (got.sessions, got.percentile) == (20, 95.0)


vols = st.floats(0.01, 3.0)


@given(st.lists(vols, min_size=20, max_size=60), vols, st.lists(vols, max_size=10))
def test_the_day_itself_and_what_came_after_change_nothing(past, now, later) -> None:
    known = history(*past)
    after = [(DAY + timedelta(days=n), value) for n, value in enumerate(later)]
    got = standing([*after, *known], now, before=DAY)
    assert got == standing(known, now, before=DAY)
    below = sum(value < now for value in past)
    assert got.percentile == pytest.approx(100 * below / len(past))
    assert got.rank is None or 0.0 <= got.rank <= 100.0


def test_thirty_days_ahead() -> None:
    near, far = 20 / 365, 50 / 365
    got = iv_ahead([(near, 0.2), (far, 0.2)])
    assert got == pytest.approx(0.2, rel=1e-14)
    assert iv_ahead([(near, 0.2)]) == 0.2
    assert iv_ahead([]) is None
