"""The days rates changed, funds and expiry, rounding, and what is not known."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.charge_rates import rates_on
from alphastock_cli.exchange.charges import (
    Charges,
    exercise_charges,
    fee,
    fill_charge,
    order_charges,
    trade_of,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
NOV_2026 = date(2026, 11, 20)


def make(
    exchange: str, symbol: str, *, option: bool = False, asset: str = "", series: str = ""
) -> Instrument:
    kinds = {"NSE": "equity", "BSE": "equity", "MCX": "commodity", "CDS": "currency"}
    kind = asset or ("options" if option else kinds.get(exchange, "futures"))
    return Instrument(
        exchange=Exchange(exchange), tradingsymbol=f"{symbol}-TEST", asset_type=AssetType(kind),
        underlying=symbol, series=series, strike=D(100) if option else None,
        option_type=OptionType.CE if option else None,
    )  # fmt: skip


SHARE = make("NSE", "INFY")
BSE_SHARE = make("BSE", "INFY", series="A")
NIFTY_FUT, NIFTY_OPT = make("NFO", "NIFTY"), make("NFO", "NIFTY", option=True)
SENSEX_OPT = make("BFO", "SENSEX", option=True)
CRUDE_FUT, CRUDE_OPT = make("MCX", "CRUDEOIL"), make("MCX", "CRUDEOIL", option=True)
USD_FUT = make("CDS", "USDINR")


# -- the days rates changed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument", "on", "stt"),
    [
        (NIFTY_FUT, "2024-09-30", "12.5"),
        (NIFTY_FUT, "2024-10-01", "20"),
        (NIFTY_FUT, "2026-03-31", "20"),
        (NIFTY_FUT, "2026-04-01", "50"),
        (NIFTY_OPT, "2024-09-30", "62.5"),
        (NIFTY_OPT, "2024-10-01", "100"),
        (NIFTY_OPT, "2026-03-31", "100"),
        (NIFTY_OPT, "2026-04-01", "150"),
        (CRUDE_FUT, "2026-04-01", "10"),
        (CRUDE_OPT, "2026-04-01", "50"),
        (USD_FUT, "2026-04-01", "0"),
    ],
)
def test_transaction_tax_is_that_of_the_day(instrument, on, stt):
    day = date.fromisoformat(on)
    assert order_charges(instrument, Product.NRML, SELL, D(100_000), day).stt == D(stt)
    bought = order_charges(instrument, Product.NRML, BUY, D(100_000), day)
    assert bought.stt == 0


@pytest.mark.parametrize(
    ("instrument", "product", "crore", "base"),
    [(SHARE, "CNC", 307, 297), (NIFTY_FUT, "NRML", 183, 173), (NIFTY_OPT, "NRML", 3553, 3503)],
    ids=["cash", "futures", "options"],
)
def test_ipft_moved_into_the_charge_and_only_gst_grew(instrument, product, crore, base):
    """2026-03-01: the same rupees a crore in total, but all of them under GST from then on."""
    turnover = D(10_000_000)
    before, after = (
        order_charges(instrument, Product(product), SELL, turnover, date.fromisoformat(day))
        for day in ("2026-02-28", "2026-03-01")
    )
    assert before.exchange + before.ipft == after.exchange + after.ipft == crore
    assert before.exchange == base
    assert after.gst - before.gst == (crore - base) * D("0.18")


@pytest.mark.parametrize(
    ("instrument", "product", "on", "exchange"),
    [
        (SHARE, "MIS", "2023-04-01", "325"),
        (SHARE, "MIS", "2024-04-01", "322"),
        (SHARE, "MIS", "2024-10-01", "297"),
        (BSE_SHARE, "CNC", "2026-11-20", "375"),
        (make("BSE", "JUNK", series="Z"), "CNC", "2026-11-20", "10000"),
        (make("BSE", "NEW", series="ST"), "MIS", "2026-11-20", "100000"),
        (make("BSE", "SME", series="M"), "CNC", "2026-11-20", "275"),
        (make("BFO", "SENSEX"), "NRML", "2026-11-20", "0"),
        (SENSEX_OPT, "NRML", "2024-10-01", "3250"),
        (make("BFO", "SENSEX50", option=True), "NRML", "2026-11-20", "500"),
        (make("CDS", "USDINR", option=True), "NRML", "2026-11-20", "3110"),
        (make("BCD", "USDINR"), "NRML", "2026-11-20", "45"),
        (make("BCD", "USDINR", option=True), "NRML", "2026-11-20", "100"),
        (CRUDE_FUT, "MIS", "2024-09-30", "260"),
        (CRUDE_FUT, "MIS", "2024-10-01", "210"),
    ],
)
def test_exchange_charge_a_crore(instrument, product, on, exchange):
    day = date.fromisoformat(on)
    paid = order_charges(instrument, Product(product), BUY, D(10_000_000), day)
    assert paid.exchange == D(exchange)


# -- funds, expiry, ledger -------------------------------------------------------------------------


def test_a_fund_pays_little_tax_when_sold_from_the_holdings() -> None:
    sold = order_charges(SHARE, Product.CNC, SELL, D(100_000), NOV_2026, etf=True)
    bought = order_charges(SHARE, Product.CNC, BUY, D(100_000), NOV_2026, etf=True)
    intraday = order_charges(SHARE, Product.MIS, SELL, D(100_000), NOV_2026, etf=True)
    assert (sold.stt, bought.stt, intraday.stt) == (1, 0, 25)


@pytest.mark.parametrize(("on", "stt"), [("2026-03-31", "12.5"), ("2026-04-01", "15")])
def test_exercise_is_taxed_on_the_intrinsic_value_and_paid_by_the_holder(on, stt):
    day = date.fromisoformat(on)
    holder = exercise_charges(NIFTY_OPT, BUY, D(10_000), day)
    writer = exercise_charges(NIFTY_OPT, SELL, D(10_000), day)
    assert (holder.stt, holder.brokerage, holder.gst) == (D(stt), 20, D("3.6"))
    assert (writer.stt, writer.total) == (0, D("23.6"))


def test_an_option_that_expires_worthless_costs_nothing() -> None:
    assert exercise_charges(NIFTY_OPT, BUY, D(0), NOV_2026) == Charges()


def test_fees_of_the_ledger_hold_their_gst() -> None:
    assert fee("dp", Exchange.NSE, NOV_2026) == D("15.34")
    assert fee("square_off", Exchange.MCX, NOV_2026) == D("59")


# -- rounding --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "paise"),
    [("0.0049", "0.00"), ("0.005", "0.01"), ("0.015", "0.02"), ("0.025", "0.03"), ("1.9999", "2")],
)
def test_the_total_is_rounded_half_up_once(total, paise):
    assert Charges(brokerage=D(total)).paise == D(paise)


def test_many_components_below_a_paisa_are_not_lost() -> None:
    paid = Charges(brokerage=D("0.004"), stt=D("0.004"), exchange=D("0.004"))
    assert paid.paise == D("0.01")


# -- what is not known, and what cannot be ---------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument", "product", "on", "text"),
    [
        (SHARE, "CNC", "2023-03-31", "NSE delivery are known from 2023-04-01, not on 2023-03-31"),
        (SENSEX_OPT, "NRML", "2024-09-30", r"BFO options \(SENSEX\) are known from 2024-10-01"),
        (make("BCD", "USDINR"), "NRML", "2024-09-30", "BCD futures are known from 2024-10-01"),
    ],
)
def test_outside_the_table_the_span_is_named(instrument, product, on, text):
    with pytest.raises(OutOfRange, match=text):
        order_charges(instrument, Product(product), BUY, D(1), date.fromisoformat(on))


def test_kinds_without_rows_are_refused() -> None:
    with pytest.raises(OutOfRange, match="no exercise charges of MCX"):
        exercise_charges(CRUDE_OPT, BUY, D(1), NOV_2026)


def test_what_is_no_order_is_refused() -> None:
    index = make("NSE", "NIFTY 50", asset="index")
    with pytest.raises(ValueError, match="index"):
        order_charges(index, Product.CNC, BUY, D(1), NOV_2026)
    with pytest.raises(ValueError, match="NRML is not a product of the cash market"):
        trade_of(SHARE, Product.NRML)
    with pytest.raises(ValueError, match="not an option"):
        exercise_charges(NIFTY_FUT, BUY, D(1), NOV_2026)
    with pytest.raises(ValueError, match="cannot fall"):
        fill_charge(SHARE, Product.CNC, BUY, before=D(2), after=D(1), on=NOV_2026)
    for wrong in ("-0.01", "NaN", "Infinity"):
        with pytest.raises(ValueError, match="not possible"):
            order_charges(SHARE, Product.CNC, BUY, D(wrong), NOV_2026)


def test_every_kind_of_trade_has_the_components_it_must_have() -> None:
    """A row dropped from the table would make a trade cheaper without a sound."""
    for exchange in Exchange:
        cash = exchange in {Exchange.NSE, Exchange.BSE}
        for trade in ("delivery", "etf_delivery", "intraday") if cash else ("futures", "options"):
            found = {rate.component for rate in rates_on(exchange, trade, NOV_2026)}
            tax = "ctt" if exchange is Exchange.MCX else "stt"
            ipft = {"ipft"} if exchange in {Exchange.NSE, Exchange.NFO} else set()
            assert found == {"brokerage", "exchange", "sebi", "stamp", "gst", tax} | ipft
