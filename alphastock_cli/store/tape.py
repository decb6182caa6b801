"""The candles of one instrument and one day as arrays, asked what is known at a moment.

Made once, asked at every step of a replay: each answer is a search and a look, no frame is built.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from alphastock_cli.analytics.hours import micros
from alphastock_cli.analytics.resample import END
from alphastock_cli.domain.data import Candle, Quote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Moments = NDArray[np.int64]

_INDIA = ZoneInfo("Asia/Kolkata")


class Tape:
    """Candles in order of time, each known from its end.

    Parameters
    ----------
    key : str
        Of the instrument.
    candles : DataFrame
        `CANDLES` with the column `end`, one symbol, ascending in time.
    """

    def __init__(self, key: str, candles: pl.DataFrame) -> None:
        self.key = key
        self.candles = candles.drop(END)
        self.times: Moments = candles["time"].to_physical().to_numpy()
        # a candle is told in order: never before the one that precedes it
        self.ends: Moments = np.maximum.accumulate(candles[END].to_physical().to_numpy())

    @property
    def over(self) -> datetime:
        """When the last candle is over."""
        return _moment(self.ends[-1])

    def known(self, now: datetime) -> int:
        """Return the number of candles that are over at `now`."""
        return int(np.searchsorted(self.ends, micros(now), side="right"))

    def slice(self, start: datetime, end: datetime, now: datetime) -> pl.DataFrame:
        """Return the candles that begin inside ``[start, end)`` and are over at `now`."""
        low = int(np.searchsorted(self.times, micros(start), side="left"))
        high = int(np.searchsorted(self.times, micros(end), side="left"))
        return self.candles.slice(low, max(0, min(high, self.known(now)) - low))

    def candle(self, now: datetime) -> Candle | None:
        """Return the last candle that is over at `now`; None before the first one is."""
        last = self.known(now) - 1
        if last < 0:
            return None
        row = self._rows
        return Candle(
            key=self.key, time=_moment(self.times[last]), end=_moment(self.ends[last]),
            open=row["open"][last], high=row["high"][last], low=row["low"][last],
            close=row["close"][last], volume=row["volume"][last],
        )  # fmt: skip

    def quote(self, now: datetime, previous_close: float | None) -> Quote | None:
        """Return the day so far as a quote, stamped with the end of its last candle.

        None before the first candle is over. Bid and ask are not known; the volume neither where
        that of one candle is not.
        """
        last = self.known(now) - 1
        if last < 0:
            return None
        return Quote(
            key=self.key, time=_moment(self.ends[last]), last_price=self._rows["close"][last],
            open=self._rows["open"][0], high=float(self._highs[last]),
            low=float(self._lows[last]), previous_close=previous_close,
            volume=self._volumes[last],
            open_interest=self._rows["open_interest"][last],
        )  # fmt: skip

    @cached_property
    def _rows(self) -> dict[str, list[Any]]:
        names = ("open", "high", "low", "close", "volume", "open_interest")
        return {name: self.candles[name].to_list() for name in names}

    @cached_property
    def _highs(self) -> Floats:
        highs: Floats = np.maximum.accumulate(self.candles["high"].to_numpy())
        return highs

    @cached_property
    def _lows(self) -> Floats:
        lows: Floats = np.minimum.accumulate(self.candles["low"].to_numpy())
        return lows

    @cached_property
    def _volumes(self) -> list[int | None]:
        """Units since the opening; not known from the first candle on of which they are not."""
        volume = pl.col("volume")
        unknown = volume.is_null().cum_max()
        so_far = pl.when(~unknown).then(volume.fill_null(0).cum_sum())
        return self.candles.select(so_far).to_series().to_list()


def _moment(at: np.int64) -> datetime:
    return datetime.fromtimestamp(int(at) // 1_000_000, tz=_INDIA)
