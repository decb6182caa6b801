"""Indicator columns over 2,000 symbols × 2,500 sessions, frame in and frame out.

Eight of the default ones against all rivals; those of the library that TA-Lib has against its loop.

Rivals run on the same rows in the same sitting: a TA-Lib loop here, polars_ta and polars_talib in
their own environment where `make bench-rivals` built one, and plain Polars windows.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
import talib

from alphastock_cli.analytics import indicators
from tests.benchmarks.market import panel
from tests.benchmarks.rivals import elsewhere
from tests.benchmarks.timing import Row, call, row

_WISH = "ambition <= 1.0"
SYMBOLS, SESSIONS, REPEATS = 2000, 2500, 7
NAMES = ["rsi", "ema_9", "ema_21", "sma_50", "bollinger_upper", "sma_20", "bollinger_lower", "atr"]
# of the library, what TA-Lib has too, and how to call it with high, low, close, volume
LIBRARY: dict[tuple[str, ...], Callable[..., Any]] = {
    ("macd", "macd_signal", "macd_histogram"): lambda _h, _l, c, _v: talib.MACD(c, 12, 26, 9),
    ("adx",): lambda h, low, c, _v: talib.ADX(h, low, c, 14),
    ("plus_di",): lambda h, low, c, _v: talib.PLUS_DI(h, low, c, 14),
    ("minus_di",): lambda h, low, c, _v: talib.MINUS_DI(h, low, c, 14),
    ("stochastic_k", "stochastic_d"): lambda h, low, c, _v: talib.STOCH(
        h, low, c, 14, 3, slowd_period=3
    ),
    ("cci",): lambda h, low, c, _v: talib.CCI(h, low, c, 20),
    ("obv",): lambda _h, _l, c, v: talib.OBV(c, v),
    ("mfi",): lambda h, low, c, v: talib.MFI(h, low, c, v, 14),
}
SCANNED = ["supertrend_direction", "adx", "relative_strength"]
RIVAL = Path(".venv-bench/polars/bin/python")
# what a rival's process does with the rows; it prints the median seconds for symbols as text, which
# is the very input of ours, and for an Enum made beforehand, which no reader returns
SCRIPT = """
import json, statistics, sys, time
import polars as pl
from {module} import {names}
text = pl.read_parquet(sys.argv[1])
keyed = text.with_columns(pl.col("symbol").cast(pl.Enum(json.loads(sys.argv[2]))))
close, high, low = pl.col("close"), pl.col("high"), pl.col("low")
columns = [{columns}]
made = [column.over("symbol").alias(str(number)) for number, column in enumerate(columns)]
seconds = []
for frame in (text, keyed):
    took = []
    for turn in range({repeats} + 1):
        began = time.perf_counter()
        frame.with_columns(made).unnest("4")
        took.append(time.perf_counter() - began)
    seconds.append(statistics.median(took[1:]))
print(json.dumps(seconds))
"""
RIVALS = {
    "polars_ta": (
        "polars_ta.ta",
        "RSI, EMA, SMA, BBANDS, ATR",
        """RSI(close, 14), EMA(close, 9), EMA(close, 21), SMA(close, 50),
        BBANDS(close, 20, 2, 2), ATR(high, low, close, 14)""",
    ),
    "polars_talib": (
        "polars_talib",
        "rsi, ema, sma, bbands, atr",
        """rsi(close, 14), ema(close, 9), ema(close, 21), sma(close, 50),
        bbands(close, 20, 2.0, 2.0), atr(high, low, close, 14)""",
    ),
}

# vectorbt takes wide arrays, days by symbols; turning the rows into them is not counted against it
VECTORBT = Path(".venv-bench/vectorbt/bin/python")
VECTORBT_SCRIPT = """
import json, statistics, sys, time
import pandas as pd, vectorbt as vbt
rows = pd.read_parquet(sys.argv[1], columns=["symbol", "date", "high", "low", "close"])
wide = rows.pivot(index="date", columns="symbol")
high, low, close = wide["high"], wide["low"], wide["close"]
took = []
for turn in range(4):
    began = time.perf_counter()
    made = [
        vbt.RSI.run(close, window=14).rsi, vbt.MA.run(close, window=9, ewm=True).ma,
        vbt.MA.run(close, window=21, ewm=True).ma, vbt.MA.run(close, window=50).ma,
        vbt.BBANDS.run(close, window=20, alpha=2).upper,
        vbt.ATR.run(high, low, close, window=14).atr,
    ]
    took.append(time.perf_counter() - began)
