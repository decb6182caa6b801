"""`fetch candles --interval day` from Kite against the sandbox: contracts and joined ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import NotOffered, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim.exchange import SimExchange
from tests.e2e.conftest import Cli
from tests.e2e.kite_days_world import contract, days, kite, log_in, stored, wiring
from tests.sandbox_server import IST, Running, sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process", "wiring"]  # fixtures

FUTURE, NEXT = "NIFTY26AUGFUT", "NIFTY26SEPFUT"
EVENING = datetime(2026, 8, 14, 18, 0, tzinfo=IST)


# -- contracts -----------------------------------------------------------------------------------


def test_days_of_a_contract_are_those_of_its_quotes(wiring: Wiring, sandbox: Running) -> None:
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE, oi=True))
    rows = stored(wiring, FUTURE)
    assert done.summary["calls"] == 1
    assert rows["date"][-1] == date(2026, 8, 13), "the day under way is not final"
    sessions = calendar.sessions(calendar.segment_of(Exchange.NFO), rows["date"][0],
                                 rows["date"][-1])  # fmt: skip
    assert rows["date"].to_list() == list(sessions)
    assert set(rows["kind"]) == {"future"}
    assert rows["adjusted_as_of"].null_count() == rows.height
    # a second route: what the exchange quoted that evening
    for day in (date(2026, 7, 15), date(2026, 8, 13)):
        evening = datetime.combine(day, datetime.min.time(), IST) + timedelta(hours=18)
        market = sandbox.state.market
        assert isinstance(market, SimExchange)
        then = SimExchange(wiring.clock, seed=market.seed, universe=len(market.shares),
                           as_of=evening)  # fmt: skip
        quote = then.quotes([f"NFO:{FUTURE}"])[f"NFO:{FUTURE}"]
        row = rows.row(by_predicate=pl.col("date") == day, named=True)
        assert (row["open"], row["high"], row["low"], row["close"]) == (
            quote.open, quote.high, quote.low, quote.last_price
        )  # fmt: skip
        assert (row["volume"], row["open_interest"]) == (quote.volume, quote.open_interest)


def test_a_second_run_asks_nothing_and_changes_nothing(wiring: Wiring, sandbox: Running) -> None:
    requests = (contract(FUTURE, oi=True), days("SBIN", "NIFTY 50", since=date(2025, 1, 1)),
                contract("NIFTY", continuous=True, oi=True))  # fmt: skip
    for request in requests:
        fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    before = wiring.lake.scan("candles_day").collect()
    stamps = {path: path.stat().st_mtime_ns for path in wiring.lake.files("candles_day")}
    calls = sandbox.state.limiter.counts["historical"]
    for request in requests:
        plan = show_plan(kite(wiring), wiring.lake, request)
        assert plan.summary["calls"] == 0
        again = fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
        assert again.summary["calls"] == again.summary["changed"] == 0
        assert again.warnings[0].startswith("nothing to ask for")
    assert sandbox.state.limiter.counts["historical"] == calls
    assert wiring.lake.scan("candles_day").collect().equals(before)
    assert stamps == {path: path.stat().st_mtime_ns for path in wiring.lake.files("candles_day")}


def test_the_day_is_stored_once_it_is_over(wiring: Wiring, sandbox: Running) -> None:
    fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE, oi=True))
    sandbox.clock.set(datetime(2026, 8, 14, 15, 40, 10, tzinfo=IST))  # over, but not for 15 s
    log_in(wiring, sandbox)
    early = fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE, oi=True))
    assert early.summary["calls"] == 0
    sandbox.clock.set(EVENING)
    late = fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE, oi=True))
    assert (late.summary["calls"], late.summary["added"], late.summary["changed"]) == (1, 1, 0)
    assert stored(wiring, FUTURE)["date"][-1] == date(2026, 8, 14)


def test_open_interest_is_asked_for_later_and_then_stays(wiring: Wiring, sandbox: Running) -> None:
    fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE))
    assert stored(wiring, FUTURE)["open_interest"].null_count() == stored(wiring, FUTURE).height
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE, oi=True))
    assert (done.summary["calls"], done.summary["added"]) == (1, 0)
    assert stored(wiring, FUTURE)["open_interest"].null_count() == 0
    sandbox.clock.set(EVENING)
    log_in(wiring, sandbox)
    fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE))  # without the option
    assert stored(wiring, FUTURE)["open_interest"].null_count() == 0


# -- joined --------------------------------------------------------------------------------------


def test_joined_days_are_those_of_the_contract_that_ends_next(wiring: Wiring) -> None:
    request = contract("NIFTY", since=date(2026, 6, 15), continuous=True, oi=True)
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    rows = stored(wiring, "NIFTY CONTINUOUS")
    assert done.summary["calls"] == 1
    assert set(rows["kind"]) == {"continuous"}
    assert rows["date"][0] == date(2026, 6, 15)
    fetch_history(kite(wiring), wiring.lake, wiring.clock, contract(FUTURE, oi=True))
    near = stored(wiring, FUTURE)
    values = ["date", "open", "high", "low", "close", "volume", "open_interest"]
    expiry = date(2026, 7, 28)  # of the contract before, a Tuesday
    mine, others = rows.filter(pl.col("date") > expiry), near.filter(pl.col("date") > expiry)
    assert mine.height == 12
    assert mine.select(values).equals(others.select(values))
    both = rows.filter(pl.col("date") <= expiry).join(near, on="date", suffix="_near")
    assert both.height > 20
    assert (both["close"] != both["close_near"]).all(), "before, another contract"


def test_contracts_of_one_underlying_are_one_series(wiring: Wiring) -> None:
    request = contract(FUTURE, NEXT, "nifty", continuous=True)
    plan = show_plan(kite(wiring), wiring.lake, request)
    assert [row["symbol"] for row in plan.records()] == ["NIFTY CONTINUOUS"]
    other = show_plan(kite(wiring), wiring.lake, contract(NEXT, continuous=True))
    assert f"asked for with {FUTURE}, the nearest future" in other.warnings[0]


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (contract("NIFTY26AUG24000CE", continuous=True), UnknownName, "future"),
        (contract("NIFTIES", continuous=True), UnknownName, "future"),
        (days("SBIN", since=date(2026, 8, 1), continuous=True), NotOffered, "NFO and MCX"),
        (HistoryRequest(symbols=("NIFTY",), interval="minute", first=date(2026, 8, 1),
                        exchange="NFO", continuous=True), UsageError, "days only"),
    ],
)  # fmt: skip
def test_what_kite_does_not_join_is_refused(
    wiring: Wiring, sandbox: Running, words: HistoryRequest, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        fetch_history(kite(wiring), wiring.lake, wiring.clock, words)
    assert sandbox.state.limiter.counts["historical"] == 0


def test_an_option_is_not_joined(wiring: Wiring, sandbox: Running) -> None:
    listing = sandbox.state.listing.by_key.values()
    option = next(each for each in listing if each.kind == "CE").instrument.tradingsymbol
    with pytest.raises(NotOffered, match="is an option"):
        show_plan(kite(wiring), wiring.lake, contract(option, continuous=True))


# -- odd answers --


def test_a_wrong_contract_is_one_of_the_same_kind_on_another_underlying(
    wiring: Wiring, sandbox: Running
) -> None:
    request = contract("NIFTY", continuous=True)
    right = show_plan(kite(wiring), wiring.lake, request).summary["calls"]
    sandbox.fault("candle-wrong")
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    assert sandbox.played("candle-wrong") == done.summary["calls"] == right
    wrong = stored(wiring, "NIFTY CONTINUOUS")
    sandbox.fault("")
    fetch_history(kite(wiring), wiring.lake, wiring.clock, replace(request, refetch=True))
    assert stored(wiring, "NIFTY CONTINUOUS")["close"].to_list() != wrong["close"].to_list()


@pytest.mark.parametrize(
    "fault", ["duplicate", "shuffle", "overlap", "high-low", "volume", "x100", "future"]
)
def test_odd_answers_store_no_wrong_day(wiring: Wiring, sandbox: Running, fault: str) -> None:
    request = contract(FUTURE, oi=True)
    sandbox.fault(f"candle-{fault}")
    fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    assert sandbox.played(f"candle-{fault}") > 0
    found = stored(wiring, FUTURE)
    sandbox.fault("")
    row = kite(wiring).listed(Exchange.NFO, FUTURE)
    span = (date(2026, 6, 1), date(2026, 8, 13))
    truth = kite(wiring).part(row, Interval.DAY, span, oi=True)
    values = ["open", "high", "low", "close", "volume", "open_interest"]
    right = truth.select(pl.col("time").dt.date().alias("date"), *values)
    assert found.height > 0.8 * right.height
    assert found.select("date", *values).join(right, on=["date", *values], how="anti").is_empty()
    assert not found["date"].is_duplicated().any()


# -- the exchange's answers -----------------------------------------------------------------------


def test_the_sdk_gets_joined_days_in_the_documented_shape(sandbox: Running) -> None:
    from kiteconnect import KiteConnect, exceptions

    sdk = KiteConnect(sandbox.api_key, access_token=sandbox.token(), root=sandbox.root)
    by_key = sandbox.state.listing.by_key
    near, far = by_key[f"NFO:{FUTURE}"].token, by_key[f"NFO:{NEXT}"].token
    span = "2026-07-20 00:00:00", "2026-08-14 23:59:59"
    rows = sdk.historical_data(near, *span, "day", continuous=True, oi=True)
    assert [list(row) for row in rows[:1]] == [
        ["date", "open", "high", "low", "close", "volume", "oi"]
    ]
    assert [type(value) for value in list(rows[0].values())[5:]] == [int, int]
    assert rows[-1]["date"].date() == date(2026, 8, 14), "the day under way comes last"
    assert rows[-1]["oi"] > 0
    assert sdk.historical_data(far, *span, "day", continuous=True, oi=True)[:-1] == rows[:-1]
    own = sdk.historical_data(near, *span, "day", oi=True)
    assert [row for row in own if row["date"].date() > date(2026, 7, 28)][:-1] == [
        row for row in rows if row["date"].date() > date(2026, 7, 28)
    ][:-1]
    assert "oi" not in sdk.historical_data(near, *span, "day")[0]
    for token, interval in ((near, "minute"), (by_key["NSE:SBIN"].token, "day")):
        with pytest.raises(exceptions.InputException, match="continuous"):
            sdk.historical_data(token, *span, interval, continuous=True)
    assert sdk.historical_data(near, *span, "minute") == []


# -- the command ----------------------------------------------------------------------------------


def test_the_option_is_told_in_the_help(cli: Cli) -> None:
    told = cli("fetch", "candles", "--help").out
    assert "--continuous" in told
    assert "expired ones as well" in " ".join(told.split())


def test_a_file_is_joined_by_nobody(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("timestamp,open,high,low,close,volume\n")
    done = cli("fetch", "candles", "--from-file", str(path), "--symbol", "SBIN", "--interval",
               "minute", "--continuous")  # fmt: skip
    assert done.code == 2
    assert "--continuous and --from-file are two ways" in done.err
