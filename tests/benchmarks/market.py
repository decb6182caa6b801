"""An invented market of any size, stored through the lake as a load would."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from alphastock_cli.domain.frames import EQUITIES_DAY, conform
from alphastock_cli.exchange import calendar
from alphastock_cli.store.lake import Lake

LAST = date(2026, 11, 20)


def panel(*, symbols: int, sessions: int) -> pl.DataFrame:
    """Return `symbols` × `sessions` rows in the schema of `equities_day`, random walks on ticks."""
    first = LAST - timedelta(days=sessions * 365 // 240 + 30)
    days = calendar.sessions(calendar.Segment.EQUITY, first, LAST)[-sessions:]
    rng = np.random.default_rng(7)
    steps = rng.normal(0.0, 0.02, (symbols, sessions))
    close = np.round(rng.uniform(50, 3000, (symbols, 1)) * np.exp(np.cumsum(steps, 1)), 1) + 1.0
    opened = np.round(close * (1 + rng.normal(0, 0.005, close.shape)), 1)
    volume = rng.integers(10_000, 5_000_000, close.shape)
    frame = pl.DataFrame(
        {
            "symbol": np.repeat([f"SYM{i:04d}" for i in range(symbols)], sessions),
            "date": pl.Series(days * symbols, dtype=pl.Date),
            "previous_close": np.hstack([close[:, :1], close[:, :-1]]).ravel(),
            "open": opened.ravel(),
            "high": (np.maximum(close, opened) + 0.5).ravel(),
            "low": (np.minimum(close, opened) - 0.5).ravel(),
            "close": close.ravel(),
            "volume": volume.ravel(),
            "turnover": np.round(close * volume, 2).ravel(),
            "delivery_pct": np.round(rng.uniform(20, 80, close.size), 2),
        }
    )
    named = frame.with_columns(
        exchange=pl.lit("NSE"), series=pl.lit("EQ"), source=pl.lit("benchmark")
    )
    return conform(named, EQUITIES_DAY, what="benchmark")


def fill_lake(data_dir: Path, *, symbols: int, sessions: int) -> None:
    """Store the panel under `data_dir`."""
    Lake(data_dir / "lake", lock_wait=0.0).upsert(
        "equities_day", panel(symbols=symbols, sessions=sessions)
    )
