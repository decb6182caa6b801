"""The screen of `scan equities`: breadth, sectors, movers, then the rows a person asked for.

It fits 80 columns; wider terminals get more columns, never other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.columns import Columns
from rich.console import RenderableType
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers
from alphastock_cli.views.tables import table

_WIDE = 100
_NAMES = {
    "symbols": "n",
    "change_pct": "chg %",
    "volume_ratio": "vol ×",
    "turnover": "turnover",
    "delivery_pct": "deliv %",
    "gap_pct": "gap %",
    "momentum_20_pct": "mom20 %",
    "advances": "adv",
    "declines": "dec",
    "mean_change_pct": "mean %",
    "weighted_change_pct": "wtd %",
}
_ROWS = (
    "symbol", "sector", "close", "change_pct", "volume_ratio", "rsi", "sma_50", "sma_200",
    "turnover", "delivery_pct", "gap_pct", "momentum_20_pct", "atr", "high_52w", "low_52w",
    "support", "resistance", "ema_9", "ema_21", "series",
)  # fmt: skip
_MOVER = ("symbol", "close", "change_pct", "volume_ratio")
_LEADER = ("symbol", "close", "change_pct", "volume_ratio", "turnover")
_SECTOR = ("sector", "symbols", "advances", "declines", "mean_change_pct", "weighted_change_pct",
           "turnover", "top_symbol")  # fmt: skip


def scan_equities(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the parts of the screen."""
    facts = result.summary
    if "advances" in facts:  # candles shorter than a day say nothing of a day's moves
        yield breadth_line(facts)
    if result.rows_follow:
        yield from _rows(result, width)
        return
    if facts.get("sectors"):
        yield table(
            facts["sectors"], _SECTOR, width=width, title="Sectors, by turnover", names=_NAMES
        )
    floor = numbers.crores(facts.get("turnover_floor"))
    each = width // 2 if width >= _WIDE else width
    left = table(facts["gainers"], _MOVER, width=each, title="Gainers", names=_NAMES)
    right = table(facts["losers"], _MOVER, width=each, title="Losers", names=_NAMES)
    yield Columns([left, right], padding=(0, 2)) if width >= _WIDE else left
    if width < _WIDE:
        yield right
    yield table(facts["volume_leaders"], _LEADER, width=width, title="Volume leaders", names=_NAMES)
    yield Text(
        f"Movers traded at least ₹{floor}. Rows: add --where, --preset, --sort or --top; "
        "--json has all.",
        style="dim",
    )


def breadth_line(facts: Mapping[str, Any]) -> Text:
    """Return advances, declines, averages and the sentiment score in two lines."""
    word = str(facts.get("sentiment_word") or "")
    parts: list[str | tuple[str, str]] = [
        ("▲ ", "green"), (numbers.cell("n", facts.get("advances")), "green"), " advances  ",
        ("▼ ", "red"), (numbers.cell("n", facts.get("declines")), "red"), " declines  ",
        "= ", numbers.cell("n", facts.get("unchanged")), " unchanged  A/D ",
        numbers.cell("ratio", facts.get("advance_decline_ratio")), "\n",
        "sentiment ", (f"{numbers.signed(facts.get('sentiment'), 0)} {word}", "bold"),
        "  above SMA50 ", _pct(facts, "sma_50"), "  SMA200 ", _pct(facts, "sma_200"),
        "\n52-week highs ", numbers.cell("n", facts.get("new_highs")),
        "  lows ", numbers.cell("n", facts.get("new_lows")), _of(facts, "known_52w"),
    ]  # fmt: skip
    return Text.assemble(*parts)


def _pct(facts: Mapping[str, Any], average: str) -> str:
    value = facts.get(f"above_{average}_pct")
    if value is None:
        return numbers.MISSING
    return f"{value:.0f} %{_of(facts, f'known_{average}')}"


def _of(facts: Mapping[str, Any], known: str) -> str:
    """Return of how many symbols a figure speaks, where that is not all of them."""
    count, whole = facts.get(known), facts.get("universe")
    if not count or not whole or count == whole:
        return ""
    return f" of {numbers.cell('n', count)}"


def _rows(result: Result, width: int) -> Iterator[RenderableType]:
    records = list(result.records())
    matched, whole = result.summary.get("matched"), result.summary.get("universe")
    counts = f"{numbers.cell('n', matched)} of {numbers.cell('n', whole)} symbols"
    yield Text(counts, style="bold")
    if not records:
        yield Text("nothing found", style="dim")
        return
    have = result.columns()
    if "interval" in result.summary and len(have) >= len(_ROWS):  # what only days have is empty
        have = [name for name in have if any(row[name] is not None for row in records)]
    first = dict.fromkeys(("symbol", "close", "change_pct", *result.highlight, *_ROWS))
    chosen = have if len(have) < len(_ROWS) else [name for name in first if name in have]
    yield table(records, chosen, width=width, names=_NAMES)
