"""The scan of 2026-08-14 against the raw file, read with the csv module and plain Python.

Nothing of ours computes the expected figures: movers, breadth, turnover, delivery.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli, cli

__all__ = ["cli"]  # a fixture of the whole-way tests

DAY = "sec_bhavdata_full_14082026.csv"
FLOOR = 10_000_000.0
COUNT = 5


def raw_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        header, *lines = list(csv.reader(file))
    names = [name.strip() for name in header]
    return [dict(zip(names, (cell.strip() for cell in line), strict=True)) for line in lines]


@pytest.fixture
def raw(shared_data: Path) -> list[dict[str, str]]:
    path = shared_data / "nse_eq_sec_bhavdata_full" / DAY
    return [row for row in raw_rows(path) if row["SERIES"] in {"EQ", "BE"}]


@pytest.fixture
def scanned(cli: Cli, shared_data: Path, tmp_path: Path) -> dict[str, object]:
    folder = tmp_path / "eod"
    folder.mkdir()
    for name in (DAY, "sec_bhavdata_full_12082026.csv", "sec_bhavdata_full_11082026.csv"):
        source = shared_data / "nse_eq_sec_bhavdata_full" / name
        (folder / name).write_bytes(source.read_bytes())
    loaded = cli("fetch", "eod", "--from-dir", folder, "--json")
    assert loaded.code == 0, loaded.err
    done = cli("scan", "equities", "--provider", "lake", "--on", "2026-08-14", "--json")
    assert done.code == 0, done.err
    body: dict[str, object] = done.json
    return body


def change_pct(row: dict[str, str]) -> float:
    before = float(row["PREV_CLOSE"])
    return 100.0 * (float(row["CLOSE_PRICE"]) - before) / before


def test_every_row_equals_the_file(scanned: dict, raw: list[dict[str, str]]) -> None:
    found = {row["symbol"]: row for row in scanned["data"]}
    assert set(found) == {row["SYMBOL"] for row in raw}
    for row in raw:
        ours = found[row["SYMBOL"]]
        assert ours["series"] == row["SERIES"]
        assert ours["close"] == float(row["CLOSE_PRICE"])
        assert ours["previous_close"] == float(row["PREV_CLOSE"])
        assert ours["volume"] == int(row["TTL_TRD_QNTY"])
        assert ours["turnover"] == pytest.approx(float(row["TURNOVER_LACS"]) * 100_000, abs=0.01)
        wanted = None if row["DELIV_PER"] == "-" else float(row["DELIV_PER"])
        assert ours["delivery_pct"] == wanted
        assert ours["change_pct"] == pytest.approx(change_pct(row), rel=1e-12)


def test_breadth_equals_a_count_by_hand(scanned: dict, raw: list[dict[str, str]]) -> None:
    moves = [float(row["CLOSE_PRICE"]) - float(row["PREV_CLOSE"]) for row in raw]
    up, down = sum(m > 0 for m in moves), sum(m < 0 for m in moves)
    facts = scanned["summary"]
    assert (facts["advances"], facts["declines"]) == (up, down)
    assert facts["unchanged"] == len(moves) - up - down
    assert facts["advance_decline_ratio"] == pytest.approx(up / down)


def test_movers_equal_a_sort_by_hand(scanned: dict, raw: list[dict[str, str]]) -> None:
    liquid = [row for row in raw if float(row["TURNOVER_LACS"]) * 100_000 >= FLOOR]
    up = sorted(liquid, key=lambda row: (-change_pct(row), row["SYMBOL"]))[:COUNT]
    down = sorted(liquid, key=lambda row: (change_pct(row), row["SYMBOL"]))[:COUNT]
    facts = scanned["summary"]
    assert [row["symbol"] for row in facts["gainers"]] == [row["SYMBOL"] for row in up]
    assert [row["symbol"] for row in facts["losers"]] == [row["SYMBOL"] for row in down]


def test_turnover_of_the_sectors_adds_up(scanned: dict, raw: list[dict[str, str]]) -> None:
    whole = sum(float(row["TURNOVER_LACS"]) for row in raw) * 100_000
    assert sum(s["turnover"] for s in scanned["summary"]["sectors"]) == pytest.approx(whole)
