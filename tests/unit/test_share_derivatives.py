"""Which shares have futures or options on a day, by whoever lists them, and when they close."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl
import pytest

from alphastock_cli.actions.trade import find_instrument
from alphastock_cli.domain.frames import FUTURES_DAY, INSTRUMENTS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import NotOffered
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.runners._derivatives import early_close, has_derivatives, underlyings
from tests.conftest import ManualClock

DAY = date(2026, 8, 14)


def contract(underlying: str, expiry: date) -> dict[str, object]:
    return {"exchange": "NFO", "tradingsymbol": f"{underlying}{expiry:%y%m%d}FUT",
            "asset_type": "futures", "underlying": underlying, "expiry": expiry}  # fmt: skip


@dataclass
class Lists:
    """A source with a list of contracts, futures of past sessions, or neither."""

    contracts: list[dict[str, object]] = field(default_factory=list)
    futures: list[dict[str, object]] = field(default_factory=list)
    refuses: bool = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.FUTURES_DAY} if self.futures else set())

    def as_of(self) -> datetime:
        return datetime(2026, 8, 14, 11, tzinfo=IST)

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        if self.refuses:
            raise NotOffered("shares alone")
        assert exchange is Exchange.NFO
        frame = pl.DataFrame(self.contracts, schema_overrides={"expiry": pl.Date})
        return (
            conform(frame, INSTRUMENTS, what="test")
            if self.contracts
            else pl.DataFrame(schema=INSTRUMENTS)
        )

    def futures_day(self, *, exchange: Exchange, start: date, end: date) -> pl.LazyFrame:
        frame = conform(pl.DataFrame(self.futures), FUTURES_DAY, what="test").lazy()
        return frame.filter(pl.col("exchange") == exchange.value,
                            pl.col("date").is_between(start, end))  # fmt: skip


def test_the_list_of_contracts_says_it_and_expired_ones_say_nothing() -> None:
    source = Lists([contract("SBIN", date(2026, 8, 27)), contract("GONE", date(2026, 7, 30)),
                    contract("NIFTY", DAY)])  # fmt: skip
    known = underlyings(source)
    assert known == {"SBIN", "NIFTY"}
    assert has_derivatives("SBIN", Exchange.NSE, known) is True
    assert has_derivatives("SBIN", Exchange.BSE, known) is True
    assert has_derivatives("TINY", Exchange.NSE, known) is False
    assert has_derivatives("NIFTY", Exchange.NFO, known) is None


def test_the_last_stored_session_of_futures_says_it_without_a_list() -> None:
    def row(day: date, symbol: str) -> dict[str, object]:
        return {"date": day, "exchange": "NFO", "symbol": symbol, "expiry": date(2026, 8, 27)}

    rows = [row(date(2026, 8, 12), "LEFT"), row(date(2026, 8, 13), "SBIN"),
            row(date(2026, 8, 17), "LATER")]  # fmt: skip
    assert underlyings(Lists(futures=rows)) == {"SBIN"}
    assert underlyings(Lists(futures=[row(date(2026, 7, 1), "SBIN")])) is None  # too long ago


@pytest.mark.parametrize("source", [Lists(), Lists(refuses=True)])
def test_who_lists_no_contracts_knows_of_no_share(source: Lists) -> None:
    assert underlyings(source) is None
    assert has_derivatives("SBIN", Exchange.NSE, None) is None


def test_what_is_not_known_is_said_only_where_it_matters() -> None:
    share = Instrument(exchange=Exchange.NSE, tradingsymbol="X", asset_type=AssetType.EQUITY)
    assert "at 15:15" in early_close(share, datetime(2026, 8, 14, 11, tzinfo=IST))
    assert "at 15:15" in early_close(share, datetime(2026, 7, 31, 18, tzinfo=IST))  # for Monday
    assert early_close(share, datetime(2026, 7, 31, 11, tzinfo=IST)) == ""
    sure = find_instrument(SimExchange(ManualClock(datetime(2026, 8, 14, 11, tzinfo=IST))), "ITC")
    assert sure.has_derivatives is True
    assert early_close(sure, datetime(2026, 8, 14, 11, tzinfo=IST)) == ""


def test_the_simulator_says_the_same_of_its_whole_list() -> None:
    market = SimExchange(ManualClock(datetime(2026, 8, 14, 11, tzinfo=IST)))
    listed = market.instruments(Exchange.NFO)["underlying"]
    assert underlyings(market) == set(listed)
