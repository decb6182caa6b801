"""An order as the caller fills it in: every field read and judged before anything is placed.

What is wrong with the form is answered at once with 400; what the exchange has against the order
itself is found at the desk and ends in a REJECTED row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeVar

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderType, Product, Validity
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import limits, rules
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import bad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
VARIETIES = ("regular", "amo", "co", "iceberg", "auction")
_PRODUCTS = {"CNC": Product.CNC, "NRML": Product.NRML, "MIS": Product.MIS, "MTF": Product.CNC}
_LONGEST_TAG = 20
_LEGS = range(2, 51)
_TTL = range(1, 121)
_LIMITED = frozenset({OrderType.LIMIT, OrderType.SL})
_STOPPED = frozenset({OrderType.SL, OrderType.SL_M})
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
        return _PRODUCTS[self.product]

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
    now: datetime, protected: bool, fresh: bool = True,
) -> Form:  # fmt: skip
    """Read and judge the form of a new order.

    Parameters
    ----------
    find : callable
        From a key to what is listed.
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
    _check(made, form, protected=protected)
    if fresh:
        _check_hours(made, now)
    return made


def _check(made: Form, form: Mapping[str, str], *, protected: bool) -> None:
    if made.product not in _PRODUCTS:
        raise bad("Invalid `product`.")
    if made.validity not in {"DAY", "IOC", "TTL"}:
        raise bad("Invalid `validity`.")
    if made.validity == "TTL" and made.validity_ttl not in _TTL:
        raise bad("Invalid `validity_ttl`. It is 1 to 120 minutes.")
    if made.quantity < 1:
        raise bad("Invalid `quantity`.")
    if len(made.tag) > _LONGEST_TAG:
        raise bad(f"Invalid `tag`. It may have at most {_LONGEST_TAG} characters.")
    _check_variety(made, form)
    _check_prices(made, protected=protected)
    lot = made.item.instrument.lot_size
    if made.quantity % lot:
        raise bad(f"Invalid `quantity`. It is a multiple of the lot size {lot}.")


def _check_variety(made: Form, form: Mapping[str, str]) -> None:
    if made.variety == "auction":
        if not form.get("auction_number"):
            raise bad("Missing or empty field `auction_number`")
        raise bad("Invalid `auction_number`. No auction is open.")
    if made.variety == "iceberg":
        if made.iceberg_legs not in _LEGS:
            raise bad("Invalid `iceberg_legs`. It is 2 to 50.")
        leg = -(-made.quantity // made.iceberg_legs)
        if form.get("iceberg_quantity") and _units(form, "iceberg_quantity") != leg:
            raise bad(f"Invalid `iceberg_quantity`. It is the quantity by legs: {leg}.")
    if made.variety == "co" and not made.trigger_price:
        raise bad("Missing or empty field `trigger_price`")


def _check_prices(made: Form, *, protected: bool) -> None:
    """Judge type, prices and protection against each other and the tick.

    Raises
    ------
    CallError
        400 with the first thing that is wrong.
    """
    if made.order_type in _LIMITED and not made.price:
        raise bad("Missing or empty field `price`")
    if made.order_type in _STOPPED and not made.trigger_price:
        raise bad("Missing or empty field `trigger_price`")
    tick = made.item.instrument.tick_size
    for value in (made.price, made.trigger_price):
        if value % tick:
            raise bad(
                f"Tick size for this script is {tick.normalize():f}. Kindly enter price in the"
                " multiple of tick size for this script."
            )
    if made.order_type not in _LIMITED:
        if made.market_protection == 0 and protected:
            raise bad(UNPROTECTED)
        if not (made.market_protection == -1 or 0 <= made.market_protection <= 100):  # noqa: PLR2004 - a percentage
            raise bad("Invalid `market_protection`. It is -1, or a percentage up to 100.")


def freeze(item: Listed, now: datetime) -> int | None:
    """Return the most units of one order at the exchange, None where no list says."""
    try:
        most = limits.freeze_quantity(item.instrument, now.date())
    except OutOfRange:
        return None
    return None if most is None else most - most % item.instrument.lot_size


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
    text = form.get(name) or "0"
    if not (text.isascii() and text.isdecimal()):
        raise bad(f"Invalid request (failed to decode {name}, got: {text[:50]} (expected int))")
    return int(text)


def _rupees(form: Mapping[str, str], name: str) -> Decimal:
    text = form.get(name) or "0"
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or (value < 0 and name != "market_protection"):
        raise bad(f"Invalid request (failed to decode {name}, got: {text[:50]} (expected decimal))")
    return value
