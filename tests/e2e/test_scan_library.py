"""Columns made only when asked for, over days and over candles, from the sim and from a lake."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.analytics import indicators
from alphastock_cli.domain.frames import CANDLES, EQUITIES_DAY, INDICES_DAY, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.runners._equity_columns import COLUMNS
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.e2e.conftest import Cli

AS_OF = "2026-11-20T18:00:00+05:30"
MOMENT = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
ASKED = "supertrend_direction = 1 and adx > 25 and relative_strength > 0"
SIM = ("scan", "equities", "--provider", "sim", "--as-of", AS_OF)
NIFTY = "NIFTY 50"


@pytest.fixture(scope="module")
def market() -> SimExchange:
    return SimExchange(ManualClock(MOMENT), seed=42, as_of=MOMENT)


def rows(done: object) -> dict[str, dict[str, float | None]]:
    return {row["symbol"]: row for row in done["data"]}  # type: ignore[index]


def test_a_condition_on_the_library(cli: Cli, market: SimExchange) -> None:
    """Each clause is checked against expressions over the provider's own rows."""
    done = cli(*SIM, "--where", ASKED, "--raw", "--exact", "--json")
    assert done.code == 0, done.err
    found = rows(done.json)
    days = market.equities_day(series=["EQ", "BE"]).collect()
    index = market.indices_day(symbols=[NIFTY]).collect()
    days = days.join(index.select("date", index_close="close"), on="date", how="left")
    names = ["supertrend_direction", "adx", "relative_strength"]
    made = indicators.panel(days, names).group_by("symbol").last()
    last = made.filter(pl.col("date") == made["date"].max())
    meant = last.filter(
        (pl.col("supertrend_direction") == 1)
        & (pl.col("adx") > 25)
        & (pl.col("relative_strength") > 0)
    )
    assert 0 < meant.height < last.height
    assert set(found) == set(meant["symbol"])
    for row in meant.iter_rows(named=True):
        ours = found[row["symbol"]]
        assert ours["supertrend_direction"] == 1
        assert [ours[name] for name in names] == pytest.approx([row[name] for name in names])


def test_relative_strength_by_hand(cli: Cli, market: SimExchange) -> None:
    done = cli(*SIM, "--raw", "--columns", "symbol,relative_strength", "--json")
    closes = market.equities_day(symbols=["SBIN"]).collect().sort("date").tail(61)
    index = market.indices_day(symbols=[NIFTY]).collect().sort("date").tail(61)
    assert closes["date"].equals(index["date"])
    mine, its = (math.log(x["close"][-1] / x["close"][0]) for x in (closes, index))
    assert rows(done.json)["SBIN"]["relative_strength"] == pytest.approx(100 * (mine - its))


def test_who_asks_for_nothing_gets_nothing_new(cli: Cli) -> None:
    done = cli(*SIM, "--symbols", "SBIN,INFY", "--json")
    assert [tuple(row) for row in done.json["data"]] == [COLUMNS, COLUMNS]


def test_a_column_asked_for_stands_beside_the_others(cli: Cli) -> None:
    done = cli(*SIM, "--symbols", "SBIN", "--where", "cci < 1000", "--sort", "macd", "--json")
    (row,) = done.json["data"]
    assert tuple(row) == (*COLUMNS[:-1], "macd", "cci", "date")


def test_obv_speaks_of_the_whole_history_whatever_else_is_asked(
    cli: Cli, market: SimExchange
) -> None:
    alone = cli(*SIM, "--raw", "--columns", "symbol,obv", "--json")
    beside = cli(*SIM, "--raw", "--columns", "symbol,obv,sma_200,macd", "--exact", "--json")
    days = market.equities_day(symbols=["SBIN"]).collect().sort("date")
    total, last = 0, None
    for close, volume in days.select("close", "volume").iter_rows():
        total += volume * (1 if last is None else (close > last) - (close < last))
        last = close
    assert rows(alone.json)["SBIN"]["obv"] == rows(beside.json)["SBIN"]["obv"] == total


def test_a_day_has_no_session_vwap(cli: Cli) -> None:
    done = cli(*SIM, "--symbols", "SBIN", "--columns", "symbol,vwap,vwap_20", "--json")
    (row,) = done.json["data"]
    assert row["vwap"] is None
    assert row["vwap_20"] is not None
    (text,) = done.json["warnings"]
    assert "`vwap` is not known" in text
    assert "vwap_20" in text


def test_a_name_nearly_right_is_guessed(cli: Cli) -> None:
    done = cli(*SIM, "--where", "supertrend_dir = 1")
    assert done.code == 2
    assert "supertrend_direction" in done.err


# -- candles ---------------------------------------------------------------------------------

