"""Whether new prices continue those held: the same, on another scale, or of something else.

Pure: frames in, a finding out. What counts as evidence, and what a finding leads to, is decided by
whoever asks. A finding against an answer needs much; where there is little, nothing is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

_PRICES = ("open", "high", "low", "close")
_TICK = 0.05  # rupees; also of shares with a finer one: their adjusted prices need not have it
_FINE = 0.01  # currencies have ticks below
_LAST = 3  # of a session's last candles values may be revised
_ENOUGH = 3  # candles besides those before anything is said
_EQUAL = 1e-9  # relative: the same number, read twice
_HALF = 0.5  # of the values that are the same: more of them is no other instrument
_NEARLY_ALL = 0.9
_CHANGES = (4, 12)  # candles before a ratio may change once, twice on the way
_STEPS = 4.0  # ticks that prices have to move before a common ratio means a common scale
_NEAR = 0.005  # in logarithms: how far a range may reach beyond that of its day
_DAYS = 5  # sessions before their ranges say anything
_SHARE = 0.2  # of the sessions that may break with the one before: corporate actions, errors
_FAR = 0.02  # of a price: how far a candle may reach beyond the range of its day
_LEAST, _MOST = math.log(0.7), math.log(1.1)  # a scale that only a split unseen could explain


class Verdict(StrEnum):
    """What a comparison says; `UNKNOWN` where there was too little to compare."""

    SAME = "same"
    SCALED = "scaled"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and what it rests on.

    Attributes
    ----------
    ratio : float or None
        New prices over held ones, of `SCALED`.
    compared : int
        Candles, or sessions, that were looked at.
    """

    verdict: Verdict
    ratio: float | None = None
    compared: int = 0


NOTHING = Finding(Verdict.UNKNOWN)


def candles(
    held: pl.DataFrame, new: pl.DataFrame, *, tick: float | None = None, daily: bool = False
) -> Finding:
    """Compare two answers for the same candles, of one symbol and interval.

    Only moments that both have count: a minute that one of them lacks says nothing. The last three
    held candles of a session, or of all days where they are `daily`, may be revised, so they never
    speak against. `SAME` are answers of
    which half of the values are the very same, or nearly all a tick apart at most; another
    instrument's agree in a few by chance. `SCALED` are those of which nearly all candles lie one
    ratio apart in all four prices, as far as ticks allow, while the prices move by more than ticks;
    the ratio may change once or twice on the way, as the source may adjust late.

    Parameters
    ----------
    held, new : DataFrame
        ``time, open, high, low, close``; rupees, null where not known.
    tick : float, optional
        Rupees of the smallest step.
    """
    rank = pl.col("time").rank("ordinal", descending=True)
    late = (rank if daily else rank.over(pl.col("time").dt.date())) <= _LAST
    both = (
        held.select("time", *_PRICES).drop_nulls().with_columns(__late=late)
        .join(new.select("time", *_PRICES).drop_nulls(), on="time", suffix="_new")
    )  # fmt: skip
    told = both.filter(~pl.col("__late"))
    if told.height < _ENOUGH:
        enough = both.height >= _ENOUGH and _share(_values(both), 1.0, 0.0) == 1.0
        return Finding(Verdict.SAME if enough else Verdict.UNKNOWN, None, both.height)
    values = _values(told)
    step = _step(tick)
    middle = float(values.select((pl.col("new") / pl.col("held")).median()).item())
    near = _share(values, 1.0, 0.005 + step) >= _NEARLY_ALL and abs(middle - 1.0) < _NEAR
    if near or _share(values, 1.0, 0.0) >= _HALF:
        return Finding(Verdict.SAME, None, told.height)
    ratio = _ratio(told.sort("time"), step)
    return Finding(Verdict.OTHER if ratio is None else Verdict.SCALED, ratio, told.height)


def _ratio(both: pl.DataFrame, step: float) -> float | None:
    """Return the ratio of new to held prices where there is one, of the earliest if it changes."""
    reach = 0.005 + step * pl.max_horizontal(1.0, pl.col("close_new") / pl.col("close"))
    bounds = both.select(
        pl.max_horizontal((pl.col(f"{p}_new") - reach) / pl.col(p) for p in _PRICES).alias("least"),
        pl.min_horizontal((pl.col(f"{p}_new") + reach) / pl.col(p) for p in _PRICES).alias("most"),
        moved=(pl.col("high").max() - pl.col("low").min())
        * (pl.col("close_new") / pl.col("close")).median() / reach,
    )  # fmt: skip
    pairs: list[tuple[float, float]] = bounds.select("least", "most").rows()
    fitting = [(least, most) for least, most in pairs if least <= most]
    if float(bounds["moved"].median() or 0.0) < _STEPS or len(fitting) < _NEARLY_ALL * len(pairs):  # type: ignore[arg-type]
        return None
    most_changes = sum(len(pairs) >= enough for enough in _CHANGES)
    if _breaks(fitting) > most_changes:
        return None
    low, high = fitting[0]
    for least, most in fitting[1:]:
        if max(low, least) > min(high, most):
            break
        low, high = max(low, least), min(high, most)
    return (low + high) / 2.0


