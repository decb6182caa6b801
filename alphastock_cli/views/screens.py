"""Which screen a kind of result has, and the line above every one of them.

A screen is a generator of parts: Rich renderables, or those of `sheet.py`, which need no Rich where
nothing is coloured. Its module is loaded when one is shown. What a screen says is decided there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers
from alphastock_cli.views.sheet import Words

_TYPED = "typed in"  # numbers of a person's own have no age
# kinds of result whose screen is a function of that name, by the module it is in
_MODULES = {
    "scan_equities": "scan", "doctor": "tables", "chain": "chain", "greeks": "greeks",
    "orders": "trade", "trade": "trade", "positions": "trade", "pnl": "trade", "payoff": "payoff",
    "chain_vs": "chain_vs", "greeks_file": "greeks_file", "scan_options": "scan_options",
}  # fmt: skip


def render(result: Result, *, now: datetime, width: int) -> Iterator[object]:
    """Yield the parts of a result's screen: headline, its own screen or a plain table, caption."""
    yield headline(result, now)
    own = result.kind in _MODULES
    name = result.kind if own else "rows"
    module = import_module(f"alphastock_cli.views.{_MODULES[name] if own else 'tables'}")
    yield from getattr(module, name)(result, width)


def headline(result: Result, now: datetime) -> Words:
    """Say what this is, of when and from where; simulated data say so first."""
    parts = [result.kind.replace("_", " ")]
    if result.as_of is not None:
        stamp = f"{result.as_of:%a %d %b %Y %H:%M} IST"
        old = (now - result.as_of).total_seconds()
        parts.append(
            f"as of {stamp}"
            + (
                f" ({numbers.age(old)} ago)"
                if old > 0 and not result.simulated and result.source != _TYPED
                else ""
            )
        )
    if result.source:
        parts.append(f"source {result.source}")
    text = (" · ".join(parts), "bold")
    return Words(("SIMULATED DATA ", "bold magenta"), text) if result.simulated else Words(text)