NAMES = ("adx", "rsi", "macd", "supertrend", "vwap", "vwap_20", "stochastic_k", "ha_open")
CANDLES_OF = (*SIM, "--interval", "15minute", "--symbols", "RELIANCE,INFY")


def test_candles_have_the_same_columns(cli: Cli, market: SimExchange) -> None:
    done = cli(*CANDLES_OF, "--columns", ",".join(("symbol", "time", "close", *NAMES)), "--json")
    assert done.code == 0, done.err
    assert set(rows(done.json)) == {"RELIANCE", "INFY"}
    assert done.json["warnings"] == []
    for symbol, row in rows(done.json).items():
        share = Instrument(exchange=Exchange.NSE, tradingsymbol=symbol, asset_type=AssetType.EQUITY)
        start = datetime(2026, 9, 1, tzinfo=IST)
        frame = market.candles(share, Interval.MINUTE_15, start, MOMENT).rename({"time": "date"})
        frame = frame.with_columns(session=pl.col("date").dt.date())
        last = indicators.panel(frame, list(NAMES)).row(-1, named=True)
        assert row["time"] == last["date"].isoformat()
        assert [row[n] for n in NAMES] == pytest.approx([last[n] for n in NAMES], rel=1e-6)
        today = frame.filter(pl.col("session") == MOMENT.date())
        bars = today.select("high", "low", "close", "volume").rows()
        flow = sum((high + low + close) / 3 * traded for high, low, close, traded in bars)
        assert row["vwap"] == pytest.approx(flow / sum(traded for *_, traded in bars))


def test_only_final_candles_count(cli: Cli) -> None:
    inside = ("--as-of", "2026-11-20T11:07:00+05:30")
    done = cli("scan", "equities", "--provider", "sim", *inside, *CANDLES_OF[6:], "--json")
    assert done.code == 0, done.err
    assert {row["time"] for row in done.json["data"]} == {"2026-11-20T10:45:00+05:30"}


def test_what_only_days_have_is_null_and_said(cli: Cli) -> None:
    done = cli(*CANDLES_OF, "--columns", "symbol,change_pct,high_52w,obv,rsi", "--json")
    for row in done.json["data"]:
        assert (row["change_pct"], row["high_52w"], row["obv"]) == (None, None, None)
        assert row["rsi"] is not None
    assert [text.split("`")[1] for text in done.json["warnings"]] == [
        "change_pct", "high_52w", "obv",
    ]  # fmt: skip
    assert "advances" not in done.json["summary"], "candles say nothing of a day's breadth"
    assert done.json["summary"]["interval"] == "15minute"


def test_pivots_over_candles_are_those_of_the_last_final_day(cli: Cli, market: SimExchange) -> None:
    inside = ("--as-of", "2026-11-20T11:07:00+05:30")
    columns = ("--columns", "symbol,pivot,r1", "--raw", "--json")
    done = cli("scan", "equities", "--provider", "sim", *inside, *CANDLES_OF[6:], *columns)
    days = market.equities_day(symbols=["INFY"]).collect().sort("date")
    assert days["date"][-1] == MOMENT.date()
    high, low, close = days.select("high", "low", "close").row(-2)
    row = rows(done.json)["INFY"]
    assert row["pivot"] == pytest.approx((high + low + close) / 3)
    assert row["r1"] == pytest.approx(2 * (high + low + close) / 3 - low)


def test_the_table_of_candles_has_no_breadth(cli: Cli) -> None:
    done = cli(*CANDLES_OF, "--where", "adx >= 0")
    assert done.code == 0, done.err
    assert "INFY" in done.out
    assert "advances" not in done.out


def test_candles_of_a_whole_exchange_are_refused(cli: Cli) -> None:
    done = cli(*SIM, "--interval", "15minute")
    assert done.code == 2
    assert "--symbols" in done.err


def test_an_interval_nobody_has(cli: Cli) -> None:
    done = cli(*SIM, "--interval", "15min", "--symbols", "INFY")
    assert done.code == 2
    assert "15minute" in done.err


def test_an_unknown_share_is_told_and_the_others_stay(cli: Cli) -> None:
    some = cli(*SIM, "--interval", "15minute", "--symbols", "INFY,NOPE", "--json")
    assert set(rows(some.json)) == {"INFY"}
    assert "NOPE" in some.json["warnings"][0]
    none = cli(*SIM, "--interval", "15minute", "--symbols", "NOPE")
    assert none.code == 2
    assert "NOPE" in none.err


# -- a lake ------------------------------------------------------------------------------------


