"""What the lake lists by instrument masters, as of a moment, and what can be traded of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_instruments import fetch_instruments
from alphastock_cli.actions.trade import find_instrument
from alphastock_cli.domain.frames import EQUITIES_DAY, INSTRUMENTS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, OptionType
from alphastock_cli.errors import ProviderError, UnknownName
from alphastock_cli.providers.lake.provider import LakeProvider
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit.master_texts import ROWS, contract, write

D = date
DAY = D(2026, 8, 18)


@pytest.fixture
def lake(tmp_path: Path, clock: ManualClock) -> Lake:
    lake = Lake(tmp_path / "lake")
    fetch_instruments(lake, clock, write(tmp_path, *ROWS), on=DAY)
    return lake


def at(lake: Lake, day: date) -> LakeProvider:
    moment = datetime(day.year, day.month, day.day, 10, tzinfo=IST)
    return LakeProvider(lake, ManualClock(moment))


def test_contracts_are_listed_from_the_day_of_the_master_until_they_end(lake: Lake) -> None:
    counts = {
        day: at(lake, D(2026, 8, day)).instruments(Exchange.NFO).height for day in (17, 18, 25, 26)
    }
    assert counts == {17: 0, 18: 3, 25: 3, 26: 0}
    frame = at(lake, DAY).instruments(Exchange.NFO)
    assert frame.schema == INSTRUMENTS
    assert frame["lot_size"].to_list() == [65, 65, 65]
    assert at(lake, DAY).instruments(Exchange.BFO).is_empty()
    assert at(lake, DAY).instruments(Exchange.CDS)["lot_size"].to_list() == [1]


def test_shares_keep_their_session_and_get_lot_and_tick_of_the_master(lake: Lake) -> None:
    assert at(lake, DAY).instruments(Exchange.NSE).is_empty(), "no session is stored"
    rows = [
        {"date": D(2026, 8, 17), "exchange": "NSE", "symbol": symbol, "series": "EQ", "close": 1.0}
        for symbol in ("SBIN", "INFY")
    ]
    lake.upsert("equities_day", conform(pl.DataFrame(rows), EQUITIES_DAY, what="test"))
    frame = at(lake, DAY).instruments(Exchange.NSE)
    facts = frame.select("tradingsymbol", "lot_size", "tick_size").rows()
    assert facts == [("INFY", 1, None), ("SBIN", 1, 0.05)]


def test_lots_and_expiries_announced_after_the_master_are_applied(
    tmp_path: Path, clock: ManualClock
) -> None:
    lake = Lake(tmp_path / "lake")
    rows = [
        contract(1, expiry="2026-06-30", lot=75, symbol="NIFTY26JUN100CE"),
        contract(2, expiry="2026-03-31", lot=75, symbol="NIFTY26MAR200CE"),
        contract(3, expiry="2026-01-27", lot=500, underlying="SBIN", symbol="SBIN26JAN300CE"),
    ]
    fetch_instruments(lake, clock, write(tmp_path, *rows), on=D(2025, 12, 20))

    def lots(day: date) -> dict[str, int]:
        frame = at(lake, day).instruments(Exchange.NFO)
        return dict(frame.select("tradingsymbol", "lot_size").iter_rows())

    march, june, share = "NIFTY26MAR200CE", "NIFTY26JUN100CE", "SBIN26JAN300CE"
    assert lots(D(2025, 12, 20)) == {march: 75, june: 75, share: 500}
    assert lots(D(2026, 1, 5)) == {june: 65, share: 500}, "March was moved by a holiday"
    assert at(lake, D(2026, 1, 5)).expiries("NIFTY") == (D(2026, 6, 30),)


def test_expiries_come_from_the_master_where_no_session_with_options_is_stored(
    lake: Lake,
) -> None:
    assert at(lake, DAY).expiries("NIFTY") == (D(2026, 8, 25),)
    assert at(lake, DAY).expiries("USDINR") == (D(2026, 9, 28),)
    for day, symbol in ((DAY, "GOLD"), (D(2026, 8, 17), "NIFTY"), (D(2026, 8, 26), "NIFTY")):
        with pytest.raises((UnknownName, ProviderError)):
            at(lake, day).expiries(symbol)


def test_an_order_finds_its_contract(lake: Lake) -> None:
    found = find_instrument(at(lake, DAY), "nifty26aug25000ce")
    assert (found.exchange, found.lot_size, found.multiplier) == (Exchange.NFO, 65, 1)
    assert (found.strike, found.option_type) == (Decimal(25000), OptionType.CE)
    assert (found.tick_size, found.underlying) == (Decimal("0.05"), "NIFTY")
    gold = find_instrument(at(lake, DAY), "GOLD26DECFUT")
    assert (gold.asset_type, gold.lot_size, gold.multiplier) == (AssetType.COMMODITY, 1, 100)
    dollar = find_instrument(at(lake, DAY), "CDS:USDINR26SEP90CE")
    assert (dollar.lot_size, dollar.multiplier) == (1, 1000)


def test_the_worth_of_a_lot_is_one_whatever_the_master_counts(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Masters list USDINR with a lot of 1 or of 1000: an order is worth the same."""
    worths = set()
    for number, lot in ((1, 1), (2, 1000)):
        lake = Lake(tmp_path / f"lake{number}")
        row = contract(1, underlying="USDINR", exchange="CDS", lot=lot, symbol="USDINR26AUG1CE")
        fetch_instruments(lake, clock, write(tmp_path, row), on=DAY)
        found = find_instrument(at(lake, DAY), "USDINR26AUG1CE")
        worths.add(found.lot_size * found.multiplier)
    assert worths == {1000}


def test_what_a_lot_of_it_is_worth_must_be_known_to_trade_it(
    tmp_path: Path, clock: ManualClock
) -> None:
    lake = Lake(tmp_path / "lake")
    row = contract(1, underlying="MENTHAOIL", exchange="MCX", lot=360, symbol="MENTHAOIL26AUG1CE")
    fetch_instruments(lake, clock, write(tmp_path, row), on=DAY)
    with pytest.raises(ProviderError, match="one lot of it is worth is not known"):
        find_instrument(at(lake, DAY), "MENTHAOIL26AUG1CE")
