"""What a live view shows: rows, ages, staleness, profit, differences."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest

from alphastock_cli.actions.watch import Market, Seen, market_at
from alphastock_cli.actions.watch_list import Breadth, Daily, breadth
from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.domain.trading import Position, Product
from alphastock_cli.views import ndjson
from alphastock_cli.views.model import Cell, build, changed, is_stale
from tests.conftest import IST

NOW = datetime(2026, 8, 14, 11, 0, tzinfo=IST)
OPEN = Market(state="open", next_open=datetime(2026, 8, 17, 9, 15, tzinfo=IST))
SBIN = Instrument(exchange=Exchange.NSE, tradingsymbol="SBIN", asset_type=AssetType.EQUITY)


def quote(key: str = "NSE:SBIN", *, ago: float = 1.0, last: float | None = 801.5, **more) -> Quote:
    return Quote(key=key, time=NOW - timedelta(seconds=ago), last_price=last, **more)


def seen(*quotes: Quote, **more) -> Seen:
    facts = {"now": NOW, "generated_at": NOW, "source": "lake", "simulated": False,
             "market": OPEN, "as_of": NOW, "symbols": ("NSE:SBIN",)}  # fmt: skip
    return Seen(quotes=MappingProxyType({q.key: q for q in quotes}), **(facts | more))


def held(quantity: int, cost: str, *, realised: str = "0", charges: str = "0") -> Position:
    return Position(
        instrument=SBIN, product=Product.MIS, quantity=quantity, cost=Decimal(cost),
        pnl_realised=Decimal(realised), charges=Decimal(charges),
    )  # fmt: skip


def test_a_symbol_row_says_what_the_quote_says() -> None:
    (row,) = build(
        seen(quote(previous_close=790.0, bid=801.4, ask=801.55, volume=123, ago=3))
    ).symbols
    assert (row.symbol, row.exchange, row.last_price) == ("SBIN", "NSE", 801.5)
    assert row.change_pct == pytest.approx(100 * 11.5 / 790)
    assert (row.bid, row.ask, row.volume, row.age_seconds) == (801.4, 801.55, 123, 3.0)
    assert not row.stale


def test_what_is_not_known_is_none_never_zero() -> None:
    for given in (seen(), seen(quote(last=None)), seen(quote(previous_close=0.0))):
        (row,) = build(given).symbols
        assert row.change_pct is None
        assert row.bid is row.ask is row.volume is None
    assert build(seen()).symbols[0].age_seconds is None
    assert build(seen(as_of=None)).header.age_seconds is None


def test_an_age_never_runs_backwards() -> None:
    assert build(seen(quote(ago=-5))).symbols[0].age_seconds == 0.0


@pytest.mark.parametrize(("ago", "stale"), [(0, False), (10, False), (10.1, True), (3600, True)])
def test_an_open_market_makes_old_values_stale(ago: float, *, stale: bool) -> None:
    assert build(seen(quote(ago=ago)), limit=10).symbols[0].stale is stale


@pytest.mark.parametrize(
    ("time", "stale"),
    [
        (datetime(2026, 8, 14, 15, 35, tzinfo=IST), False),  # the auction's end
        (datetime(2026, 8, 14, 15, 15, tzinfo=IST), False),  # the last continuous price
        (datetime(2026, 8, 14, 15, 14, tzinfo=IST), True),  # the feed died a minute before
        (datetime(2026, 8, 13, 15, 35, tzinfo=IST), True),  # the session before
    ],
)
def test_a_close_does_not_spoil_overnight(time: datetime, *, stale: bool) -> None:
    sunday = datetime(2026, 8, 16, 12, 0, tzinfo=IST)
    market = market_at(sunday)
    assert market.state == "closed"
    assert market.next_open == datetime(2026, 8, 17, 9, 15, tzinfo=IST)
    assert is_stale(time, now=sunday, market=market, limit=10) is stale


def test_where_the_calendar_ends_nobody_says_open_or_closed() -> None:
    market = market_at(datetime(2099, 1, 5, 11, 0, tzinfo=IST))
    assert market == Market(state="unknown")
    assert is_stale(NOW, now=NOW + timedelta(seconds=11), market=market, limit=10)


def test_an_index_takes_the_newer_of_row_and_quote() -> None:
    instrument = Instrument(
        exchange=Exchange.NSE, tradingsymbol="NIFTY 50", asset_type=AssetType.INDEX
    )
    daily = Quote(key=instrument.key, time=NOW - timedelta(days=1), last_price=24_000.0,
                  previous_close=24_240.0)  # fmt: skip
    snapshot = Snapshot(instrument=instrument, as_of=daily.time, source="lake", simulated=False,
                        quote=daily)  # fmt: skip
    names = {"index_names": ("NIFTY 50",), "indices": MappingProxyType({"NIFTY 50": snapshot})}
    (row,) = build(seen(**names)).indices
    assert (row.last, row.stale) == (24_000.0, True)
    assert row.change_pct == pytest.approx(-100 * 240 / 24_240)
    newer = quote("NSE:NIFTY 50", last=24_120.0, previous_close=24_000.0)
    (row,) = build(seen(newer, **names)).indices
    assert (row.last, row.change_pct, row.stale) == (24_120.0, pytest.approx(0.5), False)
    nothing = quote("NSE:NIFTY 50", last=None)
    assert build(seen(nothing, **names)).indices[0].last == 24_000.0


def test_profit_is_realised_plus_unrealised_minus_charges() -> None:
    long = held(10, "8000", realised="120.50", charges="21.25")
    short = Position(instrument=SBIN, product=Product.CNC, quantity=-4, cost=Decimal(-3300))
    model = build(seen(quote(last=801.5), positions=(long, short)))
    cnc, mis = model.positions
    assert mis.pnl == Decimal("15.00") + Decimal("120.50") - Decimal("21.25")
    assert mis.average_price == Decimal(800)
    assert cnc.pnl == Decimal("94.00")  # sold at 825, 23.50 lower now
    assert model.pnl == mis.pnl + cnc.pnl


def test_profit_is_not_known_without_a_price_and_the_sum_not_with_a_stale_one() -> None:
    position = held(10, "8000")
    assert build(seen(positions=(position,))).positions[0].pnl is None
    assert build(seen(positions=(position,))).pnl is None
    old = build(seen(quote(ago=60), positions=(position,)))
    assert old.positions[0].pnl == Decimal("15.00")
    assert old.positions[0].stale
    assert old.pnl is None
    assert build(seen(positions=())).pnl is None


def test_a_closed_position_needs_no_price() -> None:
    model = build(seen(positions=(held(0, "0", realised="-50.00", charges="3.10"),)))
    (row,) = model.positions
    assert (row.pnl, row.average_price, row.stale) == (Decimal("-53.10"), None, False)
    assert model.pnl == Decimal("-53.10")


def test_unread_positions_are_not_no_positions() -> None:
    assert build(seen(positions=None)).positions is None
    assert build(seen(positions=())).positions == ()


def test_differences_name_the_cells_that_changed() -> None:
    first = build(seen(quote(previous_close=790.0, bid=801.0)))
    later = build(seen(quote(previous_close=790.0, bid=801.4, ago=0.5)))
    assert changed(None, first) == frozenset()
    assert changed(first, first) == frozenset()
    assert changed(first, later) == {Cell("symbols", "NSE:SBIN", "bid")}  # the age does not count
    stale = build(seen(quote(previous_close=790.0, bid=801.0, ago=60)))
    assert changed(first, stale) == {Cell("symbols", "NSE:SBIN", "stale")}


def test_a_row_that_is_new_counts_whole() -> None:
    first = build(seen(quote()))
    later = build(seen(quote(), symbols=("NSE:SBIN", "NSE:INFY")))
    assert {cell.row for cell in changed(first, later)} == {"NSE:INFY"}
    assert changed(later, first) == frozenset()


def test_breadth_counts_what_is_known() -> None:
    quotes = {
        key: quote(key, last=last, previous_close=before)
        for key, last, before in [
            ("A", 2.0, 1.0), ("B", 1.0, 2.0), ("C", 1.0, 1.0), ("D", None, 1.0), ("E", 1.0, None)
        ]
    }  # fmt: skip
    of = Daily(keys=("A", "B", "C", "D", "E", "F"))
    assert breadth(of, quotes) == Breadth(
        of="NIFTY 50", advances=1, declines=1, unchanged=1, unknown=3
    )
    assert breadth(of, {}) is None
    assert breadth(Daily(), quotes) is None


def test_the_line_for_programs_keeps_the_contract() -> None:
    broken = quote(last=math.nan, previous_close=1.0)
    text = ndjson.line(build(seen(broken, positions=(held(10, "8000"),), warnings=("é\n",))))
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert "NaN" not in text
    body = json.loads(text)
    assert list(body)[:9] == ["schema", "generated_at", "as_of", "source", "simulated", "market",
                              "symbols", "positions", "pnl"]  # fmt: skip
    assert body["schema"] == "alphastock.watch/1"
    assert body["generated_at"] == "2026-08-14T11:00:00+05:30"
    assert body["simulated"] is False
    assert body["market"]["state"] == "open"
    assert body["market"]["breadth"] is None
    assert body["symbols"][0]["last_price"] is None
    assert body["positions"][0]["average_price"] == 800
    assert body["warnings"] == ["é\n"]
    assert json.loads(ndjson.line(build(seen(positions=None))))["positions"] is None
