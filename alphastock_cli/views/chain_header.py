"""What a chain says in a few lines: prices, money, interest, volatility, and what it rests on.

One topic a line, wrapped between whole figures where the screen is narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.option_cells import cell, compact, percent, strike, until
from alphastock_cli.views.sheet import Words

SOURCES = {
    "parity": "by parity",
    "future": "of the future",
    "spot": "by spot and carry",
    "given": "as given",
}
_TERM = ("expiry", "days_to_expiry", "forward", "atm_strike", "atm_iv", "straddle", "forward_vol")
_TERM_NAMES = {"days_to_expiry": "days", "atm_strike": "ATM", "atm_iv": "IV", "forward_vol":
               "forward IV"}  # fmt: skip


def header(facts: Mapping[str, Any], width: int = 80) -> Words:
    """Return spot, forward, ATM, ratios and where they come from, a topic a line."""
    topics = [_contract(facts), _prices(facts), _money(facts), _interest(facts)]
    lines = [line for topic in topics for line in option_cells.wrapped(topic, width)]
    name = str(facts.get("underlying"))
    model = f"{facts.get('model')}, rate {percent(facts.get('rate'))} ({facts.get('rate_source')})"
    rest = "\n".join(lines).removeprefix(name)
    before, money, after = rest.partition(f"\n{_money(facts)[0]}")
    return Words((name, "bold"), before, (money, "bold"), after, "\n", (model, "dim"))


def _contract(facts: Mapping[str, Any]) -> list[str]:
    ends, left = facts.get("expires_at"), until(facts.get("days_to_expiry"))
    at = "" if ends is None else f" {ends:%H:%M}"
    return [
        str(facts.get("underlying")),
        f"{facts.get('expiry'):%a %d %b %Y}{at} {left}".rstrip(),
        _kind(facts),
        f"lot {cell('lot_size', facts.get('lot_size'))}",
    ]


def _kind(facts: Mapping[str, Any]) -> str:
    """Return weekly or monthly, and from which day a holiday has moved it."""
    kind, regular = str(facts.get("expiry_kind") or ""), facts.get("expiry_regular")
    if not facts.get("expiry_shifted") or regular is None:
        return kind
    return f"{kind}, moved from {regular:%d %b}" if kind else f"moved from {regular:%d %b}"


def _prices(facts: Mapping[str, Any]) -> list[str]:
    word, pairs = SOURCES.get(str(facts.get("forward_source"))), facts.get("forward_pairs")
    source = f" {word}" if word else ""
    if pairs:
        source += f" of {pairs} strikes" if pairs > 1 else " of one strike"
    return [
        f"spot {_price(facts, 'spot')}",
        f"forward {_price(facts, 'forward')}{source}",
        f"future {_price(facts, 'future')}",
    ]


def _money(facts: Mapping[str, Any]) -> list[str]:
    move, forward = facts.get("expected_move"), facts.get("forward")
    sign = "" if move is None else "±"
    share = f" ({percent(move / forward)})" if move is not None and forward else ""
    return [
        f"ATM {strike(facts.get('atm_strike'))}",
        f"IV {percent(facts.get('atm_iv'))}",
        f"straddle {_price(facts, 'straddle')}",
        f"expected move {sign}{_price(facts, 'expected_move')}{share}",
    ]


def _interest(facts: Mapping[str, Any]) -> list[str]:
    return [
        f"PCR OI {_price(facts, 'put_call_ratio_oi')}",
        f"volume {_price(facts, 'put_call_ratio_volume')}",
        f"max pain {strike(facts.get('max_pain'))}",
        f"OI change CE {compact(facts.get('oi_change_ce'), sign=True)}",
        f"PE {compact(facts.get('oi_change_pe'), sign=True)}",
    ]


def volatility(facts: Mapping[str, Any], width: int) -> Words:
    """Return where the volatility leans and where it stands, and the dealers' gamma."""
    lines = [
        line
        for topic in (_skew(facts), _standing(facts), _gamma(facts), _smile(facts))
        for line in option_cells.wrapped(topic, width)
    ]
    return Words("\n".join(lines))


def term(rows: Sequence[Mapping[str, Any]]) -> Words:
    """Return the expiries side by side: forward, ATM volatility, straddle, forward volatility."""
    names = [name for name in _TERM if name in rows[0]]
    table = [[_TERM_NAMES.get(name, name) for name in names]]
    table += [[_term_cell(name, row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(names))]
    lines = ["  ".join(f"{t:>{w}}" for t, w in zip(line, widths, strict=True)) for line in table]
    if any(row.get("negative_calendar_variance") for row in rows):
        lines.append("variance falls with time somewhere: calendar arbitrage, or bad prices")
    return Words("\n".join(lines))


def _term_cell(name: str, value: Any) -> str:  # noqa: ANN401 - any cell
    if name in {"atm_iv", "forward_vol"}:
        return percent(value)
    return strike(value) if name == "atm_strike" else numbers.cell(name, value)


def _skew(facts: Mapping[str, Any]) -> list[str]:
    names = {"risk_reversal_25d": "25-delta CE less PE", "butterfly_25d": "butterfly"}
    return [f"{text} {_points(facts[name])}" for name, text in names.items() if name in facts]


def _points(value: float | None) -> str:
    return numbers.MISSING if value is None else f"{numbers.signed(value * 100)} pp"


def _standing(facts: Mapping[str, Any]) -> list[str]:
    if "iv_rank" not in facts:
        return []
    sessions = facts.get("iv_sessions")
    return [
        f"IV 30 days ahead {percent(facts.get('iv_30d'))}",
        f"rank {_price(facts, 'iv_rank')}",
        f"percentile {_price(facts, 'iv_percentile')}",
        f"of {cell('n', sessions)} stored {'session' if sessions == 1 else 'sessions'}",
    ]


def _gamma(facts: Mapping[str, Any]) -> list[str]:
    net = facts.get("gex_net")
    if net is None:
        return []
    sign = "+" if net > 0 else ""
    return [f"GEX {sign}{numbers.crores(net)} a 1 % move", "(if dealers hold calls and owe puts)"]


def _smile(facts: Mapping[str, Any]) -> list[str]:
    if "smile" not in facts:
        return []
    held = facts["smile"]
    if not isinstance(held, Mapping):
        return ["smile not fitted: too few volatilities, or no SVI near them"]
    parts = [f"{name} {held[name]:.4g}" for name in ("a", "b", "rho", "m", "sigma")]
    free = "no butterfly arbitrage" if held["butterfly_free"] else "butterfly arbitrage"
    off = f"{held['points']} points, off by {percent(held['rms_error'])}, {free}"
    return [f"smile (SVI) {parts[0]}", *parts[1:], off]


def _price(facts: Mapping[str, Any], name: str) -> str:
    return numbers.cell(name, facts.get(name))
