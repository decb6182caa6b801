"""Laws of charges, of protection prices and of sessions, whatever the tables say.

The charges are computed a second time from the bare table, in fractions and without our code.
"""

from __future__ import annotations

import csv
from datetime import date, datetime, time, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import alphastock_cli.exchange
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import rules
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.exchange.charges import fill_charge, order_charges

FILE = Path(alphastock_cli.exchange.__file__).with_name("data") / "charges.csv"
ROWS = list(csv.DictReader(line for line in FILE.read_text().splitlines() if line[0] != "#"))
CASH = (Exchange.NSE, Exchange.BSE)
COMPONENTS = ("brokerage", "stt", "exchange", "ipft", "sebi", "stamp", "gst")

DAYS = st.dates(date(2024, 10, 1), date(2027, 12, 31))  # every exchange is known from then on
TURNOVER = st.decimals("0", "100000000000", places=4)
PROTECTION = st.decimals("0.01", "100", places=2)
TICKS = st.sampled_from([Decimal(text) for text in ("0.01", "0.05", "0.0025", "0.10", "1", "5")])


@st.composite
def instruments(draw):
    exchange = draw(st.sampled_from(Exchange))
    cash = exchange in CASH
    option = not cash and draw(st.booleans())
    return Instrument(
        exchange=exchange, tradingsymbol="TEST",
        asset_type=AssetType.EQUITY if cash else AssetType.FUTURES,
        underlying="" if cash else draw(st.sampled_from(["NIFTY", "SENSEX", "BANKEX", "INFY"])),
        series=draw(st.sampled_from(["EQ", "A", "Z", "ST", "M", ""])) if cash else "",
        strike=Decimal(1) if option else None, option_type=OptionType.CE if option else None,
        tick_size=draw(TICKS),
    )  # fmt: skip


@st.composite
def trades(draw):
    instrument = draw(instruments())
    other = Product.CNC if instrument.exchange in CASH else Product.NRML
    chosen = draw(st.sampled_from([Product.MIS, other]))
    return instrument, chosen, draw(st.sampled_from(Side)), draw(st.booleans()), draw(DAYS)


def again(trade, turnover) -> dict[str, Fraction]:
    """Compute the charges from the rows of the file, in fractions."""
    instrument, chosen, side, etf, on = trade
    if instrument.exchange in CASH:
        delivery = "etf_delivery" if etf else "delivery"
        kind, name = ("intraday" if chosen is Product.MIS else delivery), instrument.series
    else:
        kind = "options" if instrument.option_type else "futures"
        name = instrument.underlying
    mine = [
        row for row in ROWS
        if instrument.exchange in row["exchanges"].split() and kind in row["trades"].split()
    ]  # fmt: skip
    named = {row["component"] for row in mine if name and name in row["only"].split()}
    paid: dict[str, Fraction] = {}
    for row in sorted(mine, key=lambda row: row["component"] == "gst"):
        right_name = name in row["only"].split() if row["component"] in named else not row["only"]
        begun = row["valid_from"] <= on.isoformat() <= (row["valid_to"] or "9999")
        if not (right_name and begun and row["side"] in {"both", side.value}):
            continue
        of = row["of"].split()
        base = Fraction(turnover) if of == ["turnover"] else sum(paid.get(name, 0) for name in of)
        amount = base * Fraction(row["pct"] or 0) / 100 + Fraction(row["flat"] or 0)
        component = row["component"].replace("ctt", "stt")
        assert component not in paid, f"two rows of {component} hold at once"
        paid[component] = min(amount, Fraction(row["cap"])) if row["cap"] else amount
    return paid if turnover else {}


# -- charges --------------------------------------------------------------------------------------


@given(trades(), TURNOVER)
def test_charges_equal_a_second_computation_exactly(trade, turnover):
    instrument, chosen, side, etf, on = trade
    paid = order_charges(instrument, chosen, side, turnover, on, etf=etf)
    expected = again(trade, turnover)
    assert {n: Fraction(getattr(paid, n)) for n in COMPONENTS} == dict.fromkeys(
        COMPONENTS, 0
    ) | expected
    assert Fraction(paid.total) == sum(expected.values())


@given(trades(), TURNOVER, TURNOVER)
def test_charges_are_never_negative_and_grow_with_the_turnover(trade, one, other):
    instrument, chosen, side, etf, on = trade
    less, more = sorted((one, other))
    first, second = (
        order_charges(instrument, chosen, side, value, on, etf=etf) for value in (less, more)
    )
    for name in COMPONENTS:
        assert 0 <= getattr(first, name) <= getattr(second, name)
    assert first.paise <= second.paise


