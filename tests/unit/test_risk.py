"""Every limit at its last yes and its first no; halts, days, and what a person resumes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from alphastock_cli.domain.decisions import Approved, Rejected, RiskLimits, RiskState
from alphastock_cli.domain.instrument import AssetType, OptionType, Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.trading import risk
from alphastock_cli.trading.portfolio import Portfolio
from tests.unit.trading_makers import (
    DAY,
    FUTURE,
    OTHER,
    SHARE,
    TEN,
    at,
    candle,
    fill,
    quote,
    signal,
    snapshot,
)

D = Decimal
CALM = RiskState(day=TEN.date(), day_start_equity=D(100_000), peak_equity=D(100_000))
CASH = Portfolio.of(D(100_000))
STOPPED = {"stop_loss": "98"}


def judged(say=None, market=None, *, folded=CASH, limits=None, state=CALM, seen=None, **more):
    say = say or signal(**STOPPED)
    seen = seen or snapshot(market or quote(100.0, 0), instrument=say.instrument)
    return risk.assess(
        say, seen, folded, limits or RiskLimits(), state=state,
        product=more.pop("product", Product.MIS), **more,
    )  # fmt: skip


def rules(decision) -> list[str]:
    return [r.rule for r in decision.reasons] if isinstance(decision, Rejected) else []


def holding(count: int, price: str = "1") -> Portfolio:
    instruments = [replace(SHARE, tradingsymbol=f"S{i}") for i in range(count)]
    return Portfolio.of(
        D(100_000), [fill(1, price, instrument=x, order_id=x.key) for x in instruments]
    )


def test_a_plain_yes() -> None:
    decision = judged()
    assert isinstance(decision, Approved)
    # 0.5 % of 100,000 at 2 rupees a unit is 250; 10 % of 100,000 at 100 is 100: the tighter
    assert (decision.quantity, decision.at_risk) == (100, D(200))
    assert decision.notes == ("bound by symbol",)


# -- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "no"), [(2, []), (3, ["max_positions"]), (4, ["max_positions"])])
def test_open_positions(count: int, no: list[str]) -> None:
    assert rules(judged(folded=holding(count), limits=RiskLimits(max_positions=3))) == no


def test_entries_on_their_way_count_as_positions() -> None:
    limits = RiskLimits(max_positions=3)
    assert rules(judged(folded=holding(1), limits=limits, waiting=["NSE:A"])) == []
    assert rules(judged(folded=holding(1), limits=limits, waiting=["NSE:A", "NSE:B"])) == [
        "max_positions"
    ]
    grown = holding(2)
    key = grown.open_positions[0].instrument.key
    assert rules(judged(folded=grown, limits=limits, waiting=[key])) == [], "one and the same"


@pytest.mark.parametrize(
    ("orders", "no"), [(4, []), (5, ["orders_per_day"]), (6, ["orders_per_day"])]
)
def test_orders_of_the_day(orders: int, no: list[str]) -> None:
    state = replace(CALM, orders_today=orders)
    assert rules(judged(state=state, limits=RiskLimits(max_orders_per_day=5))) == no


def test_open_risk_counts_what_is_held_and_what_waits() -> None:
    # each position was sized by 0.5 %; this one risks 0.2 %
    limits = RiskLimits(open_risk_pct=D("1.2"))
    assert rules(judged(folded=holding(2), limits=limits)) == []
    assert rules(judged(folded=holding(2), limits=replace(limits, open_risk_pct=D("1.1999")))) == [
        "open_risk"
    ]
    assert rules(judged(folded=holding(1), waiting=["NSE:A", "NSE:B"], limits=limits)) == [
        "open_risk"
    ]


# -- room -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "units"),
    [
        ({"exposure_symbol_pct": D("9.999")}, 99), ({"exposure_symbol_pct": D(10)}, 100),
        ({"exposure_symbol_pct": D("10.1")}, 101),
        ({"max_order_value": D("9999.99")}, 99), ({"max_order_value": D(10_000)}, 100),
        ({"exposure_gross_pct": D("9.999")}, 99), ({"exposure_gross_pct": D(10)}, 100),
        ({"risk_per_trade_pct": D("0.19")}, 95), ({"risk_per_trade_pct": D("0.2")}, 100),
        ({"exposure_symbol_pct": D("0.0999")}, 0), ({"exposure_symbol_pct": D("0.1")}, 1),
    ],
)  # fmt: skip
def test_room(limits: dict, units: int) -> None:
    decision = judged(limits=RiskLimits(**limits))
    if not units:
        assert rules(decision) == ["too_small"]
    else:
        assert decision.quantity == units


def test_what_waits_takes_room_and_funds() -> None:
    limits = RiskLimits(exposure_gross_pct=D(100))
    assert judged(limits=limits, reserved=D(95_000)).quantity == 50
    assert judged(reserved=D(99_900)).quantity == 1
    assert rules(judged(reserved=D("99900.01"))) == ["too_small"]


def test_exposure_of_a_share_counts_all_its_products() -> None:
    folded = CASH.apply(fill(40, "100", product=Product.CNC))
    assert judged(folded=folded).quantity == 60


def test_funds_include_slippage_and_charges() -> None:
    thin = Portfolio.of(D(10_000))
    limits = RiskLimits(
        exposure_symbol_pct=D(1000), risk_per_trade_pct=D(100), open_risk_pct=D(100)
    )
    assert judged(folded=thin, limits=limits).quantity == 100
    slipped = judged(folded=thin, limits=limits, cost=lambda units: units * D(101))
    assert (slipped.quantity, slipped.notes) == (99, ("bound by funds",))


def test_shorts_keep_their_proceeds_out_of_the_funds() -> None:
    folded = CASH.apply(fill(900, "100", Side.SELL, instrument=OTHER))
    limits = RiskLimits(exposure_gross_pct=D(1000))
    assert judged(folded=folded, limits=limits).quantity == 100, "190,000 less twice 90,000"


# -- the market -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "no"), [(4.999, []), (5, []), (5.001, ["stale_price"])])
def test_age_of_a_quote(age: float, no: list[str]) -> None:
    old = quote(100.0, -age)
    assert rules(judged(seen=snapshot(old, as_of=TEN))) == no
    assert rules(judged(seen=snapshot(old), now=TEN)) == no, "nor a snapshot that has grown old"


@pytest.mark.parametrize(("age", "no"), [(65, []), (65.001, ["stale_price"])])
def test_a_candle_is_the_last_word_until_the_next_one_is_over(age: float, no: list[str]) -> None:
    bar = candle(100, 101, 99, 100, minute=-1)
    assert rules(judged(seen=snapshot(bar, as_of=bar.end + timedelta(seconds=age)))) == no


@pytest.mark.parametrize(
    ("price", "no"),
    [("103", []), ("103.05", ["price_band"]), ("97", []), ("96.95", ["price_band"])],
)
def test_the_band_around_the_last_price(price: str, no: list[str]) -> None:
    assert rules(judged(signal(price=price, stop_loss="90"))) == no


@pytest.mark.parametrize(
    ("more", "no"),
    [
        ({"high": 100.0, "low": 100.0}, []),
        ({"high": 99.95}, ["odd_price"]),
        ({"low": 100.05}, ["odd_price"]),
        ({"upper_circuit": 99.0}, ["odd_price"]),
        ({"lower_circuit": 101.0}, ["odd_price"]),
    ],
)
def test_a_last_price_outside_its_own_day(more: dict, no: list[str]) -> None:
    assert rules(judged(market=quote(100.0, 0, **more))) == no


def test_no_price_no_trade() -> None:
    assert rules(judged(seen=snapshot(None))) == ["no_market"]
    assert rules(judged(market=quote(None, 0))) == ["no_market"]
    assert rules(judged(market=quote(0.0, 0))) == ["no_market"]
    assert rules(judged(signal(price="0", stop_loss=None))) == ["no_market"]


def test_a_stop_or_an_atr_is_needed() -> None:
    assert rules(judged(signal())) == ["no_stop"]
    for atr in (0.0, -1.0, None):
        assert rules(judged(signal(), seen=snapshot(quote(100.0, 0), facts={"atr": atr}))) == [
            "no_stop"
        ]
    seen = snapshot(quote(100.0, 0), facts={"atr": np.float64(5.0)})
    assert judged(signal(), seen=seen).quantity == 50  # 500 at twice 5


# -- kinds ----------------------------------------------------------------------------------------


def test_what_cannot_be_weighed_is_refused() -> None:
    index = replace(SHARE, asset_type=AssetType.INDEX)
    assert "not_tradable" in rules(judged(signal(instrument=index, **STOPPED)))
    future = signal(instrument=FUTURE, **STOPPED)
    assert "no_margin_model" in rules(judged(future, product=Product.NRML))
    call = replace(FUTURE, asset_type=AssetType.OPTIONS, strike=D(100), option_type=OptionType.CE)
    short = signal(Side.SELL, instrument=call, stop_loss="102")
    assert "no_margin_model" in rules(judged(short, product=Product.NRML))
    long = signal(instrument=replace(call, lot_size=1), **STOPPED)
    assert rules(judged(long, product=Product.NRML)) == []


def test_shorts() -> None:
    short = signal(Side.SELL, stop_loss="102")
    assert judged(short).quantity == 100
    assert rules(judged(short, product=Product.CNC)) == ["no_short"]
    assert rules(judged(short, limits=RiskLimits(allow_short=False))) == ["no_short"]


# -- what is held ---------------------------------------------------------------------------------


def test_a_signal_against_a_position_closes_it_whatever_is_halted_or_full() -> None:
    held = CASH.apply(fill(137, "100"))
    halted = replace(CALM, halted="person", why="told so", orders_today=10**6)
    decision = judged(
        signal(Side.SELL), folded=held, state=halted, limits=RiskLimits(max_positions=0)
    )
    assert decision == Approved(quantity=137, at_risk=D(0), notes=("closes the position",))
    short = CASH.apply(fill(20, "100", Side.SELL))
    assert judged(signal(), folded=short, state=halted).quantity == 20


def test_no_second_exit_and_no_second_entry() -> None:
    held = CASH.apply(fill(10, "100"))
    assert rules(judged(signal(Side.SELL), folded=held, exiting=[SHARE.key])) == ["exit_waiting"]
    assert rules(judged(folded=held)) == ["open_position"]
    assert rules(judged(waiting=[SHARE.key])) == ["waiting_order"]


def test_every_reason_is_told_with_its_numbers() -> None:
    decision = judged(
        signal(price="110", stop_loss="98"), folded=holding(3), market=quote(100.0, 0, high=99.0),
        state=replace(CALM, halted="day", why="lost", orders_today=9),
        limits=RiskLimits(max_positions=3, max_orders_per_day=9, open_risk_pct=D(0)),
    )  # fmt: skip
    assert rules(decision) == [
        "halted", "max_positions", "orders_per_day", "odd_price", "price_band", "open_risk",
    ]  # fmt: skip
    assert all(r.text and r.numbers for r in decision.reasons)
    assert "lost" in decision.text


# -- halts ----------------------------------------------------------------------------------------


def watched(equity: str, state: RiskState = CALM, day: date = DAY) -> RiskState:
    return risk.watch(state, D(equity), day, RiskLimits(daily_loss_pct=D(2), drawdown_pct=D(10)))


@pytest.mark.parametrize(
    ("equity", "halted"), [("98000.01", ""), ("98000", "day"), ("97999.99", "day")]
)
def test_loss_of_the_day(equity: str, halted: str) -> None:
    assert watched(equity).halted == halted


@pytest.mark.parametrize(
    ("equity", "halted"), [("90000.01", "day"), ("90000", "person"), ("80000", "person")]
)
def test_drawdown_outweighs_the_loss_of_the_day(equity: str, halted: str) -> None:
    assert watched(equity).halted == halted
    assert watched(equity, replace(CALM, halted="day")).halted == halted


def test_the_peak_only_rises() -> None:
    up = watched("120000")
    assert up.peak_equity == D(120_000)
    down = watched("110000", up)
    assert (down.peak_equity, down.halted) == (D(120_000), "")
    assert risk.drawdown_pct(down, D(110_000)).quantize(D("0.01")) == D("-8.33")
    assert watched("108000", up).halted == "person"
    assert risk.drawdown_pct(up, D(130_000)) == 0


def test_a_halt_of_the_day_ends_with_it_and_a_persons_does_not() -> None:
    tomorrow = TEN.date() + timedelta(days=1)
    lost = watched("97000")
    assert lost.halted == "day"
    fresh = watched("97000", replace(lost, orders_today=7), tomorrow)
    assert (fresh.halted, fresh.why, fresh.orders_today) == ("", "", 0)
    assert fresh.day_start_equity == D(97_000)
    down = watched("90000")
    assert watched("99000", down, tomorrow).halted == "person"


def test_a_gap_over_night_is_a_loss_of_the_new_day() -> None:
    evening = watched("99000")
    morning = watched("97000", evening, TEN.date() + timedelta(days=3))
    assert morning.day_start_equity == D(99_000)
    assert morning.halted == "day"


def test_the_first_look_of_all_starts_where_it_is() -> None:
    fresh = watched("100000", RiskState())
    assert (fresh.day_start_equity, fresh.peak_equity, fresh.halted) == (D(10**5), D(10**5), "")


def test_who_resumes_is_not_halted_again_by_the_old_losses() -> None:
    down = replace(watched("85000"), orders_today=4)
    again = watched("85000", risk.resumed(down))
    assert (again.halted, again.why, again.orders_today) == ("", "", 4)
    assert again.peak_equity == again.day_start_equity == D(85_000)
    assert watched("83000", again).halted == "day", "new losses count"


def test_an_account_that_is_worth_nothing_divides_by_nothing() -> None:
    assert watched("0", replace(CALM, peak_equity=D(0), day_start_equity=D(0))).halted == ""
    assert watched("-5000").halted == "person"
    assert rules(judged(folded=Portfolio.of(D(0)))) == ["too_small", "open_risk"][:1]


def test_moments_do_not_need_the_same_zone() -> None:
    from zoneinfo import ZoneInfo

    old = quote(100.0, -3600, start=TEN.astimezone(ZoneInfo("UTC")))
    assert rules(judged(seen=snapshot(old), now=at(0))) == ["stale_price"]
