"""The screen of `chain`: what the chain says in five lines, then CE, strike and PE side by side.

It fits 80 columns; wider terminals get more columns, never other numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.option_cells import cell, compact, percent, strike, until

# outward from the strike, the first that fit
_PLAIN = ("last_price", "open_interest", "oi_change", "volume", "bid", "ask", "time_value",
          "intrinsic")  # fmt: skip
_GREEK = ("last_price", "iv", "delta", "open_interest", "theta_per_day", "vega_per_pct", "gamma",
          "oi_change", "volume", "bid", "ask", "rho_per_pct", "time_value", "vanna", "volga",
          "charm", "speed", "color")  # fmt: skip
_ROWS = ("tradingsymbol", "strike", "option_type")
SOURCES = {
    "parity": "by parity",
    "future": "of the future",
    "spot": "by spot and carry",
    "given": "as given",
}
_MIDDLE = 4  # the marks about the ATM strike
_EDGE = 3


def chain(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen."""
    facts = result.summary
    yield header(facts)
    records = list(result.records())
    if not records:
        yield Text("nothing found", style="dim")
        return
    if result.rows_follow:
        matched, whole = facts.get("matched"), facts.get("rows")
        yield Text(f"{cell('n', matched)} of {cell('n', whole)} contracts", style="bold")
        have = result.columns()
        first = dict.fromkeys((*_ROWS, *result.highlight, *_GREEK, *have))
        chosen = [name for name in first if name in have]
        yield option_cells.rows(records, have if len(have) < len(_ROWS) else chosen, width=width)
        return
    yield from ladder(records, facts, width)


def header(facts: Mapping[str, Any]) -> Text:
    """Return spot, forward, ATM, ratios and where they come from."""
    ends = facts.get("expires_at")
    word = SOURCES.get(str(facts.get("forward_source")))
    source = f" {word}" if word else ""
    pairs = facts.get("forward_pairs")
    if pairs:
        source += f" of {pairs} strikes" if pairs > 1 else " of one strike"
    move, forward = facts.get("expected_move"), facts.get("forward")
    sign = "" if move is None else "±"
    share = f" ({percent(move / forward)})" if move is not None and forward else ""
    ends_at = "" if ends is None else f" {ends:%H:%M}"
    left = until(facts.get("days_to_expiry"))
    sums = f"CE {compact(facts.get('oi_change_ce'), sign=True)}  "
    sums += f"PE {compact(facts.get('oi_change_pe'), sign=True)}"
    return Text.assemble(
        (str(facts.get("underlying")), "bold"), f"  {facts.get('expiry'):%a %d %b %Y}{ends_at}",
        f" {left}  lot {cell('lot_size', facts.get('lot_size'))}\n",
        f"spot {_price(facts, 'spot')}  forward {_price(facts, 'forward')}{source}",
        f"  future {_price(facts, 'future')}\n",
        ("ATM ", "bold"), (strike(facts.get("atm_strike")), "bold"),
        f"  IV {percent(facts.get('atm_iv'))}  straddle {_price(facts, 'straddle')}",
        f"  expected move {sign}{_price(facts, 'expected_move')}{share}\n",
        f"PCR OI {_price(facts, 'put_call_ratio_oi')}",
        f"  volume {_price(facts, 'put_call_ratio_volume')}",
        f"  max pain {strike(facts.get('max_pain'))}  OI change {sums}\n",
        (f"{facts.get('model')}, rate {percent(facts.get('rate'))} ({facts.get('rate_source')})",
         "dim"),
    )  # fmt: skip


def ladder(
    records: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], width: int
) -> Iterator[RenderableType]:
    """Yield CE, strike and PE side by side, the ATM strike marked, and what is missing."""
    sides: dict[str, dict[float, Mapping[str, Any]]] = {"CE": {}, "PE": {}}
    for row in records:
        sides[row["option_type"]][row["strike"]] = row
    strikes = sorted({row["strike"] for row in records})
    asked = "iv" in records[0]
    order = [name for name in (_GREEK if asked else _PLAIN) if name in records[0]]
    middle = max(len(strike(value)) for value in strikes) + _MIDDLE + _EDGE
    wide = [(name, _need(name, records)) for name in order]
    shown = option_cells.fitting(wide, (width - middle) // 2)
    made = option_cells.grid(
        [(f"CE\n{_head(name)}", True) for name in reversed(shown)]
        + [("\nstrike", True)]
        + [(f"PE\n{_head(name)}", True) for name in shown]
    )
    atm = facts.get("atm_strike")
    for value in strikes:
        mark = value == atm
        text = f"▸ {strike(value)} ◂" if mark else f"{strike(value)}  "
        made.add_row(
            *_cells(sides["CE"].get(value), list(reversed(shown))),
            Text(text, style="bold"),
            *_cells(sides["PE"].get(value), shown),
            style="bold" if mark else "",
        )
    yield made
    yield Text(_foot(records, facts, [n for n in order if n not in shown]), style="dim")


def _cells(row: Mapping[str, Any] | None, names: Sequence[str]) -> list[Text]:
    held = row or {}
    return [
        Text(cell(name, held.get(name)), style=option_cells.style(name, held.get(name)))
        for name in names
    ]


def _foot(
    records: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], left_out: Sequence[str]
) -> str:
    """Say how much of the chain is shown, and why volatilities are missing."""
    lines = []
    whole = facts.get("rows")
    if whole is not None and whole > len(records):
        lines.append(f"{len(records)} of {whole} contracts shown: --strikes N, --json has all.")
    if left_out:
        lines.append(f"not shown: {', '.join(left_out)}")
    if "iv_status" in records[0]:
        counts = Counter(str(row["iv_status"]) for row in records)
        missing = ", ".join(f"{n} {word}" for word, n in counts.most_common() if word != "ok")
        if missing:
            lines.append(f"IV not known: {missing}")
    else:
        lines.append("--greeks adds volatilities and Greeks.")
    return "\n".join(lines)


def _need(name: str, records: Sequence[Mapping[str, Any]]) -> int:
    return max(len(_head(name)), *(len(cell(name, row.get(name))) for row in records))


def _head(name: str) -> str:
    return option_cells.NAMES.get(name, name)


def _price(facts: Mapping[str, Any], name: str) -> str:
    return numbers.cell(name, facts.get(name))