@given(trades(), st.lists(TURNOVER, min_size=1, max_size=8))
def test_fills_add_up_to_the_order_however_it_was_split(trade, values):
    instrument, chosen, side, etf, on = trade
    reached = [Decimal(0)]
    for value in values:
        reached.append(reached[-1] + value)
    fills = [
        fill_charge(instrument, chosen, side, before=before, after=after, on=on, etf=etf)
        for before, after in pairwise(reached)
    ]
    whole = order_charges(instrument, chosen, side, reached[-1], on, etf=etf)
    assert sum(fills) == whole.paise
    assert all(fill >= 0 and fill == fill.quantize(Decimal("0.01")) for fill in fills)
    assert abs(whole.paise - whole.total) <= Decimal("0.005")


@given(trades(), TURNOVER, st.integers(1, 6))
def test_the_decimal_context_of_the_caller_changes_nothing(trade, turnover, digits):
    instrument, chosen, side, etf, on = trade
    paid = order_charges(instrument, chosen, side, turnover, on, etf=etf)
    total, paise = paid.total, paid.paise
    with localcontext() as context:
        context.prec = digits
        narrow = order_charges(instrument, chosen, side, turnover, on, etf=etf)
        assert narrow == paid
        assert (narrow.total, narrow.paise) == (total, paise)


@given(trades(), st.floats(0.01, 1e9))
def test_a_float_does_not_get_in(trade, turnover):
    instrument, chosen, side, etf, on = trade
    with pytest.raises((TypeError, AttributeError)):
        order_charges(instrument, chosen, side, turnover, on, etf=etf)


def test_no_two_rows_of_a_component_hold_at_once() -> None:
    """Over every exchange, kind of trade and name, by the dates alone."""
    for one, other in combinations(ROWS, 2):
        shared = [
            set(one[name].split()) & set(other[name].split()) for name in ("exchanges", "trades")
        ]
        sides = {one["side"], other["side"]}
        same = one["component"] == other["component"] and one["only"] == other["only"]
        if same and all(shared) and (len(sides) == 1 or "both" in sides):
            first, second = sorted((one, other), key=lambda row: row["valid_from"])
            assert first["valid_to"], (one, other)
            assert first["valid_to"] < second["valid_from"], (one, other)


# -- market protection -----------------------------------------------------------------------------


@given(
    instruments(),
    st.sampled_from(Side),
    st.integers(1, 2_000_000),
    st.none() | PROTECTION,
    st.dates(date(2026, 4, 1), date(2027, 12, 31)),
)
def test_a_protected_price_is_on_the_tick_and_within_its_protection(
    instrument, side, ticks, pct, on
):
    last = ticks * instrument.tick_size
    limit = rules.protection_price(instrument, side, last, pct, on)
    most = Fraction(last) * Fraction(pct if pct is not None else 5) / 100
    assert limit % instrument.tick_size == 0
    assert limit > 0
    if side is Side.BUY:
        assert last <= limit
        assert Fraction(limit) <= Fraction(last) + most
    else:
        assert limit <= last
        assert limit == instrument.tick_size or Fraction(limit) >= Fraction(last) - most


@given(instruments(), st.integers(1, 2_000_000), PROTECTION, PROTECTION)
def test_more_protection_never_gives_a_tighter_price(instrument, ticks, one, other):
    last, on = ticks * instrument.tick_size, date(2026, 11, 20)
    for side, sign in ((Side.BUY, 1), (Side.SELL, -1)):
        near, far = (
            rules.protection_price(instrument, side, last, pct, on) for pct in sorted((one, other))
        )
        assert (far - near) * sign >= 0


# -- sessions --------------------------------------------------------------------------------------


@st.composite
def moments(draw):
    day = draw(st.dates(date(2024, 1, 1), date(2026, 12, 20)))
    return datetime.combine(day, draw(st.times()).replace(fold=0), IST)


@given(instruments(), moments(), st.booleans())
def test_the_session_of_an_order_has_not_closed(instrument, now, has_derivatives):
    day, opens, closes = rules.session_of(instrument, now, has_derivatives=has_derivatives)
    assert opens is not None
    assert closes is not None
    assert now.date() <= day == opens.date() == closes.date()
    assert now < closes
    assert opens < closes == rules.session_close(instrument, day, has_derivatives=has_derivatives)
    if rules.is_trading(instrument, now, has_derivatives=has_derivatives):
        assert day == now.date()
        assert opens <= now


@given(instruments(), moments(), st.booleans())
def test_square_off_lies_inside_the_session(instrument, now, has_derivatives):
    try:
        found = rules.square_off_time(instrument, now.date(), has_derivatives=has_derivatives)
    except OutOfRange:
        assume(False)  # noqa: FBT003 - hypothesis
    if found is None:
        return
    moment = found - timedelta(microseconds=1)
    assert rules.is_trading(instrument, moment, has_derivatives=has_derivatives)
    assert found.time() > time(9, 15)
