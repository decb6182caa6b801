"""The screen of `chain`: what the chain says in five lines, then CE, strike and PE side by side.

It fits 80 columns; wider terminals get more columns, never other numbers. Calls grow to the left of
their strike and puts to its right, the bars of open interest with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alphastock_cli.actions.result import Result
from alphastock_cli.views import option_cells
from alphastock_cli.views.chain_header import header, term, volatility
from alphastock_cli.views.ladder import Ladder
from alphastock_cli.views.option_cells import cell
from alphastock_cli.views.sheet import Words

_ROWS = ("tradingsymbol", "strike", "option_type")
_GREEK = ("last_price", "iv", "delta", "open_interest", "theta_per_day", "vega_per_pct", "gamma",
          "oi_change", "volume", "bid", "ask", "rho_per_pct", "time_value")  # fmt: skip
_FRACTION = "IV % is 100 times iv: in --where, as in --json, iv is a fraction, 0.15 for 15 %."


def chain(result: Result, width: int) -> Iterator[object]:
    """Yield the parts of the screen."""
    facts = result.summary
    yield header(facts, width)
    told = volatility(facts, width)
    if told and ("iv" in result.columns() or {"smile", "iv_rank"} & facts.keys()):
        yield told
    if facts.get("term"):
        yield term(facts["term"])
    records = list(result.records())
    if not records:
        yield Words(("nothing found", "dim"))
        if "iv" in result.highlight:  # iv > 15 is above 1,500 %
            yield Words((_FRACTION, "dim"))
        return
    if result.rows_follow:
        matched, whole = facts.get("matched"), facts.get("rows")
        yield Words((f"{cell('n', matched)} of {cell('n', whole)} contracts", "bold"))
        have = result.columns()
        first = dict.fromkeys((*_ROWS, *result.highlight, *_GREEK, *have))
        chosen = [name for name in first if name in have]
        yield option_cells.rows(records, have if len(have) < len(_ROWS) else chosen, width=width)
        if "iv" in result.highlight:
            yield Words((_FRACTION, "dim"))
        return
    ladder = Ladder(records=records, atm=facts.get("atm_strike"), width=width)
    yield Words()
    yield ladder.title()
    yield ladder.table()
    yield Words()
    yield Words((_foot(records, facts, ladder.left_out), "dim"))


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
