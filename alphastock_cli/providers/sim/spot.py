"""The cash market as the other parts see it: days, minutes of shares, minutes of indices.

What is dear is kept for a while; every figure is the same whether it was kept or not. Which of it
is known at a moment is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.providers.sim import days as simulated_days
from alphastock_cli.providers.sim import frames, minutes, moments
from alphastock_cli.providers.sim.days import INDEX_MINUTES, Array, limits, stream
from alphastock_cli.providers.sim.kept import Kept
from alphastock_cli.providers.sim.minutes import Minutes, bridge
from alphastock_cli.providers.sim.universe import VIX, Share

_SHARES_KEPT = 1500  # of a share's day: about 25 MB of minutes
_INDICES_KEPT = 64
_FEW_PARTS = 3  # indices whose members are made alone; with one more all shares are


@dataclass(frozen=True, slots=True)
class Seen:
    """A share's day as it is seen going by: item *t* is after *t* minutes, the first at the open.

    `row` is the whole day, `lowest` and `highest` its price band in rupees; the lists are empty
    where the hours of the session are unknown.
    """

    row: minutes.Row
    base: float
    lowest: float
    highest: float
    last: list[float]
    high: list[float]
    low: list[float]
    volume: list[int]


@dataclass(frozen=True, slots=True)
class _Part:
    """The days of some shares alone: their lanes, ascending, and where each is in the arrays."""

    days: simulated_days.Days
    shares: Sequence[Share]
    lanes: Array
    places: dict[int, int]


class Spot:
    """Shares and indices of one seed.

    Parameters
    ----------
    seed : int
    listed : sequence of Share
        In the order of their lanes.
    """

    def __init__(self, seed: int, listed: Sequence[Share]) -> None:
        self.seed, self.shares = seed, listed
        self._made: simulated_days.Days | None = None
        self._parts: dict[tuple[str, int], _Part] = {}
        self._minutes: Kept[Minutes | None] = Kept(_SHARES_KEPT)
        self._seen: Kept[Seen] = Kept(_SHARES_KEPT)
        self._indices: Kept[Minutes | None] = Kept(_INDICES_KEPT)
        self._rows: Kept[frames.IndexRows] = Kept(_INDICES_KEPT)

    def days(self, count: int) -> simulated_days.Days:
        """Return the arrays of the first `count` sessions; made once, longer when one begins."""
        made = self._made
        if made is None or made.close.shape[1] != count:
            made = self._made = simulated_days.generate(self.shares, seed=self.seed, days=count)
        return made

    def row(self, lane: int, number: int, count: int) -> minutes.Row:
        """Return one day of one share; `number` counts sessions from 0."""
        d, place = self._place(lane, count)
        at = (place, number)
        return minutes.Row(
            open=float(d.open[at]), high=float(d.high[at]), low=float(d.low[at]),
            close=float(d.close[at]), volume=int(d.volume[at]),
        )  # fmt: skip

    def minutes(self, lane: int, number: int, sessions: Sequence[date]) -> Minutes | None:
        """Return every minute of a session, also those to come; None where hours are unknown."""
        day = sessions[number]

        def make() -> Minutes | None:
            length = len(moments.minute_starts(day))
            if not length:
                return None
            row, share = self.row(lane, number, len(sessions)), self.shares[lane]
            return minutes.generate(
                row, seed=self.seed, number=share.number, ordinal=day.toordinal(), count=length
            )

        return self._minutes.get((lane, number), make)

    def seen(self, lane: int, number: int, sessions: Sequence[date]) -> Seen:
        """Return a share's day with what was seen of it after each minute."""

        def make() -> Seen:
            d, row = self.days(len(sessions)), self.row(lane, number, len(sessions))
            made = self.minutes(lane, number, sessions)
            base = d.base[lane, number]
            lowest, highest = limits(base, d.band[lane])
            found = ([], [], [], []) if made is None else going_by(made, row.open)
            return Seen(row, float(base), float(lowest), float(highest), *found)

        return self._seen.get((lane, number), make)

    def index_rows(self, name: str, count: int) -> frames.IndexRows:
        """Return open, high, low, close and previous close of an index, (count,) each."""

        def make() -> frames.IndexRows:
            part = self._part(name, count)
            return frames.index_rows(part.days, part.shares, name)

        return self._rows.get((name, count), make)

    def _part(self, name: str, count: int) -> _Part:
        """Return days in which the members of an index are, of no more shares than need be.

        A question about one index spares three quarters of the shares; about many it does not.
        """
        held = self._parts.get((name, count))
        if held is not None:
            return held
        if name == VIX:  # it has no members and comes with the days of any share
            for (_, number), part in self._parts.items():
                if number == count:
                    return part
        lanes = [lane for lane, share in enumerate(self.shares) if name in share.indices] or [0]
        few = sum(number == count for _, number in self._parts) < _FEW_PARTS
        if self._has(count) or not few or 2 * len(lanes) > len(self.shares):
            made, lanes = self.days(count), list(range(len(self.shares)))
            return _Part(made, self.shares, np.array(lanes), dict(zip(lanes, lanes, strict=True)))
        shares = [self.shares[lane] for lane in lanes]
        made = simulated_days.generate(shares, seed=self.seed, days=count)
        places = {lane: place for place, lane in enumerate(lanes)}
        kept = {key: part for key, part in self._parts.items() if key[1] == count}
        part = _Part(made, shares, np.array(lanes), places)
        self._parts = kept | {(name, count): part}
        return part

    def _has(self, count: int) -> bool:
        return self._made is not None and self._made.close.shape[1] == count

    def _place(self, lane: int, count: int) -> tuple[simulated_days.Days, int]:
        """Return days with a share in them, and its place there."""
        if not self._has(count):
            for (_, number), part in list(self._parts.items()):
                if number == count and lane in part.places:
                    return part.days, part.places[lane]
        return self.days(count), lane

    def index_minutes(self, name: str, number: int, sessions: Sequence[date]) -> Minutes | None:
        """Return the minutes of an index that make its row; None where hours are unknown.

        An index is the sum of its members' minutes, INDIA VIX a path of its own.
        """
        return self._indices.get(
            (name, number), lambda: self._index_minutes(name, number, sessions)
        )

    def _index_minutes(self, name: str, number: int, sessions: Sequence[date]) -> Minutes | None:
        day, count = sessions[number], len(sessions)
        length = len(moments.minute_starts(day))
        if not length:
            return None
        rows = self.index_rows(name, count)
        opened, high, low, close = (
            float(rows[part][number]) for part in ("open", "high", "low", "close")
        )
        if name == VIX:
            draws = stream(self.seed, INDEX_MINUTES, 0, day.toordinal())
            path = bridge(draws.standard_normal(length), opened, close, (high - low) / 3.0)
        else:
            part = self._part(name, count)
            pick, held = frames.holdings(part.days, part.shares, name, number)
            # a session with hours has minutes of every share
            lanes = part.lanes[pick].tolist()
            parts = [self.minutes(lane, number, sessions) for lane in lanes]
            closes = np.stack([part.close for part in parts if part is not None])
            path = (closes * held[:, None]).sum(axis=0)
        return _inside(path, opened, high, low, close)


