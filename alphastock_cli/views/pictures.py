"""How a drawing becomes a file: PNG, SVG, or one HTML page that needs nothing else.

matplotlib is an extra and loaded only here, without a display. The same figures give the same
bytes: no moment of drawing goes into a file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alphastock_cli.actions.result import Result
from alphastock_cli.errors import ConfigError, UsageError
from alphastock_cli.safety import safe_text
from alphastock_cli.views.page import page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS: Final = (".png", ".svg", ".html")
# Okabe and Ito's colours, told apart by colour-blind eyes; line styles and marks differ as well
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#222222"
_GREY: Final = "#555555"
_SIZE: Final = (9.0, 5.2)  # inches
_DPI: Final = 144
_STYLE: Final[Any] = {
    "svg.hashsalt": "alphastock", "svg.fonttype": "path", "font.family": "DejaVu Sans",
    "font.size": 10.0, "figure.facecolor": "white", "axes.facecolor": "white",
    "axes.edgecolor": "#888888", "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What stands about a picture.

    Attributes
    ----------
    summary : mapping
        ``as_of`` (aware), ``source`` and ``simulated`` are read; see `about`.
    rows : sequence of mappings
        The figures that are drawn; a page shows them as a table.
    figures : mapping of str to str
        Names and texts of the whole; a page shows them too.
    """

    title: str
    summary: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    figures: Mapping[str, str]

    @property
    def simulated(self) -> bool:
        """Whether the data are of no market."""
        return bool(self.summary.get("simulated"))

    @property
    def caption(self) -> str:
        """Of when and from where the figures are, and that they are simulated."""
        parts = ["simulated data"] if self.simulated else []
        moment = self.summary.get("as_of")
        if isinstance(moment, datetime):
            parts.append(f"as of {moment:%a %d %b %Y %H:%M} IST")
        if self.summary.get("source"):
            parts.append(f"source {safe_text(str(self.summary['source']))}")
        return " · ".join(parts)


def about(result: Result) -> dict[str, Any]:
    """Return a result's summary with its moment, source and whether it is simulated."""
    return {
        **result.summary,
        "as_of": result.as_of,
        "source": result.source,
        "simulated": result.simulated,
    }


def checked(path: Path) -> Path:
    """Return the path if its ending is one of `KINDS`; ask before anything is computed for it.

    Raises
    ------
    UsageError
        It is not.
    """
    if path.suffix.lower() not in KINDS:
        raise UsageError(
            f"{path}: a picture ends in {', '.join(KINDS[:-1])} or {KINDS[-1]}",
            hint="The ending chooses the form.",
        )
    return path


def save(path: Path, sheet: Sheet, draw: Callable[[Axes], None]) -> None:
    """Draw, and write the file whole or not at all.

    Raises
    ------
    UsageError
        Another ending than those of `KINDS`.
    ConfigError
        matplotlib is not installed.
    StorageError
        The disk said no.
    """
    from alphastock_cli.store.atomic import write_bytes

    kind = checked(path).suffix.lower()
    made = _drawn("png" if kind == ".png" else "svg", sheet, draw)
    if kind == ".html":
        made = page(
            title=sheet.title, caption=sheet.caption, svg=made.decode(), figures=sheet.figures,
            rows=sheet.rows, simulated=sheet.simulated,
        ).encode()  # fmt: skip
    write_bytes(path, made)


def _drawn(form: str, sheet: Sheet, draw: Callable[[Axes], None]) -> bytes:
    """Return the bytes of a picture, the same for the same figures."""
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "pictures need matplotlib, which is not installed",
            hint='pip install "alphastock[plot]"',
        ) from error
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        # a name with dollar signs is a name and no formula
        figure.suptitle(sheet.title, fontsize=13, x=0.01, ha="left", parse_math=False)
        axes.set_title(sheet.caption, fontsize=8.5, loc="left", color=_GREY, parse_math=False)
        draw(axes)
        if sheet.simulated:
            axes.text(0.5, 0.5, "SIMULATED", transform=axes.transAxes, fontsize=46, alpha=0.10,
                      color=BLACK, rotation=24, ha="center", va="center", zorder=0)  # fmt: skip
        out = io.BytesIO()
        stamp = {"Software": "alphastock"} if form == "png" else {"Date": None, "Creator": None}
        figure.savefig(out, format=form, dpi=_DPI, metadata=stamp)
    return out.getvalue()
