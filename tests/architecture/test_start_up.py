"""What the commonest commands must not load: each costs more than their work."""

from __future__ import annotations

import shlex
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


@pytest.mark.parametrize("form", ["--json", "--format=table"])
def test_a_chain_in_a_pipe_spares_what_it_does_not_need(tmp_path: Path, form: str) -> None:
    spared = ("scipy", "duckdb", "kiteconnect", "rich", "numpy.ma", "tomllib", "statistics",
              "alphastock_cli.domain.trading", "alphastock_cli.analytics.expression",
              "alphastock_cli.analytics.smile", "alphastock_cli.views.payoff")  # fmt: skip
    words = ["chain", "NIFTY", "--greeks", "--provider", "sim", form]
    # beyond the session nothing is under way, whenever the test runs
    words += ["--as-of", "2026-08-14T20:00", "--data-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(spared=spared), *words],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.stderr.strip().splitlines()[-1] == "LOADED 0 []", done.stderr


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


def test_what_waits_for_the_end_is_done_however_fast_the_end_is() -> None:
    code = (
        "import atexit, sys; atexit.register(print, 'the end'); sys.argv = ['alphastock', {!r}]\n"
        "from alphastock_cli.__main__ import entry\n"
        "entry()"
    )
    for word, exit_code in (("--version", 0), ("--nosuch", 2)):
        done = subprocess.run(
            [sys.executable, "-c", code.format(word)],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "the end"
        assert done.returncode == exit_code


def test_closed_streams_are_no_defect(tmp_path: Path) -> None:
    """Cron jobs close what they do not want to read."""
    words = [
        sys.executable,
        "-m",
        "alphastock_cli",
        "contract",
        "NIFTY",
        "--data-dir",
        str(tmp_path),
    ]
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = subprocess.run(
            f"{shlex.join(words)} {closed}", shell=True, capture_output=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
