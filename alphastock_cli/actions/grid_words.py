"""The words of a scenario grid: how far, in which steps, and at which days."""

from __future__ import annotations

import math

from alphastock_cli.actions.greeks_file import EXPIRY, Grid
from alphastock_cli.errors import UsageError

_STEPS = 5  # on each side, where no step is given
_MOST_POINTS = 201
_MOST_DAYS = 3650.0


def parse_grid(spot: str = "", iv: str = "", days: str = "") -> Grid:
    """Return the grid that is meant; an empty text takes the default.

    A range is ``5`` (from -5 to 5), ``-10:5`` or ``-10:5:2.5`` (low, high, step); days are
    ``0,1,5,expiry``.

    Raises
    ------
    UsageError
        A text that makes no grid.
    """
    known = Grid()
    moves = parse_span(spot, option="--spot-range") if spot else known.spot_pct
    if min(moves) <= -100:  # noqa: PLR2004 - all of it
        raise UsageError(f"--spot-range {spot}: nothing falls by 100 % or more")
    return Grid(
        spot_pct=moves,
        iv_points=parse_span(iv, option="--iv-range") if iv else known.iv_points,
        days=_days(days) if days else known.days,
    )


def parse_span(text: str, *, option: str) -> tuple[float, ...]:
    """Return the points of ``5``, ``-10:5`` or ``-10:5:2.5``, ascending.

    >>> parse_span("2", option="--iv-range")
    (-2.0, -1.6, -1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2, 1.6, 2.0)
    """
    parts = [_number(part, text, option) for part in text.split(":")]
    example = "e.g. 5 (from -5 to 5), -10:5, or -10:5:2.5 (low, high, step)"
    if len(parts) == 1:
        parts = [-abs(parts[0]), abs(parts[0])]
    if len(parts) == 2:  # noqa: PLR2004 - low and high
        parts.append((parts[1] - parts[0]) / (2 * _STEPS))
    if len(parts) != 3 or parts[1] < parts[0]:  # noqa: PLR2004 - and step
        raise UsageError(f"{option} {text}: not a range", hint=example)
    low, high, step = parts
    if high == low:
        return (low,)
    if step <= 0:
        raise UsageError(f"{option} {text}: the step must be above 0", hint=example)
    count = (high - low) / step
    if count > _MOST_POINTS - 1:
        raise UsageError(f"{option} {text}: more than {_MOST_POINTS} points")
    # a step that does not divide the range ends before its high end
    return tuple(round(low + n * step, 10) for n in range(math.floor(count + 1e-9) + 1))


def _days(text: str) -> tuple[float | str, ...]:
    found: list[float | str] = []
    for part in text.split(","):
        word = part.strip().lower()
        if word == EXPIRY:
            found.append(EXPIRY)
            continue
        day = _number(word, text, "--days")
        if not 0 <= day <= _MOST_DAYS:
            raise UsageError(f"--days {text}: give days from now, 0 up, or `expiry`")
        found.append(day)
    return tuple(dict.fromkeys(found))


def _number(part: str, text: str, option: str) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{option} {text}: {part.strip() or 'nothing'!r} is no number")
    return value
