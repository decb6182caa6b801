"""Run the benchmarks and print ratios (`make bench`); docs/performance.md keeps results."""

from __future__ import annotations

import argparse
import compileall
import importlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import alphastock_cli

SUITES = ("cli", "lake", "masters", "indicators", "options", "ticker")


def main() -> None:
    """Run the suites asked for, print one Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    chosen = parser.parse_args().suites or list(SUITES)
    # an installed package has its bytecode beside it; a checkout may have none, or an old one
    compileall.compile_dir(str(Path(alphastock_cli.__file__).parent), quiet=1)
    packages = ", ".join(f"{name} {version(name)}" for name in ("polars", "numpy", "typer"))
    print(f"Python {platform.python_version()}, {packages}, {os.cpu_count()} cores\n")
    print("| work | ours | reference | ratio | must | against |\n|---|---|---|---|---|---|")
    for suite in chosen:
        if suite not in SUITES:
            sys.exit(f"no suite {suite!r}; known: {', '.join(SUITES)}")
        for row in importlib.import_module(f"tests.benchmarks.bench_{suite}").run():
            cells = [row["name"], *map(_figure, (row["ours_s"], row["reference_s"], row["ratio"]))]
            print(f"| {' | '.join(cells)} | {row['must']} | {row['note']} |", flush=True)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    main()
