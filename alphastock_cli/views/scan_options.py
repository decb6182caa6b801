"""The screen of `scan options`: a line an underlying, then the contracts a person asked for.

It fits 80 columns; wider terminals get more columns, never other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.option_cells import strike

_EACH = ("underlying", "expiry", "spot", "atm_iv", "iv_30d", "iv_rank", "iv_percentile",
         "iv_sessions", "put_call_ratio_oi", "max_pain", "expected_move", "straddle",
         "days_to_expiry", "forward", "risk_reversal_25d", "lot_size")  # fmt: skip
_ROWS = ("tradingsymbol", "last_price", "iv", "delta", "open_interest", "iv_percentile",
         "liquidity", "iv_rank", "volume", "theta_per_day", "vega_per_pct", "oi_change", "bid",
         "ask", "gamma", "moneyness", "time_value", "iv_sessions")  # fmt: skip
_HEADS = {
    "atm_iv": "ATM IV %", "iv_30d": "30 d IV %", "iv_rank": "rank", "iv_percentile": "pctile",
    "iv_sessions": "of n", "put_call_ratio_oi": "PCR OI", "max_pain": "max pain",
    "expected_move": "exp. move", "days_to_expiry": "days", "risk_reversal_25d": "25d RR %",
    "lot_size": "lot",
}  # fmt: skip
_PERCENT = frozenset({"atm_iv", "iv_30d", "risk_reversal_25d"})
_WHOLE = frozenset({"iv_rank", "iv_percentile"})


def scan_options(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen."""
    facts = result.summary
    if not result.rows_follow:
        yield _table(list(facts["underlyings"]), _EACH, width)
        yield Text(
            f"{numbers.cell('n', facts['rows'])} contracts. Rows: add --where, --preset, --sort or"
            " --top; --json has all.",
            style="dim",
        )
        return
    matched, whole = numbers.cell("n", facts["matched"]), numbers.cell("n", facts["rows"])
    yield Text(f"{matched} of {whole} contracts", style="bold")
    records = list(result.records())
    if not records:
        yield Text("nothing found", style="dim")
        yield _table(list(facts["underlyings"]), _EACH, width)  # where rank and percentile stand
        return
    have = result.columns()
    first = dict.fromkeys(("tradingsymbol", *result.highlight, *_ROWS, *have))
    chosen = [name for name in first if name in have]
    yield _table(records, have if len(have) < len(_ROWS) else chosen, width)


def _table(
    records: list[Mapping[str, Any]], columns: tuple[str, ...] | list[str], width: int
) -> RenderableType:
    """Return a table; columns that do not fit are named below it."""
    cells = {name: [_cell(name, row.get(name)) for row in records] for name in columns}
    heads = {name: _HEADS.get(name, option_cells.NAMES.get(name, name)) for name in columns}
    kept = option_cells.fitting(
        [(name, max(len(heads[name]), *map(len, cells[name]))) for name in columns], width
    )
    right = {name: all(not isinstance(row.get(name), str) for row in records) for name in kept}
    made = option_cells.grid((heads[name], right[name]) for name in kept)
    for index in range(len(records)):
        made.add_row(*(Text(cells[name][index]) for name in kept))
    left_out = [name for name in columns if name not in kept]
    if left_out:
        made.caption = f"not shown: {', '.join(left_out)} (--columns, --json)"
    return made


def _cell(name: str, value: Any) -> str:  # noqa: ANN401 - any cell
    if value is None:
        return numbers.MISSING
    if name in _PERCENT:
        return numbers.group(value * 100.0, 2)
    if name in _WHOLE:
        return numbers.group(value, 0)
    if name == "max_pain":
        return strike(value)
    return option_cells.cell(name, value)
