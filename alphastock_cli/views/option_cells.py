"""How the figures of an option look: volatility in percent, Greeks with the digits they deserve.

Also the grid that rows of options share. Machine formats print the values themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from alphastock_cli.views import numbers

if TYPE_CHECKING:
    from rich.table import Table

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "last_price": "last",
        "open_interest": "OI",
        "oi_change": "OI chg",
        "time_value": "time val",
        "option_type": "type",
        "iv": "IV %",
        "iv_status": "IV status",
        "theta_per_day": "theta/d",
        "vega_per_pct": "vega/pp",
        "rho_per_pct": "rho/pp",
        "price_source": "by",
        "log_moneyness": "ln K/F",
    }
)
_CRORE, _LAKH = 10_000_000, 100_000
_COUNTS = frozenset({"open_interest", "oi_change", "volume", "bid_quantity", "ask_quantity"})
_DIGITS = MappingProxyType(
    {"delta": 3, "gamma": 6, "rho_per_pct": 4, "log_moneyness": 4, "years": 5, "rate": 4}
)
_SIGNIFICANT = frozenset({"vanna", "volga", "charm", "speed", "color"})
_GAP = 2  # a blank and the divider of a column


def cell(name: str, value: Any) -> str:  # noqa: ANN401 - a cell holds any value
    """Write one figure of an option; missing is a dash."""
    if value is None:
        return numbers.MISSING
    if isinstance(value, str | date):
        return numbers.cell(name, value)
    if name in _COUNTS:
        return compact(value, sign=name == "oi_change")
    if name == "strike":
        return strike(value)
    if name == "iv":
        return numbers.group(value * 100.0, 2)
    if name in _SIGNIFICANT or name == "lots":
        return f"{value:.4g}"
    return numbers.group(value, _DIGITS[name]) if name in _DIGITS else numbers.cell(name, value)


def strike(value: float | None) -> str:
    """Write a strike: paise only where it has some."""
    if value is None:
        return numbers.MISSING
    return numbers.group(value, 0 if value == int(value) else 2)


def compact(value: float | None, *, sign: bool = False) -> str:
    """Write a count in crores or lakhs where it is large.

    >>> compact(12_345_678), compact(-250_000, sign=True), compact(9_750)
    ('1.23 Cr', '-2.50 L', '9,750')
    """
    if value is None:
        return numbers.MISSING
    size, unit = next(
        ((size, unit) for size, unit in ((_CRORE, " Cr"), (_LAKH, " L")) if abs(value) >= size),
        (1, ""),
    )
    text = numbers.group(value / size, 2 if unit else 0)
    return f"+{text}{unit}" if sign and value > 0 else f"{text}{unit}"


def until(days: int | None) -> str:
    """Write how many calendar days are left."""
    if days is None:
        return ""
    if days < 0:
        return "(ended)"
    return f"({days} {'day' if days == 1 else 'days'})"


def percent(value: float | None, decimals: int = 2) -> str:
    """Write a fraction in percent."""
    return numbers.MISSING if value is None else f"{numbers.group(value * 100.0, decimals)} %"


def style(name: str, value: Any) -> str:  # noqa: ANN401 - any cell
    """Return the colour of a cell; its sign says the same."""
    if name != "oi_change" or not value:
        return ""
    return "green" if value > 0 else "red"


def grid(heads: Iterable[tuple[str, bool]]) -> Table:
    """Return an empty table with these headings; true aligns a column to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), caption_justify="left")
    for head, right in heads:
        made.add_column(Text(head), justify="right" if right else "left", no_wrap=True)
    return made


def rows(records: Sequence[Mapping[str, Any]], columns: Sequence[str], *, width: int) -> Table:
    """Return a table of rows; columns that do not fit are named in the caption."""
    from rich.text import Text

    cells = {name: [cell(name, row.get(name)) for row in records] for name in columns}
    heads = {name: NAMES.get(name, name) for name in columns}
    kept = fitting([(n, max(len(heads[n]), *map(len, cells[n]))) for n in columns], width)
    made = grid((heads[name], _numeric(name, records)) for name in kept)
    for index, row in enumerate(records):
        made.add_row(*(Text(cells[n][index], style=style(n, row.get(n))) for n in kept))
    left_out = [name for name in columns if name not in kept]
    if left_out:
        made.caption = f"not shown: {', '.join(left_out)} (--columns, --json)"
    return made


def wrapped(parts: Iterable[str], width: int) -> list[str]:
    """Return lines of whole parts, as many as fit each.

    >>> wrapped(["spot 24,080.00", "forward 24,095.20", ""], 20)
    ['spot 24,080.00', 'forward 24,095.20']
    """
    lines: list[str] = []
    for part in filter(None, parts):
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return lines


def fitting(widths: Sequence[tuple[str, int]], width: int) -> list[str]:
    """Return the first columns that fit; two at least."""
    used = 1
    kept: list[str] = []
    for name, need in widths:
        used += need + _GAP
        if used > width and len(kept) > 1:
            break
        kept.append(name)
    return kept


def _numeric(name: str, records: Sequence[Mapping[str, Any]]) -> bool:
    known: Callable[[Any], bool] = numbers.is_number
    return all(row.get(name) is None or known(row.get(name)) for row in records)
