"""Which shares have derivatives by Kite's list and by the sandbox's, and when those close."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.exchange import contracts, rules
from alphastock_cli.providers.kite import listing
from alphastock_cli.providers.kite.dump import Dump
from alphastock_cli.providers.kite.provider import Kite
from alphastock_cli.providers.replay import Replay
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.runners._derivatives import early_close, underlyings
from alphastock_cli.sandbox.exchange import Sandbox
from alphastock_cli.sandbox.limits import Rates
from alphastock_cli.sandbox.listing import Listing
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit.master_texts import CALL, FUTURE, GOLD, HEADER, INDEX, SHARE
from tests.unit.sandbox_makers import Box

DAY = date(2026, 8, 18)
NOW = datetime(2026, 8, 18, 11, 0, tzinfo=IST)


def equity(number: int, symbol: str, exchange: str = "NSE") -> str:
    return f"{number},{number},{symbol},A NAME,0,,0,0.05,1,EQ,{exchange},{exchange}"


def future(number: int, name: str, expiry: str = "2026-08-25") -> str:
    return f"{number},{number},{name}26AUGFUT,{name},0,{expiry},0,0.05,500,FUT,NFO-FUT,NFO"


SHARES = (
    SHARE, INDEX, equity(201, "M&M"), equity(202, "BAJAJ-AUTO"), equity(203, "TINY"),
    equity(204, "GONE"), equity(205, "SBIN-BE"), equity(206, "M&M", "BSE"),
    equity(207, "ONLYOPT"),
)  # fmt: skip
FUTURES = (
    FUTURE, CALL, GOLD, future(301, "SBIN"), future(302, "M&M"), future(303, "BAJAJ-AUTO"),
    future(304, "GONE", "2026-08-18"),
)  # fmt: skip


def dump(folder: Path, *rows: str, now: datetime = NOW) -> Dump:
    body = "\n".join([HEADER, *rows, ""]).encode()
    return Dump(folder, ManualClock(now), lambda: body)


def said(made: Dump, code: str, symbol: str, on: date = DAY) -> bool | None:
    row = made.find(Exchange(code), symbol)
    return listing.instrument(row, listing.underlyings(made, on)).has_derivatives


# -- Kite's list ----------------------------------------------------------------------------------


def test_the_futures_of_nfo_name_the_shares(tmp_path: Path) -> None:
    made = dump(tmp_path, *SHARES, *FUTURES)
    assert listing.underlyings(made, DAY) == {"NIFTY", "SBIN", "M&M", "BAJAJ-AUTO", "GONE"}
    for key, expected in {
        "NSE:SBIN": True, "NSE:M&M": True, "BSE:M&M": True, "NSE:BAJAJ-AUTO": True,
        "NSE:TINY": False, "NSE:SBIN-BE": False, "NSE:GONE": True,
        "NSE:NIFTY 50": None, "NFO:SBIN26AUGFUT": None, "MCX:GOLD26DECFUT": None,
    }.items():  # fmt: skip
        code, _, symbol = key.partition(":")
        assert said(made, code, symbol) is expected, key
    # a list that stands in for the next day's: what ended is no contract any more
    assert said(made, "NSE", "GONE", date(2026, 8, 19)) is False
    assert said(made, "NSE", "SBIN", date(2026, 8, 19)) is True


def test_a_list_without_nfo_says_nothing_and_the_earlier_close_stands(tmp_path: Path) -> None:
    made = dump(tmp_path, *SHARES, GOLD)
    assert listing.underlyings(made, DAY) == frozenset()
    share = listing.instrument(made.find(Exchange.NSE, "TINY"), listing.underlyings(made, DAY))
    assert share.has_derivatives is None
    assert rules.session_close(share, DAY) == NOW.replace(hour=15, minute=15)
    assert "15:15" in early_close(share, NOW)


@dataclass
class Settings:
    """As much of the settings as the list needs."""

    data_dir: Path

    @property
    def kite(self) -> Any:
        from alphastock_cli.config.settings import KiteSettings

        return KiteSettings()


def test_the_provider_says_it_of_an_instrument_and_of_all(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    market = Kite(clock, Settings(tmp_path), Lake(tmp_path / "lake"))  # type: ignore[arg-type]
    market.dump = dump(tmp_path / "list", *SHARES, *FUTURES)
    assert underlyings(market) == {"NIFTY", "SBIN", "M&M", "BAJAJ-AUTO", "GONE"}
    ends = {
        name: rules.session_close(market.instrument(Exchange.NSE, name), DAY)
        for name in ("SBIN", "TINY")
    }
    assert ends == {
        "SBIN": NOW.replace(hour=15, minute=15), "TINY": NOW.replace(hour=15, minute=30),
    }  # fmt: skip
    market.dump = dump(tmp_path / "other", *SHARES)
    assert underlyings(market) is None


@pytest.mark.parametrize(
    ("names", "day", "least"),
    [
        (("nfo_2025-12", "nse_2025-12"), date(2025, 12, 20), 208),
        (("nfo_plus_fno_underlyings_2024-03",), date(2024, 3, 28), 182),
    ],
)
def test_real_lists_name_every_share_by_its_symbol(
    shared_data: Path, tmp_path: Path, names: tuple[str, ...], day: date, least: int
) -> None:
    parts: list[bytes] = []
    for name in names:
        path = shared_data / "instruments" / f"kite_instruments_{name}.csv.gz"
        if not path.is_file():
            pytest.skip("no real list here")
        head, _, rest = gzip.decompress(path.read_bytes()).partition(b"\n")
        parts += [rest.strip()] if parts else [head, rest.strip()]
    body = b"\n".join(parts)
    now = datetime(day.year, day.month, day.day, 11, tzinfo=IST)
    made = Dump(tmp_path, ManualClock(now), lambda: body)
    known = listing.underlyings(made, day)
    frame = made.of(Exchange.NSE)
    shares = frame.filter(pl.col("asset_type") != "index")["tradingsymbol"]
    indices = {name for name in known if contracts.exchange_of(name) is not None}
    assert known - set(shares) == indices  # nothing but indices is missed
    assert {"NIFTY", "BANKNIFTY"} <= indices
    found = [listing.instrument(row, known) for row in frame.iter_rows(named=True)]
    with_them = {each.tradingsymbol for each in found if each.has_derivatives}
    assert len(with_them) == least == len(known) - len(indices)
    assert {"M&M", "BAJAJ-AUTO", "SBIN"} <= with_them
    options = made.of(Exchange.NFO).filter(pl.col("option_type").is_not_null())["underlying"]
    assert known == set(options)  # the second route: options are listed on the same


# -- the sandbox's own list -----------------------------------------------------------------------


@dataclass
class Fewer:
    """The simulated exchange, with contracts on some shares only, or on none."""

    market: SimExchange
    names: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.market, name)

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        listed = self.market.instruments(exchange)
        if exchange is not Exchange.NFO:
            return listed
        return listed.filter(pl.col("underlying").is_in(self.names))


def simulated(at: datetime, *names: str) -> Box:
    clock = ManualClock(at)
    market: Any = Fewer(SimExchange(clock, universe=12), names)
    state = Sandbox(market, clock=clock, wall=clock, rates=Rates(on=False))
    return Box(state, clock, state.sessions.begin()["access_token"])


def test_the_simulated_list_says_it_of_all_its_shares() -> None:
    made = Listing(SimExchange(ManualClock(NOW), universe=12)).by_key
    shares = [each.instrument for each in made.values() if each.segment == "NSE"]
    assert shares
    assert all(each.has_derivatives is True for each in shares)
    others = {each.instrument.has_derivatives for each in made.values() if each.segment != "NSE"}
    assert others == {None}


def test_who_reads_the_sandboxs_list_says_the_same(tmp_path: Path) -> None:
    it = simulated(datetime(2026, 8, 14, 11, 0, tzinfo=IST), "INFY", "SBIN", "NIFTY")
    made = Dump(tmp_path, it.clock, it.state.listing.csv)
    known = listing.underlyings(made, it.clock.now().date())
    assert known == {"INFY", "SBIN", "NIFTY"}
    for key, item in it.state.listing.by_key.items():
        code, _, symbol = key.partition(":")
        if code in {"NSE", "BSE"}:
            found = listing.instrument(made.find(Exchange(code), symbol), known)
            assert found.has_derivatives is item.instrument.has_derivatives, key


def test_after_a_quarter_past_three_only_shares_without_derivatives_trade() -> None:
    it = simulated(datetime(2026, 8, 14, 15, 20, tzinfo=IST), "INFY", "NIFTY")
    limit = {"order_type": "LIMIT", "price": None}
    price = {key: round(it.last(f"NSE:{key}") * 0.97, 0) for key in ("INFY", "SBIN")}
    number = it.place(**limit | {"tradingsymbol": "SBIN", "price": price["SBIN"]})
    assert it.row(number)["status"] == "OPEN"
    code, kind, text = it.refused(
        "POST", "/orders/regular",
        {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 10,
         "product": "CNC", "order_type": "LIMIT", "price": price["INFY"]},
    )  # fmt: skip
    assert (code, kind) == (400, "InputException")
    assert "closed" in text
    it.wait(11 * 60)  # 15:31: the session of the other share is over too
    assert it.row(number)["status"] == "CANCELLED"


def test_where_the_market_lists_no_contracts_nobody_trades_then() -> None:
    it = simulated(datetime(2026, 8, 14, 15, 20, tzinfo=IST))
    assert it.state.listing.by_key["NSE:SBIN"].instrument.has_derivatives is None
    price = round(it.last("NSE:SBIN") * 0.97, 0)
    form = {"exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "BUY", "quantity": 1,
            "product": "CNC", "order_type": "LIMIT", "price": price}  # fmt: skip
    assert "closed" in it.refused("POST", "/orders/regular", form)[2]


def put(lake: Lake, dataset: str, rows: list[dict[str, Any]]) -> None:
    lake.upsert(dataset, conform(pl.DataFrame(rows), DATASETS[dataset], what="test"))


def replayed(folder: Path, *futures: str) -> Listing:
    lake, clock = Lake(folder / "lake"), ManualClock(NOW)
    before = date(2026, 8, 17)
    if futures:
        put(lake, "futures_day", [
            {"date": before, "exchange": "NFO", "symbol": symbol, "expiry": date(2026, 8, 25),
             "kind": "stock", "close": 100.0}
            for symbol in futures
        ])  # fmt: skip
    days = [
        {"date": before, "exchange": "NSE", "symbol": symbol, "series": "EQ",
         "close": 100.0}
        for symbol in ("SBIN", "TINY")
    ]  # fmt: skip
    put(lake, "equities_day", days)
    minute = {"time": NOW.replace(hour=9, minute=15), "exchange": "NSE", "open": 100.0,
              "high": 101.0, "low": 99.0, "close": 100.0, "volume": 10}  # fmt: skip
    put(lake, "candles_minute", [minute | {"symbol": name} for name in ("SBIN", "TINY")])
    return Listing(Replay(lake, clock, DAY))


def test_a_replayed_day_says_it_by_the_futures_of_the_session_before(tmp_path: Path) -> None:
    made = replayed(tmp_path, "SBIN").by_key
    assert made["NSE:SBIN"].instrument.has_derivatives is True
    assert made["NSE:TINY"].instrument.has_derivatives is False


def test_a_replayed_day_without_contracts_says_nothing(tmp_path: Path) -> None:
    made = replayed(tmp_path).by_key
    assert made["NSE:SBIN"].instrument.has_derivatives is None
