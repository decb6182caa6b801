"""A quote of the simulated exchange: the day so far, or the last session as it ended."""

from __future__ import annotations

import numpy as np

from alphastock_cli.domain.data import Quote
from alphastock_cli.providers.sim.days import TICK, limits
from alphastock_cli.providers.sim.minutes import Minutes, Row
from alphastock_cli.providers.sim.moments import Moment, minutes_over


def quote(
    key: str, row: Row, made: Minutes | None, moment: Moment, *, base: float, band: float
) -> Quote:
    """Return the quote of a share at a moment.

    Parameters
    ----------
    row, made
        The last session begun, whole, and its minutes; None where its hours are unknown.
    base : float
        What the price band counts from, in rupees: the close before, adjusted on an ex-date.
    band : float
        The price band as a fraction.
    """
    lowest, highest = (float(x) for x in limits(np.asarray(base), np.asarray(band)))
    last, high, low, volume = row.close, row.high, row.low, row.volume
    if moment.under_way and made is not None:
        done = minutes_over(moment.sessions[-1], moment.at)
        # a session opens at the price found before it: known in its first minute
        last = float(made.close[done - 1]) if done else row.open
        high = float(made.high[:done].max(initial=row.open))
        low = float(made.low[:done].min(initial=row.open))
        volume = int(made.volume[:done].sum())
    bid, ask = _sides(last, lowest, highest) if moment.under_way else (None, None)
    return Quote(
        key=key, time=moment.known_at, last_price=last, open=row.open, high=high, low=low,
        previous_close=base, volume=volume, bid=bid, ask=ask,
        lower_circuit=lowest, upper_circuit=highest,
    )  # fmt: skip


def _sides(last: float, lowest: float, highest: float) -> tuple[float | None, float | None]:
    """Return bid and ask a tick away; at a limit nobody stands on the far side."""
    bid = None if last <= lowest else round(last - TICK, 2)
    ask = None if last >= highest else round(last + TICK, 2)
    return bid, ask
