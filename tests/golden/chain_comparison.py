"""Figures of docs/options-compared.md: our volatilities and Greeks beside those other people wrote.

Each function returns the lines of one table of that page, recomputed from the files. The other side
is read here from the files themselves, never through our readers.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from alphastock_cli.actions.fetch_chain import fetch_chain
from alphastock_cli.pricing import greeks, implied_vol
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

Floats = NDArray[np.float64]
Shift = Callable[[Floats], Floats]

NIFTY, SITE = "option_chain_20260819.parquet", "nse_option_chain_BANKNIFTY_2023-05.json.gz"
TODAY = {NIFTY: date(2026, 8, 19), SITE: date(2023, 5, 3)}
UNSOLVED = 0.1  # percent: what the collector writes where it found no volatility
GREEKS = {"delta": ("delta", 4), "gamma": ("gamma", 6), "theta": ("theta_per_day", 4),
          "vega": ("vega_per_pct", 4), "rho": ("rho_per_pct", 4)}  # fmt: skip
CLASSES = ("within 1 % of the forward", "out of the money", "in the money")
RATES = (0.0, 0.065, 0.07, 0.10)
SPREAD = ("median", "90 %", "99 %", "largest")
KEY = ("expiry", "strike", "option_type")
CHOICES = {
    "default": ChainOptions(every_expiry=True),
    "bsm": ChainOptions(every_expiry=True, model="bsm"),
    "nse": ChainOptions(every_expiry=True, model="bsm", rate=0.10, rate_source="nse"),
}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was written by others (`theirs`), and ours beside it (`both`, one frame a choice)."""

    theirs: pl.DataFrame
    both: Mapping[str, pl.DataFrame]


Both = tuple[Compared, Compared]  # NIFTY, BANKNIFTY


# -- reading --------------------------------------------------------------------------------------


def nifty(folder: Path, scratch: Path) -> Compared:
    """Return the collector's rows, and ours of every fifth minute beside them."""
    raw = pl.read_parquet(folder / NIFTY)
    theirs = raw.with_columns(
        time=pl.col("timestamp").str.to_datetime("%Y%m%d%H%M", time_unit="us", time_zone=str(IST)),
        expiry=pl.col("expiry").str.to_date("%d-%b-%Y"),
    )
    moments = theirs["time"].unique().sort()
    return _beside(folder / NIFTY, scratch, theirs, moments.gather_every(5), "NIFTY")


def site(folder: Path, scratch: Path) -> Compared:
    """Return the contracts of the exchange's page, and ours beside them."""
    records = json.loads(gzip.decompress((folder / SITE).read_bytes()))["records"]
    at = datetime(2023, 5, 3, 15, 30, tzinfo=IST)
    names = {"ltp": "lastPrice", "bid": "bidprice", "ask": "askPrice", "iv": "impliedVolatility",
             "volume": "totalTradedVolume", "spot": "underlyingValue"}  # fmt: skip
    rows = [
        {"time": at, "expiry": record["expiryDate"], "strike": float(record["strikePrice"]),
         "option_type": side, **{ours: float(record[side][name]) for ours, name in names.items()}}
        for record in records["data"] for side in ("CE", "PE") if side in record
    ]  # fmt: skip
    theirs = pl.DataFrame(rows).with_columns(
        pl.col("expiry").str.to_date("%d-%b-%Y"), pl.col("time").dt.convert_time_zone(str(IST))
    )
    return _beside(folder / SITE, scratch, theirs, [at], "BANKNIFTY")


def _beside(
    path: Path, scratch: Path, theirs: pl.DataFrame, moments: Iterable[datetime], name: str
) -> Compared:
    lake, clock = Lake(scratch / name), ManualClock(datetime(2026, 11, 20, 18, tzinfo=IST))
    fetch_chain(lake, clock, path)
    days = (pl.col("expiry") - pl.lit(TODAY[path.name])).dt.total_days()
    theirs = theirs.with_columns(days=days.cast(pl.Float64))
    made: dict[str, list[pl.DataFrame]] = {choice: [] for choice in CHOICES}
    for at in moments:
        source = LakeProvider(lake, clock, as_of=at)
        for choice, options in CHOICES.items():
            runner = OptionsRunner(source, clock=clock, symbols=(name,), options=options)
            facts = runner.run_once()[name].facts
            chains = [held["chain"] for held in facts["by_expiry"].values()]
            made[choice] += [chain.with_columns(time=pl.lit(at)) for chain in chains]
    both = {
        choice: theirs.join(pl.concat(frames), on=["time", *KEY], suffix="_ours", how="inner")
        for choice, frames in made.items()
    }
    return Compared(theirs=theirs, both=both)


