"""What is stored, as of a moment: the lake as a source of market data.

A day's row is known once its session is over, not before: nothing here looks ahead. Simulated data
never come through this door.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, Clock
from alphastock_cli.errors import ProviderError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.lake.candles import intraday
from alphastock_cli.providers.lake.listings import Listings
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.store.days import main_series
from alphastock_cli.store.lake import Lake

_EQUITY = calendar.Segment.EQUITY
_QUOTED = ("open", "high", "low", "close", "previous_close", "volume")


@PROVIDERS.register("lake")
class LakeProvider(Listings):
    """Stored data up to a moment.

    Parameters
    ----------
    lake : Lake
        The store.
    clock : Clock
        Gives the moment when none is asked for.
    as_of : datetime, optional
        Only what was known then is shown.
    """

    name: ClassVar[str] = "lake"
    simulated: ClassVar[bool] = False
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.INSTRUMENTS,
            Capability.QUOTES,
            Capability.CANDLES,
            Capability.EQUITIES_DAY,
            Capability.INDICES_DAY,
            Capability.FUTURES_DAY,
            Capability.OPTIONS_DAY,
            Capability.CHAIN,
        }
    )

    def __init__(self, lake: Lake, clock: Clock, as_of: datetime | None = None) -> None:
        super().__init__(lake, (as_of or clock.now()).astimezone(calendar.IST))

    def as_of(self) -> datetime:
        """Return the end of the last stored equity session that was over by the moment.

        Raises
        ------
        ProviderError
            Nothing is stored up to then.
        """
        last = self._last(None)
        if last is None:
            raise ProviderError(
                f"the lake holds no equities up to {self._moment:%Y-%m-%d %H:%M}",
                hint="Load files with `alphastock fetch eod --from-dir FOLDER`,"
                " or try --provider sim.",
            )
        return calendar.known_from(_EQUITY, last)

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the last stored day of each known key as a quote, stamped with its close."""
        found: dict[str, Quote] = {}
        for code in {key.partition(":")[0] for key in keys} & {"NSE", "BSE"}:
            wanted = [k.partition(":")[2] for k in keys if k.startswith(f"{code}:")]
            rows = self.equities_day(exchange=Exchange(code), symbols=wanted)
            newest = rows.filter(pl.col("date") == pl.col("date").max().over("symbol"))
            last = main_series(collect(newest, what=self.name), "symbol")
            for row in last.iter_rows(named=True):
                facts = {name: row[name] for name in _QUOTED}
                key = f"{code}:{row['symbol']}"
                found[key] = Quote(
                    key=key,
                    time=calendar.known_from(_EQUITY, row["date"]),
                    last_price=facts.pop("close"),
                    **facts,
                )
        return found

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return candles inside ``[start, end)`` that were over by the moment.

        Days are stamped with their first moment; those without a close are left out. Shorter ones
        are as stored, or gathered from finer stored ones.

        Raises
        ------
        UsageError
            `start` or `end` is naive.
        NotOffered
            Nothing is stored that makes candles of `interval`; the message says what is.
        """
        if interval is Interval.DAY:
            return self.day_candles(instrument, start, end)
        return intraday(self._lake, instrument, interval, start, end, moment=self._moment)
