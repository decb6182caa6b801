"""An order as the caller fills it in: every field read and judged before anything is placed.

What is wrong with the form is answered at once with 400; what the exchange has against the order
itself is found at the desk and ends in a REJECTED row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderType, Product, Validity
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import limits, rules
from alphastock_cli.exchange.tables import parse_date, read_table
from alphastock_cli.providers.kite.facts import whole
from alphastock_cli.sandbox import figures
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import CallError, bad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
VARIETIES = ("regular", "amo", "co", "iceberg", "auction")
# by the desk's own: shares on margin are delivery there
HELD_AS = {"CNC": Product.CNC, "NRML": Product.NRML, "MIS": Product.MIS, "MTF": Product.CNC}
PRODUCTS = tuple(HELD_AS)
LIMITED = frozenset({OrderType.LIMIT, OrderType.SL})
STOPPED = frozenset({OrderType.SL, OrderType.SL_M})
UNPROTECTED = (
    "Market orders without market protection are not allowed via API."
    " Please set market protection or use a Limit order."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An order form that can be read; prices are rupees, 0 where there is none."""

    variety: str
    item: Listed
    side: Side
    order_type: OrderType
    product: str
    quantity: int
    price: Decimal
    trigger_price: Decimal
    validity: str
    validity_ttl: int
    disclosed_quantity: int
    market_protection: Decimal
    iceberg_legs: int
    tag: str
    autoslice: bool

    @property
    def product_held(self) -> Product:
        """The product as the desk counts it: shares on margin are delivery."""
        return HELD_AS[self.product]

    @property
    def lasts(self) -> Validity:
        """How long the desk keeps it: TTL is a day that is ended early."""
        return Validity.IOC if self.validity == "IOC" else Validity.DAY

    @property
    def protection(self) -> Decimal | None:
        """Market protection in percent; None is the broker's own."""
        return self.market_protection if self.market_protection > 0 else None


def read(
    variety: str, form: Mapping[str, str], find: Callable[[str], Listed | None], *,
    now: datetime, today: date, protected: bool, fresh: bool = True,
) -> Form:  # fmt: skip
    """Read and judge the form of a new order.

    Parameters
    ----------
    find : callable
        From a key to what is listed.
    now, today : datetime, date
        The market's moment; the caller's day, by which the API's limits go.
    protected : bool
        Market orders need a market protection.
    fresh : bool
        It is a new order: variety and hours have to agree.

    Raises
    ------
    CallError
        400 with the first thing that is wrong.
    """
    if variety not in VARIETIES:
        raise bad("Invalid `variety`.")
    for name in ("exchange", "tradingsymbol", "transaction_type", "quantity", "product",
                 "order_type"):  # fmt: skip
        if not form.get(name):
            raise bad(f"Missing or empty field `{name}`")
    item = find(f"{form['exchange']}:{form['tradingsymbol']}")
    if item is None or item.is_index:
        raise bad(
            "The instrument you are placing an order for has either expired or does not exist."
        )
    made = Form(
        variety=variety, item=item, side=_word(form, "transaction_type", Side),
        order_type=_word(form, "order_type", OrderType), product=form["product"],
        quantity=_units(form, "quantity"), price=_rupees(form, "price"),
        trigger_price=_rupees(form, "trigger_price"), validity=form.get("validity") or "DAY",
        validity_ttl=_units(form, "validity_ttl"),
        disclosed_quantity=_units(form, "disclosed_quantity"),
        market_protection=_rupees(form, "market_protection"),
        iceberg_legs=_units(form, "iceberg_legs"), tag=form.get("tag", ""),
        autoslice=form.get("autoslice", "").lower() == "true",
    )  # fmt: skip
    _check(made, form, today, protected=protected)
    if fresh:
        _check_hours(made, now)
    return made


def _check(made: Form, form: Mapping[str, str], today: date, *, protected: bool) -> None:
    if made.product not in HELD_AS:
        raise bad("Invalid `product`.")
    if made.validity not in {"DAY", "IOC", "TTL"}:
        raise bad("Invalid `validity`.")
    least, most = (whole(f"order.ttl_{end}", today) for end in ("least", "most"))
    if made.validity == "TTL" and not least <= made.validity_ttl <= most:
        raise bad(f"Invalid `validity_ttl`. It is {least} to {most} minutes.")
    if made.quantity < 1:
        raise bad("Invalid `quantity`.")
    longest = whole("order.tag", today)
    if len(made.tag) > longest:
        raise bad(f"Invalid `tag`. It may have at most {longest} characters.")
    _check_variety(made, form, today)
    _check_prices(made, protected=protected)
    lot = made.item.instrument.lot_size
    if made.quantity % lot:
        raise bad(f"Invalid `quantity`. It is a multiple of the lot size {lot}.")


