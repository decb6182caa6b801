"""How far a market order may slip, by price and by date; the rows of the tables of limits."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.limits import protection_pct
from alphastock_cli.exchange.rules import protection_price
from alphastock_cli.exchange.tables import parse_date, read_table

D = Decimal
ON = date(2026, 11, 20)


def make(exchange: str, *, option: bool = False, **more: object) -> Instrument:
    kind = "equity" if exchange in {"NSE", "BSE"} else "futures"
    return Instrument(
        exchange=Exchange(exchange), tradingsymbol="TEST",
        asset_type=AssetType("options" if option else kind), strike=D(1) if option else None,
        option_type=OptionType.CE if option else None, **more,
    )  # fmt: skip


SHARE = make("NSE")


@pytest.mark.parametrize(
    ("kind", "last", "pct"),
    [
        ("NSE", "99.99", "2"), ("NSE", "100", "1"), ("NSE", "100.01", "1"),
        ("NSE", "499.99", "1"), ("NSE", "500", "1"), ("NSE", "500.01", "0.5"),
        ("NFO", "99.99", "2"), ("MCX", "8000", "0.5"), ("CDS", "84.0025", "2"),
        ("option", "0.05", "5"), ("option", "9.99", "5"), ("option", "10", "3"),
        ("option", "99.99", "3"), ("option", "100", "2"), ("option", "499.99", "2"),
        ("option", "500", "2"), ("option", "500.01", "1"), ("option", "5000", "1"),
    ],
)  # fmt: skip
def test_slabs(kind, last, pct):
    instrument = make("NFO", option=True) if kind == "option" else make(kind)
    assert protection_pct(instrument, D(last), ON) == D(pct)


@pytest.mark.parametrize(
    ("side", "last", "pct", "tick", "limit"),
    [
        # worked by hand: 1498.15 * 0.005 = 7.49075
        ("BUY", "1498.15", None, "0.05", "1505.60"),
        ("SELL", "1498.15", None, "0.05", "1490.70"),
        ("BUY", "1498.10", None, "0.10", "1505.50"),
        ("BUY", "100.00", "1", "0.05", "101.00"),
        ("SELL", "100.00", "1", "0.05", "99.00"),
        ("BUY", "0.05", None, "0.01", "0.05"),
        ("SELL", "0.05", None, "0.01", "0.05"),
        ("SELL", "0.05", "100", "0.05", "0.05"),
        ("BUY", "0.05", "100", "0.05", "0.10"),
        ("BUY", "84.0025", "0.1", "0.0025", "84.085"),
    ],
)
def test_protection_is_rounded_inward(side, last, pct, tick, limit):
    share = make("NSE", tick_size=D(tick))
    given = None if pct is None else D(pct)
    assert protection_price(share, Side(side), D(last), given, ON) == D(limit)


def test_protection_before_the_slabs_existed() -> None:
    before, first = date(2026, 3, 31), date(2026, 4, 1)
    with pytest.raises(OutOfRange, match="known from 2026-04-01, not on 2026-03-31"):
        protection_price(SHARE, Side.BUY, D(100), None, before)
    assert protection_price(SHARE, Side.BUY, D(100), D(2), before) == 102
    assert protection_price(SHARE, Side.BUY, D(100), None, first) == 101


@pytest.mark.parametrize(
    ("last", "pct", "text"),
    [("0", "1", "last price"), ("NaN", "1", "last price"), ("100", "0", "not above 0"),
     ("100", "100.01", "not above 0"), ("100", "NaN", "not above 0")],
)  # fmt: skip
def test_impossible_protection(last, pct, text):
    with pytest.raises(ValueError, match=text):
        protection_price(SHARE, Side.BUY, D(last), D(pct), ON)


# -- the tables themselves -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("charges", ("exchanges", "trades", "component", "side", "only")),
        ("market_protection", ("kind", "below", "up_to")),
        ("order_limits", ("rule", "exchanges", "scope")),
    ],
)
def test_rows_follow_each_other_without_gap_or_overlap(table, key):
    chains: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in read_table(table):
        chains.setdefault(tuple(row[name] for name in key), []).append(row)
    for name, rows in chains.items():
        for earlier, later in pairwise(rows):
            end, begin = parse_date(earlier["valid_to"]), parse_date(later["valid_from"])
            assert end is not None, name
            assert begin is not None, name
            assert begin - end == timedelta(days=1), name
        last = rows[-1]
        assert last["valid_to"] == "" or last["rule"] == "square_off_before_close", name
