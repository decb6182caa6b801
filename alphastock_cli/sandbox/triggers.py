"""What waits for a price at the broker: GTT orders and alerts.

Prices come in by `meet`; the orders of a trigger go out through a callable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from alphastock_cli.errors import AlphaStockError
from alphastock_cli.providers.kite import facts
from alphastock_cli.sandbox import figures
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError, bad, stamp
from alphastock_cli.sandbox.safely import tell
from alphastock_cli.sandbox.tickets import number as told_number

_KINDS = {"single": 1, "two-leg": 2}
_LEG = ("exchange", "tradingsymbol", "transaction_type", "quantity", "order_type", "product",
        "price")  # fmt: skip
_TAKEN = {"NSE": ("CNC", "MTF"), "BSE": ("CNC", "MTF"), "NFO": ("NRML",), "BFO": ("NRML",)}


class Legs(Protocol):
    """Reads and judges the order of a trigger, and places it."""

    def read_leg(self, leg: Mapping[str, Any]) -> Form:
        """Return the order as it could be placed."""

    def place_leg(self, leg: Mapping[str, Any]) -> str:
        """Place it and return its id."""


@dataclass
class Trigger:
    """One GTT: its row, and which of its values are reached from above."""

    row: dict[str, Any]
    key: str
    from_above: list[bool]


@dataclass
class Triggers:
    """The GTT orders of the account; `legs` judges and sends their orders.

    `now` is the market's time, `today` the caller's day: what the API allows goes by it.
    """

    user: str
    find: Callable[[str], Listed | None]
    now: Callable[[], datetime]
    today: Callable[[], date]
    legs: Legs
    items: dict[int, Trigger] = field(default_factory=dict)

    def keys(self) -> set[str]:
        """Return the instruments that active triggers wait for."""
        return {one.key for one in self.items.values() if one.row["status"] == "active"}

    def open(self, form: Mapping[str, str]) -> dict[str, int]:
        """Place one.

        Raises
        ------
        CallError
            The form is wrong, a trigger is too near, or there are too many.
        """
        most = facts.whole("gtt.active", self.today())
        if len(self.keys_active()) >= most:
            raise bad(f"Maximum of {most} active GTTs reached.")
        made = self._read(form)
        number = 100_001 + len(self.items)
        now, lives = self.now(), timedelta(days=facts.whole("gtt.days", self.today()))
        made.row |= {
            "id": number, "created_at": stamp(now), "updated_at": stamp(now),
            "expires_at": stamp(now + lives), "status": "active",
        }  # fmt: skip
        self.items[number] = made
        return {"trigger_id": number}

    def keys_active(self) -> list[int]:
        """Return the ids of active ones."""
        return [number for number, one in self.items.items() if one.row["status"] == "active"]

    def modify(self, number: str, form: Mapping[str, str]) -> dict[str, int]:
        """Change an active one.

        Raises
        ------
        CallError
            It is not there or not active, or the form is wrong.
        """
        before, made = self._active(number), self._read(form)
        kept = {name: before.row[name] for name in ("id", "created_at", "expires_at", "status")}
        made.row |= kept | {"updated_at": stamp(self.now())}
        self.items[int(number)] = made
        return {"trigger_id": int(number)}

    def delete(self, number: str) -> dict[str, int]:
        """Delete an active one.

        Raises
        ------
        CallError
            It is not there or not active.
        """
        one = self._active(number)
        one.row |= {"status": "deleted", "updated_at": stamp(self.now())}
        return {"trigger_id": int(number)}

    def rows(self) -> list[dict[str, Any]]:
        """Return all of them, the newest first."""
        return [_public(one.row) for one in reversed(self.items.values())]

    def one(self, number: str) -> dict[str, Any]:
        """Return one.

        Raises
        ------
        CallError
            It is not there.
        """
        known = figures.digits(number)
        found = None if known is None else self.items.get(known)
        if found is None:
            raise CallError(404, "GeneralException", "Trigger not found")
        return _public(found.row)

    def meet(self, prices: Mapping[str, float]) -> None:
        """Set off what the prices have reached."""
        for number in self.keys_active():
            one = self.items[number]
            last = prices.get(one.key)
            if last is None:
                continue
            values = one.row["condition"]["trigger_values"]
            for leg, (value, above) in enumerate(zip(values, one.from_above, strict=True)):
                if last <= value if above else last >= value:
                    self._fire(one, leg, last)
                    break

    def _fire(self, one: Trigger, leg: int, last: float) -> None:
        order, now = one.row["orders"][leg], stamp(self.now())
        one.row |= {"status": "triggered", "updated_at": now}
        try:
            placed = self.legs.place_leg(order)
            result = {"status": "success", "order_id": placed, "rejection_reason": ""}
        except CallError as error:
            result = {"status": "failed", "order_id": "", "rejection_reason": error.message}
        except AlphaStockError as error:
            result = {"status": "failed", "order_id": "", "rejection_reason": error.what}
        except Exception as error:  # noqa: BLE001 - told, and the other triggers go on
            tell(f"trigger {one.row['id']}", error)
            why = "The sandbox failed to place the order."
            result = {"status": "failed", "order_id": "", "rejection_reason": why}
        kept = {name: order[name] for name in _LEG}
        order["result"] = {
            "account_id": self.user, **kept, "validity": "DAY",
            "meta": json.dumps({"app_id": 1, "gtt": one.row["id"]}, separators=(",", ":")),
            "timestamp": now, "triggered_at": last, "order_result": result,
        }  # fmt: skip

    def _active(self, number: str) -> Trigger:
        self.one(number)
        found = self.items[int(number)]
        if found.row["status"] != "active":
            raise bad("Trigger is not active")
        return found

    def _read(self, form: Mapping[str, str]) -> Trigger:
        kind = form.get("type", "")
        if kind not in _KINDS:
            raise bad("Invalid `type`.")
        condition = figures.parse_json(form.get("condition", ""), "`condition`")
        orders = figures.parse_json(form.get("orders", ""), "`orders`")
        if not isinstance(condition, dict) or not isinstance(orders, list):
            raise bad("Invalid `condition` or `orders`.")
        values = condition.get("trigger_values")
        if not isinstance(values, list) or not len(values) == len(orders) == _KINDS[kind]:
            raise bad(f"A trigger of type {kind} has {_KINDS[kind]} values and as many orders.")
        prices = [float(figures.amount(value, "trigger_values")) for value in values]
        last = float(figures.amount(condition.get("last_price"), "last_price"))
        item = self.find(f"{condition.get('exchange')}:{condition.get('tradingsymbol')}")
        if item is None:
            raise bad("Invalid instrument in `condition`.")
        self._check_prices(kind, prices, last)
        told = {
            "exchange": item.instrument.exchange.value, "last_price": last,
            "tradingsymbol": item.instrument.tradingsymbol, "trigger_values": prices,
            "instrument_token": item.token,
        }  # fmt: skip
        row = {
            "id": 0, "user_id": self.user, "parent_trigger": None, "type": kind,
            "created_at": "", "updated_at": "", "expires_at": "", "status": "",
            "condition": told, "orders": [self._leg(order) for order in orders], "meta": {},
        }  # fmt: skip
        return Trigger(row, item.key, [value < last for value in prices])

    def _check_prices(self, kind: str, values: Sequence[float], last: float) -> None:
        nearest = facts.share("gtt.distance_pct", self.today())
        if min(last, *values) <= 0:
            raise bad("Invalid `trigger_values` or `last_price`. They are above 0.")
        if any(abs(value / last - 1) < nearest for value in values):
            raise bad(
                f"Trigger price must be at least {100 * nearest:g}% away from the last price."
            )
        if kind == "two-leg" and not values[0] < last < values[1]:
            raise bad("The values of a two-leg trigger lie on both sides of the last price.")

    def _leg(self, order: object) -> dict[str, Any]:
        """Return the order of a leg as it is kept: judged now, so that it can be placed later."""
        if not isinstance(order, dict) or not all(order.get(name) for name in _LEG):
            raise bad("Invalid `orders`.")
        if not all(isinstance(order[name], str | int | float) for name in _LEG):
            raise bad("Invalid `orders`.")
        made = self.legs.read_leg({name: order[name] for name in _LEG})
        if made.order_type != "LIMIT":
            raise bad("The orders of a trigger are LIMIT orders.")
        exchange = made.item.instrument.exchange.value
        if made.product not in _TAKEN.get(exchange, ()):
            raise bad("Invalid `product`. Triggers are of CNC for shares, of NRML for F&O.")
        return {
            "exchange": exchange, "tradingsymbol": made.item.instrument.tradingsymbol,
            "transaction_type": made.side.value, "quantity": made.quantity,
            "order_type": made.order_type.value, "product": made.product,
            "price": told_number(made.price), "result": None,
        }  # fmt: skip


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "orders": [dict(order) for order in row["orders"]]}
