"""The screen of `greeks`: one contract, a line a figure with its unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.chain_header import SOURCES
from alphastock_cli.views.option_cells import cell, percent, strike, until

_UNITS = {
    "price": "₹",
    "iv": "% a year",
    "delta": "₹ per ₹1 of the {base}",
    "gamma": "delta per ₹1 of the {base}",
    "theta_per_day": "₹ per calendar day, {base} held",
    "vega_per_pct": "₹ per point of volatility",
    "rho_per_pct": "₹ per point of rate, {base} held",
    "vanna": "delta per 1.00 of volatility",
    "volga": "vega (of 1.00) per 1.00 of volatility",
    "charm": "delta per year of passing time",
    "speed": "gamma per ₹1",
    "color": "gamma per year of passing time",
}


def greeks(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen; rows as asked where columns were chosen."""
    records = list(result.records())
    if not records:
        yield Text("nothing found", style="dim")
        return
    row, facts = records[0], result.summary
    if not {"strike", "expiry", "option_type", "model"} <= row.keys():
        yield option_cells.rows(records, list(row), width=width)
        return
    yield _header(row, facts)
    base = "spot" if row["model"] == "bsm" else "forward"
    lines = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left"):
        lines.add_column(justify=justify)
    for name, unit in _UNITS.items():
        if name in row:
            lines.add_row(
                name, Text(cell(name, row[name]), style="bold"), Text(unit.format(base=base))
            )
    yield lines
    if row["iv_status"] != "ok":
        yield Text(f"IV not known: {row['iv_status']}", style="yellow")


def _header(row: Mapping[str, Any], facts: Mapping[str, Any]) -> Text:
    """Return what is valued, and against what."""
    name = str(row.get("tradingsymbol") or "")
    ends = facts.get("expires_at")
    title = f"{name}  " if name else ""
    title += f"{row.get('underlying') or ''} {strike(row['strike'])} {row['option_type']}".strip()
    source = SOURCES.get(str(facts.get("forward_source")), "")
    by = facts.get("price_source")
    return Text.assemble(
        (title, "bold"), f"  expires {row['expiry']:%a %d %b %Y}",
        "" if ends is None else f" {ends:%H:%M}", f" {until(facts.get('days_to_expiry'))}\n",
        f"forward {numbers.cell('forward', row['forward'])} {source}",
        f"  spot {numbers.cell('spot', row['spot'])}\n",
        f"{row['model']}, rate {percent(row['rate'])} ({facts.get('rate_source')})",
        "" if by is None else f", price by {by}",
    )  # fmt: skip
