"""The last value of an indicator for every symbol at once, without making the values before it.

A recursion's last value is a weighted sum of its inputs, a window's is an aggregate of its rows: a
few flat columns and one grouping do the work of all of them, without numpy and its start-up time.
`indicators.panel` is the definition, this is the short way to its last row; tests hold them equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

_GROUP, _START, _END = "__group", "__start", "__end"
INDEX, BACK = "__index", "__back"  # rows of the same symbol before and after a row
_POWERS = 1 << 13  # (13/14)^8192 is 1e-264: nothing
TINY = 1e-14  # what TA-Lib takes for zero when it divides

Reduce = Callable[[pl.Expr], pl.Expr]
Part = tuple[str, pl.Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """How to make a last value.

    Attributes
    ----------
    stages : sequence of mappings
        Columns of each row, made stage by stage; equal names are made once for all indicators.
    parts : mapping
        Aggregates of a symbol's rows.
    value : Expr
        The result, from parts and from the columns of the symbol's last row.
    """

    value: pl.Expr
    parts: Mapping[str, pl.Expr] = field(default_factory=dict)
    stages: Sequence[Mapping[str, pl.Expr]] = ()


def evaluate(rows: pl.DataFrame, wanted: Mapping[str, Short]) -> pl.DataFrame:
    """Return the last row of each symbol with one column more an indicator.

    `rows` are sorted by symbol and date.
    """
    ends = rows["symbol"].rle().struct.field("len").cum_sum() - 1
    base = rows[ends]
    if not wanted or rows.is_empty():
        empty = [pl.lit(None, pl.Float64).alias(name) for name in wanted]
        return base.with_columns(empty)
    parts = {name: part for short in wanted.values() for name, part in short.parts.items()}
    lazy = _positions(rows, ends).lazy()
    for stage in range(max(len(short.stages) for short in wanted.values())):
        made: dict[str, pl.Expr] = {}
        for short in wanted.values():
            made |= short.stages[stage] if stage < len(short.stages) else {}
        lazy = lazy.with_columns(**made)
    grouped = lazy.group_by(_GROUP).agg(**parts).sort(_GROUP).collect() if parts else base.clear()
    values = [short.value.alias(name) for name, short in wanted.items()]
    joined = pl.concat([base, grouped], how="horizontal") if parts else base
    return joined.with_columns(values).select(*rows.columns, *wanted)


def _positions(rows: pl.DataFrame, ends: pl.Series) -> pl.DataFrame:
    """Return `rows` with the number of their group, and where in it they stand."""
    group = rows["symbol"].rle_id().set_sorted()
    starts = (ends + 1).shift(1, fill_value=0)
    place = pl.int_range(pl.len(), dtype=pl.UInt32)
    return rows.with_columns(
        group.alias(_GROUP), starts.gather(group).alias(_START), ends.gather(group).alias(_END)
    ).with_columns((place - pl.col(_START)).alias(INDEX), (pl.col(_END) - place).alias(BACK))


def before(x: pl.Expr, steps: int = 1) -> pl.Expr:
    """Return the value `steps` rows earlier in the same symbol, null where there is none."""
    return pl.when(pl.col(INDEX) >= steps).then(x.shift(steps))


def windowed(name: str, x: pl.Expr, reduce: Reduce, *, span: int, lag: int = 0) -> Part:
    """Return the part `name`: `reduce` of `span` values ending `lag` rows before the last."""
    part = pl.when(pl.col(BACK).is_between(lag, lag + span - 1)).then(x)
    return name, pl.when(part.count() == span).then(reduce(part))


def joined(shorts: Sequence[Short], value: pl.Expr) -> Short:
    """Return how to make `value` of the parts of `shorts`."""
    stages = [dict[str, pl.Expr]() for _ in range(max(len(short.stages) for short in shorts))]
    for short in shorts:
        for made, stage in zip(stages, short.stages, strict=False):
            made.update(stage)
    parts = {name: part for short in shorts for name, part in short.parts.items()}
    return Short(stages=stages, parts=parts, value=value)


def window(name: str, x: str, reduce: Reduce, *, span: int, lag: int = 0) -> Short:
    """Return how to `reduce` the `span` values that end `lag` rows before the last; null in, null.

    `name` tells the part from those of other indicators.
    """
    key, part = windowed(f"__{name}", pl.col(x), reduce, span=span, lag=lag)
    return Short(parts={key: part}, value=pl.col(key))


def ema(x: str = "close", *, span: int) -> Short:
    """Return how to make the last exponential average, weight ``2 / (span + 1)``."""
    key, alpha = f"__ema_{x}_{span}", 2.0 / (span + 1)
    stages = _weights((x,), key=key, first=0, span=span, alpha=alpha)
    total = (pl.col(f"{key}_share") * pl.col(x)).sum()
    return Short(stages=stages, parts={key: _enough(total, (x,), span)}, value=_known(key, (x,)))


def rsi(close: str = "close", *, span: int = 14) -> Short:
    """Return how to make Wilder's last relative strength index."""
    key, inputs = f"__rsi_{close}_{span}", (close,)
    stages = _weights(inputs, key=key, first=1, span=span, alpha=1.0 / span)
    move = pl.col(close) - _prior(close, inputs)
    share, moved = pl.col(f"{key}_share"), f"{key}_move"
    stages = [*stages[:-1], {**stages[-1], moved: move}]
    up, down = f"{key}_up", f"{key}_down"
    rise = (share * pl.col(moved).clip(lower_bound=0.0)).sum()
    fall = (share * pl.col(moved).clip(upper_bound=0.0)).sum()
    parts = {up: _enough(rise, inputs, span + 1), down: _enough(-fall, inputs, span + 1)}
    both = pl.col(up) + pl.col(down)
    value = pl.when(both > TINY).then(100.0 * pl.col(up) / both).when(both.is_not_null()).then(0.0)
    return Short(stages=stages, parts=parts, value=pl.when(pl.col(close).is_not_null()).then(value))


