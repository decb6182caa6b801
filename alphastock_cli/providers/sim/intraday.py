"""Inside the day: quotes of everything listed, minute candles of shares and indices.

Which minutes are over is `moments.py`, what they hold `spot.py`; here both meet.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from alphastock_cli.analytics.resample import gathered
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import NotOffered
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.sim import contract_quotes, frames, moments
from alphastock_cli.providers.sim.books import Books, now
from alphastock_cli.providers.sim.depth import Noise, share_units, shares_noise
from alphastock_cli.providers.sim.kept import Kept
from alphastock_cli.providers.sim.moments import Moment
from alphastock_cli.providers.sim.quotes import index_quote, share_quote
from alphastock_cli.providers.sim.spot import Spot
from alphastock_cli.providers.sim.universe import index_names

_MINUTES_KEPT = 8
_USUAL_VOLUME = 100_000  # shares: what the depth of the very first session is made of


class Intraday:
    """The minutes of one seed, seen at moments."""

    def __init__(self, spot: Spot, books: Books) -> None:
        self._spot, self._books = spot, books
        self._lanes = {share.symbol: lane for lane, share in enumerate(spot.shares)}
        self._indices = frozenset(index_names(len(spot.shares)))
        self._noise: Kept[Noise] = Kept(_MINUTES_KEPT)

    def quote(self, key: str, moment: Moment) -> Quote | None:
        """Return the quote of a key, None where nothing of that name is listed."""
        exchange, _, symbol = key.partition(":")
        if exchange == Exchange.NFO:
            return contract_quotes.quote(self._books, symbol, now(moment))
        if exchange != Exchange.NSE:
            return None
        sessions, number = moment.sessions, len(moment.sessions) - 1
        done = moments.minutes_over(sessions[-1], moment.at) if moment.under_way else 0
        lane = self._lanes.get(symbol)
        if lane is not None:
            units = self._units(lane, done, moment) if moment.under_way else None
            seen = self._spot.seen(lane, number, sessions)
            return share_quote(key, seen, done, moment, units=units)
        if symbol not in self._indices:
            return None
        rows = self._spot.index_rows(symbol, len(sessions))
        made = self._spot.index_minutes(symbol, number, sessions) if moment.under_way else None
        return index_quote(key, rows, made, done, moment)

    def candles(
        self, instrument: Instrument, interval: Interval, days: tuple[date, date], moment: Moment
    ) -> pl.DataFrame:
        """Return the candles of the days `days`, both inclusive, that are over by the moment.

        Raises
        ------
        NotOffered
            No share or index of this exchange.
        """
        lane, name = self.listed(instrument)
        low, high = moment.span(*days, begun=True)
        parts = []
        for number in range(low, high):
            made = (
                self._spot.index_minutes(name, number, moment.sessions)
                if lane is None
                else self._spot.minutes(lane, number, moment.sessions)
            )
            if made is not None:
                parts.append((moments.minute_starts(moment.sessions[number]), made))
        candles = frames.minute_candles(name, parts)
        if lane is None:  # nobody trades an index: its volume is not known, not zero
            candles = candles.with_columns(volume=pl.lit(None, pl.Int64))
        return gathered(candles, interval, moment.at)

    def listed(self, instrument: Instrument) -> tuple[int | None, str]:
        """Return the lane of a share, or None for an index, and the name it has here.

        Raises
        ------
        NotOffered
            Neither a share nor an index of this exchange.
        """
        symbol = instrument.tradingsymbol
        if instrument.exchange is Exchange.NSE:
            if instrument.asset_type is AssetType.INDEX:
                name = canonical_index(symbol)
                if name in self._indices:
                    return None, name
            elif instrument.asset_type is AssetType.EQUITY and symbol in self._lanes:
                return self._lanes[symbol], symbol
        raise NotOffered(
            f"the simulated exchange has no candles of {instrument.key}",
            hint="It has candles of the shares of NSE and of its indices.",
        )

    def _units(self, lane: int, done: int, moment: Moment) -> list[list[int]]:
        """Return the shares on offer at a minute of the session under way."""
        number, ordinal = len(moment.sessions) - 1, moment.sessions[-1].toordinal()
        noise = self._noise.get(
            (ordinal, done),
            lambda: shares_noise(self._spot.seed, len(self._spot.shares), ordinal, done),
        )
        before = _USUAL_VOLUME
        if number:  # not today's volume: nobody knows it yet
            before = int(self._spot.days(len(moment.sessions)).volume[lane, number - 1])
        return share_units(noise[lane], before)
