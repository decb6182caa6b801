"""The chains of one day, told as a clock goes on: what a replay answers about contracts.

Each underlying is read once, for a replay asks at every step. Nothing of another day is answered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime

import polars as pl

from alphastock_cli.domain.frames import collect
from alphastock_cli.errors import NotOffered, ProviderError, UnknownName
from alphastock_cli.store import chains
from alphastock_cli.store.lake import Lake

_NEAR = 3


class DayChains:
    """The snapshots of one day, asked as its clock goes on; each underlying is read once.

    Parameters
    ----------
    lake : Lake
        The store.
    day : date
        The day; nothing of another one is answered.
    present : callable
        Returns how far the day has come.
    """

    def __init__(self, lake: Lake, day: date, present: Callable[[], datetime]) -> None:
        self.day = day
        self.span = chains.moments(lake, day)
        self._lake, self._present = lake, present
        self._held: dict[str, list[chains.Snapshot]] = {}

    def now(self, underlying: str) -> chains.Snapshot:
        """Return the newest snapshot of the day that is not later than the present.

        Raises
        ------
        NotOffered
            No snapshot of that day is stored.
        UnknownName
            None of that underlying is; the nearest names are told.
        ProviderError
            The first one is still to come.
        """
        if self.span is None:
            raise NotOffered(
                f"the replay of {self.day} has no chain of {underlying}: no snapshot is stored",
                hint="Load one with `alphastock fetch chain --from-file FILE`, or ask"
                " --provider lake with --on DATE for the chain of a stored day.",
            )
        held = self._snapshots(underlying)
        if not held:
            names = chains.underlyings(self._lake, self.span[1], day=self.day)
            raise UnknownName.of(
                "underlying", underlying, names,
                hint=f"Chains are stored of {', '.join(names[:_NEAR])}.",
            )  # fmt: skip
        moment = self._present()
        known = bisect_right(held, moment, key=lambda each: each.time)
        if not known:
            raise ProviderError(
                f"at {moment:%H:%M:%S} no chain of {underlying} is known yet",
                hint=f"The first snapshot of {self.day} is of {held[0].time:%H:%M:%S}.",
            )
        return held[known - 1]

    def _snapshots(self, underlying: str) -> list[chains.Snapshot]:
        """Return the snapshots of an underlying, the earliest first."""
        if underlying not in self._held:
            rows = self._lake.scan("chains", start=self.day, end=self.day)
            frame = collect(rows.filter(pl.col("underlying") == underlying), what="chains")
            self._held[underlying] = [
                chains.Snapshot(underlying=underlying, time=part["time"][0], rows=part)
                for part in frame.sort("time").partition_by("time", maintain_order=True)
            ]
        return self._held[underlying]


class ReplayedChains:
    """Mixed into a provider of one day that has its chains (`_chains`)."""

    _chains: DayChains

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """Return the expiries of the newest snapshot of the day.

        Raises
        ------
        NotOffered, UnknownName, ProviderError
            No snapshot of the day is stored; none of that underlying; the first is to come.
        """
        return self._chains.now(underlying).expiries

    def option_chain(self, underlying: str, expiry: date) -> pl.DataFrame:
        """Return the `CHAIN` of one expiry in the newest snapshot. Raises as `expiries`."""
        return self._chains.now(underlying).chain(expiry)

    def chain_as_of(self, underlying: str) -> datetime:
        """Return the moment of the newest snapshot. Raises as `expiries`."""
        return self._chains.now(underlying).time

    def chain_spot(self, underlying: str) -> float | None:
        """Return the spot in the newest snapshot, None where it has none. Raises as `expiries`."""
        return self._chains.now(underlying).spot
