"""Indicators of every row of a panel by the array kernels; `indicators` says what they mean.

The only place where null and NaN meet: arrays carry NaN, frames carry null. numpy is imported here
and not by `indicators`, so that a scan, which needs last values only, does not pay for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import polars as pl

from alphastock_cli.analytics import kernels, levels, recursions, sums, windows
from alphastock_cli.analytics.kernels import Floats
from alphastock_cli.analytics.order import with_lengths
from alphastock_cli.analytics.scratch import Shelf

_YEAR = 252
_THREADS, _LARGE = 2, 1_000_000  # rows
_PIECE = 500_000  # rows of a task: enough of them for threads to end at about the same time


class Columns(Mapping[str, Floats]):
    """The columns of sorted rows as flat arrays, each read once, and the lengths of the series."""

    def __init__(self, held: Mapping[str, Floats], lengths: kernels.Lengths) -> None:
        self._held, self.lengths = held, lengths

    @classmethod
    def of(
        cls, rows: pl.DataFrame, lengths: pl.Series, names: Sequence[str], pool: Executor
    ) -> Columns:
        """Return the columns `names` of `rows`, whose series have these `lengths`."""
        floats = rows.select(pl.col(names).cast(pl.Float64).fill_null(math.nan))
        # columns that lie in many pieces are copied into one
        held = zip(names, pool.map(lambda name: floats[name].to_numpy(), names), strict=True)
        return cls(dict(held), lengths.cast(pl.Int64).to_numpy())

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
    # numpy lets go of the interpreter inside large operations: two threads take two thirds
    with ThreadPoolExecutor(_THREADS if rows.height > _LARGE else 1) as pool:
        made = _made(Columns.of(rows, lengths, inputs, pool), names, pool)
        return rows.with_columns(
            pool.map(lambda name: pl.Series(name, made[name]).fill_nan(None), names)
        )


def _made(columns: Columns, names: Sequence[str], pool: Executor) -> dict[str, Floats]:
    """Return the arrays of the indicators `names`, and perhaps more."""
    made, jobs, shelf = dict[str, Floats](), _jobs(names), Shelf()

    def work(job: tuple[str, ...]) -> None:
        made.update(zip(job, jobs[job](columns), strict=True))

    late = [name for name in names if name in RECURSIONS]
    wanted = [RECURSIONS[name] for name in late]
    averages, parts = kernels.plan(columns, columns.lengths, wanted, shelf)
    means, pieces = _sums(columns, names, shelf)
    tasks: list[kernels.Task] = [
        partial(work, job) for job in jobs if not set(job).isdisjoint(names)
    ]
    # in turn, for products leave the interpreter to the many short calls of the sums
    for pair in zip_longest(parts, pieces):
        tasks += [task for task in pair if task is not None]
    for done in [pool.submit(task) for task in tasks]:
        done.result()
    return made | means | dict(zip(late, averages, strict=True))


def _sums(
    columns: Columns, names: Sequence[str], shelf: Shelf
) -> tuple[dict[str, Floats], list[kernels.Task]]:
    """Return the columns made of shared sums, not filled yet, and tasks that fill them."""
    size = int(columns.lengths.sum())
    means = {name: np.empty(size) for name in MEANS if name in names}
    bands = {name: np.empty(size) for name in BANDS} if not set(BANDS).isdisjoint(names) else {}

    def work(place: slice, part: Columns) -> None:
        outs = {MEANS[name]: out[place] for name, out in means.items()}
        upper, lower = (bands[name][place] for name in BANDS) if bands else (None, None)
        wide = None
        if upper is not None and lower is not None:
            wide = sums.Bands(span=_SPAN, width=2.0, upper=upper, lower=lower)
        with shelf.borrow() as scratch:
            sums.Sums(scratch).fill(part["close"], outs, wide)
        for span, out in outs.items():
            part.cut(out, count=span - 1)
        for name in bands:
            part.cut(bands[name][place], count=_SPAN - 1)

    found = means | bands
    pieces = columns.blocks(_PIECE) if found else ()
    return found, [partial(work, place, part) for place, part in pieces]


def _jobs(names: Sequence[str]) -> Mapping[tuple[str, ...], Make]:
    """Return how to make windows; those of the library only where one of them is asked for."""
    ours = {*RECURSIONS, *MEANS, *BANDS, *(name for job in WINDOWS for name in job)}
    if ours.issuperset(names):
        return WINDOWS
    from alphastock_cli.analytics import sweeps  # builds on this module

    return {**sweeps.JOBS, **WINDOWS}


def _mean(span: int, *, lag: int) -> Make:
    def make(columns: Columns) -> Sequence[Floats]:
        return [columns.before(columns.mean("close", span), lag)]

    return make


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


RECURSIONS: Mapping[str, recursions.Recursion] = MappingProxyType(
    {"rsi": recursions.rsi(), "ema_9": recursions.ema(9), "ema_21": recursions.ema(21),
     "atr": recursions.atr()}
)  # fmt: skip

# means of the close, and the bands around one of them, are made of shared sums
MEANS: Mapping[str, int] = MappingProxyType({"sma_20": 20, "sma_50": 50, "sma_200": 200})
BANDS, _SPAN = ("bollinger_upper", "bollinger_lower"), 20

# columns that are made together → how
WINDOWS: Mapping[tuple[str, ...], Make] = MappingProxyType(
    {
        ("support",): _level("low", below=True),
        ("resistance",): _level("high", below=False),
        ("volatility",): _volatility,
        ("sma_50_prev",): _mean(50, lag=1),
        ("sma_200_prev",): _mean(200, lag=1),
        ("volume_ratio",): _volume_ratio,
        ("momentum_20_pct",): _momentum,
        ("high_52w",): _extreme("high", highest=True),
        ("low_52w",): _extreme("low", highest=False),
    }
)
