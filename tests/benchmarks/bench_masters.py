"""A master of a million instruments: the whole command, against plain Polars copying the file.

A real one of every exchange has 100,000 to 200,000 rows; a million is the day nobody planned for.
Both sides are processes of their own, so that the peak of their memory is theirs alone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import polars as pl

from tests.benchmarks.timing import ALPHASTOCK, PYTHON, Row

REPEATS = 3
DAY, EXPIRIES = "2026-08-18", ("2026-08-25", "2026-09-29", "2026-10-27", "2026-12-29")
_COPY = """
import sys
import polars as pl
rows = pl.read_csv(sys.argv[1], try_parse_dates=True)
rows.write_parquet(sys.argv[2], compression="zstd", compression_level=1)
"""
# started by a small process: the peak a system reports of a child begins with its parent's
_MEASURE = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([time.perf_counter() - began, usage.ru_maxrss / 1024]))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(*, rows: int = 1_000_000) -> list[Row]:
    """Return the rows of the report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / f"instruments_{DAY}.csv"
        master(rows).write_csv(file)
        sides: dict[str, list[tuple[float, float]]] = {"ours": [], "again": [], "reference": []}
        for turn in range(REPEATS):
            load = [ALPHASTOCK, "--data-dir", str(folder / f"lake{turn}"), "fetch", "instruments",
                    "--from-file", str(file), "--quiet", "--json"]  # fmt: skip
            for side in ("ours", "again"):
                sides[side].append(measured(load))
            copy = [PYTHON, "-c", _COPY, str(file), str(folder / "copy.parquet")]
            sides["reference"].append(measured(copy))
    seconds = {side: median(s for s, _ in runs) for side, runs in sides.items()}
    peak = {side: max(mb for _, mb in runs) for side, runs in sides.items()}
    size = f"master of {rows:,} rows"
    return [
        _row(f"{size}, first load", seconds["ours"], seconds["reference"]),
        _row(f"{size}, nothing to change", seconds["again"], seconds["reference"]),
        _row(f"{size}, peak memory in GB", peak["ours"] / 1024, peak["reference"] / 1024),
        _row(f"{size}, nothing to change, peak in GB", peak["again"] / 1024,
             peak["reference"] / 1024),
    ]  # fmt: skip


def _row(name: str, ours: float, reference: float) -> Row:
    """Return one line; no bound is set, the figures are to be watched."""
    return {
        "name": name, "ours_s": ours, "reference_s": reference, "ratio": ours / reference,
        "must": "–", "note": "plain Polars: read the CSV, write Parquet",
    }  # fmt: skip


def master(rows: int) -> pl.DataFrame:
    """Return invented options in the form of Kite's list: 250 underlyings, both kinds."""
    number = pl.int_range(1, rows + 1)
    step = pl.col("instrument_token") // 2000
    return pl.select(
        number.alias("instrument_token"), exchange_token=number,
    ).with_columns(
        name=pl.format("SHARE{}", pl.col("instrument_token") % 250),
        last_price=pl.lit(0.0),
        expiry=pl.col("instrument_token").floordiv(500).mod(4).replace_strict(
            dict(enumerate(EXPIRIES)), return_dtype=pl.String
        ),
        strike=(step * 50 + 1000).cast(pl.Float64), tick_size=pl.lit(0.05), lot_size=pl.lit(65),
        instrument_type=pl.when(pl.col("instrument_token").floordiv(250).mod(2) == 0)
        .then(pl.lit("CE")).otherwise(pl.lit("PE")),
        segment=pl.lit("NFO-OPT"), exchange=pl.lit("NFO"),
    ).select(
        "instrument_token", "exchange_token",
        pl.format("{}{}{}{}", "name", pl.col("expiry").str.replace_all("-", ""),
                  pl.col("strike").cast(pl.Int64), "instrument_type").alias("tradingsymbol"),
        "name", "last_price", "expiry", "strike", "tick_size", "lot_size", "instrument_type",
        "segment", "exchange",
    )  # fmt: skip


def measured(command: Sequence[str]) -> tuple[float, float]:
    """Return the wall seconds of a process and the most memory it had, in megabytes."""
    done = subprocess.run(
        [PYTHON, "-c", _MEASURE, *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-500:]}")
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes
