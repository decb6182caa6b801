"""The library's columns as loops in plain Python over one history: the second route to each."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable

from tests.unit.library_makers import A_SESSION, history

ROWS = history("A", 330, seed=11)
BARS = ROWS.to_dicts()
Column = list[float | None]


def true_ranges() -> list[float]:
    """Return the true range of each bar but the first."""
    pairs = itertools.pairwise(BARS)
    return [
        max(b["high"] - b["low"], abs(b["high"] - a["close"]), abs(b["low"] - a["close"]))
        for a, b in pairs
    ]


def atr(span: int) -> Column:
    ranges = true_ranges()
    value = sum(ranges[:span]) / span
    found: Column = [None] * span + [value]
    for one in ranges[span:]:
        value = (value * (span - 1) + one) / span
        found.append(value)
    return found


def ema(values: list[float], span: int, first: int = 0) -> Column:
    value = sum(values[first : first + span]) / span
    found: Column = [None] * (first + span - 1) + [value]
    for one in values[first + span :]:
        value += (one - value) * 2 / (span + 1)
        found.append(value)
    return found


def supertrend() -> dict[str, Column]:
    lines: Column = []
    sides: Column = []
    top = floor = 0.0
    up: bool | None = None
    for n, (bar, reach) in enumerate(zip(BARS, atr(10), strict=True)):
        if reach is None:
            lines.append(None)
            sides.append(None)
            continue
        middle, before = (bar["high"] + bar["low"]) / 2, BARS[n - 1]["close"]
        high, low = middle + 3 * reach, middle - 3 * reach
        if up is None:
            top, floor, up = high, low, False
        else:
            top = high if high < top or before > top else top
            floor = low if low > floor or before < floor else floor
            up = bar["close"] >= floor if up else bar["close"] > top
        lines.append(floor if up else top)
        sides.append(1.0 if up else -1.0)
    return {"supertrend": lines, "supertrend_direction": sides}


def macd() -> dict[str, Column]:
    closes = [bar["close"] for bar in BARS]
    fast, slow = ema(closes, 12, first=14), ema(closes, 26)
    line = [a - b for a, b in zip(fast[25:], slow[25:], strict=True) if a and b]
    signal: Column = [None] * 25
    signal += ema(line, 9)
    whole: Column = [None if s is None else line[n - 25] for n, s in enumerate(signal)]
    gap: Column = [
        None if a is None or s is None else a - s for a, s in zip(whole, signal, strict=True)
    ]
    return {"macd": whole, "macd_signal": signal, "macd_histogram": gap}


def directional() -> dict[str, Column]:
    """Return Wilder's lines, with sums kept as he keeps them."""
    plus = minus = spread = 0.0
    ups: Column = [None] * 14
    downs: Column = [None] * 14
    index: list[float] = []
    for n, (a, b, one) in enumerate(zip(BARS, BARS[1:], true_ranges(), strict=False), 1):
        rise, fall = b["high"] - a["high"], a["low"] - b["low"]
        kept = 1.0 if n < 14 else 13 / 14
        plus = plus * kept + (rise if rise > max(fall, 0.0) else 0.0)
        minus = minus * kept + (fall if fall > max(rise, 0.0) else 0.0)
        spread = spread * kept + one
        if n >= 14:
            ups.append(100 * plus / spread)
            downs.append(100 * minus / spread)
            index.append(100 * abs(plus - minus) / (plus + minus))
    value = sum(index[:14]) / 14
    line: Column = [None] * 27 + [value]
    for one in index[14:]:
        value = (13 * value + one) / 14
        line.append(value)
    return {"adx": line, "plus_di": ups, "minus_di": downs}


def heikin_ashi() -> dict[str, Column]:
    found: dict[str, Column] = {name: [] for name in ("ha_open", "ha_high", "ha_low", "ha_close")}
    first = (BARS[0]["open"] + BARS[0]["close"]) / 2
    for bar in BARS:
        close = (bar["open"] + bar["high"] + bar["low"] + bar["close"]) / 4
        values = (first, max(bar["high"], first, close), min(bar["low"], first, close), close)
        for column, value in zip(found.values(), values, strict=True):
            column.append(value)
        first = (first + close) / 2
    return found