def _step(tick: float | None) -> float:
    """Return the rupees that two prices may differ by their rounding; adjusted ones are coarse."""
    return tick if tick and 0.0 < tick < _FINE else max(tick or 0.0, _TICK)


def _values(both: pl.DataFrame) -> pl.DataFrame:
    """Return one row a price of a candle: held and new."""
    pairs = [both.select(held=name, new=f"{name}_new") for name in _PRICES]
    return pl.concat(pairs).filter((pl.col("held") > 0.0) & (pl.col("new") > 0.0))


def _share(values: pl.DataFrame, ratio: float, reach: float) -> float:
    """Return the part of the values that are `reach` rupees at most from `ratio` times the held."""
    wanted = pl.col("held") * ratio
    near = (pl.col("new") - wanted).abs() <= reach + wanted * _EQUAL
    return float(values.select(near.mean()).item() or 0.0)


def days(candles: pl.DataFrame, sessions: pl.DataFrame, *, tick: float | None = None) -> Finding:
    """Compare candles of a symbol with the ranges that its exchange published for those days.

    What was traded inside the day lies inside the day's range, whatever is missing of it; splits
    since then move the scale, seldom. `OTHER` are candles that would need another scale in more
    than one of five sessions (and two, and of five at least), or in all sessions whose scale is
    known a scale that is 1.1 at least, or 0.7 at most.

    Parameters
    ----------
    candles : DataFrame
        ``time, high, low``; rupees.
    sessions : DataFrame
        ``date, high, low``, of the same days or others; ``settled`` (bool): no split is known, and
        none can have been missed, since that day.
    """
    ranges = (
        candles.group_by(date=pl.col("time").dt.date())
        .agg(pl.col("high").max().alias("top"), pl.col("low").min().alias("bottom"))
        .join(sessions.filter((pl.col("low") > 0.0) & (pl.col("high") >= pl.col("low"))), on="date")
        .filter(pl.col("bottom") > 0.0)
        .sort("date")
    )
    if ranges.is_empty():
        return NOTHING
    slack = _NEAR + _step(tick) / pl.col("low")
    bounds = ranges.select(
        least=(pl.col("top") / pl.col("high")).log() - slack,
        most=(pl.col("bottom") / pl.col("low")).log() + slack,
        settled="settled",
    ).rows()
    known = [(least, most) for least, most, settled in bounds if settled]
    far = [least > _MOST or most < _LEAST for least, most in known]
    if far and all(far):
        return Finding(Verdict.OTHER, None, len(far))
    breaks = _breaks([(least, most) for least, most, _ in bounds])
    if len(bounds) >= _DAYS and breaks > max(2.0, _SHARE * len(bounds)):
        return Finding(Verdict.OTHER, None, len(bounds))
    return Finding(Verdict.SAME if len(bounds) >= _DAYS else Verdict.UNKNOWN, None, len(bounds))


def session(candles: pl.DataFrame, day: date, high: float, low: float) -> Finding:
    """Compare candles with the range that another source tells of one day, on the same scale.

    `OTHER` are candles of which more than half reach beyond the range by 2 %: a freak trade is one
    candle, and what the range has not seen yet is the last one. Never `SAME`: it proves little.

    Parameters
    ----------
    candles : DataFrame
        ``time, high, low``; rupees.
    """
    own = candles.filter(pl.col("time").dt.date() == day)
    beyond = (pl.col("high") > high * (1.0 + _FAR)) | (pl.col("low") < low * (1.0 - _FAR))
    share = own.select(beyond.mean()).item()
    other = share is not None and share > _HALF
    return Finding(Verdict.OTHER if other else Verdict.UNKNOWN, None, own.height)


def _breaks(bounds: list[tuple[float, float]]) -> int:
    """Return how often the scale has to change so that every session fits; misfits count as one."""
    count, low, high = 0, -math.inf, math.inf
    for least, most in bounds:
        if least > most:  # a wider range than the whole day had: no scale fits
            count += 1
            continue
        low, high = max(low, least), min(high, most)
        if low > high:
            count, low, high = count + 1, least, most
    return count
