"""Charges against recorded replies of a broker's API and against examples worked by hand.

Lines 1 to 6 are replies of Kite Connect of 2023, published by the broker as test data
(zerodha/kiteconnect-mocks: order_margins.json, virtual_contract_note.json, basket_margins.json);
lines 7 to 16 were computed by hand from the rates of November 2026.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.exchange.charge_rates import Rate
from alphastock_cli.exchange.charges import Charges, charges, fill_charge, order_charges

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
NOV_2026 = date(2026, 11, 20)
ALL_THREE = ("brokerage", "exchange", "sebi")


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
NIFTY_FUT, NIFTY_OPT = make("NFO", "NIFTY"), make("NFO", "NIFTY", option=True)
SENSEX_OPT = make("BFO", "SENSEX", option=True)
CRUDE_FUT, CRUDE_OPT = make("MCX", "CRUDEOIL"), make("MCX", "CRUDEOIL", option=True)
USD_FUT = make("CDS", "USDINR")


def rate(component: str, pct: str = "0", **more: object) -> Rate:
    return Rate(component=component, pct=D(pct), **more)


def show(paid: Charges) -> dict[str, Decimal]:
    """Components as the worked examples name them: the exchange's charge holds the IPFT."""
    return {
        "brokerage": paid.brokerage, "stt": paid.stt, "exchange": paid.exchange + paid.ipft,
        "sebi": paid.sebi, "gst": paid.gst, "stamp": paid.stamp, "total": paid.total,
    }  # fmt: skip


# -- 1 to 6: recorded replies, each with the rates that were in force or in use --------------------

RECORDED = [
    # 1: the stamp duty came rounded to the paisa (0.2247), the brokerage as a cent
    (
        "INFY CNC", BUY, "1498",
        [
            rate("stt", "0.1"), rate("exchange", "0.00345"), rate("sebi", "0.0001"),
            rate("brokerage", flat=D("0.01")), rate("stamp", flat=D("0.22")),
            rate("gst", "18", of=ALL_THREE),
        ],
        "1.498 0.051681 0.001498 0.01 0.22 0.01137222 1.79255122",
    ),
    # 2: GST of the exchange's charge alone
    (
        "SBIN CNC", BUY, "560",
        [
            rate("stt", "0.1"), rate("exchange", "0.00335"), rate("sebi", "0.0001"),
            rate("gst", "18", of=("exchange",)),
        ],
        "0.56 0.01876 0.00056 0 0 0.0033768 0.5826968",
    ),
    (
        "GOLDPETAL future", SELL, "5862",
        [
            rate("ctt", "0.01", side=SELL), rate("exchange", "0.0026"), rate("sebi", "0.0001"),
            rate("brokerage", "0.03", cap=D(20)), rate("gst", "18", of=ALL_THREE),
        ],
        "0.5862 0.152412 0.005862 1.7586 0 0.34503732 2.84811132",
    ),
    # 4: IPFT apart from the exchange's charge and outside GST
    (
        "NIFTY put", BUY, "150",
        [
            rate("stt", "0.0625", side=SELL), rate("exchange", "0.05"), rate("ipft", "0.0005"),
            rate("sebi", "0.0001"), rate("brokerage", flat=D(20)),
            rate("gst", "18", of=ALL_THREE),
        ],
        "0 0.07575 0.00015 20 0 3.613527 23.689427",
    ),
    (
        "NIFTY 20600 call", SELL, "2673.75",
        [
            rate("stt", "0.0625", side=SELL), rate("exchange", "0.05"), rate("sebi", "0.0001"),
            rate("brokerage", flat=D(20)), rate("stamp", "0.003", side=BUY),
            rate("gst", "18", of=ALL_THREE),
        ],
        "1.67109375 1.336875 0.00267375 20 0 3.841118775 26.851761275",
    ),
    (
        "NIFTY 20700 call", BUY, "521.25",
        [
            rate("stt", "0.0625", side=SELL), rate("exchange", "0.05"), rate("sebi", "0.0001"),
            rate("brokerage", flat=D(20)), rate("gst", "18", of=ALL_THREE),
        ],
        "0 0.260625 0.00052125 20 0 3.647006325 23.908152575",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "turnover", "rates", "expected"),
    [row[1:] for row in RECORDED],
    ids=[row[0] for row in RECORDED],
)
def test_recorded_replies(side, turnover, rates, expected):
    found = show(charges(rates, side, D(turnover)))
    names = ("stt", "exchange", "sebi", "brokerage", "stamp", "gst", "total")
    assert {name: found[name] for name in names} == dict(
        zip(names, map(D, expected.split()), strict=True)
    )


