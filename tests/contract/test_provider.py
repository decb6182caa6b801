"""What every provider keeps: the cards PV-01 to PV-08, for each registered name.

Nothing here knows a provider by heart. One is built as the program builds it, with a small lake
below its data directory, and every card is chosen by its `capabilities`. To try your own, register
it by an entry point, or name its file in ALPHASTOCK_TEST_PLUGINS (several: separated as in PATH).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import (
    CANDLES,
    CHAIN,
    EQUITIES_DAY,
    INDICES_DAY,
    INSTRUMENTS,
)
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import AlphaStockError, NotOffered
from alphastock_cli.exchange import calendar
from tests.contract.provider_world import (
    EQUITY,
    MIDDAY,
    NOW,
    Build,
    all_candles,
    keeps_order,
    listed,
    needs,
    share_of,
)

# -- what it says of itself ----------------------------------------------------------------------


def test_it_names_itself_and_what_it_can(provider: MarketData, request: Any) -> None:
    assert provider.name == request.node.callspec.params["build"]
    assert isinstance(provider.simulated, bool)
    assert provider.capabilities
    assert provider.capabilities <= set(Capability)


def test_its_moment_is_aware_and_not_in_the_future(build: Build) -> None:
    for moment in (NOW, MIDDAY):
        made = build(moment)
        if made.capabilities <= {Capability.EOD_FILES}:
            with pytest.raises(NotOffered):
                made.as_of()
        else:
            assert made.as_of().tzinfo is not None
            assert made.as_of() <= moment


# -- the cards -----------------------------------------------------------------------------------


def test_pv_01_lists_unique_keys_with_positive_lot_and_tick(provider: MarketData) -> None:
    needs(provider, Capability.INSTRUMENTS)
    frame = provider.instruments(Exchange.NSE)
    assert frame.schema == INSTRUMENTS
    assert frame.height > 0
    assert frame.select("exchange", "tradingsymbol").is_unique().all()
    assert frame["exchange"].unique().to_list() == ["NSE"]
    assert (frame["tradingsymbol"].str.len_chars() > 0).all()
    assert frame["lot_size"].null_count() == 0
    assert (frame["lot_size"] > 0).all()
    assert (frame["tick_size"].drop_nulls() > 0).all()  # null: the source does not know it


def test_pv_02_candles_are_in_schema_ascending_unique_aware(provider: MarketData) -> None:
    needs(provider, Capability.CANDLES)
    found = all_candles(provider, NOW - timedelta(days=9), NOW)
    assert any(frame.height for frame in found.values())
    for (key, _), frame in found.items():
        assert frame.schema == CANDLES
        assert frame["time"].is_sorted()
        assert frame["time"].is_unique().all()
        rows = {f"{exchange}:{symbol}" for exchange, symbol in frame["exchange", "symbol"].rows()}
        assert rows <= {key}


def test_pv_03_prices_stand_in_order_and_volume_is_not_negative(provider: MarketData) -> None:
    asked = False
    if Capability.CANDLES in provider.capabilities:
        asked = True
        for frame in all_candles(provider, NOW - timedelta(days=9), NOW).values():
            keeps_order(frame)
    for capability, rows in (
        (Capability.EQUITIES_DAY, provider.equities_day),
        (Capability.INDICES_DAY, provider.indices_day),
    ):
        if capability in provider.capabilities:
            asked = True
            keeps_order(rows().collect())
    if not asked:
        pytest.skip(f"{provider.name} offers no prices")


def test_pv_04_candles_stay_inside_start_end_and_sessions(provider: MarketData) -> None:
    needs(provider, Capability.CANDLES)
    whole = all_candles(provider, NOW - timedelta(days=9), NOW)
    for key, frame in whole.items():
        if frame.height < 3:
            continue
        times = frame["time"].to_list()
        start, end = times[1], times[-1]
        cut = provider.candles(share_of(key[0]), key[1], start, end)
        assert cut.equals(frame.filter((pl.col("time") >= start) & (pl.col("time") < end))), key
        for time in times:
            session = calendar.session(EQUITY, time.date())
            assert session is not None, (key, time)
            if key[1] is not Interval.DAY:
                assert any(p.opens <= time < p.closes for p in session.trading_phases), (key, time)


def test_pv_04_days_stay_inside_start_end_and_filters(provider: MarketData) -> None:
    needs(provider, Capability.EQUITIES_DAY)
    whole = provider.equities_day().collect()
    assert whole.schema == EQUITIES_DAY
    assert whole.height > 0
    assert whole.equals(whole.sort("symbol", "date"))
    assert whole.select("symbol", "series", "date").is_unique().all()
    assert set(whole["exchange"]) == {"NSE"}
    assert all(calendar.is_session(EQUITY, day) for day in whole["date"].unique())
    days = whole["date"].unique().sort()
    start, end, symbol = days[-4], days[-2], whole["symbol"][-1]
    inside = pl.col("date").is_between(start, end) & (pl.col("symbol") == symbol)
    columns = ["close", "date"]
    cut = provider.equities_day(symbols=[symbol], start=start, end=end, columns=columns).collect()
    assert cut.equals(whole.filter(inside).select(columns))
    assert cut.height > 0
    assert provider.equities_day(symbols=[]).collect().is_empty()
    assert provider.equities_day(series=["no such series"]).collect().is_empty()
    mixed = provider.equities_day(in_order=False).collect()
    assert mixed.sort("symbol", "date").equals(whole)
    assert mixed.select(pl.col("date").is_sorted().over("symbol")).to_series().all()


def test_pv_04_indices_stay_inside_start_end(provider: MarketData) -> None:
    needs(provider, Capability.INDICES_DAY)
    whole = provider.indices_day().collect()
    assert whole.schema == INDICES_DAY
    assert whole.height > 0
    assert whole.equals(whole.sort("symbol", "date"))
    days = whole["date"].unique().sort()
    cut = provider.indices_day(symbols=["Nifty 50"], start=days[-3], end=days[-2]).collect()
    assert cut.equals(
        whole.filter(
            (pl.col("symbol") == "NIFTY 50") & pl.col("date").is_between(days[-3], days[-2])
        )
    )
    assert cut.height == 2
    assert provider.indices_day(symbols=[]).collect().is_empty()


def test_pv_05_unknown_quotes_are_left_out(provider: MarketData) -> None:
    needs(provider, Capability.QUOTES)
    known = [instrument.key for instrument in listed(provider)]
    quotes = provider.quotes([*known, "NSE:NOSUCH999", "NOWHERE:X", "plain", ""])
    assert set(quotes) == set(known)
    for key, quote in quotes.items():
        assert isinstance(quote, Quote)
        assert quote.key == key
        assert quote.time <= provider.as_of()
        prices = (quote.last_price, quote.open, quote.high, quote.low, quote.bid, quote.ask)
        assert all(price is None or price > 0 for price in prices)
    assert provider.quotes([]) == {}


def chained(provider: MarketData) -> tuple[str, list[date]]:
    """Return an underlying it has chains of and their expiries, or skip where none is stored."""
    for underlying in ("NIFTY", "BANKNIFTY", "SBIN", "INFY"):
        with contextlib.suppress(AlphaStockError):
            if expiries := provider.expiries(underlying):
                return underlying, list(expiries)
    pytest.skip(f"{provider.name} has no chain here")


def test_pv_06_pairs_ce_and_pe(provider: MarketData) -> None:
    needs(provider, Capability.CHAIN)
    underlying, expiries = chained(provider)
    assert expiries == sorted(set(expiries))
    for expiry in expiries:
        frame = provider.option_chain(underlying, expiry)
        assert frame.schema == CHAIN
        assert frame.height > 0
        assert frame["expiry"].unique().to_list() == [expiry]
        assert frame["underlying"].unique().to_list() == [underlying]
        assert frame["tradingsymbol"].is_unique().all()
        pairs = frame.group_by("strike", maintain_order=True).agg("option_type")
        assert pairs["strike"].to_list() == sorted(set(frame["strike"]))
        assert all(kinds == ["CE", "PE"] for kinds in pairs["option_type"].to_list())
        sides = frame.drop_nulls(["bid", "ask"])
        assert (sides["bid"] < sides["ask"]).all()
        for column in ("last_price", "bid", "ask", "lot_size"):
            assert (frame[column].drop_nulls() > 0).all(), column
        for column in ("volume", "open_interest"):
            assert (frame[column].drop_nulls() >= 0).all(), column


def test_pv_06_contracts_of_a_chain_are_listed_and_quoted(provider: MarketData) -> None:
    needs(provider, Capability.CHAIN)
    underlying, expiries = chained(provider)
    rows = provider.option_chain(underlying, expiries[0])
    if Capability.INSTRUMENTS in provider.capabilities:
        listing = provider.instruments(Exchange.NFO)
        assert listing.schema == INSTRUMENTS
        same = ["tradingsymbol", "strike", "option_type", "expiry", "underlying"]
        told = rows.join(listing, on=same, how="inner")
        assert listing.is_empty() or told.height == rows.height
    if Capability.QUOTES in provider.capabilities:
        keys = [f"NFO:{name}" for name in rows["tradingsymbol"].head(6)]
        for key, quote in provider.quotes(keys).items():
            row = rows.row(keys.index(key), named=True)
            assert (quote.last_price, quote.bid, quote.ask) == (
                row["last_price"], row["bid"], row["ask"],
            )  # fmt: skip


def test_pv_06_a_chain_of_the_morning_is_the_same_later(build: Build) -> None:
    earlier, again = build(MIDDAY), build(MIDDAY)
    needs(earlier, Capability.CHAIN)
    underlying, expiries = chained(earlier)
    assert list(again.expiries(underlying)) == expiries
    first, second = (made.option_chain(underlying, expiries[0]) for made in (earlier, again))
    assert first.equals(second)
    assert first.filter(pl.col("last_trade_time") > MIDDAY).is_empty()


def test_pv_07_raises_not_offered_without_the_capability(provider: MarketData) -> None:
    share = share_of("NSE:SBIN")
    calls: dict[Capability, Callable[[], object]] = {
        Capability.INSTRUMENTS: lambda: provider.instruments(Exchange.NSE),
        Capability.QUOTES: lambda: provider.quotes(["NSE:SBIN"]),
        Capability.CANDLES: lambda: provider.candles(
            share, Interval.DAY, NOW - timedelta(days=9), NOW
        ),
        Capability.EQUITIES_DAY: provider.equities_day,
        Capability.INDICES_DAY: provider.indices_day,
    }
    if hasattr(provider, "option_chain"):  # providers of before the chain do not have it
        calls[Capability.CHAIN] = lambda: provider.option_chain("NIFTY", NOW.date())
    missing = set(calls) - provider.capabilities
    if not missing:
        pytest.skip(f"{provider.name} offers all of it")
    for capability in missing:
        with pytest.raises(NotOffered) as caught:
            calls[capability]()
        assert caught.value.hint, f"{capability}: which provider has it?"
