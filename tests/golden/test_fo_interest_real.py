"""PCR, max pain and the extremes of open interest of 2021-03-18: every expiry of the indices.

The other side is the csv module and plain Python; prices, chains and frames of ours take no part.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.cli.app import main
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

FILE = "fo18MAR2021bhav.csv.zip"
EXPIRIES = {"NIFTY": 20, "BANKNIFTY": 12}  # that had not ended at the close


class Printed(NamedTuple):
    strike: Fraction
    held: int
    change: int
    contracts: int


Side = list[Printed]


@pytest.fixture(scope="module")
def printed(shared_data: Path) -> dict[tuple[str, date], dict[str, Side]]:
    path = shared_data / "nse_fo_bhavcopy_old" / FILE
    if not path.is_file():
        pytest.skip("no F&O bhavcopy")
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    found: dict[tuple[str, date], dict[str, Side]] = defaultdict(lambda: {"CE": [], "PE": []})
    for row in csv.DictReader(io.StringIO(text)):
        if row["INSTRUMENT"] == "OPTIDX" and row["SYMBOL"] in EXPIRIES:
            day = datetime.strptime(row["EXPIRY_DT"], "%d-%b-%Y").date()  # noqa: DTZ007 - a date
            found[row["SYMBOL"], day][row["OPTION_TYP"]].append(
                Printed(Fraction(row["STRIKE_PR"]), int(row["OPEN_INT"]), int(row["CHG_IN_OI"]),
                        int(row["CONTRACTS"]))
            )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def data_dir(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fo")
    shutil.copy(shared_data / "nse_fo_bhavcopy_old" / FILE, folder)
    made = tmp_path_factory.mktemp("data")
    fetch_eod(NseFiles(), Lake(made / "lake"), folder)
    return made


def expected(sides: dict[str, Side]) -> dict[str, Any]:
    """Return ratios, max pain and extremes, in exact arithmetic."""
    held = {side: sum(row.held for row in rows) for side, rows in sides.items()}
    traded = {side: sum(row.contracts for row in rows) for side, rows in sides.items()}
    made: dict[str, Any] = {
        "put_call_ratio_oi": _ratio(held["PE"], held["CE"]),
        "put_call_ratio_volume": _ratio(traded["PE"], traded["CE"]),
        "open_interest_ce": held["CE"], "open_interest_pe": held["PE"],
    }  # fmt: skip
    pain = {at: _paid(sides, at) for at in {row.strike for rows in sides.values() for row in rows}}
    least = min(pain, key=lambda at: (pain[at], at))
    made["max_pain"] = float(least) if held["CE"] + held["PE"] else None
    for side, rows in sides.items():
        for word, figures in (
            ("top_oi_strike", {row.strike: row.held for row in rows}),
            ("top_oi_gain_strike", {row.strike: row.change for row in rows}),
        ):
            most = max(figures.values())
            at = min(strike for strike, figure in figures.items() if figure == most)
            made[f"{word}_{side.lower()}"] = float(at) if most > 0 else None
    return made


def _paid(sides: dict[str, Side], at: Fraction) -> Fraction:
    """Return what the writers of all contracts pay where the underlying ends at a price."""
    calls = (row.held * max(at - row.strike, Fraction()) for row in sides["CE"])
    puts = (row.held * max(row.strike - at, Fraction()) for row in sides["PE"])
    return sum(calls, Fraction()) + sum(puts, Fraction())


def _ratio(put: int, call: int) -> float | None:
    return float(Fraction(put, call)) if call else None


def differing(facts: dict[str, Any], want: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name, value in want.items():
        same = facts[name] == (value if value is None else pytest.approx(value, rel=1e-15))
        if not same:
            yield name, facts[name], value


@pytest.mark.parametrize("symbol", EXPIRIES)
def test_every_expiry_adds_up(
    symbol: str, printed: dict[tuple[str, date], dict[str, Side]], data_dir: Path
) -> None:
    clock = ManualClock(datetime(2021, 3, 18, 18, tzinfo=IST))
    runner = OptionsRunner(
        LakeProvider(Lake(data_dir / "lake"), clock), clock=clock, symbols=(symbol,),
        options=ChainOptions(every_expiry=True),
    )  # fmt: skip
    made = runner.run_once()[symbol].facts["by_expiry"]
    days = [day for name, day in printed if name == symbol and day > date(2021, 3, 18)]
    assert sorted(made) == sorted(days)
    assert len(days) == EXPIRIES[symbol]
    held = {day: expected(printed[symbol, day]) for day in days}
    off = {day: list(differing(made[day], held[day])) for day in days}
    assert not any(off.values()), off


@pytest.mark.parametrize("symbol", EXPIRIES)
def test_the_command_says_the_same(
    symbol: str,
    printed: dict[tuple[str, date], dict[str, Side]],
    data_dir: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    day = min(day for name, day in printed if name == symbol and day > date(2021, 3, 18))
    capfd.readouterr()
    code = main(["chain", symbol, "--provider", "lake", "--on", "2021-03-18", "--data-dir",
                 str(data_dir), "--json"])  # fmt: skip
    out = capfd.readouterr().out
    assert code == 0
    facts = json.loads(out)["summary"]
    assert facts["expiry"] == day.isoformat()
    assert list(differing(facts, expected(printed[symbol, day]))) == []
