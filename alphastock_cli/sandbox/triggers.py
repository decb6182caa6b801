"""What waits for a price at the broker: GTT orders and alerts.

Prices come in by `meet`; the orders of a trigger go out through a callable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import CallError, bad, stamp

_LIVES = timedelta(days=365)
_MOST_ACTIVE = 250
_NEAREST = 0.0025  # a trigger lies at least so much of the price away from it
_KINDS = {"single": 1, "two-leg": 2}
_LEG = ("exchange", "tradingsymbol", "transaction_type", "quantity", "order_type", "product",
        "price")  # fmt: skip
Place = Callable[[Mapping[str, Any]], str]


@dataclass
class Trigger:
    """One GTT: its row, and which of its values are reached from above."""

    row: dict[str, Any]
    key: str
    from_above: list[bool]


@dataclass
class Triggers:
    """The GTT orders of the account; `place` sends a leg and returns its order id."""

    user: str
    find: Callable[[str], Listed | None]
    now: Callable[[], datetime]
    place: Place
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
        if len(self.keys_active()) >= _MOST_ACTIVE:
            raise bad(f"Maximum of {_MOST_ACTIVE} active GTTs reached.")
        made = self._read(form)
        number = 100_001 + len(self.items)
        now = self.now()
        made.row |= {
            "id": number, "created_at": stamp(now), "updated_at": stamp(now),
            "expires_at": stamp(now + _LIVES), "status": "active",
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
        found = self.items.get(int(number)) if number.isdecimal() else None
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
            result = {"status": "success", "order_id": self.place(order), "rejection_reason": ""}
        except CallError as error:
            result = {"status": "failed", "order_id": "", "rejection_reason": error.message}
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
        try:
            condition, orders = json.loads(form["condition"]), json.loads(form["orders"])
            values = [float(value) for value in condition["trigger_values"]]
            key = f"{condition['exchange']}:{condition['tradingsymbol']}"
            last = float(condition["last_price"])
            legs = [{name: order[name] for name in _LEG} | {"result": None} for order in orders]
        except (KeyError, TypeError, ValueError):
            raise bad("Invalid `condition` or `orders`.") from None
        item = self.find(key)
        if item is None:
            raise bad("Invalid instrument in `condition`.")
        if len(values) != _KINDS[kind] or len(legs) != _KINDS[kind]:
            raise bad(f"A trigger of type {kind} has {_KINDS[kind]} values and as many orders.")
        if any(leg["order_type"] != "LIMIT" for leg in legs):
            raise bad("The orders of a trigger are LIMIT orders.")
        if last <= 0 or any(abs(value / last - 1) < _NEAREST for value in values):
            raise bad("Trigger price must be at least 0.25% away from the last price.")
        if kind == "two-leg" and not values[0] < last < values[1]:
            raise bad("The values of a two-leg trigger lie on both sides of the last price.")
        told = {
            "exchange": condition["exchange"], "last_price": last,
            "tradingsymbol": condition["tradingsymbol"], "trigger_values": values,
            "instrument_token": item.token,
        }  # fmt: skip
        row = {
            "id": 0, "user_id": self.user, "parent_trigger": None, "type": kind,
            "created_at": "", "updated_at": "", "expires_at": "", "status": "",
            "condition": told, "orders": legs, "meta": {},
        }  # fmt: skip
        return Trigger(row, key, [value < last for value in values])


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "orders": [dict(order) for order in row["orders"]]}