def test_the_table_of_2023_agrees_with_the_recorded_put() -> None:
    """The rows of July 2023 give reply 4 but for the stamp duty, which the replies left out."""
    paid = order_charges(NIFTY_OPT, Product.NRML, BUY, D(150), date(2023, 7, 10))
    assert paid.total - paid.stamp == D("23.689427")
    assert paid.stamp == D("0.0045")


def test_the_table_of_2023_agrees_with_the_recorded_gold_petal() -> None:
    paid = order_charges(make("MCX", "GOLDPETAL"), Product.NRML, SELL, D(5862), date(2023, 7, 10))
    assert paid.total == D("2.84811132")


# -- 7 to 16: the rates of November 2026 -----------------------------------------------------------

WORKED = [
    ("delivery buy", SHARE, "CNC", "150000", "0",
     "0 150.00 4.6050 0.1500 0.855900 22.50 178.110900"),
    ("delivery sell", SHARE, "CNC", "0", "152000",
     "0 152.00 4.6664 0.1520 0.867312 0 157.685712"),
    ("intraday", SHARE, "MIS", "150000", "151000",
     "40 37.75 9.2407 0.3010 8.917506 4.50 100.709206"),
    ("small intraday", SHARE, "MIS", "5000", "5050",
     "3.015 1.2625 0.308535 0.01005 0.6000453 0.15 5.3461303"),
    ("NIFTY future", NIFTY_FUT, "NRML", "1625000", "1631500",
     "40 815.75 59.59395 3.2565 18.513081 32.50 969.613531"),
    ("NIFTY option", NIFTY_OPT, "NRML", "6500", "7800",
     "40 11.70 5.08079 0.0143 8.1171162 0.195 65.1072062"),
    ("SENSEX option", SENSEX_OPT, "NRML", "4000", "3600",
     "40 5.40 2.4700 0.0076 7.645968 0.12 55.643568"),
    ("crude future", CRUDE_FUT, "NRML", "855200", "855200",
     "40 85.52 35.9184 1.7104 13.973184 17.104 194.225984"),
    ("crude option", CRUDE_OPT, "NRML", "24200", "24200",
     "40 12.10 20.2312 0.0484 10.850328 0.726 83.955928"),
    ("USDINR future", USD_FUT, "NRML", "90000", "90100",
     "40 0 0.63035 0.1801 7.345881 0.09 48.246331"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("instrument", "product", "bought", "sold", "expected"),
    [row[1:] for row in WORKED],
    ids=[row[0] for row in WORKED],
)
def test_rates_of_november_2026(instrument, product, bought, sold, expected):
    both = [
        show(order_charges(instrument, Product(product), side, D(value), NOV_2026))
        for side, value in ((BUY, bought), (SELL, sold))
    ]
    found = [sum(one[name] for one in both) for name in both[0]]
    assert found == [D(text) for text in expected.split()]


# -- the cap of the brokerage ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turnover", "brokerage"),
    [
        ("0.01", "0.000003"),
        ("10000", "3"),
        ("66666.66", "19.999998"),
        ("66666.67", "20"),  # 0.03 % would be 20.000001
        ("66666.71", "20"),
        ("1000000000", "20"),
    ],
)
@pytest.mark.parametrize(
    ("instrument", "product"),
    [(SHARE, "MIS"), (NIFTY_FUT, "NRML"), (CRUDE_FUT, "MIS"), (USD_FUT, "NRML")],
    ids=["share", "index", "crude", "usd"],
)
def test_brokerage_is_capped_an_order(instrument, product, turnover, brokerage):
    paid = order_charges(instrument, Product(product), BUY, D(turnover), NOV_2026)
    assert paid.brokerage == D(brokerage)


def test_the_cap_counts_once_for_an_order_filled_in_pieces() -> None:
    whole = order_charges(SHARE, Product.MIS, BUY, D(150_000), NOV_2026)
    fills, before = [], D(0)
    for value in ("50000", "50000", "50000"):
        after = before + D(value)
        fills.append(fill_charge(SHARE, Product.MIS, BUY, before=before, after=after, on=NOV_2026))
        before = after
    assert sum(fills) == whole.paise
    assert fills[0] > fills[1] > fills[2]  # 15, then 5, then nothing of brokerage


@pytest.mark.parametrize(("turnover", "brokerage"), [("0", "0"), ("0.05", "20"), ("900000", "20")])
def test_options_pay_a_flat_brokerage_from_the_first_rupee(turnover, brokerage):
    paid = order_charges(NIFTY_OPT, Product.MIS, SELL, D(turnover), NOV_2026)
    assert paid.brokerage == D(brokerage)
