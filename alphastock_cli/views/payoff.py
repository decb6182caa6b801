"""The screen of `payoff`: what a structure can win, lose and block, its legs, and its curve.

Figures come from the result; the only thing computed here is where they go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.safety import safe_text
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.curve import Picture
from alphastock_cli.views.option_cells import percent

_LEGS = ("quantity", "lots", "leg", "tradingsymbol", "strike", "kind", "option_type", "expiry",
         "price", "iv", "delta", "theta_per_day", "vega_per_pct")  # fmt: skip
_ALWAYS = frozenset({"price", "iv", "delta"})
_SAID = frozenset({"underlying", "lot_size", "side"})
_GREEKS = (("delta", 2), ("gamma", 4), ("theta_per_day", 2), ("vega_per_pct", 2))
_CURVE = {"underlying_price", "payoff_expiry"}
_WIDEST_LINE = 100


def payoff(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen; rows as asked where columns or conditions were chosen."""
    facts = result.summary
    yield header(facts, width)
    legs = [dict(leg) for leg in facts.get("legs") or ()]
    if legs:
        yield _legs(legs, width)
    records = list(result.records())
    if not records:
        yield Text("nothing found", style="dim")
    elif result.rows_follow or not records[0].keys() >= _CURVE:
        yield option_cells.rows(records, list(records[0]), width=width)
    else:
        yield picture(records, facts, result.as_of)


def header(facts: Mapping[str, Any], width: int) -> Text:
    """Return the figures of the whole structure, a topic a line, wrapped where it is narrow."""
    groups = [_what(facts), _bounds(facts), _chances(facts), _greeks(facts), _costs(facts)]
    lines = [
        line for group in groups for line in option_cells.wrapped(group, min(width, _WIDEST_LINE))
    ]
    text = Text("\n".join(lines))
    name = str(facts.get("underlying") or "")
    if name and lines and lines[0].startswith(name):
        text.stylize("bold", 0, len(name))
    return text


def picture(
    records: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], as_of: datetime | None
) -> Picture:
    """Return the curve of the rows."""
    return Picture(
        expiry=_points(records, "payoff_expiry"),
        today=_points(records, "payoff_today"),
        centre=centre(facts),
        breakevens=tuple(facts.get("breakevens") or ()),
        then="at the nearest expiry" if facts.get("approximate") else "at expiry",
        now=_now(facts, as_of),
    )


def _now(facts: Mapping[str, Any], as_of: datetime | None) -> str:
    """Return what the second curve is: of another day or volatility it says so."""
    moment, text = facts.get("payoff_today_at"), "today"
    if isinstance(moment, datetime) and as_of is not None and moment.date() != as_of.date():
        text = f"on {moment:%d %b}"
    flat, shift = facts.get("iv_flat"), facts.get("iv_shift")
    if flat is not None:
        return f"{text}, IV {percent(flat)}"
    return f"{text}, IV {_signed_percent(shift)[:-2]} pp" if shift else text


def centre(facts: Mapping[str, Any]) -> tuple[str, float | None]:
    """Return what prices are measured against and its name: the spot, without one the forward."""
    known = (name for name in ("spot", "forward") if facts.get(name) is not None)
    name = next(known, "spot")
    return name, facts.get(name)


def _points(records: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    pairs = ((row["underlying_price"], row.get(name)) for row in records)
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _legs(legs: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    known = [
        name
        for name in legs[0]
        if name in _ALWAYS or any(leg.get(name) is not None for leg in legs)
    ]
    named = all(leg.get("tradingsymbol") for leg in legs)
    # the sign of a quantity is its side, and the contract is the leg
    known = [name for name in known if name not in _SAID and not (named and name == "leg")]
    first = [name for name in _LEGS if name in known]
    return option_cells.rows(
        legs, [*first, *(name for name in known if name not in first)], width=width
    )


def _what(facts: Mapping[str, Any]) -> list[str]:
    parts = [safe_text(str(facts.get("underlying") or ""))]
    title = facts.get("structure") or facts.get("strategy") or facts.get("title")
    if title:
        parts.append(safe_text(str(title)))
    expiry = facts.get("expiry")
    if isinstance(expiry, date):
        parts.append(f"{expiry:%a %d %b %Y} {option_cells.until(facts.get('days_to_expiry'))}")
    parts += [
        f"{name} {numbers.cell(name, facts[name])}"
        for name in ("spot", "forward")
        if facts.get(name) is not None
    ]
    return parts


def _bounds(facts: Mapping[str, Any]) -> list[str]:
    parts = [
        f"max {name} {_bound(facts, f'max_{name}')}"
        for name in ("profit", "loss")
    ]  # fmt: skip
    roots = facts.get("breakevens")
    if roots is None:
        return [*parts, f"breakevens {numbers.MISSING}"]
    _, base = centre(facts)
    shown = [
        numbers.group(root) + (f" ({_signed_percent(root / base - 1)})" if base else "")
        for root in roots
    ]
    word = "breakeven" if len(shown) == 1 else "breakevens"
    return [*parts, f"{word} {', '.join(shown) or 'none'}"]


def _bound(facts: Mapping[str, Any], name: str) -> str:
    if facts.get(f"{name}_unbounded"):
        return "unbounded"
    value = facts.get(name)
    about = "about " if facts.get("approximate") else ""
    return numbers.MISSING if value is None else f"{about}₹{numbers.signed(value)}"


def _signed_percent(value: float) -> str:
    return f"{numbers.signed(value * 100)} %"


def _chances(facts: Mapping[str, Any]) -> list[str]:
    text = f"probability of profit {percent(facts.get('probability_of_profit'), 1)} (lognormal)"
    smile = facts.get("probability_of_profit_smile")
    parts = [text] if smile is None else [text, f"{percent(smile, 1)} (smile)"]
    net = facts.get("net_premium")
    if net is not None:
        parts.append(f"net premium ₹{numbers.group(abs(net))}{_direction(facts)}")
    return parts


def _direction(facts: Mapping[str, Any]) -> str:
    """Say who pays the premium, by the legs themselves."""
    legs = [leg for leg in facts.get("legs") or () if leg.get("strike") is not None]
    known = [leg for leg in legs if leg.get("price") is not None and leg.get("quantity")]
    if not known or len(known) < len(legs):
        return ""
    paid = sum(leg["price"] * leg["quantity"] for leg in known)
    return " paid" if paid > 0 else " received" if paid < 0 else ""


def _greeks(facts: Mapping[str, Any]) -> list[str]:
    held = facts.get("net_greeks") or {}
    return [
        f"{option_cells.NAMES.get(name, name)} "
        + (numbers.MISSING if held[name] is None else numbers.signed(held[name], digits))
        for name, digits in _GREEKS
        if name in held
    ]


def _costs(facts: Mapping[str, Any]) -> list[str]:
    parts = []
    margin, source = facts.get("margin"), safe_text(str(facts.get("margin_source") or ""))
    if margin is not None:
        parts.append(f"margin ₹{numbers.group(margin)} ({source or 'estimate'})")
    elif source:
        parts.append(f"margin {numbers.MISSING} ({source})")
    held = facts.get("margin_parts") or {}
    parts += [
        f"{name} ₹{numbers.group(held[name])}"
        for name in ("span", "exposure")
        if margin is not None and held.get(name)
    ]
    charges = facts.get("charges")
    if isinstance(charges, Mapping):
        charges = charges.get("total")
    if charges is not None:
        parts.append(f"charges ₹{numbers.group(charges)}")
    return parts
