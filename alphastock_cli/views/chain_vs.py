"""The screen of `chain --vs`: both moments, what the chain did, then each strike's changes.

It fits 80 columns; wider terminals get more columns, never other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.option_cells import compact, strike, until

_NAMES = {
    "spot": "spot", "forward": "forward", "future": "future", "atm_strike": "ATM strike",
    "atm_iv": "ATM IV %", "straddle": "straddle, each at its ATM",
    "straddle_same_strike": "straddle, at the ATM of now", "expected_move": "expected move",
    "put_call_ratio_oi": "PCR OI", "put_call_ratio_volume": "PCR volume", "max_pain": "max pain",
    "risk_reversal_25d": "25-delta CE less PE, IV %",
    "butterfly_25d": "25-delta butterfly, IV %", "open_interest_ce": "OI CE",
    "open_interest_pe": "OI PE",
}  # fmt: skip
_SHORT = {
    "long_build_up": "long build-up", "short_build_up": "short build-up",
    "short_covering": "short covering", "long_unwinding": "long unwinding",
}  # fmt: skip
# outward from the strike, the first that fit
_SIDE = ("price_change", "open_interest_change", "build_up", "iv_change", "price_change_pct",
         "open_interest_change_pct", "price", "open_interest", "iv", "delta", "theta_per_day",
         "vega_per_pct", "gamma", "rho_per_pct")  # fmt: skip
_HEADS = {
    "price_change": "price ±", "open_interest_change": "OI ±", "iv_change": "IV ±pp",
    "build_up": "b-u", "price_change_pct": "price ±%", "open_interest_change_pct": "OI ±%",
    "open_interest": "OI", "iv": "IV %",
}  # fmt: skip
_INITIALS = {
    "long_build_up": "LB", "short_build_up": "SB", "short_covering": "SC", "long_unwinding": "LU",
    "unchanged": "=",
}  # fmt: skip
_LEGEND = "LB long build-up, SB short build-up, SC short covering, LU long unwinding"
_PERCENT = frozenset(
    {"atm_iv", "risk_reversal_25d", "butterfly_25d", "iv", "iv_change", "iv_before"}
)
_STRIKES = frozenset({"atm_strike", "max_pain"})
_UNITS = frozenset({"open_interest", "open_interest_change", "open_interest_before",
                    "open_interest_ce", "open_interest_pe"})  # fmt: skip
_MIDDLE = 7
_GREEKS = frozenset({"delta", "gamma", "theta_per_day", "vega_per_pct", "rho_per_pct"})


def chain_vs(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen."""
    facts = result.summary
    yield Text.assemble(
        (str(facts["underlying"]), "bold"), f"  {facts['expiry']:%a %d %b %Y}",
        f" {until(facts.get('days_to_expiry'))}\n",
        f"now {facts['as_of']:%a %d %b %Y %H:%M:%S}, before {facts['vs']:%a %d %b %Y %H:%M:%S}",
    )  # fmt: skip
    yield _figures(facts)
    records = list(result.records())
    if not records:
        yield Text("nothing found", style="dim")
        return
    if result.rows_follow:
        matched, whole = numbers.cell("n", facts["matched"]), numbers.cell("n", facts["rows"])
        yield Text(f"{matched} of {whole} contracts", style="bold")
        yield _rows(records, result, width)
        return
    yield _ladder(records, facts, width)
    yield Text(_LEGEND, style="dim")
    if facts["rows"] > len(records):
        text = f"{len(records)} of {facts['rows']} contracts shown: --strikes N, --json has all."
        yield Text(text, style="dim")


def cell(name: str, value: Any, *, sign: bool = False) -> str:  # noqa: ANN401 - any cell
    """Write one figure; missing is a dash, a difference has its sign."""
    if value is None or isinstance(value, str):
        word = _SHORT.get(value, value) if isinstance(value, str) else None
        return numbers.MISSING if word is None else numbers.cell(name, word)
    if name in _UNITS:
        return compact(value, sign=sign)
    if name in _STRIKES and not sign:
        return strike(value)
    if not isinstance(value, int | float) or name in _GREEKS:
        return option_cells.cell(name, value)
    shown = value * 100.0 if name in _PERCENT else value
    digits = 3 if name.startswith("put_call_ratio") else 2
    return numbers.signed(shown, digits) if sign else numbers.group(shown, digits)


def _figures(facts: Mapping[str, Any]) -> RenderableType:
    made = option_cells.grid([("", False), ("now", True), ("before", True), ("change", True)])
    for name, title in _NAMES.items():
        made.add_row(
            Text(title), cell(name, facts["now"].get(name)),
            cell(name, facts["before"].get(name)),
            _signed(name, facts["change"].get(name)),
        )  # fmt: skip
    return made


def _signed(name: str, value: float | None) -> Text:
    tone = "" if not value else "green" if value > 0 else "red"
    return Text(cell(name, value, sign=True), style=tone)


def _ladder(
    records: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], width: int
) -> RenderableType:
    sides: dict[str, dict[float, Mapping[str, Any]]] = {"CE": {}, "PE": {}}
    for row in records:
        sides[row["option_type"]][row["strike"]] = row
    strikes = sorted({row["strike"] for row in records})
    order = [name for name in _SIDE if name in records[0]]
    needs = [(name, max(len(_head(name)), *(len(_side(name, row).plain) for row in records)))
             for name in order]  # fmt: skip
    middle = max(len(strike(value)) for value in strikes) + _MIDDLE
    shown = option_cells.fitting(needs, (width - middle) // 2)
    made = option_cells.grid(
        [(f"CE\n{_head(name)}", True) for name in reversed(shown)]
        + [("\nstrike", True)]
        + [(f"PE\n{_head(name)}", True) for name in shown]
    )
    for value in strikes:
        mark = value == facts["atm_strike"]
        call, put = sides["CE"].get(value, {}), sides["PE"].get(value, {})
        made.add_row(
            *(_side(name, call) for name in reversed(shown)),
            Text(f"▸ {strike(value)} ◂" if mark else f"{strike(value)}  ", style="bold"),
            *(_side(name, put) for name in shown),
            style="bold" if mark else "",
        )
    return made


def _side(name: str, row: Mapping[str, Any]) -> Text:
    value = row.get(name)
    if name == "build_up":
        return Text(_INITIALS.get(str(value), numbers.MISSING))
    if "_change" in name:
        return _signed(name, value)
    return Text(cell(name, value))


def _rows(records: Sequence[Mapping[str, Any]], result: Result, width: int) -> RenderableType:
    """Return the rows as asked: the columns of a condition first, then those that fit."""
    have = result.columns()
    first = dict.fromkeys(
        ("tradingsymbol", "strike", "option_type", *result.highlight, *_SIDE, *have)
    )
    chosen = [name for name in first if name in have]
    shown = have if len(have) < len(chosen) else chosen
    cells = {name: [cell(name, row.get(name), sign="_change" in name) for row in records]
             for name in shown}  # fmt: skip
    heads = {name: option_cells.NAMES.get(name, name) for name in shown}
    kept = option_cells.fitting(
        [(name, max(len(heads[name]), *map(len, cells[name]))) for name in shown], width
    )
    made = option_cells.grid(
        (heads[name], all(not isinstance(row.get(name), str) for row in records)) for name in kept
    )
    for index in range(len(records)):
        made.add_row(*(Text(cells[name][index]) for name in kept))
    left_out = [name for name in shown if name not in kept]
    if left_out:
        made.caption = f"not shown: {', '.join(left_out)} (--columns, --json)"
    return made


def _head(name: str) -> str:
    return _HEADS.get(name, option_cells.NAMES.get(name, name))
