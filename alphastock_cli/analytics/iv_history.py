"""Where today's volatility stands among those of earlier sessions: rank and percentile.

Volatilities are those of one time ahead (30 days), so that an expiry coming near is no change of
the market. The series holds earlier sessions only; whoever builds it keeps later ones out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from alphastock_cli.analytics.skew import at_maturity
from alphastock_cli.domain.records import dataclass

DAYS_AHEAD = 30
SESSIONS = 252  # about a year
FEWEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a volatility stands.

    Attributes
    ----------
    rank : float or None
        0 to 100: 100 · (now - lowest) / (highest - lowest), now counted in both; None with fewer
        sessions than asked for, or where all are the same.
    percentile : float or None
        0 to 100: share of the earlier sessions that were below now.
    sessions : int
        How many earlier sessions with a known volatility both stand on.
    """

    rank: float | None = None
    percentile: float | None = None
    sessions: int = 0


def standing(
    history: Iterable[tuple[date, float | None]],
    now: float | None,
    *,
    before: date,
    sessions: int = SESSIONS,
    fewest: int = FEWEST,
) -> Standing:
    """Return rank and percentile of a volatility among those of earlier sessions.

    Parameters
    ----------
    history : iterable of tuple
        Session and ATM volatility, any order; None where it is not known. Of a session that comes
        twice the last one counts.
    now : float or None
        The volatility to place, made by the same rule.
    before : date
        The session of `now`: that one and later ones are left out.
    sessions : int
        At most so many of the latest.
    fewest : int
        With fewer both are None; their number is told all the same.
    """
    by_day = {day: iv for day, iv in history if day < before and iv is not None}
    known = [by_day[day] for day in sorted(by_day)[-sessions:]]
    if now is None or len(known) < max(fewest, 1):
        return Standing(sessions=len(known))
    low, high = min(now, *known), max(now, *known)
    rank = None if low == high else 100.0 * (now - low) / (high - low)
    below = sum(iv < now for iv in known)
    return Standing(rank=rank, percentile=100.0 * below / len(known), sessions=len(known))


def iv_ahead(
    points: Iterable[tuple[float, float | None]], *, days: int = DAYS_AHEAD
) -> float | None:
    """Return the ATM volatility `days` calendar days ahead, from years and volatility of expiries.

    As `skew.at_maturity`: linear in total variance between the two expiries about it, else that of
    the nearest.
    """
    return at_maturity(list(points), days / 365.0)
