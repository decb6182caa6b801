"""The routes of orders, portfolio, margins, triggers and alerts; see `routes.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphastock_cli.domain.instrument import Side
from alphastock_cli.sandbox import costs, figures
from alphastock_cli.sandbox.buckets import empty_segment
from alphastock_cli.sandbox.conversion import convert
from alphastock_cli.sandbox.costs import Blocks, Held
from alphastock_cli.sandbox.order_form import product_fits
from alphastock_cli.sandbox.replies import bad
from alphastock_cli.sandbox.routing import route

if TYPE_CHECKING:
    from alphastock_cli.sandbox.call import Call
    from alphastock_cli.sandbox.exchange import Sandbox


# -- orders -----------------------------------------------------------------------------------


@route("POST", "/orders/{variety}")
def _place(sandbox: Sandbox, call: Call, variety: str) -> object:
    sandbox.endow()
    return sandbox.calls.place(variety, call.form, call.path)


@route("PUT", "/orders/{variety}/{number}")
def _modify(sandbox: Sandbox, call: Call, variety: str, number: str) -> object:  # noqa: ARG001 - in the path
    return sandbox.calls.modify(number, call.form, call.path)


@route("DELETE", "/orders/{variety}/{number}")
def _cancel(sandbox: Sandbox, call: Call, variety: str, number: str) -> object:  # noqa: ARG001 - in the path
    return sandbox.calls.cancel(number, call.path)


@route("GET", "/orders")
def _book(sandbox: Sandbox, _: Call) -> object:
    return sandbox.calls.book()


@route("GET", "/orders/{number}")
def _order(sandbox: Sandbox, _: Call, number: str) -> object:
    return sandbox.calls.history(number)


@route("GET", "/trades")
def _trades(sandbox: Sandbox, _: Call) -> object:
    return sandbox.calls.trades()


@route("GET", "/orders/{number}/trades")
def _order_trades(sandbox: Sandbox, _: Call, number: str) -> object:
    return sandbox.calls.trades(number)


# -- portfolio and funds ----------------------------------------------------------------------


@route("GET", "/user/margins")
def _margins(sandbox: Sandbox, _: Call) -> object:
    return {"equity": sandbox.account.funds(), "commodity": empty_segment()}


@route("GET", "/user/margins/{segment}")
def _margin(sandbox: Sandbox, _: Call, segment: str) -> object:
    if segment not in {"equity", "commodity"}:
        raise bad("Invalid segment")
    return sandbox.account.funds() if segment == "equity" else empty_segment()


@route("GET", "/portfolio/positions")
def _positions(sandbox: Sandbox, _: Call) -> object:
    return sandbox.account.positions()


@route("PUT", "/portfolio/positions")
def _convert(sandbox: Sandbox, call: Call) -> object:
    sandbox.endow()
    return convert(sandbox, call.form)


@route("GET", "/portfolio/holdings")
def _holdings(sandbox: Sandbox, _: Call) -> object:
    sandbox.endow()
    return sandbox.account.held()


@route("GET", "/portfolio/holdings/summary")
def _summary(sandbox: Sandbox, _: Call) -> object:
    sandbox.endow()
    return sandbox.account.summary()


@route("GET", "/portfolio/holdings/compact")
def _compact(sandbox: Sandbox, _: Call) -> object:
    sandbox.endow()
    names = ("exchange", "tradingsymbol", "instrument_token", "t1_quantity", "quantity")
    return [{name: row[name] for name in names} for row in sandbox.account.held()]


@route("GET", "/portfolio/holdings/auctions")
def _auctions(_: Sandbox, __: Call) -> object:
    return []  # nothing the account holds is ever short at the clearing house


# -- what it would cost -----------------------------------------------------------------------


@route("POST", "/margins/orders")
def _order_margins(sandbox: Sandbox, call: Call) -> object:
    held = _asked(sandbox, call, "price")
    return [_margin_of(sandbox, one, call) for one in held]


@route("POST", "/margins/basket")
def _basket(sandbox: Sandbox, call: Call) -> object:
    held = _asked(sandbox, call, "price")
    blocks, day = Blocks(sandbox.quotes, sandbox.clock.now), sandbox.clock.now().date()
    before = []
    if call.words.get("consider_positions", "").lower() == "true":
        before = [
            Held(made.item, costs.product_of(made.product), made.net, made.average)
            for made in sandbox.account.buckets().values()
            if made.net
        ]
    single = [_alone(blocks, one) for one in held]
    initial = {name: sum(part[name] for part in single) for name in (single or [blocks.of([])])[0]}
    final = blocks.of([*before, *held])
    for name, value in blocks.of(before).items():
        final[name] -= value
    return {
        "initial": costs.item_of(None, initial, costs.no_charges(), day),
        "final": costs.item_of(None, final, costs.no_charges(), day),
        "orders": [_margin_of(sandbox, one, call) for one in held],
        "charges": costs.added(costs.charges_of(one, day) for one in held),
    }


@route("POST", "/charges/orders")
def _charges(sandbox: Sandbox, call: Call) -> object:
    held = _asked(sandbox, call, "average_price")
    day = sandbox.clock.now().date()
    names = ("transaction_type", "tradingsymbol", "exchange", "variety", "product", "order_type",
             "quantity")  # fmt: skip
    return [
        {name: asked[name] for name in names}
        | {"price": one.price, "charges": costs.charges_of(one, day)}
        for asked, one in zip(call.json(), held, strict=True)
    ]


def _margin_of(sandbox: Sandbox, one: Held, call: Call) -> dict[str, Any]:
    pieces = _alone(Blocks(sandbox.quotes, sandbox.clock.now), one)
    day = sandbox.clock.now().date()
    charges = costs.charges_of(one, day)
    made = costs.item_of(one, pieces, charges, day)
    if call.words.get("mode") == "compact":
        return {name: made[name] for name in ("type", "tradingsymbol", "exchange", "total")}
    return made


def _alone(blocks: Blocks, one: Held) -> dict[str, float]:
    """Return what one order blocks by itself: what it would bring in is no margin."""
    pieces = blocks.of([one])
    return pieces | {"option_premium": max(0.0, pieces["option_premium"])}


def _asked(sandbox: Sandbox, call: Call, price: str) -> list[Held]:
    """Return what a JSON list of orders would hold; an order without a price is at the last one.

    Raises
    ------
    CallError
        The list cannot be read, or an instrument is unknown.
    """
    rows = call.json()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad("Expected a list of orders")
    return [_held(sandbox, row, price) for row in rows]


def _held(sandbox: Sandbox, row: dict[str, Any], price: str) -> Held:
    day = sandbox.clock.now().date()
    item = sandbox.item(f"{row.get('exchange')}:{row.get('tradingsymbol')}")
    side, product = row.get("transaction_type"), row.get("product")
    if item is None or item.is_index or not (row.get("variety") and row.get("order_type")):
        raise bad("Invalid or missing instrument, variety or order type in an order")
    if not isinstance(side, str) or side not in set(Side):
        raise bad("Invalid `transaction_type`.")
    if not isinstance(product, str) or not product_fits(item, product, day):
        raise bad("Invalid `product`.")
    units = figures.units(row.get("quantity"), "quantity", least=1)
    wanted = float(figures.amount(row.get(price) or 0, price))
    if not wanted:
        if price == "average_price":
            raise bad("Invalid `average_price`.")
        quote = sandbox.quotes([item.key]).get(item.key)
        wanted = (quote.last_price if quote else None) or 0.0
    return Held(item, costs.product_of(product), units if side == Side.BUY else -units, wanted)


# -- triggers and alerts ----------------------------------------------------------------------


@route("GET", "/gtt/triggers")
def _triggers(sandbox: Sandbox, _: Call) -> object:
    return sandbox.triggers.rows()


@route("POST", "/gtt/triggers")
def _new_trigger(sandbox: Sandbox, call: Call) -> object:
    return sandbox.triggers.open(call.form)


@route("GET", "/gtt/triggers/{number}")
def _trigger(sandbox: Sandbox, _: Call, number: str) -> object:
    return sandbox.triggers.one(number)


@route("PUT", "/gtt/triggers/{number}")
def _change_trigger(sandbox: Sandbox, call: Call, number: str) -> object:
    return sandbox.triggers.modify(number, call.form)


@route("DELETE", "/gtt/triggers/{number}")
def _delete_trigger(sandbox: Sandbox, _: Call, number: str) -> object:
    return sandbox.triggers.delete(number)


@route("GET", "/alerts")
def _alerts(sandbox: Sandbox, call: Call) -> object:
    return sandbox.alerts.listed(call.words)


@route("POST", "/alerts")
def _new_alert(sandbox: Sandbox, call: Call) -> object:
    return sandbox.alerts.create(call.form)


@route("DELETE", "/alerts")
def _delete_alerts(sandbox: Sandbox, call: Call) -> object:
    sandbox.alerts.delete(call.query.get("uuid", []))
    return None


@route("GET", "/alerts/{number}")
def _alert(sandbox: Sandbox, _: Call, number: str) -> object:
    return sandbox.alerts.one(number)


@route("PUT", "/alerts/{number}")
def _change_alert(sandbox: Sandbox, call: Call, number: str) -> object:
    return sandbox.alerts.modify(number, call.form)


@route("GET", "/alerts/{number}/history")
def _alert_history(sandbox: Sandbox, _: Call, number: str) -> object:
    return sandbox.alerts.history(number)
