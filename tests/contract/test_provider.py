"""What every provider keeps: the cards PV-01 to PV-08, for each registered name.

Nothing here knows a provider by heart. One is built as the program builds it, with a small lake
below its data directory, and every card is chosen by its `capabilities`. To try your own, register
it by an entry point, or name its file in ALPHASTOCK_TEST_PLUGINS (several: separated as in PATH).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import SimSettings
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    CANDLES,
    CHAIN,
    CHAINS,
    EQUITIES_DAY,
    INDICES_DAY,
    INSTRUMENTS,
    OPTIONS_DAY,
    SYMBOL_CHANGES,
    TIME,
    conform,
)
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import AlphaStockError, ConfigError, NotOffered
from alphastock_cli.exchange import calendar
from alphastock_cli.registry import PROVIDERS, load_plugin
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
MIDDAY = datetime(2026, 11, 20, 11, 7, 30, tzinfo=IST)
EQUITY = calendar.Segment.EQUITY

# strangers come in as files: the example of the documentation, and whatever is named
OUTSIDE = {path.stem: path for path in (ROOT / "examples/csv_folder.py",)}
OUTSIDE |= {
    Path(text).stem: Path(text)
    for text in os.environ.get("ALPHASTOCK_TEST_PLUGINS", "").split(os.pathsep)
    if text
}
NAMES = sorted({*PROVIDERS.names(), *OUTSIDE})


def small_lake(data_dir: Path) -> None:
    """Store two shares and an index for six weeks, as a load would."""
    days = calendar.sessions(EQUITY, NOW.date() - timedelta(days=42), NOW.date())
    rows = [
        {
            "date": day, "exchange": "NSE", "symbol": symbol, "series": "EQ", "open": p + n,
            "high": p + n + 3, "low": p + n - 2, "close": p + n + 1, "previous_close": p + n,
            "volume": 1000 + n, "turnover": 1000.0 * (p + n), "source": "test",
        }
        for symbol, p in (("SBIN", 800.0), ("INFY", 1500.0))
        for n, day in enumerate(days)
    ]  # fmt: skip
    lake = Lake(data_dir / "lake")
    lake.upsert("equities_day", conform(pl.DataFrame(rows), EQUITIES_DAY, what="test"))
    of_index = pl.DataFrame(rows[: len(days)]).select(
        "date", "exchange", "open", "high", "low", "close", "source", symbol=pl.lit("NIFTY 50")
    )
    lake.upsert("indices_day", conform(of_index, INDICES_DAY, what="test"))
    lake.upsert("options_day", conform(contracts(days), OPTIONS_DAY, what="test"))
    lake.upsert("candles_minute", conform(pl.concat(map(minutes, days[-2:])), CANDLES, what="test"))
    lake.upsert("chains", conform(pl.concat(map(snapshot, (11, 14))), CHAINS, what="test"))


def contracts(days: list[date]) -> pl.DataFrame:
    """Return a chain of NIFTY of three strikes and two expiries; the highest put is not listed."""
    return pl.DataFrame(
        [
            {
                "date": day, "exchange": "NFO", "symbol": "NIFTY", "expiry": expiry,
                "strike": strike, "option_type": kind, "close": 50.0 + n, "settlement": 51.0,
                "contracts": 10 * (n % 2), "open_interest": 650, "oi_change": 65 * n,
            }
            for n, day in enumerate(days)
            for expiry in (date(2026, 11, 24), date(2026, 12, 1))
            for strike in (23000.0, 24000.0, 25000.0)
            for kind in ("CE", "PE")
            if (strike, kind) != (25000.0, "PE")
        ]
    )  # fmt: skip


def snapshot(hour: int) -> pl.DataFrame:
    """Return the chain of the last day as a collector saw it at an hour."""
    rows = contracts([NOW.date()]).rename({"symbol": "underlying", "close": "last_price"})
    return rows.select(
        "exchange", "underlying", "expiry", "strike", "option_type", "open_interest",
        pl.col("last_price") + hour, time=pl.lit(NOW.replace(hour=hour)).cast(TIME),
        spot=pl.lit(24_000.0 + hour), bid=pl.col("last_price") - 1, ask=pl.col("last_price") + 1,
    )  # fmt: skip


def minutes(day: date) -> pl.DataFrame:
    """Return 375 minutes of both shares, each around its daily price."""
    starts = [datetime(day.year, day.month, day.day, 9, 15, tzinfo=IST) + timedelta(minutes=n)
              for n in range(375)]  # fmt: skip
    rows = [
        {
            "time": start, "exchange": "NSE", "symbol": symbol, "open": p + n % 7,
            "high": p + n % 7 + 2, "low": p + n % 7 - 1, "close": p + n % 7 + 1, "volume": n,
        }
        for symbol, p in (("SBIN", 800.0), ("INFY", 1500.0))
        for n, start in enumerate(starts)
    ]  # fmt: skip
    return pl.DataFrame(rows)


Build = Callable[[datetime], MarketData]


@pytest.fixture(params=NAMES)
def build(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Build]:
    """Return how to build one provider at a moment, as the program would."""
    name: str = request.param
    known = dict(PROVIDERS._classes)
    if name in OUTSIDE:
        monkeypatch.setenv("CSV_FOLDER", str(ROOT / "examples/prices"))
        load_plugin(OUTSIDE[name])
    small_lake(tmp_path)
    settings = Settings(data_dir=tmp_path, sim=SimSettings(universe=12))

    def made(moment: datetime) -> MarketData:
        if name == "replay":  # it takes a day as well, and its clock says how far it has come
            replay: MarketData = PROVIDERS.get(name)(
                Lake(tmp_path / "lake"), ManualClock(moment), NOW.date()
            )
            return replay
        wiring = Wiring(settings, as_of=moment, clock=ManualClock(NOW))
        try:
            return wiring.provider(name)
        except ConfigError as error:
            pytest.skip(f"{name} cannot be built here: {error.what}")

    yield made
    if name in OUTSIDE:  # leave the list of names as it was for other tests
        sys.modules.pop(f"alphastock_plugin_{name}", None)
        PROVIDERS._classes.clear()
        PROVIDERS._classes.update(known)


@pytest.fixture
def provider(build: Build) -> MarketData:
    return build(NOW)


def needs(provider: MarketData, capability: Capability) -> None:
    if capability not in provider.capabilities:
        pytest.skip(f"{provider.name} does not offer {capability}")


def listed(provider: MarketData) -> list[Instrument]:
    """Return up to three of its shares."""
    rows = provider.instruments(Exchange.NSE).head(3)
    return [share_of(f"NSE:{symbol}") for symbol in rows["tradingsymbol"]]


def share_of(key: str) -> Instrument:
    exchange, _, symbol = key.partition(":")
    return Instrument(
        exchange=Exchange(exchange), tradingsymbol=symbol, asset_type=AssetType.EQUITY
    )


def all_candles(
    provider: MarketData, start: datetime, end: datetime
) -> dict[tuple[str, Interval], pl.DataFrame]:
    """Return candles by share and interval, leaving out intervals that are not offered."""
    found = {}
    for instrument in listed(provider):
        for interval in Interval:
            try:
                frame = provider.candles(instrument, interval, start, end)
            except NotOffered:
                continue
            found[instrument.key, interval] = frame
    return found


def keeps_order(frame: pl.DataFrame) -> None:
    """Check low ≤ open, close ≤ high and volume ≥ 0 wherever they are known."""
    for lower, upper in (("low", "open"), ("low", "close"), ("open", "high"), ("close", "high")):
        assert frame.filter(pl.col(lower) > pl.col(upper)).is_empty(), (lower, upper)
    assert frame.filter(pl.col("volume") < 0).is_empty()
    assert frame.filter(pl.col("low") <= 0).is_empty()


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


FAR = [date(1990, 1, 1), date(2026, 11, 15), date(2199, 12, 31)]


def odd_questions(provider: MarketData) -> Iterator[Callable[[], object]]:
    """Yield questions nobody should ask, and a few that are only rare."""
    shares = [
        Instrument(exchange=exchange, tradingsymbol=name, asset_type=kind)
        for exchange in Exchange
        for name in ("SBIN", "NIFTY 50", "नमस्ते'; --")
        for kind in (AssetType.EQUITY, AssetType.INDEX, AssetType.OPTIONS)
    ]
    for share in shares:
        for interval in (Interval.DAY, Interval.MINUTE_15):
            yield lambda s=share, i=interval: provider.candles(s, i, NOW - timedelta(days=5), NOW)
    for exchange in Exchange:
        yield lambda e=exchange: provider.instruments(e)
        yield lambda e=exchange: provider.equities_day(exchange=e).collect()
        yield lambda e=exchange: provider.adjustments(e)
    for start in FAR:
        for end in FAR:
            yield lambda a=start, b=end: provider.equities_day(start=a, end=b).collect()
            yield lambda a=start, b=end: provider.indices_day(start=a, end=b).collect()
            yield lambda a=start, b=end: provider.candles(
                shares[0], Interval.DAY, NOW.replace(year=a.year), NOW.replace(year=b.year)
            )
    for day in FAR:
        yield lambda d=day: provider.members("NIFTY 50", d)
        yield lambda d=day: provider.members("no such index", d)
    yield lambda: provider.indices_day(symbols=["no such index"]).collect()
    yield lambda: provider.indices_day(symbols=[]).collect()
    yield lambda: provider.equities_day(symbols=["", "no such share"], columns=["close"]).collect()
    yield lambda: provider.quotes([":", "NSE:", "::", "NSE:\n"])
    yield lambda: provider.quotes(["NFO:", "NFO:NIFTY", "NFO:NIFTY26NOV٣CE", "NFO:NIFTY26NOVFUT"])
    if Capability.CHAIN in provider.capabilities:
        for name in ("NIFTY", "SBIN", "", "NIFTY 50", "no such", "नमस्ते'; --"):
            yield lambda n=name: provider.expiries(n)
            for day in FAR:
                yield lambda n=name, d=day: provider.option_chain(n, d)
    yield provider.symbol_changes
    yield provider.as_of


@pytest.mark.parametrize(
    "moment",
    [NOW, MIDDAY, datetime(1990, 1, 1, tzinfo=IST), datetime(2199, 12, 31, 23, 59, tzinfo=IST)],
    ids=["now", "midday", "long ago", "far ahead"],
)
def test_pv_08_lets_no_foreign_exception_through(build: Build, moment: datetime) -> None:
    try:
        made = build(moment)
    except AlphaStockError:
        return  # refused with words: that is an answer
    answered = 0
    for ask in odd_questions(made):
        with contextlib.suppress(AlphaStockError):  # refused with words: that is an answer
            ask()
        answered += 1
    assert answered > 100


# -- nothing looks ahead -------------------------------------------------------------------------


def test_what_was_known_earlier_is_what_is_told_later(build: Build) -> None:
    earlier, later = build(MIDDAY), build(NOW)
    needs(later, Capability.EQUITIES_DAY)
    then, now = (made.equities_day().collect() for made in (earlier, later))
    assert then["date"].max() < MIDDAY.date()  # a day under way has no row
    assert then.equals(now.filter(pl.col("date") <= then["date"].max()))
    if Capability.CANDLES in later.capabilities:
        start = NOW - timedelta(days=5)
        known, told = all_candles(earlier, start, NOW), all_candles(later, start, NOW)
        for (key, interval), frame in known.items():
            early = frame.filter(pl.col("time") + interval.length > MIDDAY)
            assert early.is_empty(), (key, interval)
            assert frame.equals(told[key, interval].head(frame.height))


def test_side_frames_are_in_schema(provider: MarketData) -> None:
    needs(provider, Capability.EQUITIES_DAY)
    factors = provider.adjustments(Exchange.NSE)
    assert factors.schema == ADJUSTMENTS
    assert factors.filter(pl.col("ex_date") > NOW.date()).is_empty()
    assert factors.filter(pl.col("factor") <= 0).is_empty()
    assert provider.symbol_changes().schema == SYMBOL_CHANGES
    found = provider.members("NIFTY 50", NOW.date())
    assert found is None or list(found) == sorted(set(found))
