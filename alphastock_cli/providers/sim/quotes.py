"""Quotes of shares and indices: the day so far, or the last session as it ended."""

from __future__ import annotations

from alphastock_cli.domain.data import Quote
from alphastock_cli.providers.sim.days import TICK
from alphastock_cli.providers.sim.depth import depth, per_rupee
from alphastock_cli.providers.sim.frames import IndexRows
from alphastock_cli.providers.sim.minutes import Minutes
from alphastock_cli.providers.sim.moments import Moment
from alphastock_cli.providers.sim.spot import Seen, going_by

_A_RUPEE = per_rupee(TICK)


def share_quote(
    key: str, seen: Seen, done: int, moment: Moment, *, units: list[list[int]] | None
) -> Quote:
    """Return the quote of a share at a moment.

    Parameters
    ----------
    seen : Seen
        The last session begun.
    done : int
        How many of its minutes are over.
    units : list of list of int, optional
        Shares on offer, buy and sell, best level first; None where no session is under way.
    """
    row, lowest, highest = seen.row, seen.lowest, seen.highest
    last, high, low, volume = row.close, row.high, row.low, row.volume
    if moment.under_way and seen.last:
        # a session opens at the price found before it: known in its first minute
        last, high, low = seen.last[done], seen.high[done], seen.low[done]
        volume = seen.volume[done]
    if units is None:
        return Quote(
            key=key, time=moment.known_at, last_price=last, open=row.open, high=high, low=low,
            previous_close=seen.base, volume=volume, lower_circuit=lowest, upper_circuit=highest,
        )  # fmt: skip
    bid, ask = _sides(last, lowest, highest)
    ends = {"lowest": round(lowest * _A_RUPEE), "highest": round(highest * _A_RUPEE)}
    return Quote(
        key=key, time=moment.known_at, last_price=last, open=row.open, high=high, low=low,
        previous_close=seen.base, volume=volume,
        bid=None if bid is None else bid / _A_RUPEE, ask=None if ask is None else ask / _A_RUPEE,
        bid_quantity=None if bid is None else units[0][0],
        ask_quantity=None if ask is None else units[1][0],
        depth=depth(bid, ask, units, tick=TICK, **ends),
        lower_circuit=lowest, upper_circuit=highest,
    )  # fmt: skip


def index_quote(
    key: str, rows: IndexRows, made: Minutes | None, done: int, moment: Moment
) -> Quote:
    """Return the level of an index at a moment: it has no volume and nobody bids for it.

    `rows` are its days up to the last session begun, `made` the minutes of that one.
    """
    day = {name: float(rows[name][-1]) for name in rows.names}
    last, high, low, before = day["close"], day["high"], day["low"], day["previous_close"]
    if moment.under_way and made is not None:
        path, highs, lows, _ = going_by(made, day["open"])
        last, high, low = path[done], highs[done], lows[done]
    return Quote(
        key=key, time=moment.known_at, last_price=last, open=day["open"], high=high, low=low,
        previous_close=before if before == before else None,  # noqa: PLR0124 - NaN on day one
    )  # fmt: skip


def _sides(last: float, lowest: float, highest: float) -> tuple[int | None, int | None]:
    """Return bid and ask a tick away, in ticks; at a limit nobody stands on the far side."""
    price = round(last * _A_RUPEE)
    return (None if last <= lowest else price - 1), (None if last >= highest else price + 1)
