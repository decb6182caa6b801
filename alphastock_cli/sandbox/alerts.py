"""Price alerts: kept, looked at with every price, their history told.

Alerts that place orders (ATO) are refused: this sandbox does not play them.
"""

from __future__ import annotations

import operator
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.providers.kite.facts import whole
from alphastock_cli.sandbox import figures
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.quoting import full
from alphastock_cli.sandbox.replies import CallError, bad, stamp

_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq,
}  # fmt: skip
_NEEDED = ("name", "lhs_exchange", "lhs_tradingsymbol", "lhs_attribute", "operator", "rhs_type")
_ATTRIBUTE = "LastTradedPrice"
# what the history of an alert tells also of an index, as nothing
_OF_SHARES = (
    "last_quantity", "buy_quantity", "sell_quantity", "volume", "volume_tick", "average_price",
    "oi", "oi_day_high", "oi_day_low", "lower_circuit_limit", "upper_circuit_limit",
)  # fmt: skip
_NEVER = "0001-01-01 00:00:00"


@dataclass
class Alerts:
    """The alerts of the account; `find` takes the key of an instrument, also ``INDICES:...``.

    `now` is the market's time, `today` the caller's day: how many there may be goes by it.
    """

    user: str
    find: Callable[[str], Listed | None]
    now: Callable[[], datetime]
    today: Callable[[], date]
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    past: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def keys(self) -> set[str]:
        """Return the instruments that enabled alerts look at."""
        found = set()
        for row in self.rows.values():
            if row["status"] == "enabled":
                found |= {item.key for item in self._items(row) if item is not None}
        return found

    def create(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Make one.

        Raises
        ------
        CallError
            The form is wrong, or there are too many.
        """
        most = whole("alerts.active", self.today())
        if sum(row["status"] == "enabled" for row in self.rows.values()) >= most:
            raise bad(f"Maximum of {most} active alerts reached.")
        number, now = str(uuid.uuid4()), stamp(self.now())
        row = self._read(form) | {
            "uuid": number, "status": "enabled", "alert_count": 0, "created_at": now,
            "updated_at": now,
        }  # fmt: skip
        self.rows[number] = row
        self.past[number] = []
        return dict(row)

    def modify(self, number: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Change one; it is enabled again.

        Raises
        ------
        CallError
            It is not there, or the form is wrong.
        """
        row = self.one(number)
        row |= self._read(form) | {"status": "enabled", "updated_at": stamp(self.now())}
        self.rows[number] = row
        return dict(row)

    def one(self, number: str) -> dict[str, Any]:
        """Return one.

        Raises
        ------
        CallError
            It is not there.
        """
        if number not in self.rows:
            raise CallError(404, "GeneralException", "Alert not found")
        return dict(self.rows[number])

    def listed(self, words: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return those of a status, newest first, a page at a time."""
        wanted = words.get("status", "")
        rows = [dict(r) for r in reversed(self.rows.values()) if wanted in {"", r["status"]}]
        most = whole("alerts.active", self.today())
        page = figures.units(words.get("page", "1"), "page", least=1)
        size = figures.units(words.get("page_size", str(most)), "page_size", least=1)
        return rows[(page - 1) * size : page * size]

    def delete(self, numbers: list[str]) -> None:
        """Delete several.

        Raises
        ------
        CallError
            None is named, or one is not there.
        """
        if not numbers:
            raise bad("Missing or empty field `uuid`")
        for number in numbers:
            self.one(number)
        for number in numbers:
            del self.rows[number]

    def history(self, number: str) -> list[dict[str, Any]]:
        """Return when it went off.

        Raises
        ------
        CallError
            It is not there.
        """
        self.one(number)
        return list(self.past[number])

    def meet(self, quotes: Mapping[str, Quote]) -> None:
        """Let enabled alerts look at the prices; one that goes off is disabled."""
        for number, row in self.rows.items():
            if row["status"] != "enabled":
                continue
            left, right = self._items(row)
            value = row["rhs_constant"] if right is None else _last(quotes, right)
            last = _last(quotes, left)
            if left is None or last is None or value is None:
                continue
            if _TESTS[row["operator"]](last, value):
                self._note(number, row, left, quotes[left.key], value)

    def _note(
        self, number: str, row: dict[str, Any], item: Listed, quote: Quote, value: float
    ) -> None:
        now = stamp(self.now())
        row |= {
            "status": "disabled", "disabled_reason": "triggered", "updated_at": now,
            "alert_count": row["alert_count"] + 1,
        }  # fmt: skip
        told: dict[str, Any] = dict.fromkeys(_OF_SHARES, 0)
        told |= {"last_trade_time": _NEVER} | full(item, quote)
        told |= {
            "tradingsymbol": item.instrument.tradingsymbol, "exchange": row["lhs_exchange"],
        }  # fmt: skip
        told.pop("depth", None)
        where = f"{row['lhs_exchange']}:{row['lhs_tradingsymbol']}"
        self.past[number].append(
            {
                "uuid": number, "type": row["type"], "meta": [told],
                "condition": f'{_ATTRIBUTE}("{where}") {row["operator"]} {value:g}',
                "created_at": now, "order_meta": None,
            }
        )  # fmt: skip

    def _items(self, row: Mapping[str, Any]) -> tuple[Listed | None, Listed | None]:
        left = self._item(row["lhs_exchange"], row["lhs_tradingsymbol"])
        if row["rhs_type"] == "constant":
            return left, None
        return left, self._item(row["rhs_exchange"], row["rhs_tradingsymbol"])

    def _item(self, exchange: str, symbol: str) -> Listed | None:
        places = ("NSE", "BSE") if exchange == "INDICES" else (exchange,)
        return next(filter(None, (self.find(f"{place}:{symbol}") for place in places)), None)

    def _read(self, form: Mapping[str, str]) -> dict[str, Any]:
        kind = form.get("type", "simple")
        if kind == "ato":
            raise bad("This sandbox does not play alerts that place orders (type ato).")
        for name in _NEEDED:
            if not form.get(name):
                raise bad(f"Missing or empty field `{name}`")
        if kind != "simple" or form["operator"] not in _TESTS:
            raise bad("Invalid `type` or `operator`.")
        if form["lhs_attribute"] != _ATTRIBUTE or form["rhs_type"] not in {
            "constant",
            "instrument",
        }:
            raise bad("Invalid `lhs_attribute` or `rhs_type`.")
        names = ("rhs_attribute", "rhs_exchange", "rhs_tradingsymbol")
        row: dict[str, Any] = {
            "type": kind, "user_id": self.user, "disabled_reason": "",
            **{name: form[name] for name in _NEEDED},
            **{name: form.get(name, "") for name in names},
        }  # fmt: skip
        constant = figures.amount(form.get("rhs_constant") or "0", "rhs_constant")
        row["rhs_constant"] = float(constant)
        if None in self._items(row)[: 1 if row["rhs_type"] == "constant" else 2]:
            raise bad("Invalid instrument in the alert.")
        return row


def _last(quotes: Mapping[str, Quote], item: Listed | None) -> float | None:
    quote = None if item is None else quotes.get(item.key)
    return None if quote is None else quote.last_price
