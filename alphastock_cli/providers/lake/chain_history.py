"""Chains of the lake before the newest one: closes of the session before, and one chain a session.

Only what was known at the moment, and nothing of the session the newest chain is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from alphastock_cli.domain.frames import TIME, collect
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.lake.chains import Derivatives

_DAY_A_SESSION = 366 / 245  # at most so many calendar days a session, in the long run
_HOLIDAYS = 15
HISTORY = pl.Schema(
    {
        "time": TIME,  # the moment the chain is of
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "strike": pl.Float64(),
        "option_type": pl.String(),
        "last_price": pl.Float64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "volume": pl.Int64(),  # 0 where nobody traded; null where the units are not known
        "last_trade_time": TIME,
    }
)


class ChainHistory(Derivatives):
    """What the lake answers about the chains of earlier sessions."""

    def previous_closes(self, underlying: str, expiry: date) -> pl.DataFrame | None:
        """Return the closes of the session before that of the newest chain, of what traded then.

        Columns ``strike, option_type, previous_close`` in rupees. None where that session is not
        stored or the calendar does not know which one it was: an older close is another change.

        Raises
        ------
        UnknownName, ProviderError
            As in `expiries`.
        """
        from alphastock_cli.exchange import closes  # its tables are not needed for equities

        exchange = closes.derivative_exchange(underlying)
        today = self.chain_as_of(underlying).date()
        try:
            before = calendar.previous_session(calendar.segment_of(exchange), today)
        except OutOfRange:
            return None
        rows = self.options_day(exchange=exchange, symbols=[underlying], start=before, end=before)
        held = collect(rows, what="options_day")
        if held.is_empty():
            return None
        return held.filter(pl.col("expiry") == expiry, pl.col("contracts") > 0).select(
            "strike", "option_type", previous_close="close"
        )

    def earlier_chains(
        self,
        underlyings: Sequence[str],
        *,
        before: date,
        sessions: int = 252,
        days_ahead: int = 30,
    ) -> pl.DataFrame:
        """Return the last chain of each session before a day, of the expiries about a time ahead.

        Of a session with end-of-day rows those, else its last stored snapshot. Of the live expiries
        the last one up to `days_ahead` calendar days and the first one from there on.

        Parameters
        ----------
        before : date
            That session and later ones are left out, and so is what was not known at the moment.
        sessions : int
            About so many sessions back.

        Returns
        -------
        DataFrame
            `HISTORY`, sorted by underlying, time and expiry.
        """
        start = before - timedelta(days=round(sessions * _DAY_A_SESSION) + _HOLIDAYS)
        last = before - timedelta(days=1)
        named = list(underlyings)
        days = _about(self._days_of(named, start, last), days_ahead)
        shots = _about(self._last_snapshots(named, start, last), days_ahead)
        held = days.select("underlying", pl.col("time").dt.date().alias("date")).unique()
        only = shots.with_columns(date=pl.col("time").dt.date()).join(
            held, on=["underlying", "date"], how="anti"
        )
        return pl.concat([days, only.drop("date")]).sort(
            "underlying", "time", "expiry", "strike", "option_type"
        )

    def _days_of(self, underlyings: list[str], start: date, last: date) -> pl.DataFrame:
        from alphastock_cli.exchange import closes

        parts = [pl.DataFrame(schema=HISTORY)]
        exchanges = {closes.derivative_exchange(name) for name in underlyings}
        for exchange in sorted(exchanges):
            segment = calendar.segment_of(exchange)
            rows = self.options_day(exchange=exchange, symbols=underlyings, start=start, end=last)
            made = collect(
                rows.select(
                    "date", "strike", "option_type", "expiry",
                    underlying="symbol",
                    last_price=pl.when(pl.col("contracts") > 0).then("close"),
                    volume=pl.when(pl.col("contracts") == 0).then(pl.lit(0, pl.Int64)),
                ),
                what="options_day",
            )  # fmt: skip
            ends = {day: calendar.known_from(segment, day) for day in made["date"].unique()}
            ended = pl.DataFrame({"date": list(ends), "time": list(ends.values())},
                                 schema={"date": pl.Date, "time": TIME})  # fmt: skip
            parts.append(
                made.join(ended, on="date").select(
                    pl.col(name)
                    if name in {"time", *made.columns}
                    else pl.lit(None, kind).alias(name)
                    for name, kind in HISTORY.items()
                )
            )
        return pl.concat(parts)

    def _last_snapshots(self, underlyings: list[str], start: date, last: date) -> pl.DataFrame:
        rows = self._lake.scan("chains", start=start, end=last).filter(
            pl.col("underlying").is_in(underlyings), pl.col("time") <= self._moment
        )
        newest = pl.col("time").max().over("underlying", pl.col("time").dt.date())
        mine = rows.filter(pl.col("time") == newest).select(
            *(name for name in HISTORY if name != "last_trade_time"),
            last_trade_time=pl.lit(None, TIME),
        )
        return collect(mine, what="chains").select(HISTORY.names())


def _about(rows: pl.DataFrame, days_ahead: int) -> pl.DataFrame:
    """Keep of each chain the live expiries next to a time ahead, one on each side."""
    chain = ["underlying", "time"]
    left = (pl.col("expiry") - pl.col("time").dt.date()).dt.total_days()
    counted = rows.with_columns(left=left).filter(pl.col("left") > 0)
    near = pl.col("left").filter(pl.col("left") <= days_ahead).max().over(chain)
    far = pl.col("left").filter(pl.col("left") >= days_ahead).min().over(chain)
    return counted.filter((pl.col("left") == near) | (pl.col("left") == far)).drop("left")
