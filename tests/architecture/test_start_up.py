"""What the commonest commands must not load: each costs more than their work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.market import fill_lake

ROOT = Path(__file__).resolve().parents[2]
SPARED = ("numpy", "scipy", "duckdb", "kiteconnect", "rich", "secrets", "tomllib", "statistics",
          "alphastock_cli.domain.trading", "alphastock_cli.config.imported",
          "alphastock_cli.exchange.contracts")  # fmt: skip
PROBE = """
import sys
from alphastock_cli.cli.app import main
code = main(sys.argv[1:])
print("LOADED", code, [m for m in {spared!r} if m in sys.modules], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    fill_lake(folder, symbols=3, sessions=260)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("scan", "equities", "--provider", "lake", "--json"),
        ("scan", "equities", "--provider", "lake", "--json", "--where", "rsi < 90"),
        ("sql", "select symbol, close from equities_day", "--json"),
    ],
)
def test_a_question_to_the_lake_spares_what_it_does_not_need(
    data: Path, words: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(spared=SPARED), *words, "--data-dir", str(data)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.stderr.strip().splitlines()[-1] == "LOADED 0 []", done.stderr