print(json.dumps([statistics.median(took[1:])]))
"""


def run() -> list[Row]:
    """Return the rows of the report; the ratio is ours over the rival's."""
    frame = panel(symbols=SYMBOLS, sessions=SESSIONS).select(
        "symbol", "date", "open", "high", "low", "close", "volume"
    )
    keyed = frame.with_columns(pl.col("symbol").cast(pl.Enum(frame["symbol"].unique().sort())))
    took = _in_turn(
        {
            "ours": lambda: indicators.panel(frame, NAMES),
            "loop": lambda: talib_loop(frame),
            "windows": lambda: polars_windows(keyed),
        }
    )
    name, ours = f"8 indicators, {SYMBOLS:,} × {SESSIONS:,}", took["ours"]
    loop = row(name, ours, took["loop"], must=1.0, against="TA-Lib, a loop over symbols")
    return [
        row(name, ours, took["windows"], must=0.5, against="Polars windows over an Enum key"),
        *_rivals(name, frame),
        {**loop, "must": _WISH},
        *_last(frame),
        *_library(frame),
    ]


def _in_turn(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median seconds of each, run in turn: a busy minute hurts every side alike."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(REPEATS + 1):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in seconds.items()}


def talib_loop(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the eight columns by TA-Lib, one symbol after the other."""
    high, low, close = (frame[name].to_numpy() for name in ("high", "low", "close"))
    made = {name: np.empty(close.size) for name in NAMES}
    for start in range(0, close.size, SESSIONS):
        part = slice(start, start + SESSIONS)
        made["rsi"][part] = talib.RSI(close[part], 14)
        made["ema_9"][part] = talib.EMA(close[part], 9)
        made["ema_21"][part] = talib.EMA(close[part], 21)
        made["sma_50"][part] = talib.SMA(close[part], 50)
        upper, middle, lower = talib.BBANDS(close[part], 20, 2.0, 2.0)
        made["bollinger_upper"][part] = upper
        made["sma_20"][part] = middle
        made["bollinger_lower"][part] = lower
        made["atr"][part] = talib.ATR(high[part], low[part], close[part], 14)
    return frame.with_columns(pl.Series(n, v) for n, v in made.items()).with_columns(
        pl.col(NAMES).fill_nan(None)
    )


def polars_windows(keyed: pl.DataFrame) -> pl.DataFrame:
    """Return about the same columns the way tutorials write them (seeds differ from TA-Lib's)."""
    close, high, low = pl.col("close"), pl.col("high"), pl.col("low")
    move, prior = close.diff(), close.shift(1)
    up = move.clip(lower_bound=0.0).ewm_mean(alpha=1 / 14, adjust=False)
    down = (-move).clip(lower_bound=0.0).ewm_mean(alpha=1 / 14, adjust=False)
    middle, spread = close.rolling_mean(20), close.rolling_std(20, ddof=0)
    ranges = pl.max_horizontal(high - low, (high - prior).abs(), (low - prior).abs())
    made = {
        "rsi": 100 * up / (up + down),
        "ema_9": close.ewm_mean(span=9, adjust=False),
        "ema_21": close.ewm_mean(span=21, adjust=False),
        "sma_50": close.rolling_mean(50),
        "bollinger_upper": middle + 2 * spread,
        "sma_20": middle,
        "bollinger_lower": middle - 2 * spread,
        "atr": ranges.ewm_mean(alpha=1 / 14, adjust=False),
    }
    return keyed.with_columns(x.over("symbol").alias(name) for name, x in made.items())


def _rivals(name: str, frame: pl.DataFrame) -> list[Row]:
    """Time the rivals that are installed in their own environment; say so where one is not.

    Ours is timed before and after each, in the same minute.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panel.parquet"
        frame.write_parquet(file)
        symbols = json.dumps(frame["symbol"].unique().sort().to_list())
        for rival, (module, names, columns) in RIVALS.items():
            script = SCRIPT.format(module=module, names=names, columns=columns, repeats=REPEATS)
            before = call(lambda: indicators.panel(frame, NAMES), repeats=REPEATS)
            seconds = _elsewhere([script, str(file), symbols])
            after = call(lambda: indicators.panel(frame, NAMES), repeats=REPEATS)
            ours = (before + after) / 2
            if seconds is None:
                note = f"{rival}: not installed (`make bench-rivals`)"
                found.append({"name": name, "ours_s": ours, "reference_s": None, "ratio": None,
                              "must": "<= 0.5", "note": note})  # fmt: skip
                continue
            for value, key in zip(seconds, ("text", "an Enum made beforehand"), strict=True):
                found.append(row(name, ours, value, must=0.5, against=f"{rival}, symbols as {key}"))
        ours = call(lambda: indicators.panel(frame, NAMES), repeats=REPEATS)
        seconds = _elsewhere([VECTORBT_SCRIPT, str(file)], VECTORBT)
        against = "vectorbt, native, wide arrays (its seeds differ)"
        if seconds is None:
            note = "vectorbt: not installed (`make bench-rivals`)"
            found.append({"name": name, "ours_s": ours, "reference_s": None, "ratio": None,
                          "must": "", "note": note})  # fmt: skip
        else:
            found.append({**row(name, ours, seconds[0], must=1.0, against=against), "must": ""})
    return found


def _elsewhere(words: list[str], python: Path = RIVAL) -> list[float] | None:
    found: list[float] | None = elsewhere(python, ["-c", *words])
    return found


def _last(frame: pl.DataFrame) -> list[Row]:
    """Time all last values of the default look-back against making every value of the panel."""
    names = list(indicators.INDICATORS)
    tail = frame.group_by("symbol", maintain_order=True).tail(indicators.lookback(names))
    took = _in_turn(
        {
            "last": lambda: indicators.latest(tail, names),
            "panel": lambda: indicators.panel(tail, names),
        }
    )
    name = f"all {len(names)} last values, {SYMBOLS:,} × {tail.height // SYMBOLS}"
    against = "our own panel of the same rows"
    return [row(name, took["last"], took["panel"], must=1.0, against=against)]


def _library(frame: pl.DataFrame) -> list[Row]:
    """Time the library: what TA-Lib has against its loop, all of it, and what a scan asks for."""
    names = [name for key in LIBRARY for name in key]
    rival = _in_turn(
        {"ours": lambda: indicators.panel(frame, names), "loop": lambda: library_loop(frame)}
    )
    size = f"{SYMBOLS:,} × {SESSIONS:,}"
    index = frame.filter(symbol=frame["symbol"][0]).select("date", index_close="close")
    beside = frame.join(index, on="date", how="left", maintain_order="left")
    beside = beside.with_columns(session=pl.col("date"))
    more = [name for name in indicators.LIBRARY if name != "vwap"]  # a session's, not a day's
    whole = call(lambda: indicators.panel(beside, more), repeats=3)
    back = indicators.lookback(SCANNED)
    tail = beside.group_by("symbol", maintain_order=True).tail(back)
    took = _in_turn(
        {
            "asked": lambda: indicators.latest(tail, SCANNED),
            "default": lambda: indicators.latest(tail, list(indicators.INDICATORS)),
        }
    )
    against = "TA-Lib, a loop over symbols"
    return [
        {**row(f"{len(names)} of the library, {size}", rival["ours"], rival["loop"], must=1.0,
               against=against), "must": _WISH},
        {"name": f"all {len(more)} of the library, {size}", "ours_s": whole,
         "reference_s": None, "ratio": None, "must": "", "note": "no rival has them all"},
        row(f"last values of {', '.join(SCANNED)}, {SYMBOLS:,} × {back}", took["asked"],
            took["default"], must=2.0, against="all 18 default columns of the same rows"),
    ]  # fmt: skip


def library_loop(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what TA-Lib has of the library, one symbol after the other."""
    bars = [frame[name].cast(pl.Float64).to_numpy() for name in ("high", "low", "close", "volume")]
    made = {name: np.empty(frame.height) for key in LIBRARY for name in key}
    for start in range(0, frame.height, SESSIONS):
        part = slice(start, start + SESSIONS)
        for key, work in LIBRARY.items():
            found = work(*(x[part] for x in bars))
            for name, x in zip(key, found if len(key) > 1 else (found,), strict=True):
                made[name][part] = x
    return frame.with_columns(pl.Series(n, v) for n, v in made.items()).with_columns(
        pl.col(list(made)).fill_nan(None)
    )
