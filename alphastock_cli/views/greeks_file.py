"""The screen of `greeks --file`: each leg, the net of the book, and a cut through its scenarios.

The table shows the moves of the spot beside the days; JSON has every scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.option_cells import percent

_LEGS = ("tradingsymbol", "quantity", "price", "pnl", "iv", "delta", "theta_per_day",
         "vega_per_pct", "value", "entry_price", "gamma", "rho_per_pct", "lots", "multiplier",
         "iv_status", "line", "underlying", "expiry", "strike", "option_type",
         "price_source", "status")  # fmt: skip
_NET = {
    "delta": ("units of the underlying", 1), "delta_value": ("₹ of the underlying", 0),
    "gamma": ("units per ₹1", 4), "theta_per_day": ("₹ per calendar day", 0),
    "vega_per_pct": ("₹ per point of volatility", 0), "rho_per_pct": ("₹ per point of rate", 0),
    "value": ("₹, if closed now", 0), "pnl": ("₹ since entry", 0),
}  # fmt: skip
_MOST = 12  # columns of the cut


def greeks_file(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen."""
    records = list(result.records())
    if not records:
        yield Text("nothing found", style="dim")
        return
    have = result.columns()
    order = [name for name in _LEGS if name in have]
    yield option_cells.rows(records, order if len(order) == len(have) > 2 else have, width=width)  # noqa: PLR2004
    yield from (
        Text(f"line {row['line']}: {row['status']}", style="yellow")
        for row in records
        if row.get("status", "ok") != "ok" and "line" in row
    )
    facts = result.summary
    net, book = facts["net"], facts["by_underlying"]
    yield Text(f"Net of {facts['legs_counted']} of {facts['legs']} legs", style="bold")
    yield _net(net, book)
    yield Text(
        f"{facts['model']}, rate {percent(facts['rate'])} ({facts['rate_source']}),"
        f" {facts['daycount']}; Greeks of a leg are per unit",
        style="dim",
    )
    if facts["scenarios"]:
        yield from _cut(facts["scenarios"], width)


def _net(net: Mapping[str, Any], book: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return a line a figure, the underlyings beside the total where there are several."""
    parts = list(book) if len(book) > 1 else []
    heads = [("", False), *((str(part["underlying"]), True) for part in parts[:3]), ("net", True),
             ("", False)]  # fmt: skip
    made = option_cells.grid(heads)
    for name, (unit, digits) in _NET.items():
        made.add_row(
            Text(name), *(Text(_figure(part[name], digits)) for part in parts[:3]),
            Text(_figure(net[name], digits), style="bold"), Text(unit, style="dim"),
        )  # fmt: skip
    return made


def _figure(value: float | None, digits: int) -> str:
    return numbers.MISSING if value is None else numbers.group(value, digits)


def _cut(cells: Sequence[Mapping[str, Any]], width: int) -> Iterator[RenderableType]:
    """Yield profit by move of the spot: at each day, volatility held, and now at its extremes."""
    held = min((row["iv_points"] for row in cells), key=abs)
    first = min(row["days"] for row in cells)
    low = min(row["iv_points"] for row in cells)
    high = max(row["iv_points"] for row in cells)
    points = [(day, held) for day in sorted({row["days"] for row in cells})]
    points += [(first, shift) for shift in dict.fromkeys((low, high)) if shift != held]
    pnl = {(row["days"], row["iv_points"], row["spot_pct"]): row["pnl"] for row in cells}
    heads = [_title(day, shift) for day, shift in points]
    moves = sorted({row["spot_pct"] for row in cells})
    columns = [[_figure(pnl[day, shift, move], 0) for move in moves] for day, shift in points]
    needs = [(str(n), max(len(heads[n]), *map(len, columns[n]))) for n in range(len(points))]
    kept = [int(name) for name in option_cells.fitting(needs, width - _MOST)]
    yield Text("P&L by move of the spot (₹)", style="bold")
    made = option_cells.grid([("spot", True), *((heads[n], True) for n in kept)])
    for index, move in enumerate(moves):
        made.add_row(f"{numbers.signed(move)} %", *(columns[n][index] for n in kept))
    made.caption = f"{len(cells)} scenarios: --json has all"
    yield made


def _title(day: float, shift: float) -> str:
    when = "now" if day == 0 else f"{day:.4g} d"
    return when if shift == 0 else f"{when}, IV {numbers.signed(shift)}pp".replace(".00", "")
