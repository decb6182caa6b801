"""Stored snapshots of option chains: the newest one at a moment, as a chain of one expiry.

A snapshot is what one source wrote of one underlying at one moment, all its expiries. Nothing here
looks ahead of the moment asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import polars as pl

from alphastock_cli.domain.frames import CHAIN, collect, conform
from alphastock_cli.errors import UnknownName
from alphastock_cli.store.contract_names import is_monthly, option_names
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import span

_SIDES = ("CE", "PE")
_NEAR = 3


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Every stored contract of one underlying at one moment.

    Attributes
    ----------
    rows : DataFrame
        `CHAINS` of that underlying and moment.
    """

    underlying: str
    time: datetime
    rows: pl.DataFrame

    @cached_property
    def expiries(self) -> tuple[date, ...]:
        """The expiries the source wrote, ascending."""
        return tuple(self.rows["expiry"].unique().sort())

    @property
    def spot(self) -> float | None:
        """The underlying's price as the source says it; None where it says none."""
        known = self.rows["spot"].drop_nulls()
        return float(known[0]) if known.len() else None

    def chain(self, expiry: date) -> pl.DataFrame:
        """Return the `CHAIN` of one expiry, call and put of every strike.

        A side the source does not list is there with its name and no figure. Order quantities and
        the moment of the last trade are not stored; the lot is null where no table knows it.

        Raises
        ------
        UnknownName
            The source wrote nothing of that expiry.
        """
        from alphastock_cli.exchange import contracts  # its tables are not needed for equities

        rows = self.rows.filter(expiry=expiry)
        if rows.is_empty():
            listed = sorted(self.expiries, key=lambda each: abs(each - expiry))[:_NEAR]
            raise UnknownName(
                f"the chain of {self.underlying} at {self.time:%Y-%m-%d %H:%M:%S} has no {expiry}",
                hint=f"The nearest expiries are {', '.join(map(str, sorted(listed)))}.",
            )
        on = self.time.date()
        monthly = is_monthly(self.underlying, expiry, self.expiries, on)
        lot = contracts.lot_size(self.underlying, expiry, on)
        sides = pl.DataFrame({"option_type": _SIDES})
        pairs = rows.select("strike").unique().join(sides, how="cross")
        paired = pairs.join(rows, on=["strike", "option_type"], how="left")
        frame = paired.sort("strike", "option_type").select(
            "strike", "option_type", "last_price", "bid", "ask", "volume", "open_interest",
            "oi_change",
            tradingsymbol=option_names(self.underlying, expiry, monthly=monthly),
            underlying=pl.lit(self.underlying), expiry=pl.lit(expiry),
            lot_size=pl.lit(lot, pl.Int64),
        )  # fmt: skip
        return conform(frame, CHAIN, what=f"stored chain of {self.underlying}")


def newest(
    lake: Lake, underlying: str, moment: datetime, *, day: date | None = None
) -> Snapshot | None:
    """Return the newest snapshot not later than a moment, or None.

    Parameters
    ----------
    day : date, optional
        Only one of that day.
    """
    for path in reversed(lake.files("chains")):
        first, last = span(path.stem)
        begin, end = max(first, day or first), min(last, day or last, moment.date())
        if begin > end:
            continue
        rows = lake.scan("chains", start=begin, end=end)
        mine = rows.filter(pl.col("underlying") == underlying, pl.col("time") <= moment)
        at = collect(mine.select(pl.col("time").max()), what="chains").item()
        if at is not None:
            frame = collect(mine.filter(pl.col("time") == at), what="chains")
            return Snapshot(underlying=underlying, time=at, rows=frame)
    return None


def underlyings(lake: Lake, moment: datetime, *, day: date | None = None) -> list[str]:
    """Return the underlyings of which a snapshot was there by a moment, sorted."""
    rows = lake.scan("chains", start=day, end=day or moment.date())
    names = rows.filter(pl.col("time") <= moment).select(pl.col("underlying").unique().sort())
    return collect(names, what="chains").to_series().to_list()


def moments(lake: Lake, day: date) -> tuple[datetime, datetime] | None:
    """Return the first and the last snapshot of a day, of any underlying; None without one."""
    ends = lake.scan("chains", start=day, end=day).select(
        first=pl.col("time").min(), last=pl.col("time").max()
    )
    first, last = collect(ends, what="chains").row(0)
    return None if first is None else (first, last)


def days_held(lake: Lake, *, around: date, reach: timedelta = timedelta(days=366)) -> list[date]:
    """Return the days near `around` of which snapshots are stored, ascending."""
    rows = lake.scan("chains", start=around - reach, end=around + reach)
    days = rows.select(pl.col("time").dt.date().unique().sort())
    return collect(days, what="chains").to_series().to_list()