def going_by(
    made: Minutes, opened: float
) -> tuple[list[float], list[float], list[float], list[int]]:
    """Return last, high, low and volume after none, one, two... minutes, as lists."""
    last = np.concatenate([[opened], made.close])
    high = np.maximum.accumulate(np.concatenate([[opened], made.high]))
    low = np.minimum.accumulate(np.concatenate([[opened], made.low]))
    volume = np.concatenate([[0], np.cumsum(made.volume)])
    return last.tolist(), high.tolist(), low.tolist(), volume.tolist()


def _inside(path: Array, opened: float, high: float, low: float, close: float) -> Minutes:
    """Return minutes along `path` that open, top out, bottom out and end where the row does.

    Between open and close nothing is changed; what lies beyond either is stretched to the row.
    """
    top, bottom = max(opened, close), min(opened, close)
    above, below = float(path.max()) - top, bottom - float(path.min())
    if above > 0:
        path = np.where(path > top, top + (path - top) * ((high - top) / above), path)
    if below > 0:
        path = np.where(path < bottom, bottom - (bottom - path) * ((bottom - low) / below), path)
    closes = np.clip(np.round(path, 2), low, high)
    closes[-1] = close
    opens = np.concatenate([[opened], closes[:-1]])
    highs, lows = np.maximum(opens, closes), np.minimum(opens, closes)
    highs[int(np.argmax(highs))] = high
    lows[int(np.argmin(lows))] = low
    return Minutes(opens, highs, lows, closes, np.zeros(len(closes), np.int64))