def _check_variety(made: Form, form: Mapping[str, str], today: date) -> None:
    if made.variety == "auction":
        if not form.get("auction_number"):
            raise bad("Missing or empty field `auction_number`")
        raise bad("Invalid `auction_number`. No auction is open.")
    if made.variety == "iceberg":
        least, most = (whole(f"order.legs_{end}", today) for end in ("least", "most"))
        if not least <= made.iceberg_legs <= most:
            raise bad(f"Invalid `iceberg_legs`. It is {least} to {most}.")
        if made.quantity < made.iceberg_legs * made.item.instrument.lot_size:
            raise bad("Invalid `iceberg_legs`. Every leg has at least one lot.")
        leg = -(-made.quantity // made.iceberg_legs)
        if form.get("iceberg_quantity") and _units(form, "iceberg_quantity") != leg:
            raise bad(f"Invalid `iceberg_quantity`. It is the quantity by legs: {leg}.")
    if made.variety == "co" and not made.trigger_price:
        raise bad("Missing or empty field `trigger_price`")
    if made.variety == "co" and made.product != "MIS":
        raise bad("Invalid `product`. A cover order is of product MIS.")


def _check_prices(made: Form, *, protected: bool) -> None:
    """Judge type, prices and protection against each other and the tick.

    Raises
    ------
    CallError
        400 with the first thing that is wrong.
    """
    if made.order_type in LIMITED and not made.price:
        raise bad("Missing or empty field `price`")
    if made.order_type in STOPPED and not made.trigger_price:
        raise bad("Missing or empty field `trigger_price`")
    tick = made.item.instrument.tick_size
    for value in (made.price, made.trigger_price):
        if value % tick:
            raise bad(
                f"Tick size for this script is {tick.normalize():f}. Kindly enter price in the"
                " multiple of tick size for this script."
            )
    if made.order_type not in LIMITED:
        if made.market_protection == 0 and protected:
            raise bad(UNPROTECTED)
        if not (made.market_protection == -1 or 0 <= made.market_protection <= 100):  # noqa: PLR2004 - a percentage
            raise bad("Invalid `market_protection`. It is -1, or a percentage up to 100.")


def freeze(item: Listed, now: datetime) -> int | None:
    """Return the most units of one order at the exchange, None where no list says.

    On a day without a list the newest one before it holds: the exchange always has one.
    """
    try:
        most = limits.freeze_quantity(item.instrument, now.date())
        if most is None and (ended := _newest_list(item, now.date())) is not None:
            most = limits.freeze_quantity(item.instrument, ended)
    except OutOfRange:
        return None
    return None if most is None else most - most % item.instrument.lot_size


def _newest_list(item: Listed, before: date) -> date | None:
    """Return the last day of the newest list that had ended by a day."""
    name = limits.underlying_of(item.instrument)
    ends = [parse_date(row["valid_to"]) for row in read_table("freeze") if row["symbol"] == name]
    return max((day for day in ends if day is not None and day < before), default=None)


def above_freeze(item: Listed, quantity: int, now: datetime) -> CallError | None:
    """Return the refusal of an order the exchange would freeze, None for any other."""
    most = freeze(item, now)
    if most is None or quantity <= most:
        return None
    return bad(f"Quantity exceeds the freeze limit of {most}. Use autoslice or iceberg.")


def product_fits(item: Listed, product: str, on: date) -> bool:
    """Tell whether the segment of an instrument has a product."""
    held, allowed = HELD_AS.get(product), limits.limits("products", item.instrument, on)
    return held is not None and held.value in " ".join(allowed).split()


def _check_hours(made: Form, now: datetime) -> None:
    try:
        trades = rules.is_trading(made.item.instrument, now)
    except OutOfRange:
        return  # the hours of that day are not known: both are taken
    if trades and made.variety == "amo":
        raise bad("After market orders cannot be placed while the market is open.")
    if not trades and made.variety != "amo":
        raise bad("Markets are closed right now. Place an after market order (AMO).")


def _word(form: Mapping[str, str], name: str, kind: Callable[[str], T]) -> T:
    try:
        return kind(form[name])
    except ValueError:
        raise bad(f"Invalid `{name}`.") from None


def _units(form: Mapping[str, str], name: str) -> int:
    return figures.units(form.get(name) or "0", name)


def _rupees(form: Mapping[str, str], name: str) -> Decimal:
    least = -1 if name == "market_protection" else 0  # -1 asks for the broker's own
    return figures.amount(form.get(name) or "0", name, least=least)
