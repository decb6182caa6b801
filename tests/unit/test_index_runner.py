"""The index runner on the simulator and on a provider that quotes a day under way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import polars as pl
import pytest

from alphastock_cli.analytics import indicators
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import INDICES_DAY
from alphastock_cli.domain.instrument import AssetType
from alphastock_cli.domain.ports import Capability
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.runners.indices import COLUMNS, IndexRunner, schema
from tests.conftest import IST, ManualClock

EVENING = datetime(2026, 8, 14, 18, 0, tzinfo=IST)
NOON = datetime(2026, 8, 14, 12, 0, tzinfo=IST)


class Silent(SimExchange):
    """The simulated exchange without quotes."""

    capabilities = SimExchange.capabilities - {Capability.QUOTES}


class Quoting(SimExchange):
    """The simulated exchange with quotes of indices: 1 % above the last close that is over."""

    asked: Sequence[str] = ()
    at = NOON

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        self.asked = keys
        rows = self.indices_day().collect().group_by("symbol").last()
        closes = dict(rows.select("symbol", "close").iter_rows())
        known = {key: closes[key.removeprefix("NSE:")] for key in keys if "VIX" not in key}
        return {
            key: Quote(key=key, time=self.at, last_price=close * 1.01, open=close, low=close,
                       high=None, previous_close=close)
            for key, close in known.items()
        }  # fmt: skip


def made(at: datetime, *, kind: type[SimExchange] = SimExchange, symbols: tuple[str, ...] = ()):
    clock = ManualClock(at)
    return IndexRunner(kind(clock, seed=42, universe=60, as_of=at), clock=clock, symbols=symbols)


def test_the_frame_has_the_contract_s_columns_and_no_nan() -> None:
    runner = made(EVENING)
    frame = runner.enrich(runner.fetch(()))
    assert tuple(frame.columns) == COLUMNS
    assert dict(frame.schema) == schema()
    assert frame["index"].is_sorted()
    assert set(frame["date"]) == {EVENING.date()}
    for row in frame.iter_rows(named=True):
        assert not any(isinstance(value, float) and math.isnan(value) for value in row.values())


def test_pivots_come_from_the_last_day_that_is_over() -> None:
    runner = made(EVENING)
    row = dict(runner.run_once(("NIFTY 50",))["NIFTY 50"].facts)
    day = made(EVENING).provider.indices_day(symbols=["NIFTY 50"]).collect().row(-1, named=True)
    pivot = (day["high"] + day["low"] + day["close"]) / 3
    assert row["pivot"] == pytest.approx(pivot)
    assert row["r3"] == pytest.approx(day["high"] + 2 * (pivot - day["low"]))
    assert row["change_pct"] == pytest.approx(100 * (day["close"] / day["previous_close"] - 1))


def test_rsi_and_correlation_equal_the_whole_history() -> None:
    """The second route: the panel over every row ever, and pandas-free arithmetic on closes."""
    runner = made(EVENING)
    row = runner.run_once(("NIFTY BANK",))["NIFTY BANK"].facts
    rows = runner.provider.indices_day().collect().sort("symbol", "date")
    whole = indicators.panel(rows, ["rsi", "sma_50"]).filter(symbol="NIFTY BANK")
    assert row["rsi"] == pytest.approx(whole["rsi"][-1], abs=1e-6)
    assert row["sma_50"] == pytest.approx(whole["sma_50"][-1])
    changes = {
        name: rows.filter(symbol=name)["close"].log().diff().tail(60)
        for name in ("NIFTY BANK", "NIFTY 50")
    }
    expected = pl.DataFrame(changes).select(pl.corr("NIFTY BANK", "NIFTY 50")).item()
    assert row["correlation_nifty50"] == pytest.approx(expected)


def test_names_in_any_spelling_and_nifty_50_only_when_asked() -> None:
    runner = made(EVENING, symbols=("BANKNIFTY", "India VIX"))
    assert set(runner.run_once()) == {"NIFTY BANK", "INDIA VIX"}


def test_nothing_of_a_day_under_way_is_looked_at() -> None:
    morning, evening_before = NOON, datetime(2026, 8, 13, 20, 0, tzinfo=IST)
    now = {n: dict(s.facts) for n, s in made(morning, kind=Silent).run_once().items()}
    before = {n: dict(s.facts) for n, s in made(evening_before).run_once().items()}
    assert now == before
    assert {facts["date"] for facts in now.values()} == {date(2026, 8, 13)}


def test_a_snapshot_is_of_the_moment_its_value_is_known() -> None:
    snapshot = made(NOON, kind=Silent).run_once()["NIFTY 50"]
    assert snapshot.as_of == calendar.known_from(calendar.Segment.EQUITY, date(2026, 8, 13))
    assert snapshot.instrument.asset_type is AssetType.INDEX
    assert snapshot.instrument.key == "NSE:NIFTY 50"
    assert snapshot.simulated
    assert snapshot.quote is not None
    assert snapshot.quote.last_price == snapshot.facts["close"]
    assert snapshot.quote.time == snapshot.as_of


def test_quotes_give_the_day_under_way_its_value_and_nothing_else() -> None:
    plain, live = made(NOON, kind=Silent), made(NOON, kind=Quoting)
    before, now = plain.run_once(), live.run_once()
    row, old = now["NIFTY 50"].facts, before["NIFTY 50"].facts
    assert row["close"] == pytest.approx(old["close"] * 1.01)
    assert row["change_pct"] == pytest.approx(1.0)
    assert row["previous_close"] == old["close"]
    assert row["high"] is None  # the quote does not say; yesterday's is no high of today
    assert row["low"] == old["close"]
    for name in ("pivot", "r1", "s3", "rsi", "sma_50", "high_52w", "correlation_nifty50", "date"):
        assert row[name] == old[name], name
    assert all(level <= row["close"] for level in row["support"])
    assert all(level >= row["close"] for level in row["resistance"])
    assert now["NIFTY 50"].as_of == NOON
    assert now["NIFTY 50"].quote == Quote(
        key="NSE:NIFTY 50", time=NOON, last_price=row["close"], open=row["open"], high=None,
        low=row["low"], previous_close=row["previous_close"],
    )  # fmt: skip
    # what nobody quotes keeps its last day, and says so
    assert now["INDIA VIX"].facts == before["INDIA VIX"].facts
    assert now["INDIA VIX"].as_of < NOON


def test_a_quote_of_the_last_day_adds_nothing_to_it() -> None:
    runner = made(NOON, kind=Quoting)
    runner.provider.at = datetime.combine(date(2026, 8, 13), time(15, 29), IST)
    without = made(NOON, kind=Silent).run_once()
    assert runner.run_once()["NIFTY 50"].facts == without["NIFTY 50"].facts


def test_quotes_are_not_asked_for_when_the_day_is_over() -> None:
    runner = made(EVENING, kind=Quoting)
    runner.run_once()
    assert runner.provider.asked == ()


def test_whoever_asks_for_quotes_himself_leaves_the_day_under_way_out() -> None:
    provider = Quoting(ManualClock(NOON), seed=42, universe=60, as_of=NOON)
    runner = IndexRunner(provider, clock=ManualClock(NOON), live=False)
    assert runner.run_once()["NIFTY 50"].facts["date"] == date(2026, 8, 13)
    assert provider.asked == ()


def test_the_summary_leaves_the_vix_out_of_the_sentiment() -> None:
    runner = made(EVENING)
    assert runner.summary() == {}
    facts = {name: s.facts for name, s in runner.run_once().items()}
    summary = runner.summary()
    moves = [row["change"] for name, row in facts.items() if name != "INDIA VIX"]
    assert summary["advances"] == sum(move > 0 for move in moves)
    assert summary["declines"] == sum(move < 0 for move in moves)
    assert -100 <= summary["sentiment"] <= 100
    assert summary["vix"] == facts["INDIA VIX"]["close"]
    table = summary["correlation"]
    assert set(table) == set(facts)
    assert table["NIFTY BANK"]["NIFTY IT"] == table["NIFTY IT"]["NIFTY BANK"]
    assert table["NIFTY BANK"]["NIFTY 50"] == facts["NIFTY BANK"]["correlation_nifty50"]


class Few:
    """A provider of a handful of rows typed in."""

    name, simulated = "few", False
    capabilities = frozenset({Capability.INDICES_DAY})

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self.rows = pl.DataFrame(rows, schema=INDICES_DAY)

    def as_of(self) -> datetime:
        return EVENING

    def indices_day(self, *, symbols=None, start=None, end=None) -> pl.LazyFrame:
        rows = self.rows if symbols is None else self.rows.filter(pl.col("symbol").is_in(symbols))
        first, last = start or date.min, end or date.max
        return rows.lazy().filter(pl.col("date").is_between(first, last))


def test_short_history_and_missing_values_are_null() -> None:
    days = [EVENING.date() - timedelta(days=n) for n in (1, 0)]
    rows = [{"date": day, "exchange": "BSE", "symbol": "SENSEX", "close": 80_000.0 + n}
            for n, day in enumerate(days)]  # fmt: skip
    runner = IndexRunner(Few(rows), clock=ManualClock(EVENING))
    (snapshot,) = runner.run_once().values()
    row = dict(snapshot.facts)
    assert snapshot.instrument.key == "BSE:SENSEX"
    assert row.pop("index") == "SENSEX"
    assert row.pop("date") == EVENING.date()
    assert row.pop("close") == 80_001.0
    assert set(row.values()) == {None}
    assert runner.summary()["sentiment"] is None


def test_no_rows_at_all_are_no_snapshots() -> None:
    runner = IndexRunner(Few([]), clock=ManualClock(EVENING), symbols=("NIFTY 50",))
    assert runner.run_once() == {}
    assert runner.get_status().errors == 1
    assert runner.summary()["sentiment"] is None