def atr(high: str = "high", low: str = "low", close: str = "close", *, span: int = 14) -> Short:
    """Return how to make Wilder's last average true range."""
    inputs = (high, low, close)
    key = f"__atr_{span}"
    stages = _weights(inputs, key=key, first=1, span=span, alpha=1.0 / span)
    prior = _prior(close, inputs)
    spread = pl.max_horizontal(high, prior) - pl.min_horizontal(low, prior)
    spreads = f"{key}_spread"
    stages = [*stages[:-1], {**stages[-1], spreads: spread}]
    total = (pl.col(f"{key}_share") * pl.col(spreads)).sum()
    part = _enough(total, inputs, span + 1)
    return Short(stages=stages, parts={key: part}, value=_known(key, inputs))


def bollinger(x: str = "close", *, span: int = 20, width: float = 2.0) -> Short:
    """Return how to make the last band; the two bands share their parts."""
    mean, spread = f"__mean_{x}_{span}", f"__spread_{x}_{span}"
    parts = dict(
        [
            windowed(mean, pl.col(x), pl.Expr.mean, span=span),
            windowed(spread, pl.col(x), lambda part: part.std(ddof=0), span=span),
        ]
    )
    return Short(parts=parts, value=pl.col(mean) + width * pl.col(spread))


def volume_ratio(volume: str = "volume", *, span: int = 20) -> Short:
    """Return how to make the last volume over the mean of the `span` before it."""
    key = f"__mean_before_{volume}_{span}"
    part = windowed(key, pl.col(volume).cast(pl.Float64), pl.Expr.mean, span=span, lag=1)
    return Short(
        parts=dict([part]), value=pl.when(pl.col(key) > 0.0).then(pl.col(volume) / pl.col(key))
    )


def momentum(close: str = "close", *, span: int = 20) -> Short:
    """Return how to make the change over `span` rows in percent."""
    key = f"__{close}_{span}_before"
    part = pl.when(pl.col(BACK) == span).then(pl.col(close)).max()
    start = pl.col(key)
    change = 100.0 * (pl.col(close) - start) / start
    return Short(parts={key: part}, value=pl.when(start != 0.0).then(change))