def filled(folder: Path, market: SimExchange, *, index: bool = True) -> None:
    """Store the simulated market as though its files had been loaded."""
    lake = Lake(folder / "lake")
    start = calendar.sessions(calendar.Segment.EQUITY, date(2026, 1, 1), MOMENT.date())
    days = market.equities_day(symbols=["SBIN", "INFY"], start=start[0]).collect()
    lake.upsert("equities_day", conform(days, EQUITIES_DAY, what="test"))
    if index:
        of = market.indices_day(symbols=[NIFTY], start=start[0]).collect()
        lake.upsert("indices_day", conform(of, INDICES_DAY, what="test"))
    share = Instrument(exchange=Exchange.NSE, tradingsymbol="INFY", asset_type=AssetType.EQUITY)
    begin = datetime(2026, 11, 10, tzinfo=IST)
    minutes = market.candles(share, Interval.MINUTE, begin, MOMENT)
    lake.upsert("candles_minute", conform(minutes, CANDLES, what="test"))


LAKE = ("scan", "equities", "--provider", "lake", "--as-of", AS_OF)
DAYS = ("symbol", "supertrend_direction", "adx", "relative_strength", "macd", "keltner_upper")


def test_a_lake_says_what_the_market_it_holds_says(
    cli: Cli, tmp_path: Path, market: SimExchange
) -> None:
    filled(tmp_path / "data", market)
    asked = ("--symbols", "SBIN,INFY", "--columns", ",".join(DAYS), "--raw", "--json")
    stored, made = cli(*LAKE, *asked), cli(*SIM, *asked)
    assert stored.code == 0, stored.err
    for symbol, row in rows(made.json).items():
        ours = rows(stored.json)[symbol]
        assert [ours[n] for n in DAYS[1:]] == pytest.approx([row[n] for n in DAYS[1:]], rel=1e-5)
    met = cli(*LAKE, "--where", ASKED.replace("25", "0"), "--json")
    assert met.code == 0, met.err


def test_a_lake_without_the_index_says_so(cli: Cli, tmp_path: Path, market: SimExchange) -> None:
    filled(tmp_path / "data", market, index=False)
    done = cli(*LAKE, "--columns", "symbol,relative_strength,beta_250,adx", "--json")
    assert done.code == 0, done.err
    for row in done.json["data"]:
        assert (row["relative_strength"], row["beta_250"]) == (None, None)
        assert row["adx"] is not None
    assert sum(NIFTY in text for text in done.json["warnings"]) == 2


def test_candles_of_a_lake(cli: Cli, tmp_path: Path, market: SimExchange) -> None:
    filled(tmp_path / "data", market)
    asked = ("--interval", "15minute", "--symbols", "INFY")
    columns = ("--columns", "symbol,time,close,rsi,vwap,relative_strength", "--json")
    stored, made = cli(*LAKE, *asked, *columns), cli(*SIM, *asked, *columns)
    assert stored.code == 0, stored.err
    (ours,), (theirs,) = stored.json["data"], made.json["data"]
    for name in ("time", "close", "vwap"):
        assert ours[name] == theirs[name]
    assert ours["relative_strength"] is None
    assert any("relative_strength" in text for text in stored.json["warnings"])


def test_shares_whose_candles_are_too_old_are_told(
    cli: Cli, tmp_path: Path, market: SimExchange
) -> None:
    filled(tmp_path / "data", market)
    lake = Lake(tmp_path / "data" / "lake")
    held = lake.scan("candles_minute").collect()
    old = held.head(5).with_columns(
        pl.col("time").dt.offset_by("-600d"), pl.lit("SBIN").alias("symbol")
    )
    lake.upsert("candles_minute", conform(old.select(held.columns), CANDLES, what="test"))
    words = (*LAKE, "--interval", "15minute", "--json", "--symbols")
    both = cli(*words, "INFY,SBIN")
    assert both.code == 0, both.err
    assert set(rows(both.json)) == {"INFY"}
    assert any(text.startswith("SBIN: no 15minute candle") for text in both.json["warnings"])
    alone = cli(*words, "SBIN")
    assert alone.code == 5
    assert "SBIN: no 15minute candle in the look-back" in alone.err
    assert "unknown symbol" not in alone.err


def test_a_gap_of_the_index_is_no_short_history(
    cli: Cli, tmp_path: Path, market: SimExchange
) -> None:
    filled(tmp_path / "data", market, index=False)
    lake = Lake(tmp_path / "data" / "lake")
    index = market.indices_day(symbols=[NIFTY]).collect()
    until = index.filter(pl.col("date") < MOMENT.date())
    lake.upsert("indices_day", conform(until, INDICES_DAY, what="test"))
    done = cli(*LAKE, "--where", "relative_strength > 0", "--json")
    assert done.json["data"] == []
    (told,) = [text for text in done.json["warnings"] if "relative_strength" in text]
    assert "(NIFTY 50 has no row of 2026-11-20)" in told
