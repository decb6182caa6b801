"""Payoff and smile as a picture in a file: what is drawn, and the figures beside it.

How a picture becomes bytes is the business of `pictures.py`; matplotlib is an extra and is loaded
there, only when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alphastock_cli.errors import UsageError
from alphastock_cli.safety import safe_text
from alphastock_cli.views import numbers, option_cells
from alphastock_cli.views.payoff import centre
from alphastock_cli.views.pictures import BLACK, BLUE, GREEN, ORANGE, Sheet, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Record = Mapping[str, Any]

_CURVE_POINTS: Final = 200
_FEWEST: Final = 2  # a line has two ends


def payoff(rows: Sequence[Record], summary: Mapping[str, Any], path: Path) -> None:
    """Write the payoff curve of `rows` to a file.

    Parameters
    ----------
    rows : sequence of mappings
        ``underlying_price``, ``payoff_expiry`` and ``payoff_today``, rupees; None leaves a gap.
    summary : mapping
        Of a `payoff` result; ``as_of``, ``source`` and ``simulated`` go into the title.
    path : Path
        Ends in .png, .svg or .html; written whole or not at all.

    Raises
    ------
    UsageError
        Another ending, or no rows.
    ConfigError
        matplotlib is not installed.
    StorageError
        The disk said no.
    """
    points = [row for row in rows if row.get("underlying_price") is not None]
    if len(points) < _FEWEST:
        raise UsageError("there is no payoff to draw: no rows")
    name = safe_text(str(summary.get("underlying") or ""))
    what = summary.get("structure") or summary.get("strategy") or ""
    title = f"{name} {safe_text(str(what))} payoff".replace("  ", " ").strip()

    def draw(axes: Axes) -> None:
        _payoff(axes, points, summary)

    sheet = Sheet(title=title, summary=summary, rows=points, figures=_payoff_figures(summary))
    save(path, sheet, draw)


def smile(rows: Sequence[Record], summary: Mapping[str, Any], path: Path) -> None:
    """Write the volatilities of a chain to a file, and the fitted smile where there is one.

    Parameters
    ----------
    rows : sequence of mappings
        ``strike`` in rupees, ``option_type`` and ``iv`` as a fraction; None is not drawn.
    summary : mapping
        Of a `chain` result: ``forward``, ``years``, ``atm_strike``; ``smile`` holds the parameters
        ``a, b, rho, m, sigma`` of the fitted curve, over ln(K / forward).
    path : Path
        As in `payoff`.

    Raises
    ------
    UsageError
        Another ending, or no row with a volatility.
    ConfigError
        matplotlib is not installed.
    StorageError
        The disk said no.
    """
    known = [row for row in rows if row.get("iv") is not None]
    if not known:
        raise UsageError(
            "there is no smile to draw: no row has a volatility",
            hint="Look at iv_status in `alphastock chain ... --greeks`.",
        )
    name, expiry = safe_text(str(summary.get("underlying") or "")), summary.get("expiry")
    title = f"{name} implied volatility{'' if expiry is None else f', expiry {expiry}'}"

    def draw(axes: Axes) -> None:
        _smile(axes, known, summary)

    shown = [{key: row.get(key) for key in ("strike", "option_type", "iv")} for row in known]
    sheet = Sheet(title=title, summary=summary, rows=shown, figures=_smile_figures(summary))
    save(path, sheet, draw)


# -- what is drawn --------------------------------------------------------------------------------


def _payoff(axes: Axes, rows: Sequence[Record], summary: Mapping[str, Any]) -> None:
    x = [float(row["underlying_price"]) for row in rows]
    ends = [_number(row.get("payoff_expiry")) for row in rows]
    axes.axhline(0.0, color=BLACK, linewidth=0.8)
    axes.plot(x, ends, color=BLUE, linewidth=2.0, label="at expiry")
    axes.fill_between(x, ends, 0.0, where=[y > 0 for y in ends], interpolate=True,
                      color=BLUE, alpha=0.12, linewidth=0)  # fmt: skip
    axes.fill_between(x, ends, 0.0, where=[y < 0 for y in ends], interpolate=True,
                      facecolor=ORANGE, alpha=0.10, linewidth=0)  # fmt: skip
    now = [_number(row.get("payoff_today")) for row in rows]
    if any(math.isfinite(y) for y in now):
        axes.plot(x, now, color=ORANGE, linewidth=1.6, linestyle="--", label="today")
    called, spot = centre(summary)
    if spot is not None:
        axes.axvline(spot, color=BLACK, linewidth=1.0, linestyle=":",
                     label=f"{called} {numbers.group(spot)}")  # fmt: skip
    roots = [root for root in summary.get("breakevens") or () if x[0] <= root <= x[-1]]
    if roots:
        names = ", ".join(numbers.group(root) for root in roots)
        axes.plot(roots, [0.0] * len(roots), "D", color=BLACK, markersize=6, linestyle="none",
                  label=f"breakeven {names}")  # fmt: skip
    axes.set_xlim(x[0], x[-1])
    axes.set_xlabel("price of the underlying (₹)")
    axes.set_ylabel("profit or loss (₹)")
    _grouped(axes.xaxis)
    _grouped(axes.yaxis)
    axes.legend(loc="best", frameon=True, framealpha=0.9)


def _smile(axes: Axes, rows: Sequence[Record], summary: Mapping[str, Any]) -> None:
    looks = {"CE": (BLUE, "o", "calls (CE)"), "PE": (ORANGE, "s", "puts (PE)")}
    for side, (colour, mark, label) in looks.items():
        mine = [row for row in rows if row["option_type"] == side]
        if mine:
            axes.plot(
                [row["strike"] for row in mine], [row["iv"] * 100.0 for row in mine], mark,
                color=colour, markersize=5, label=label, markerfacecolor="none", linestyle="none",
            )  # fmt: skip
    strikes = [float(row["strike"]) for row in rows]
    curve = fitted(min(strikes), max(strikes), summary)
    if curve:
        axes.plot([k for k, _ in curve], [v * 100.0 for _, v in curve], color=GREEN,
                  linewidth=1.8, label="fitted smile (SVI)")  # fmt: skip
    forward = summary.get("forward")
    if forward is not None:
        axes.axvline(forward, color=BLACK, linewidth=1.0, linestyle=":",
                     label=f"forward {numbers.group(forward)}")  # fmt: skip
    axes.set_xlabel("strike (₹)")
    axes.set_ylabel("implied volatility (% a year)")
    _grouped(axes.xaxis)
    axes.legend(loc="best", frameon=True, framealpha=0.9)


def fitted(low: float, high: float, summary: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return strikes and volatilities of the fitted curve; empty without one."""
    held, forward, years = summary.get("smile"), summary.get("forward"), summary.get("years")
    names = ("a", "b", "rho", "m", "sigma")
    if not isinstance(held, Mapping) or not forward or not years or years <= 0:
        return []
    if any(held.get(name) is None for name in names):
        return []
    a, b, rho, m, sigma = (float(held[name]) for name in names)
    found = []
    for step in range(_CURVE_POINTS + 1):
        strike = low + (high - low) * step / _CURVE_POINTS
        k = math.log(strike / forward) - m
        variance = a + b * (rho * k + math.hypot(k, sigma))
        if variance >= 0:
            found.append((strike, math.sqrt(variance / years)))
    return found


def _number(value: float | None) -> float:
    """Return a number the line is broken at where there is none."""
    return math.nan if value is None else float(value)


def _grouped(axis: Any) -> None:  # noqa: ANN401 - an axis of matplotlib
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: option_cells.strike(round(value, 2))))


# -- what is written beside it ---------------------------------------------------------------------


def _payoff_figures(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the summary's figures as a reader sees them."""
    found = {}
    for name in ("max_profit", "max_loss"):
        free = summary.get(f"{name}_unbounded")
        found[name] = "unbounded" if free else numbers.cell(name, summary.get(name))
    found["breakevens"] = numbers.cell("breakevens", list(summary.get("breakevens") or ()))
    for name in ("probability_of_profit", "probability_of_profit_smile"):
        if name in summary:
            found[name] = option_cells.percent(summary[name], 1)
    for name in ("net_premium", "margin", "margin_source", "charges"):
        if name in summary:
            found[name] = numbers.cell(name, summary[name])
    return {name.replace("_", " "): text for name, text in found.items()}


def _smile_figures(summary: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name.replace("_", " "): numbers.cell(name, summary.get(name))
        for name in ("spot", "forward", "atm_strike")
    }
    found["ATM IV"] = option_cells.percent(summary.get("atm_iv"))
    return found
