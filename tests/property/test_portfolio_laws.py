"""Laws of the fold over fills: how it was split, in what order it is read, how it is stored."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Fill, OrderEvent, OrderState, OrderStatus, Product
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_verify import cash_paise, findings
from alphastock_cli.trading.portfolio import Portfolio
from tests.unit.trading_makers import FUTURE, OTHER, SHARE, TEN, fill, order

D = Decimal
OPENING = D("1000000.00")
INSTRUMENTS = (SHARE, OTHER, replace(FUTURE, lot_size=1))


@st.composite
def fills(draw, instruments=INSTRUMENTS, most: int = 25) -> list[Fill]:
    made = []
    for i in range(draw(st.integers(1, most))):
        instrument = draw(st.sampled_from(instruments))
        products = [Product.NRML] if instrument.exchange == "NFO" else [Product.MIS, Product.CNC]
        ticks = draw(st.integers(1, 60_000))
        made.append(
            fill(
                draw(st.integers(1, 500)), str(ticks * instrument.tick_size),
                draw(st.sampled_from(Side)), charges=str(D(draw(st.integers(0, 9999))) / 100),
                instrument=instrument, product=draw(st.sampled_from(products)), order_id=str(i),
                time=TEN + timedelta(seconds=i),
            )
        )  # fmt: skip
    return made


def flattened(made: list[Fill], price: Decimal) -> list[Fill]:
    """Return the fills and one more for each position that is left open."""
    folded = Portfolio.of(OPENING, made)
    more = [
        fill(abs(p.quantity), str(price), Side.SELL if p.quantity > 0 else Side.BUY,
             instrument=p.instrument, product=p.product, order_id=f"close {i}",
             time=TEN + timedelta(days=1))
        for i, p in enumerate(folded.open_positions)
    ]  # fmt: skip
    return made + more


@given(fills())
def test_cash_and_equity_to_the_paisa_by_fractions(made: list[Fill]) -> None:
    """Equity = opening + what every unit gained − charges, whatever the average says."""
    folded = Portfolio.of(OPENING, made)
    paid = [x for x in made if x.instrument.paid_in_full]
    spent = sum(Fraction(x.price) * x.signed for x in paid)
    gained = sum(
        (p.pnl_realised for p in folded.positions.values() if not p.instrument.paid_in_full), D(0)
    )
    charged = sum((x.charges for x in made), D(0))
    assert Fraction(folded.cash) == Fraction(OPENING) - spent + Fraction(gained) - Fraction(charged)
    worth = sum(
        Fraction(folded.price_of(p)) * p.quantity * p.instrument.multiplier
        for p in folded.open_positions
    )
    turned = sum(Fraction(x.price) * x.signed * x.instrument.multiplier for x in made)
    assert Fraction(folded.equity) == Fraction(OPENING) + worth - turned - Fraction(charged)
    assert folded.charges == charged


@given(fills())
def test_positions_are_the_sum_of_signed_fills(made: list[Fill]) -> None:
    folded = Portfolio.of(OPENING, made)
    for (key, product), position in folded.positions.items():
        mine = [x for x in made if (x.instrument.key, x.product) == (key, product)]
        assert position.quantity == sum(x.signed for x in mine)
        assert position.charges == sum(x.charges for x in mine)
        assert (position.opened_at is None) == (position.quantity == 0)
        assert position.cost == position.cost.quantize(D("0.01"))
        if not position.quantity:
            assert position.cost == 0
        else:
            assert (position.cost > 0) == (position.quantity > 0)


@given(fills(instruments=INSTRUMENTS[:1]), st.data())
def test_a_closed_positions_profit_does_not_depend_on_how_its_fills_were_split(made, data) -> None:
    whole = flattened(made, D("123.45"))
    pieces = []
    for each in whole:
        left = each.quantity
        while left:
            part = data.draw(st.integers(1, left))
            pieces.append(
                replace(
                    each, quantity=part, seq=len(pieces) + 1,
                    charges=each.charges if left == each.quantity else D(0),
                )
            )  # fmt: skip
            left -= part
    one, other = Portfolio.of(OPENING, whole), Portfolio.of(OPENING, pieces)
    assert one.cash == other.cash
    assert one.pnl_realised == other.pnl_realised
    assert one.equity == other.equity == one.cash


@given(fills(), st.integers(1, 60_000))
def test_value_changes_only_by_price_moves_and_charges(made: list[Fill], ticks: int) -> None:
    """A fill at the mark costs its charges and nothing else."""
    folded = Portfolio.of(OPENING, made)
    last = made[-1]
    price = ticks * last.instrument.tick_size
    before = folded.mark(last.instrument.key, price, TEN + timedelta(hours=1))
    again = replace(last, order_id="again", price=price, time=TEN + timedelta(hours=1))
    assert before.apply(again).equity == before.equity - again.charges


@given(fills())
def test_every_prefix_and_the_fold_one_by_one_agree(made: list[Fill]) -> None:
    one = Portfolio.of(OPENING)
    for count, each in enumerate(made, 1):
        one = one.apply(each)
        assert one == Portfolio.of(OPENING, made[:count])


@given(fills(instruments=INSTRUMENTS[:2]), st.integers(2, 50))
def test_prices_times_k_are_profits_times_k(made: list[Fill], k: int) -> None:
    free = [replace(x, charges=D(0)) for x in made]
    more = [replace(x, price=x.price * k) for x in free]
    one, other = Portfolio.of(OPENING, free), Portfolio.of(OPENING * k, more)
    assert other.equity == one.equity * k
    assert other.cash == one.cash * k


@given(fills(), st.permutations(range(3)))
def test_instruments_do_not_touch_each_other(made: list[Fill], turned) -> None:
    """Any order that keeps each instrument's own order leads to the same portfolio."""
    queues = [[x for x in made if x.instrument is INSTRUMENTS[i]] for i in turned]
    shuffled = list(itertools.chain(*queues))
    one, other = Portfolio.of(OPENING, made), Portfolio.of(OPENING, shuffled)
    assert (one.cash, dict(one.positions)) == (other.cash, dict(other.positions))
    assert one.equity == other.equity


@settings(max_examples=40, deadline=None)
@given(fills(most=12))
def test_the_journal_read_again_is_the_live_portfolio(made: list[Fill]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ledger"
        live = Portfolio.of(OPENING)
        with Journal.write(path, account="t", opening_cash=OPENING, at=TEN) as journal:
            for each in made:
                placed = order(
                    each.quantity, each.side, order_id=each.order_id, instrument=each.instrument,
                    product=each.product,
                )  # fmt: skip
                state = OrderState(order=placed, status=OrderStatus.COMPLETE, updated_at=each.time,
                                   filled_quantity=each.quantity)  # fmt: skip
                with journal.transaction() as book:
                    book.intend(placed)
                    live = book.post(OrderEvent(state=state, fill=each), live)
        with Journal.read(path) as journal:
            assert journal.fills() == made, "rows come back as they were"
            assert Portfolio.of(journal.opening_cash(), journal.fills()) == live
            assert cash_paise(journal) == int(live.cash * 100)
            assert findings(journal, Portfolio.of(journal.opening_cash())) == []
