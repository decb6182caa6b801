"""What an order costs: brokerage, transaction tax, exchange charge, IPFT, SEBI, stamp duty, GST.

Exact decimals throughout; the rates are rows of `data/charges.csv`. Whose cash the charges come
from, and when, is the business of `trading/`; margins are not charges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import Literal

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Side
from alphastock_cli.domain.trading import PAISA, ZERO, Product
from alphastock_cli.exchange.charge_rates import TURNOVER, Rate, Trade, rates_on

FeeName = Literal["dp", "square_off"]

_CASH = frozenset({Exchange.NSE, Exchange.BSE})
# Wide enough for a turnover of 28 digits; a digit that would be lost is an error.
_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation])


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """The components in rupees, exact, none rounded; `stt` holds the CTT of a commodity."""

    brokerage: Decimal = ZERO
    stt: Decimal = ZERO
    exchange: Decimal = ZERO
    ipft: Decimal = ZERO
    sebi: Decimal = ZERO
    stamp: Decimal = ZERO
    gst: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """The sum of the components, exact."""
        with localcontext(_EXACT):
            return (
                self.brokerage + self.stt + self.exchange + self.ipft
                + self.sebi + self.stamp + self.gst
            )  # fmt: skip

    @property
    def paise(self) -> Decimal:
        """The total in rupees, rounded half up to the paisa."""
        with localcontext(_EXACT) as context:
            context.traps[Inexact] = False  # the one place where digits are meant to go
            return self.total.quantize(PAISA, ROUND_HALF_UP)


def order_charges(
    instrument: Instrument,
    product: Product,
    side: Side,
    turnover: Decimal,
    on: date,
    *,
    etf: bool = False,
) -> Charges:
    """Return what an order costs that has traded `turnover` so far.

    Of the whole order, because brokerage is capped per order and not per fill: a fill costs the
    difference its turnover makes, see `fill_charge`.

    Parameters
    ----------
    turnover : Decimal
        Rupees of all fills of the order so far: price times quantity times multiplier; of an
        option its premium. 0 costs nothing.
    on : date
        The day of the trade, which chooses the rates.
    etf : bool
        The instrument is a fund of shares traded at the exchange, whose delivery is taxed lower.

    Raises
    ------
    OutOfRange
        The rates of that day are not known; the message says from when to when they are.
    ValueError
        The turnover is negative or not a number; an index; NRML for a share.

    Examples
    --------
    >>> infy = Instrument(exchange=Exchange.NSE, tradingsymbol="INFY", asset_type=AssetType.EQUITY)
    >>> day = date(2026, 11, 20)
    >>> order_charges(infy, Product.CNC, Side.BUY, Decimal(150_000), day).total.normalize()
    Decimal('178.1109')
    """
    trade = trade_of(instrument, product, etf=etf)
    cash = instrument.exchange in _CASH
    name = instrument.series if cash else instrument.underlying or instrument.name
    return charges(rates_on(instrument.exchange, trade, on, only=name), side, turnover)


def fill_charge(
    instrument: Instrument,
    product: Product,
    side: Side,
    *,
    before: Decimal,
    after: Decimal,
    on: date,
    etf: bool = False,
) -> Decimal:
    """Return what a fill costs that takes the turnover of its order from `before` to `after`.

    Rupees, whole paise, never negative: the difference of the rounded totals, so that the fills of
    an order add up to the order to the paisa, however it was split. Raises as `order_charges`.
    """
    if after < before:
        raise ValueError(f"{instrument.key}: turnover cannot fall from {before} to {after}")
    then = order_charges(instrument, product, side, before, on, etf=etf)
    now = order_charges(instrument, product, side, after, on, etf=etf)
    with localcontext(_EXACT):
        return now.paise - then.paise


def exercise_charges(instrument: Instrument, side: Side, payoff: Decimal, on: date) -> Charges:
    """Return what an option settled in cash at expiry costs; out of the money it costs nothing.

    Parameters
    ----------
    side : Side
        BUY for the holder, who pays the tax; SELL for the writer.
    payoff : Decimal
        Intrinsic value times quantity in rupees, 0 or more, for either side.

    Raises
    ------
    OutOfRange
        The tables hold no such rates: another segment, or another time.
    ValueError
        The instrument is not an option, or the payoff is negative.
    """
    if instrument.option_type is None:
        raise ValueError(f"{instrument.key} is not an option, nothing is exercised")
    return charges(rates_on(instrument.exchange, "exercise", on), side, payoff)


def fee(name: FeeName, exchange: Exchange, on: date) -> Decimal:
    """Return a fee of the broker's ledger in rupees, with its GST.

    ``dp`` for each share and day sold from the holdings; ``square_off`` for each order with which
    the broker closed an intraday position.

    Raises
    ------
    OutOfRange
        The fee of that day is not known.
    """
    with localcontext(_EXACT):
        return sum(_amounts(rates_on(exchange, name, on), Side.SELL, Decimal(1)).values(), ZERO)


def charges(rates: Iterable[Rate], side: Side, turnover: Decimal) -> Charges:
    """Apply a set of rates to the turnover of one order: the arithmetic without the tables.

    Raises
    ------
    ValueError
        The turnover is negative or not a number.
    """
    if not turnover.is_finite() or turnover < 0:
        raise ValueError(f"a turnover of {turnover} is not possible")
    with localcontext(_EXACT):
        amounts = _amounts(rates, side, turnover) if turnover else {}
        tax = amounts.pop("stt", ZERO) + amounts.pop("ctt", ZERO)
    return Charges(stt=tax, **amounts)


def trade_of(instrument: Instrument, product: Product, *, etf: bool = False) -> Trade:
    """Return which rows of the table an order in that instrument is charged by.

    Raises
    ------
    ValueError
        An index, which nobody trades; a share with NRML.
    """
    if instrument.asset_type is AssetType.INDEX:
        raise ValueError(f"{instrument.key} is an index: it has no orders and no charges")
    if instrument.exchange not in _CASH:
        return "futures" if instrument.option_type is None else "options"
    if product is Product.MIS:
        return "intraday"
    if product is Product.CNC:
        return "etf_delivery" if etf else "delivery"
    raise ValueError(f"{instrument.key}: {product} is not a product of the cash market")


def _amounts(rates: Iterable[Rate], side: Side, turnover: Decimal) -> dict[str, Decimal]:
    """Return the rupees of each component; GST and the like come after what they are taken of."""
    mine = [rate for rate in rates if rate.side in (None, side)]
    amounts = {TURNOVER: turnover}
    for derived in (False, True):
        base = dict(amounts)
        for rate in mine:
            if (rate.of != (TURNOVER,)) is derived:
                paid = amounts.get(rate.component, ZERO)
                amounts[rate.component] = paid + _amount(rate, base)
    del amounts[TURNOVER]
    return amounts


def _amount(rate: Rate, base: Mapping[str, Decimal]) -> Decimal:
    """Return the rupees of one rate; a component nobody pays counts as nothing in its base."""
    part = sum((base.get(name, ZERO) for name in rate.of), ZERO) * rate.pct.scaleb(-2)
    whole = rate.flat + part
    return whole if rate.cap is None else min(whole, rate.cap)
