"""The cards every broker must keep (BK-01 ... BK-04), played by the paper broker.

A broker of another kind is added to `BROKERS`: a function that returns a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from alphastock_cli.domain.instrument import Instrument, Side
from alphastock_cli.domain.ports import Broker
from alphastock_cli.domain.trading import Fill, OrderEvent, Product, Role
from alphastock_cli.exchange.charges import order_charges
from alphastock_cli.trading.paper import PaperBroker
from alphastock_cli.trading.portfolio import Portfolio
from tests.unit.trading_makers import DAY, FUTURE, SHARE, candle, limit, order, quote, stop

BROKERS: dict[str, Callable[[], Broker]] = {"paper": PaperBroker}
OPENING = Decimal(10_000_000)
LOTS = replace(FUTURE, lot_size=65)
TRADED = [(SHARE, Product.MIS), (SHARE, Product.CNC), (LOTS, Product.NRML)]


@pytest.fixture(params=sorted(BROKERS))
def broker(request: pytest.FixtureRequest) -> Broker:
    return BROKERS[request.param]()


def markets(instrument: Instrument) -> list:
    """Return a morning: books that thin out, a fall, a gap, a last price alone, candles."""
    made = []
    for i in range(40):
        last = 100.0 + (i % 7) * 0.1 - (i % 3) * 0.2
        steps = {
            "buy": [(round(last - 0.1 * n, 2), 65 * n + i) for n in (1, 2, 3)],
            "sell": [(round(last + 0.1 * n, 2), 65 * n + 2 * i) for n in (1, 2, 3)],
        }  # fmt: skip
        if i % 5 == 4:
            steps = {}
        made.append(
            quote(round(last, 2), i + 1.0, key=instrument.key, volume=50_000 * (i + 1), **steps)
        )
    made += [
        candle(100, 102, 97 + i / 2, 99.5, minute=i + 2, key=instrument.key, volume=90_000)
        for i in range(5)
    ]
    return made


def played(broker: Broker, instrument: Instrument, product: Product) -> list[OrderEvent]:
    """Place one of each kind and let the morning pass; each event is taken in its turn."""
    lot = 65  # units of a lot of the future, as many shares
    more = {"instrument": instrument, "product": product}
    broker.place(order(lot * 12, order_id="1", **more))
    broker.place(limit("100.10", lot * 9, order_id="2", **more))
    broker.place(stop("101", lot * 2, Side.BUY, price="102", order_id="3", **more))
    events = []
    for i, market in enumerate(markets(instrument)):
        for event in broker.advance(market):
            events.append(event)  # noqa: PERF402 - one at a time is the promise
        if i == 15:
            at = {"placed_at": market.time} | more
            held = sum(e.fill.signed for e in events if e.fill)
            group = {"group": "g", **at}
            broker.place(stop("98.50", held, order_id="4", role=Role.STOP, **group))
            broker.place(limit("100.90", held, Side.SELL, order_id="5", role=Role.TARGET, **group))
    return events


def fills_of(events: list[OrderEvent]) -> list[Fill]:
    return [event.fill for event in events if event.fill is not None]


@pytest.mark.parametrize(("instrument", "product"), TRADED)
def test_bk_01_fills_an_order_id_once(broker: Broker, instrument, product) -> None:
    events = played(broker, instrument, product)
    before = {s.order.order_id: s for s in broker.orders()}
    assert set(before) == {"1", "2", "3", "4", "5"}
    for state in before.values():
        assert broker.place(state.order) == state, "the same id again is the same order"
        assert broker.place(replace(state.order, quantity=instrument.lot_size * 99)) == state
    assert {s.order.order_id: s for s in broker.orders()} == before
    keys = [(f.order_id, f.seq) for f in fills_of(events)]
    assert len(keys) == len(set(keys)) > 5
    for order_id in before:
        numbers = [seq for name, seq in keys if name == order_id]
        assert numbers == list(range(1, len(numbers) + 1))
    for market in markets(instrument):
        assert list(broker.advance(market)) == [], "nor on the same markets again"


@pytest.mark.parametrize(("instrument", "product"), TRADED)
def test_bk_02_never_more_than_ordered_in_whole_lots_on_the_tick(
    broker: Broker, instrument, product
) -> None:
    events = played(broker, instrument, product)
    for made in fills_of(events):
        assert made.quantity > 0
        assert made.quantity % instrument.lot_size == 0
        assert made.price > 0
        assert made.price % instrument.tick_size == 0
    for state in broker.orders():
        mine = [f for f in fills_of(events) if f.order_id == state.order.order_id]
        assert sum(f.quantity for f in mine) == state.filled_quantity <= state.order.quantity
        if state.order.price is not None:
            sign = 1 if state.order.side is Side.BUY else -1
            assert all((f.price - state.order.price) * sign <= 0 for f in mine)
    guards = [f for f in fills_of(events) if f.order_id in {"4", "5"}]
    entries = sum(f.quantity for f in fills_of(events) if f.order_id in {"1", "2", "3"})
    assert 0 < sum(f.quantity for f in guards) <= entries


@pytest.mark.parametrize(("instrument", "product"), TRADED)
def test_bk_03_charges_every_fill_and_never_negatively(broker: Broker, instrument, product) -> None:
    events = played(broker, instrument, product)
    for state in broker.orders():
        mine = [f for f in fills_of(events) if f.order_id == state.order.order_id]
        if not mine:
            continue
        assert all(f.charges >= 0 for f in mine)
        assert sum(f.charges for f in mine) > 0
        turnover = sum(f.value for f in mine)
        whole = order_charges(instrument, product, state.order.side, turnover, DAY).paise
        assert sum(f.charges for f in mine) == whole, "as one order costs, however it was filled"


@pytest.mark.parametrize(("instrument", "product"), TRADED)
def test_bk_04_conserves_cash(broker: Broker, instrument, product) -> None:
    made = fills_of(played(broker, instrument, product))
    folded = Portfolio.of(OPENING, made)
    charges = sum((f.charges for f in made), Decimal(0))
    spent = sum((f.price * f.signed * instrument.multiplier for f in made), Decimal(0))
    held = folded.position(instrument.key, product)
    assert held is not None
    if instrument.paid_in_full:
        assert folded.cash == OPENING - spent - charges
    else:
        assert folded.cash == OPENING + held.pnl_realised - charges
    assert folded.equity == OPENING - spent - charges + held.value(folded.price_of(held))


@pytest.mark.parametrize(("instrument", "product"), TRADED)
def test_what_a_broker_waits_for_is_what_is_not_over(broker: Broker, instrument, product) -> None:
    played(broker, instrument, product)
    open_ones = [s for s in broker.orders() if not s.status.final]
    assert sorted(s.order.order_id for s in broker.waiting()) == sorted(
        s.order.order_id for s in open_ones
    )
    late = markets(instrument)[-1].end + timedelta(days=1)
    assert len(broker.expire(late)) == len(open_ones)
    assert broker.waiting() == []