def windowed(span: int, make: Callable[[list[dict[str, float]]], float | None]) -> Column:
    return [None if n + 1 < span else make(BARS[n + 1 - span : n + 1]) for n in range(len(BARS))]


def middle(bars: list[dict[str, float]]) -> float:
    return (max(b["high"] for b in bars) + min(b["low"] for b in bars)) / 2


def ichimoku() -> dict[str, Column]:
    lines = {span: windowed(span, middle) for span in (9, 26, 52)}
    ahead: Column = [
        None if a is None or b is None else (a + b) / 2
        for a, b in zip(lines[9], lines[26], strict=True)
    ]
    return {
        "tenkan": lines[9],
        "kijun": lines[26],
        "senkou_a": ([None] * 26 + ahead)[: len(BARS)],
        "senkou_b": ([None] * 26 + lines[52])[: len(BARS)],
    }


def typical(bar: dict[str, float]) -> float:
    return (bar["high"] + bar["low"] + bar["close"]) / 3


def vwap(bars: list[dict[str, float]]) -> float | None:
    traded = sum(b["volume"] for b in bars)
    return sum(typical(b) * b["volume"] for b in bars) / traded if traded else None


def logs(bars: list[dict[str, float]], name: str) -> list[float]:
    return [math.log(b[name] / a[name]) for a, b in itertools.pairwise(bars)]


def beta(bars: list[dict[str, float]]) -> float:
    mine, its = logs(bars, "close"), logs(bars, "index_close")
    return statistics.covariance(mine, its) / statistics.variance(its)


def cci(bars: list[dict[str, float]]) -> float:
    prices = [typical(b) for b in bars]
    mean = statistics.fmean(prices)
    off = statistics.fmean(abs(p - mean) for p in prices)
    return (prices[-1] - mean) / (0.015 * off)


def mfi(bars: list[dict[str, float]]) -> float:
    up = down = 0.0
    for a, b in itertools.pairwise(bars):
        flow = typical(b) * b["volume"]
        up += flow if typical(b) > typical(a) else 0.0
        down += flow if typical(b) < typical(a) else 0.0
    return 100 * up / (up + down)


def zscore(bars: list[dict[str, float]]) -> float:
    closes = [b["close"] for b in bars]
    return (closes[-1] - statistics.fmean(closes)) / statistics.pstdev(closes)


def keltner(sign: float) -> Column:
    lines = zip(ema([bar["close"] for bar in BARS], 20), atr(10), strict=True)
    return [None if m is None or r is None else m + sign * 2 * r for m, r in lines]


def obv() -> Column:
    total = BARS[0]["volume"]
    found: Column = [total]
    for a, b in itertools.pairwise(BARS):
        total += b["volume"] * ((b["close"] > a["close"]) - (b["close"] < a["close"]))
        found.append(total)
    return found


def session_vwap() -> Column:
    return [vwap(BARS[n - n % A_SESSION : n + 1]) for n in range(len(BARS))]


LOOPS: dict[str, Callable[[], dict[str, Column]]] = {
    "supertrend": supertrend,
    "macd": macd,
    "directional": directional,
    "heikin-ashi": heikin_ashi,
    "ichimoku": ichimoku,
    "keltner": lambda: {"keltner_upper": keltner(1.0), "keltner_lower": keltner(-1.0)},
    "donchian": lambda: {
        "donchian_upper": windowed(21, lambda bars: max(b["high"] for b in bars[:-1])),
        "donchian_lower": windowed(21, lambda bars: min(b["low"] for b in bars[:-1])),
    },
    "vwap": lambda: {"vwap": session_vwap(), "vwap_20": windowed(20, vwap)},
    "windows": lambda: {
        "cci": windowed(20, cci),
        "mfi": windowed(15, mfi),
        "zscore_20": windowed(20, zscore),
        "beta_250": windowed(251, beta),
        "relative_strength": windowed(
            61, lambda bars: 100 * (sum(logs(bars, "close")) - sum(logs(bars, "index_close")))
        ),
    },
    "obv": lambda: {"obv": obv()},
}
