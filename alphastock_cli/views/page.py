"""One self-contained page of HTML: a picture and its figures, no script and nothing from a network.

Every text is escaped; the picture is SVG of our own drawing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from alphastock_cli.views import numbers, option_cells

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
p { color: #555; margin: .2rem 0 1rem; }
svg { width: 100%; height: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
th[scope=row], td.text { text-align: left; }
.simulated { border: 2px solid #b0006d; color: #b0006d; display: inline-block; padding: 0 .5rem; }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(
    *,
    title: str,
    caption: str,
    svg: str,
    figures: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    simulated: bool,
) -> str:
    """Return the page.

    Parameters
    ----------
    svg : str
        A whole SVG file, trusted; its head is cut off.
    figures : mapping of str to str
        Names and texts, shown as a table.
    rows : sequence of mappings
        The points of the picture, shown as a table below.
    """
    names = list(rows[0]) if rows else []
    drawn = re.sub(r"\A.*?(?=<svg)", "", svg, flags=re.DOTALL)
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(caption)}</p>",
        '<p class="simulated">Simulated data, not a market.</p>' if simulated else "",
        f'<figure role="img" aria-label="{escape(title)}">{drawn}</figure>',
        _table([[name, text] for name, text in figures.items()]),
        "<details><summary>The figures of the picture</summary>",
        _table([[_cell(name, row.get(name)) for name in names] for row in rows], head=names),
        "</details>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _cell(name: str, value: Any) -> str:  # noqa: ANN401 - a cell holds any value
    if name == "iv" and value is not None:
        return option_cells.percent(value)
    return option_cells.cell(name, value) if name == "strike" else numbers.cell(name, value)


def _table(rows: Sequence[Sequence[str]], *, head: Sequence[str] = ()) -> str:
    cells = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in head)
    lines = [f"<tr>{cells}</tr>"] if head else []
    for first, *rest in rows:
        start = f"<td>{escape(first)}</td>" if head else f'<th scope="row">{escape(first)}</th>'
        lines.append(f"<tr>{start}{''.join(f'<td>{escape(text)}</td>' for text in rest)}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"
