"""Indicators of every row of a panel by the array kernels; `indicators` says what they mean.

The only place where null and NaN meet: arrays carry NaN, frames carry null. numpy is imported here
and not by `indicators`, so that a scan, which needs last values only, does not pay for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import polars as pl

from alphastock_cli.analytics import kernels, levels, windows
from alphastock_cli.analytics.kernels import Floats
from alphastock_cli.analytics.order import with_lengths

_YEAR = 252
_THREADS, _LARGE = 2, 1_000_000  # rows


class Columns(Mapping[str, Floats]):
    """The columns of sorted rows as flat arrays, each read once, and the lengths of the series."""

    def __init__(self, held: Mapping[str, Floats], lengths: kernels.Lengths) -> None:
        self._held, self.lengths = held, lengths

    @classmethod
    def of(cls, rows: pl.DataFrame, lengths: pl.Series, names: Sequence[str]) -> Columns:
        """Return the columns `names` of `rows`, whose series have these `lengths`."""
        floats = rows.select(pl.col(names).cast(pl.Float64).fill_null(math.nan))
        held = {name: floats[name].to_numpy() for name in names}
        return cls(held, lengths.cast(pl.Int64).to_numpy())

    def blocks(self, size: int) -> Iterator[tuple[slice, Columns]]:
        """Yield ranges of about `size` rows that hold whole series, and their columns."""
        ends = np.cumsum(self.lengths)
        first = start = 0
        while first < ends.size:
            after = max(first + 1, int(np.searchsorted(ends, start + size, side="right")))
            place = slice(start, int(ends[after - 1]))
            part = {name: x[place] for name, x in self._held.items()}
            yield place, Columns(part, self.lengths[first:after])
            first, start = after, place.stop

    def __getitem__(self, name: str) -> Floats:
        """Return a column as float64, NaN where it is null."""
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def mean(self, name: str, span: int) -> Floats:
        """Return the mean of the last `span` values of a column."""
        return self.cut(windows.mean(self[name], span=span), count=span - 1)

    def cut(self, x: Floats, *, count: int) -> Floats:
        """Set the first `count` values of each series to NaN."""
        return kernels.blank(x, self.lengths, count=count)

    def before(self, x: Floats, steps: int = 1) -> Floats:
        """Return each value `steps` rows later in the same series."""
        return self.cut(windows.shifted(x, steps), count=steps)


Make: TypeAlias = Callable[[Columns], Sequence[Floats]]


def panel(rows: pl.DataFrame, names: Sequence[str], inputs: Sequence[str]) -> pl.DataFrame:
    """Return `rows`, sorted by symbol and date, with one column an indicator of `inputs`."""
    rows, lengths = with_lengths(rows)
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    columns = Columns.of(rows, lengths, inputs)
    made: dict[str, Floats] = {}

    jobs = _jobs(names)

    def work(job: tuple[str, ...]) -> None:
        made.update(zip(job, jobs[job](columns), strict=True))

    late = [name for name in names if name in RECURSIONS]
    averages, tasks = kernels.plan(columns, columns.lengths, [RECURSIONS[name] for name in late])
    tasks += [partial(work, job) for job in jobs if not set(job).isdisjoint(names)]
    # numpy lets go of the interpreter inside large operations: two threads take two thirds
    with ThreadPoolExecutor(_THREADS if rows.height > _LARGE else 1) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()
    made |= dict(zip(late, averages, strict=True))
    ordered = [pl.Series(name, made[name]) for name in names]
    return rows.with_columns(ordered).with_columns(pl.col(names).fill_nan(None))


def _jobs(names: Sequence[str]) -> Mapping[tuple[str, ...], Make]:
    """Return how to make windows; those of the library only where one of them is asked for."""
    ours = {*RECURSIONS, *(name for job in WINDOWS for name in job)}
    if ours.issuperset(names):
        return WINDOWS
    from alphastock_cli.analytics import sweeps  # builds on this module

    return {**sweeps.JOBS, **WINDOWS}


def _mean(span: int, *, lag: int = 0) -> Make:
    def make(columns: Columns) -> Sequence[Floats]:
        values = columns.mean("close", span)
        return [columns.before(values, lag) if lag else values]

    return make


def _bands(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    made = windows.bands(columns["close"], span=span, ddof=0, widths=(2.0, -2.0))
    return [columns.cut(band, count=span - 1) for band in made]


def _extreme(name: str, *, highest: bool, span: int = _YEAR) -> Make:
    def make(columns: Columns) -> Sequence[Floats]:
        values = windows.extreme(columns[name], span=span, highest=highest)
        return [columns.before(columns.cut(values, count=span - 1))]

    return make


def _volume_ratio(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    volume = columns["volume"]
    before = columns.before(columns.mean("volume", span))
    ratio = np.full(volume.size, np.nan)
    np.divide(volume, before, out=ratio, where=before > 0.0)
    return [ratio]


def _momentum(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    close = columns["close"]
    start = columns.before(close, span)
    change = np.full(close.size, np.nan)
    np.divide(100.0 * (close - start), start, out=change, where=start != 0.0)
    return [change]


def _volatility(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    close = columns["close"]
    price = np.where(close > 0.0, close, np.nan)
    returns = np.log(price / columns.before(price))
    spread = windows.deviation(returns, span=span, ddof=1)
    return [columns.cut(100.0 * math.sqrt(_YEAR) * spread, count=span)]


def _level(name: str, *, below: bool) -> Make:
    side, span = levels.SIDE, levels.WINDOW

    def make(columns: Columns) -> Sequence[Floats]:
        x = columns[name]
        middle = windows.shifted(x, side)
        others = [windows.shifted(x, step) for step in range(2 * side + 1) if step != side]
        swing = np.logical_and.reduce(
            [middle < other if below else middle > other for other in others]
        )
        known = columns.cut(np.where(swing, middle, np.nan), count=2 * side)
        best = windows.nearest(known, columns["close"], count=span - 2 * side, below=below)
        whole = windows.extreme(x, span=span, highest=not below)
        found = np.where(np.isnan(best) | np.isnan(whole), whole, best)
        return [columns.cut(found, count=span - 1)]

    return make


RECURSIONS: Mapping[str, kernels.Recursion] = MappingProxyType(
    {"rsi": kernels.rsi(), "ema_9": kernels.ema(9), "ema_21": kernels.ema(21),
     "atr": kernels.atr()}
)  # fmt: skip

# columns that are made together → how
WINDOWS: Mapping[tuple[str, ...], Make] = MappingProxyType(
    {
        ("support",): _level("low", below=True),
        ("resistance",): _level("high", below=False),
        ("volatility",): _volatility,
        ("bollinger_upper", "bollinger_lower"): _bands,
        ("sma_20",): _mean(20),
        ("sma_50",): _mean(50),
        ("sma_50_prev",): _mean(50, lag=1),
        ("sma_200",): _mean(200),
        ("sma_200_prev",): _mean(200, lag=1),
        ("volume_ratio",): _volume_ratio,
        ("momentum_20_pct",): _momentum,
        ("high_52w",): _extreme("high", highest=True),
        ("low_52w",): _extreme("low", highest=False),
    }
)