# -- the other side's way -------------------------------------------------------------------------


def column(rows: pl.DataFrame, name: str) -> Floats:
    held: Floats = rows[name].to_numpy().astype(np.float64)
    return held


def calls(rows: pl.DataFrame) -> NDArray[np.bool_]:
    return (rows["option_type"] == "CE").to_numpy()


def vol_by(rows: pl.DataFrame, spot: Floats, rate: float, days: Floats, price: str) -> Floats:
    """Return volatilities in percent: Black-Scholes on a spot, so many days of 365."""
    years = days / 365.0
    found = implied_vol(
        column(rows, price), spot * np.exp(rate * years), column(rows, "strike"), years,
        rate=rate, is_call=calls(rows),
    )  # fmt: skip
    return np.asarray(found, dtype=np.float64) * 100


def greeks_by(rows: pl.DataFrame, spot: Floats, rate: float, days: Floats) -> Any:
    """Return Greeks at the recorded volatility, Black-Scholes on a spot."""
    return greeks(spot, column(rows, "strike"), days / 365.0, column(rows, "iv") / 100,
                  rate=rate, is_call=calls(rows), model="bsm")  # fmt: skip


def page_spots(rows: pl.DataFrame) -> Floats:
    """Return the spot on which each snapshot and expiry has its Greeks, by its deltas.

    Delta is inverted at the recorded volatility, and of the ticks of 5 paise about the median the
    one is taken whose vegas come nearest.
    """
    strike, vol, years = (
        column(rows, "strike"),
        column(rows, "iv") / 100,
        column(rows, "days") / 365,
    )
    delta = column(rows, "delta")
    d1 = norm.ppf(np.where(calls(rows), delta, delta + 1.0))
    spot = strike * np.exp(d1 * vol * np.sqrt(years) - (0.065 + vol**2 / 2) * years)
    usable = (pl.col("iv") != UNSOLVED) & pl.col("delta").abs().is_between(0.2, 0.8)
    group = ("time", "expiry")
    rough = rows.with_columns(s=pl.when(usable).then(pl.Series(spot))).select(
        pl.col("s").median().over(group)
    )
    base = np.round(column(rough, "s") * 20) / 20
    misses = {
        str(step): np.abs(
            greeks_by(rows, base + step * 0.05, 0.065, column(rows, "days")).vega_per_pct
            - column(rows, "vega")
        )
        for step in (-2, -1, 0, 1, 2)
    }
    summed = rows.select(group).with_columns(**misses).select(
        pl.col(name).sum().over(group).alias(name) for name in misses
    )  # fmt: skip
    best = summed.to_numpy().argmin(axis=1) - 2
    made: Floats = base + best * 0.05
    return made


# -- words and numbers ----------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of the page."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def figure(value: float) -> str:
    """Return a number to two significant digits, never as a power of ten."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else "–"
    digits = max(0, 1 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{digits}f}"


def spread(off: Floats) -> list[str]:
    """Return median, 90 %, 99 % and maximum of absolute differences."""
    held = np.abs(off[np.isfinite(off)])
    return [figure(float(np.percentile(held, at))) for at in (50, 90, 99, 100)]


def off_vol(rows: pl.DataFrame) -> Floats:
    return column(rows, "iv_ours") * 100 - column(rows, "iv")


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %"


def classed(both: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Return the rows of each class of moneyness, all of them last."""
    k = pl.col("log_moneyness") * pl.when(pl.col("option_type") == "CE").then(1).otherwise(-1)
    near = k.abs() <= np.log(1.01)
    masks = (near, ~near & (k > 0), ~near & (k < 0))
    found = [(name, both.filter(mask)) for name, mask in zip(CLASSES, masks, strict=True)]
    return [*found, ("all", both)]


def minutes_more(minutes: float) -> Shift:
    return lambda days: days + minutes / 1440.0


def until(moments: pl.Series, hour: int, minute: int) -> Shift:
    """Return the days to a time of the last day, to the second, from the moment of each row."""
    ends = pl.select(pl.lit(timedelta(hours=hour, minutes=minute))).item()
    part = np.array([
        (ends - timedelta(hours=at.hour, minutes=at.minute)) / timedelta(days=1) for at in moments
    ])  # fmt: skip
    return lambda days: days + part
