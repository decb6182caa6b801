"""The screens of `trade`: orders, positions, profit; the account's figures above the rows.

They fit 80 columns; signs stand beside colours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers
from alphastock_cli.views.tables import table

_NAMES = {
    "average_price": "avg price", "status_message": "why",
    "pnl_unrealised": "unrealised", "pnl_realised": "realised", "last_price": "last",
    "quote_age_seconds": "age", "pnl_gross": "gross", "pnl_net": "net", "order_type": "type",
    "trigger_price": "trigger", "buy_value": "bought", "sell_value": "sold",
}  # fmt: skip
_ORDERS = ("order_id", "symbol", "side", "filled", "average_price", "status", "time", "role",
           "order_type", "price", "trigger_price", "product", "exchange",
           "status_message")  # fmt: skip
_POSITIONS = ("symbol", "product", "quantity", "average_price", "last_price", "pnl_unrealised",
              "age", "value", "pnl_realised", "charges", "exchange")  # fmt: skip
_PNL = ("symbol", "product", "fills", "quantity", "pnl_gross", "charges", "pnl_net", "buy_value",
        "sell_value", "exchange")  # fmt: skip
_NEWEST = 12
_SHORT = {"TRIGGER PENDING": "TRIGGER", "AMO REQ RECEIVED": "AMO"}


def orders(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the orders, the newest last, and the reasons of refused ones."""
    rows = [_order(row) for row in result.records()]
    if not rows:
        yield Text("no orders", style="dim")
        return
    yield table(rows, _ORDERS, width=width, names=_NAMES)
    for row in rows:
        if row["status"] == "REJECTED":
            yield Text(f"{row['order_id']} refused: {row['status_message']}", style="red")


def trade(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the account after a run, how its orders ended, and the newest of them."""
    yield account(result.summary)
    rows = [_order(row) for row in result.records()]
    ends = Counter(str(row["status"]).lower() for row in rows)
    told = ", ".join(f"{count} {word}" for word, count in sorted(ends.items())) or "none"
    yield Text(f"signals {result.summary['signals']} · orders of this run: {told}")
    if rows:
        shown = rows[-_NEWEST:]
        title = "" if len(shown) == len(rows) else f"The newest {len(shown)} of {len(rows)}"
        yield table(shown, _ORDERS, width=width, names=_NAMES, title=title)


def positions(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the account's figures and one row an open position."""
    yield account(result.summary)
    rows = [
        {**row, "age": _age(row["quote_age_seconds"])}
        for row in result.records()
    ]  # fmt: skip
    yield from _rows(rows, _POSITIONS, width, empty="no open positions")


def pnl(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield profit by instrument, the worst first, and the sum below."""
    rows = [dict(row) for row in result.records()]
    yield from _rows(rows, _PNL, width, empty="nothing was traded")
    facts = result.summary
    yield Text.assemble(
        f"account {facts['account']} · gross ", _money(facts["pnl_gross"]),
        f" − charges {numbers.cell('charges', facts['charges'])} = net ",
        _money(facts["pnl_net"]), " on ", numbers.cell("cash", facts["opening_cash"]),
    )  # fmt: skip


def account(facts: Mapping[str, Any]) -> Text:
    """Return equity, cash and profit in two lines; what is not known is a dash."""
    parts: list[str | Text] = [
        f"account {facts['account']} · equity ",
        Text(numbers.cell("equity", facts["equity"]), style="bold"),
        f" · cash {numbers.cell('cash', facts['cash'])}",
        f" · available {numbers.cell('cash', facts['margin_available'])}\n",
        "realised ", _money(facts["realised"]), " · unrealised ", _money(facts["unrealised"]),
        f" · charges {numbers.cell('charges', facts['charges'])} · today ",
        _money(facts["day_pnl"]),
        f" · drawdown {numbers.cell('drawdown', facts['drawdown_pct'])} %",
    ]  # fmt: skip
    if facts.get("halted"):
        parts.append(Text(f"\nHALTED: {facts['halted']} (alphastock trade resume)", style="red"))
    return Text.assemble(*parts)


def _rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], width: int, *, empty: str
) -> Iterator[RenderableType]:
    if not rows:
        yield Text(empty, style="dim")
        return
    have = [name for name in columns if name in rows[0]]
    yield table(rows, have, width=width, names=_NAMES)


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    status = str(row["status"])
    done = f"{numbers.group(row['filled_quantity'], 0)}/{numbers.group(row['quantity'], 0)}"
    return {**row, "time": f"{row['placed_at']:%H:%M}", "filled": done,
            "status": _SHORT.get(status, status)}  # fmt: skip


def _age(seconds: float | None) -> str:
    return numbers.MISSING if seconds is None else numbers.age(seconds)


def _money(value: float | None) -> Text:
    style = "" if not value else "green" if value > 0 else "red"
    return Text(numbers.signed(value), style=style)
