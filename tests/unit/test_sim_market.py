"""What the simulated market looks like: splits, indices by a second route, and its statistics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from alphastock_cli.analytics import adjust, breaks
from alphastock_cli.domain.frames import ADJUSTMENTS, INDICES_DAY
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.providers.sim.universe import shares
from tests.conftest import IST, ManualClock

FRIDAY = date(2026, 11, 20)
INFY = Instrument(exchange=Exchange.NSE, tradingsymbol="INFY", asset_type=AssetType.EQUITY)
NIFTY = Instrument(exchange=Exchange.NSE, tradingsymbol="NIFTY 50", asset_type=AssetType.INDEX)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=IST)


def rows(source: SimExchange, symbols: Sequence[str]) -> pl.DataFrame:
    return source.equities_day(symbols=symbols).collect()


@pytest.fixture(scope="module")
def whole() -> SimExchange:
    """Return the default market after the close of Friday 2026-11-20."""
    return SimExchange(ManualClock(at(2026, 11, 20, 18)))


# -- splits --------------------------------------------------------------------------------------


def test_splits_are_published_raw_and_found_again(whole: SimExchange) -> None:
    """Second route: the detector for real files finds the same splits in the rows alone."""
    factors = whole.adjustments(Exchange.NSE)
    assert factors.schema == ADJUSTMENTS
    assert 10 < factors.height < 120
    frame = whole.equities_day().collect()
    found = breaks.detect(frame).filter(pl.col("factor").is_not_null())
    joined = factors.join(found, on=["symbol", "ex_date"], how="inner")
    assert (joined["factor"] - joined["factor_right"]).abs().max() < 1e-9
    assert joined.height >= 0.9 * factors.height  # a large move on the day hides a few
    assert found.height == joined.height  # and no crash is taken for a split
    ex = frame.join(factors, left_on=["symbol", "date"], right_on=["symbol", "ex_date"])
    before = frame.with_columns(before=pl.col("close").shift().over("symbol"))
    raw = ex.join(before.select("symbol", "date", "before"), on=["symbol", "date"])
    assert raw.height == factors.height
    assert (raw["previous_close"] == raw["before"]).all()


def test_adjusted_closes_have_no_break(whole: SimExchange) -> None:
    factors = whole.adjustments(Exchange.NSE)
    symbols = factors["symbol"].unique().to_list()
    frame = adjust.adjust(rows(whole, symbols), factors, as_of=FRIDAY)
    moves = frame.select((pl.col("close") / pl.col("close").shift().over("symbol")).drop_nulls())
    assert moves.to_series().min() > 0.79
    assert moves.to_series().max() < 1.21


# -- indices -------------------------------------------------------------------------------------


def test_indices_and_their_members(whole: SimExchange) -> None:
    frame = whole.indices_day(start=FRIDAY).collect()
    assert frame.schema == INDICES_DAY
    wanted = {"NIFTY 50", "NIFTY BANK", "NIFTY IT", "NIFTY AUTO", "NIFTY PHARMA", "INDIA VIX"}
    assert wanted <= set(frame["symbol"])
    nifty = whole.members("Nifty 50", FRIDAY)
    assert nifty is not None
    assert len(nifty) == 50
    assert list(nifty) == sorted(nifty)
    assert whole.members("NIFTY 50", date(2015, 1, 1)) is None
    assert whole.members("INDIA VIX", FRIDAY) is None
    assert whole.members("no such index", FRIDAY) is None


def test_an_index_moves_as_the_market_value_of_its_members(whole: SimExchange) -> None:
    """Second route: shares held from the first day, split by split, in plain Python."""
    weights = {share.symbol: share.weight for share in shares(200)}
    names = whole.members("NIFTY IT", FRIDAY)
    assert names is not None
    splits: dict[str, list[tuple[date, float]]] = {name: [] for name in names}
    for row in whole.adjustments(Exchange.NSE).iter_rows(named=True):
        if row["symbol"] in splits:
            splits[row["symbol"]].append((row["ex_date"], row["factor"]))
    frame = rows(whole, names)
    first = frame.filter(date=frame["date"].min())
    price = dict(zip(first["symbol"], first["previous_close"], strict=True))
    invested = sum(weights[name] for name in names)
    for day in (date(2016, 1, 1), date(2019, 4, 1), date(2023, 7, 3), FRIDAY):
        value = 0.0
        for row in frame.filter(date=day).iter_rows(named=True):
            name = row["symbol"]
            held = 10_000.0 * weights[name] / invested / price[name]
            for ex_date, factor in splits[name]:
                held /= factor if ex_date <= day else 1.0
            value += held * row["close"]
        told = whole.indices_day(symbols=["NIFTY IT"], start=day, end=day).collect()["close"][0]
        assert told == pytest.approx(value, abs=0.0051)


def test_daily_candles_of_an_index(whole: SimExchange) -> None:
    start = at(2026, 11, 16)
    frame = whole.candles(NIFTY, Interval.DAY, start, start + timedelta(days=7))
    days = whole.indices_day(symbols=["NIFTY 50"], start=start.date()).collect()
    assert frame["close"].to_list() == days["close"].to_list()


# -- what the market looks like ------------------------------------------------------------------


@pytest.fixture(scope="module")
def returns(whole: SimExchange) -> np.ndarray:
    """Return adjusted logarithmic daily returns, (days, shares)."""
    frame = adjust.adjust(
        whole.equities_day(columns=["date", "symbol", "close"]).collect(),
        whole.adjustments(Exchange.NSE), as_of=FRIDAY,
    )  # fmt: skip
    closes = frame.pivot(on="symbol", index="date", values="close").drop("date").to_numpy()
    return np.diff(np.log(closes), axis=0)


def test_volatility_is_that_of_shares(returns: np.ndarray) -> None:
    yearly = returns.std(axis=0) * np.sqrt(252)
    assert 0.15 < yearly.min() < yearly.max() < 0.60
    assert 0.22 < np.median(yearly) < 0.42


def test_shares_move_together_sectors_more_so(returns: np.ndarray) -> None:
    together = np.corrcoef(returns.T)
    sectors = np.array([share.sector for share in sorted(shares(200), key=lambda s: s.symbol)])
    same = sectors[:, None] == sectors[None, :]
    off = ~np.eye(200, dtype=bool)
    assert 0.15 < together[off].mean() < 0.45
    assert together[off & same].mean() > together[off & ~same].mean() + 0.03


def test_tails_are_fat_and_volatility_clusters(whole: SimExchange) -> None:
    close = whole.indices_day(symbols=["NIFTY 50"]).collect()["close"].to_numpy()
    moves = np.diff(np.log(close))
    assert 0.10 < moves.std() * np.sqrt(252) < 0.26
    centred = moves - moves.mean()
    assert (centred**4).mean() / (centred**2).mean() ** 2 > 3.5  # a normal has 3
    size = np.abs(centred)
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.05


def test_vix_goes_before_the_size_of_moves(whole: SimExchange) -> None:
    vix = whole.indices_day(symbols=["INDIA VIX"]).collect()["close"].to_numpy()
    assert 5.0 < vix.min() < vix.max() < 70.0
    assert 11.0 < np.median(vix) < 22.0
    close = whole.indices_day(symbols=["NIFTY 50"]).collect()["close"].to_numpy()
    size = np.abs(np.diff(np.log(close)))
    assert np.corrcoef(vix[:-1], size)[0, 1] > 0.2  # today's VIX, tomorrow's move


def test_most_is_traded_at_the_open_and_the_close(whole: SimExchange) -> None:
    start = at(2026, 10, 1)
    minutes = whole.candles(INFY, Interval.MINUTE, start, at(2026, 11, 20, 18))
    by_part = (
        minutes.filter(pl.col("time").dt.date() != date(2026, 11, 8))  # the evening of muhurat
        .with_columns(day=pl.col("time").dt.date())
        .with_columns(since=pl.int_range(pl.len()).over("day") // 75)
        .group_by("since").agg(pl.col("volume").sum()).sort("since")["volume"].to_list()
    )  # fmt: skip
    first, second, third, fourth, fifth = by_part
    assert first > 1.3 * second > 1.3 * third
    assert fifth > 1.3 * fourth > 1.3 * third


def test_delivery_is_a_part_of_what_was_traded(whole: SimExchange) -> None:
    frame = whole.equities_day(columns=["volume", "delivery_quantity", "delivery_pct"]).collect()
    assert frame["delivery_pct"].is_between(0, 100).all()
    assert (frame["delivery_quantity"] <= frame["volume"]).all()
    assert 30 < frame["delivery_pct"].mean() < 60
    assert 5 < frame["delivery_pct"].std() < 25