def volatility(close: str = "close", *, span: int = 20, year: int = 252) -> Short:
    """Return how to make the realised volatility of the last `span` returns, percent a year."""
    key = f"__volatility_{close}_{span}"
    price = pl.when(pl.col(close) > 0.0).then(pl.col(close))
    stage = {f"{key}_return": (price / before(price)).log()}
    part = windowed(key, pl.col(f"{key}_return"), lambda x: x.std(ddof=1), span=span)
    return Short(stages=[stage], parts=dict([part]), value=100.0 * math.sqrt(year) * pl.col(key))


def level(x: str, close: str = "close", *, span: int, side: int, below: bool) -> Short:
    """Return how to make the nearest confirmed swing on the right side of the close."""
    key, value = f"__level_{x}", pl.col(x)
    around = [value.shift(step) for step in (*range(1, side + 1), *range(-side, 0))]
    swing = pl.all_horizontal([value < other if below else value > other for other in around])
    inside = pl.col(BACK).is_between(side, span - 1 - side)
    last = pl.col(close).gather(pl.col(_END))
    right = value <= last if below else value >= last
    stage = {f"{key}_swing": pl.when(inside & swing & right).then(value)}
    best = pl.col(f"{key}_swing").max() if below else pl.col(f"{key}_swing").min()
    reduce = pl.Expr.min if below else pl.Expr.max
    extreme = windowed(f"{key}_extreme", value, reduce, span=span)
    whole = pl.col(f"{key}_extreme")
    result = pl.when(whole.is_not_null()).then(pl.coalesce(f"{key}_best", whole))
    return Short(stages=[stage], parts={f"{key}_best": best, **dict([extreme])}, value=result)


def _weights(
    inputs: Sequence[str], *, key: str, first: int, span: int, alpha: float
) -> list[dict[str, pl.Expr]]:
    """Return the stages up to the column ``{key}_share``, the weight of each row in the last value.

    The recursion is seeded with the mean of `span` values from the one numbered `first`: over the
    values after the seed the weight is ``alpha * (1 - alpha)^k`` with k values after it, and each
    of the seed's has ``(1 - alpha)^m / span`` with m values after the seed. Rows that lack an input
    are passed over.
    """
    base = "_".join(("_", *inputs))
    known, start = pl.col(f"{base}_known"), pl.col(_START)
    seen = pl.col(f"{base}_seen")
    count, after = pl.col(f"{base}_count"), pl.col(f"{base}_after")
    seed = count <= first + span
    power = pl.when(seed).then(count + after - (first + span)).otherwise(after)
    # powers come from a table: an exponential a row would be most of the work
    table = (pl.int_range(_POWERS, eager=False) * math.log1p(-alpha)).exp()
    share = table.gather(power.clip(0, _POWERS - 1)) * pl.when(seed).then(1 / span).otherwise(alpha)
    return [
        {f"{base}_known": _all_known(inputs), f"{base}_seen": _all_known(inputs).cum_sum()},
        {
            f"{base}_count": seen - seen.gather(start) + known.gather(start),
            f"{base}_after": seen.gather(pl.col(_END)) - seen,
        },
        {f"{key}_share": pl.when(known & (count > first)).then(share)},
    ]


def _prior(x: str, inputs: Sequence[str]) -> pl.Expr:
    """Return `x` in the row before that has all inputs."""
    base = "_".join(("_", *inputs))
    held = pl.when(pl.col(f"{base}_known")).then(pl.col(x))
    return pl.when(pl.col(f"{base}_count") > 1).then(held.forward_fill().shift(1))


def _enough(total: pl.Expr, inputs: Sequence[str], count: int) -> pl.Expr:
    base = "_".join(("_", *inputs))
    return pl.when(pl.col(f"{base}_known").sum() >= count).then(total)


def _known(key: str, inputs: Sequence[str]) -> pl.Expr:
    return pl.when(_all_known(inputs)).then(pl.col(key))


def _all_known(inputs: Sequence[str]) -> pl.Expr:
    return pl.all_horizontal([pl.col(name).is_not_null() for name in inputs])
