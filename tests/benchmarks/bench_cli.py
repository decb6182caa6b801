"""Start-up, a small data command, and the scan over the lake: whole processes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.market import fill_lake
from tests.benchmarks.timing import ALPHASTOCK, PYTHON, Row, processes, row

WHERE = "rsi < 30 and close > sma_200 and volume_ratio > 2"


def run() -> list[Row]:
    """Return the rows of the report."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        fill_lake(small, symbols=20, sessions=300)
        fill_lake(large, symbols=2000, sessions=2500)
        return [*_start_up(folder), *_small(small), *_chain(folder), *_scan(large)]


def _env(data: Path) -> dict[str, str]:
    return {"ALPHASTOCK_DATA_DIR": str(data), "NO_COLOR": "1"}


def _start_up(folder: str) -> list[Row]:
    took = processes(
        {
            "import typer": [PYTHON, "-c", "import typer"],
            "alphastock --version": [ALPHASTOCK, "--version"],
            "alphastock --help": [ALPHASTOCK, "--help"],
            "alphastock --nosuch (usage error)": [ALPHASTOCK, "--nosuch"],
        },
        repeats=15,
        env={"ALPHASTOCK_DATA_DIR": folder},
    )
    base = took.pop("import typer")
    return [row(n, s, base, must=1.6, against='python -c "import typer"') for n, s in took.items()]


def _small(data: Path) -> list[Row]:
    scan = [ALPHASTOCK, "scan", "equities", "--provider", "lake"]
    query = "select symbol, close from equities_day order by turnover desc limit 10"
    took = processes(
        {
            "imports": [PYTHON, "-c", "import polars, numpy"],
            "scan of 20 symbols, JSON": [*scan, "--json"],
            "scan of 20 symbols, table": scan,
            "sql over 6,000 rows": [ALPHASTOCK, "sql", query],
        },
        repeats=11,
        env=_env(data),
    )
    base = took.pop("imports")
    return [row(n, s, base, must=1.5, against="import polars, numpy") for n, s in took.items()]


def _chain(folder: str) -> list[Row]:
    chain = [ALPHASTOCK, "chain", "NIFTY", "--greeks", "--provider", "sim"]
    took = processes(
        {
            "imports": [PYTHON, "-c", "import polars, numpy"],
            "chain NIFTY --greeks, table": chain,
            "chain NIFTY --greeks, JSON": [*chain, "--json"],
        },
        repeats=11,
        env={"ALPHASTOCK_DATA_DIR": folder, "NO_COLOR": "1"},
    )
    base = took.pop("imports")
    return [row(n, s, base, must=1.5, against="import polars, numpy") for n, s in took.items()]


def _scan(data: Path) -> list[Row]:
    scan = [ALPHASTOCK, "scan", "equities", "--provider", "lake", "--top", "20"]
    scan += ["--where", WHERE, "--sort", "volume_ratio:desc", "--columns", "symbol,close,rsi"]
    files = str(data / "lake" / "equities_day" / "*.parquet")
    needed = ["date", "symbol", "series", "close", "volume"]
    read = f"import polars as pl; pl.scan_parquet({files!r}).select({needed!r}).collect()"
    took = processes(
        {
            "import polars": [PYTHON, "-c", "import polars"],
            "read the columns": [PYTHON, "-c", read],
            "default": [*scan, "--json"],
            "exact": [*scan, "--json", "--exact"],
        },
        repeats=9,
        env=_env(data),
    )
    default = ("scan, 2,000 symbols, default look-back", took["default"], took["import polars"])
    name = "scan, 2,000 symbols × 2,500 sessions, --exact"
    exact = (name, took["exact"], took["read the columns"])
    return [
        row(*default, must=2.5, against="import polars"),
        row(*exact, must=2.0, against="read the columns it needs, whole history"),
    ]
