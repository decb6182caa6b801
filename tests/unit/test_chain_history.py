"""Chains of earlier sessions out of the lake: closes of the day before, ATM volatility, its rank.

The volatilities of all sessions at once are held against the slow way, one chain at a time.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.analytics import chain as chains
from alphastock_cli.analytics.atm_points import atm_points, iv_series
from alphastock_cli.analytics.forward import find_forward
from alphastock_cli.analytics.greeks import Basis, with_volatility
from alphastock_cli.domain.frames import CHAIN, CHAINS, DATASETS, conform
from alphastock_cli.exchange import calendar, closes
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit.chain_market import black76

D = date
TODAY = D(2026, 8, 19)
NOW = datetime(2026, 11, 20, 18, tzinfo=IST)
SESSIONS = calendar.sessions(calendar.Segment.FNO, D(2026, 7, 1), TODAY)
EXPIRIES = [D(2026, 7, 28), D(2026, 8, 25), D(2026, 9, 29)]
STRIKES = [23_800.0 + 100 * n for n in range(9)]
RATE = 0.065


def vol_of(day: date) -> float:
    """Return a volatility of each session that no other one has."""
    return 0.10 + 0.002 * (SESSIONS.index(day) * 7 % len(SESSIONS))


def option(day: date, expiry: date, strike: float, kind: str) -> dict[str, Any]:
    at = calendar.known_from(calendar.Segment.FNO, day)
    years = (closes.contract_close(closes.derivative_exchange("NIFTY"), expiry) - at) / timedelta(
        days=365
    )
    forward = 24_000.0 * (1 + 0.0001 * SESSIONS.index(day))
    price = black76(forward, strike, years, vol_of(day), RATE, kind)
    return {
        "date": day, "exchange": "NFO", "symbol": "NIFTY", "expiry": expiry, "strike": strike,
        "option_type": kind, "close": price, "settlement": price, "contracts": 5,
        "open_interest": 1000, "oi_change": 100,
    }  # fmt: skip


def year(days: list[date], **changed: Any) -> pl.DataFrame:
    rows = [
        option(day, expiry, strike, kind) | changed
        for day in days
        for expiry in EXPIRIES
        if expiry > day
        for strike in STRIKES
        for kind in ("CE", "PE")
    ]
    return conform(pl.DataFrame(rows), DATASETS["options_day"], what="test")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("history") / "lake")
    made.upsert("options_day", year(SESSIONS))
    return made


def source(lake: Lake, moment: datetime | None = None) -> LakeProvider:
    at = moment or datetime(2026, 8, 19, 18, tzinfo=IST)
    return LakeProvider(lake, ManualClock(NOW), as_of=at)


# -- closes of the session before ---------------------------------------------------------------


def test_closes_are_those_of_the_session_before(lake: Lake) -> None:
    rows = source(lake).previous_closes("NIFTY", EXPIRIES[1])
    assert rows is not None
    before = SESSIONS[-2]
    for strike, kind, close in rows.iter_rows():
        assert close == option(before, EXPIRIES[1], strike, kind)["close"]
    assert rows.height == 2 * len(STRIKES)


def test_a_close_of_an_older_session_is_another_change(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.upsert("options_day", year([SESSIONS[-3], SESSIONS[-1]]))
    assert source(lake).previous_closes("NIFTY", EXPIRIES[1]) is None


def test_what_nobody_traded_has_no_close(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.upsert("options_day", year([SESSIONS[-1]]))
    lake.upsert("options_day", year([SESSIONS[-2]], contracts=0))
    rows = source(lake).previous_closes("NIFTY", EXPIRIES[1])
    assert rows is not None
    assert rows.is_empty()


def test_build_up_of_the_stored_day(lake: Lake) -> None:
    runner = OptionsRunner(
        source(lake),
        clock=ManualClock(NOW),
        symbols=("NIFTY",),
        options=ChainOptions(build_up=True),
    )
    frame = runner.run_once()["NIFTY"].facts["chain"]
    assert frame.height == 2 * len(STRIKES)
    for row in frame.iter_rows(named=True):
        now, then = (
            option(day, EXPIRIES[1], row["strike"], row["option_type"])["close"]
            for day in (SESSIONS[-1], SESSIONS[-2])
        )
        assert row["price_change"] == now - then
        assert row["build_up"] == ("long_build_up" if now > then else "short_build_up")


# -- chains of earlier sessions -----------------------------------------------------------------


def test_only_earlier_sessions_and_only_the_expiries_about_thirty_days(lake: Lake) -> None:
    rows = source(lake).earlier_chains(["NIFTY"], before=TODAY)
    assert set(rows["time"].dt.date()) == set(SESSIONS[:-1])
    held = rows.select(pl.col("time").dt.date().alias("day"), "expiry").unique()
    for day in SESSIONS[:-1]:
        left = {expiry: (expiry - day).days for expiry in EXPIRIES if expiry > day}
        before = [expiry for expiry, days in left.items() if days <= 30]
        after = [expiry for expiry, days in left.items() if days >= 30]
        assert set(held.filter(day=day)["expiry"]) == {*before[-1:], *after[:1]}, day


def test_nothing_that_was_not_known_at_the_moment(lake: Lake) -> None:
    """At noon of a session its own rows, and those of later ones, are still to come."""
    noon = datetime(2026, 8, 5, 12, tzinfo=IST)
    whole = source(lake).earlier_chains(["NIFTY"], before=TODAY)
    early = source(lake, noon).earlier_chains(["NIFTY"], before=TODAY)
    assert early["time"].max() < noon
    assert early["time"].max().date() == D(2026, 8, 4)
    assert early.equals(whole.filter(pl.col("time") < noon))


def test_the_window_is_about_so_many_sessions(lake: Lake) -> None:
    rows = source(lake).earlier_chains(["NIFTY"], before=TODAY, sessions=5)
    assert 5 <= rows["time"].n_unique() < 20


def test_a_snapshot_stands_in_for_a_session_without_a_file(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.upsert("options_day", year([SESSIONS[-3]]))
    shots = [
        {"time": datetime(day.year, day.month, day.day, hour, tzinfo=IST), "exchange": "NFO",
         "underlying": "NIFTY", "expiry": EXPIRIES[1], "strike": 24_000.0, "option_type": kind,
         "last_price": 100.0 + hour, "volume": 65, "source": "test"}
        for day in SESSIONS[-3:] for hour in (10, 14) for kind in ("CE", "PE")
    ]  # fmt: skip
    lake.upsert("chains", conform(pl.DataFrame(shots), CHAINS, what="test"))
    rows = source(lake).earlier_chains(["NIFTY"], before=TODAY)
    moments = sorted(set(rows["time"]))
    assert [each.date() for each in moments] == SESSIONS[-3:-1]
    assert moments[0] == calendar.known_from(calendar.Segment.FNO, SESSIONS[-3])
    assert moments[1].hour == 14
    assert set(rows.filter(time=moments[1])["last_price"]) == {114.0}


# -- their volatilities -------------------------------------------------------------------------


def test_all_at_once_is_what_one_at_a_time_gives(lake: Lake) -> None:
    rows = source(lake).earlier_chains(["NIFTY"], before=TODAY)
    points = atm_points(rows, rate=RATE)
    assert points.height == rows.select("time", "expiry").unique().height
    for point in points.iter_rows(named=True):
        own = rows.filter(time=point["time"], expiry=point["expiry"])
        day = point["time"].date()
        chain = conform(own.drop("time"), CHAIN, what="test")
        priced = chains.with_prices(chain, session=day, tick=None)
        forward = find_forward(
            priced, spot=None, future=None, years=point["years"], rate=RATE, model="black76"
        )
        atm = chains.atm_strike(priced, forward.value)
        basis = Basis(forward=forward.value, years=point["years"], rate=RATE)
        iv = chains.atm_iv(with_volatility(priced, basis), atm)
        assert point["forward"] == pytest.approx(forward.value, rel=1e-13)
        assert point["atm_strike"] == atm
        assert point["atm_iv"] == pytest.approx(iv, rel=1e-11)
        assert point["atm_iv"] == pytest.approx(vol_of(day), rel=1e-6)


def test_holes_are_null_and_what_is_over_is_left_out(lake: Lake) -> None:
    rows = source(lake).earlier_chains(["NIFTY"], before=TODAY)
    last = rows["time"].max()
    calls = rows.filter(pl.col("option_type") == "CE")
    points = atm_points(calls, rate=RATE)
    assert points["forward"].null_count() == points["atm_iv"].null_count() == points.height
    late = rows.filter(time=last).with_columns(time=pl.lit(datetime(2026, 8, 25, 16, tzinfo=IST)))
    assert set(atm_points(late, rate=RATE)["expiry"]) <= {EXPIRIES[2]}
    assert atm_points(rows.head(0), rate=RATE).is_empty()


def test_rank_and_percentile_by_hand(lake: Lake) -> None:
    runner = OptionsRunner(
        source(lake),
        clock=ManualClock(NOW),
        symbols=("NIFTY",),
        options=ChainOptions(iv_history=True),
    )
    facts = runner.run_once()["NIFTY"].facts
    past = [vol_of(day) for day in SESSIONS[:-1]]
    now = vol_of(TODAY)
    assert facts["iv_30d"] == pytest.approx(now, rel=1e-6)
    assert facts["iv_sessions"] == len(past)
    low, high = min(*past, now), max(*past, now)
    assert facts["iv_rank"] == pytest.approx(100 * (now - low) / (high - low), rel=1e-4)
    below = sum(value < now for value in past)
    assert facts["iv_percentile"] == pytest.approx(100 * below / len(past))


def test_what_comes_later_changes_no_rank(tmp_path: Path, lake: Lake) -> None:
    """The same question as of an earlier day, with and without the days after it."""
    cut = SESSIONS[30]
    short = Lake(tmp_path / "lake")
    short.upsert("options_day", year([day for day in SESSIONS if day <= cut]))
    moment = datetime(cut.year, cut.month, cut.day, 18, tzinfo=IST)
    found = []
    for each in (lake, short):
        runner = OptionsRunner(
            source(each, moment), clock=ManualClock(NOW), symbols=("NIFTY",),
            options=ChainOptions(iv_history=True),
        )  # fmt: skip
        facts = runner.run_once()["NIFTY"].facts
        found.append([facts[f"iv_{name}"] for name in ("30d", "rank", "percentile", "sessions")])
    assert found[0] == found[1]
    assert found[0][3] == 30


def test_a_series_is_in_order_of_time(lake: Lake) -> None:
    rows = source(lake).earlier_chains(["NIFTY"], before=TODAY)
    series = iv_series(atm_points(rows, rate=RATE), days=30)["NIFTY"]
    assert [time.date() for time, _ in series] == SESSIONS[:-1]
    assert [iv for _, iv in series] == pytest.approx([vol_of(day) for day in SESSIONS[:-1]])
