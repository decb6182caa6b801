"""MCX gold, USD/INR, gold mini and the report of futures: every row, into the lake and out again.

The expected figures are computed here with the csv module and plain Python; nothing of ours takes
part.
"""

from __future__ import annotations

import csv
import io
import re
import statistics
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.actions.result import Result
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock

IST = ZoneInfo("Asia/Kolkata")
FOLDERS = ("mcx", "currency", "nse_fo_bhavcopy_old")
REPORT_DAY = date(2024, 7, 19)
Row = dict[str, str]
Loaded = tuple[list[Result], Lake]


def day_of(text: str, style: str) -> date:
    return datetime.strptime(text.title(), style).date()  # noqa: DTZ007 - a date


@pytest.fixture(scope="module")
def gold(shared_data: Path) -> list[Row]:
    """Return the rows of all members, each once a contract and day."""
    path = shared_data / "mcx/mcx_gold_bhavcopy_by_contract_2014_2026.zip"
    found: list[Row] = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            found += csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig")))
    assert len({(row["Date"], row["ExpiryDate"]) for row in found}) == len(found) == 5_939
    return found


@pytest.fixture(scope="module")
def report(shared_data: Path) -> list[Row]:
    path = shared_data / "nse_fo_bhavcopy_old/fo_lookup_report_2024-07-19.csv"
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


@pytest.fixture(scope="module")
def loaded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    lake = Lake(tmp_path_factory.mktemp("commodities") / "lake")
    return [fetch_eod(NseFiles(), lake, shared_data / name).result() for name in FOLDERS], lake


@pytest.fixture(scope="module")
def source(loaded: Loaded) -> LakeProvider:
    return LakeProvider(loaded[1], ManualClock(datetime(2026, 11, 20, 18, tzinfo=IST)))


def test_every_row_is_taken_and_a_second_load_changes_nothing(
    loaded: Loaded, shared_data: Path
) -> None:
    results, lake = loaded
    added = [result.summary["rows_added"] for result in results]
    assert added == [5_939 + 1_576, 1_099, 52_060 + 557]
    assert [result.summary["rows_rejected"] for result in results] == [0, 0, 0]
    assert [result.summary["files_refused"] for result in results] == [0, 0, 0]
    files = {path: path.read_bytes() for path in lake.root.rglob("*.parquet")}
    for name, count in zip(FOLDERS, added, strict=True):
        facts = fetch_eod(NseFiles(), lake, shared_data / name).result().summary
        assert (facts["rows_added"], facts["rows_changed"], facts["rows_unchanged"]) == (
            0, 0, count,
        )  # fmt: skip
    assert {path: path.read_bytes() for path in lake.root.rglob("*.parquet")} == files


# -- gold of MCX ------------------------------------------------------------------------------


def test_gold_adds_up_contract_by_contract(loaded: Loaded, gold: list[Row]) -> None:
    rows = loaded[1].scan("futures_day").filter(exchange="MCX").collect()
    assert rows.select("symbol", "kind", "source").unique().rows() == [
        ("GOLD", "commodity", "mcx_bhavcopy")
    ]
    wanted: dict[date, list[int]] = {}
    for row in gold:
        sums = wanted.setdefault(day_of(row["ExpiryDate"], "%d%b%Y"), [0, 0, 0, 0])
        figures = (
            1,
            int(row["Volume"]),
            int(row["OpenInterest"]),
            round(float(row["Value"]) * 100),
        )
        for place, figure in enumerate(figures):
            sums[place] += figure
    found = rows.group_by("expiry").agg(
        n=pl.len(), c=pl.col("contracts").sum(), oi=pl.col("open_interest").sum(),
        t=pl.col("turnover").sum(),
    )  # fmt: skip
    # lakhs with two decimals are whole thousands
    assert {e: [n, c, oi, round(t / 1000)] for e, n, c, oi, t in found.rows()} == wanted
    assert (len(wanted), rows["contracts"].sum()) == (74, 34_458_284)
    assert rows["open_interest"].sum() == 41_359_877
    assert rows.filter(contracts=0).height == 318


def test_every_cell_of_gold_is_the_one_printed(loaded: Loaded, gold: list[Row]) -> None:
    rows = loaded[1].scan("futures_day").filter(exchange="MCX").collect()
    held = {(row["date"], row["expiry"]): row for row in rows.iter_rows(named=True)}
    for line in gold:
        row = held[date.fromisoformat(line["Date"]), day_of(line["ExpiryDate"], "%d%b%Y")]
        traded = int(line["Volume"]) > 0
        for name in ("open", "high", "low"):
            assert row[name] == (float(line[name.title()]) if traded else None)
        assert row["close"] == row["settlement"] == float(line["Close"])
        assert row["oi_change"] is None


def test_a_lot_of_gold_is_a_hundred_times_its_price(gold: list[Row]) -> None:
    """The units by another way: every day's mean price lies between its low and its high."""
    traded = [row for row in gold if int(row["Volume"])]
    assert len(traded) == 5_621
    for row in traded:
        mean = float(row["Value"]) * 100_000 / (int(row["Volume"]) * 100)
        dust = 501 / (int(row["Volume"]) * 100)
        assert float(row["Low"]) - dust <= mean <= float(row["High"]) + dust, row
        number, unit = row["VolumeInThousands"].split()
        assert (float(number), unit) == (float(row["Volume"]), "GRMS"), "a lot is a kilogram"


def test_gold_has_every_session_of_its_calendar(loaded: Loaded) -> None:
    held = lake_status.gaps(loaded[1], dataset="futures_day", exchange="MCX")
    assert (held.summary["missing"], held.summary["sessions"]) == (0, 3_275)
    assert held.warnings == (
        "the calendar knows 2024-01-01 to 2026-12-31: gaps outside are not known",
    )


def test_futures_of_gold_are_those_of_the_last_day(source: LakeProvider, gold: list[Row]) -> None:
    last = sorted(
        (day_of(row["ExpiryDate"], "%d%b%Y"), float(row["Close"]) if int(row["Volume"]) else None,
         float(row["Close"]), int(row["OpenInterest"]))
        for row in gold if row["Date"] == "2026-03-11"
    )  # fmt: skip
    assert source.futures("GOLD").rows() == last
    assert source.chain_as_of("GOLD") == datetime(2026, 3, 11, 23, 30, tzinfo=IST)


# -- the report of futures ----------------------------------------------------------------------


def test_the_report_adds_up_and_shows_its_lots(loaded: Loaded, report: list[Row]) -> None:
    rows = loaded[1].scan("futures_day", start=REPORT_DAY, end=REPORT_DAY)
    frame = rows.filter(source="nse_fo_report").collect()
    held = {(row["symbol"], row["expiry"]): row for row in frame.iter_rows(named=True)}
    assert len(held) == len(report) == 557
    assert frame["contracts"].sum() == sum(int(float(row["TRD_NO_CON"])) for row in report)
    unknown = 0
    for line in report:
        match = re.fullmatch(r"FUT(IDX|STK)(.*)(..-...-....)", line["CONTRACT_D"])
        assert match is not None
        row = held[match[2], day_of(match[3], "%d-%b-%Y")]
        assert row["kind"] == {"IDX": "index", "STK": "stock"}[match[1]]
        assert row["close"] == (float(line["CLOSE_PRIC"]) if line["CLOSE_PRIC"] else None)
        assert row["settlement"] == float(line["SETTLEMENT"])
        assert row["turnover"] == pytest.approx(float(line["TRADED_VAL"]), abs=0.006)
        contracts, units, interest = (
            int(float(line[name])) for name in ("TRD_NO_CON", "TRADED_QUA", "OI_NO_CON")
        )
        if contracts:
            assert row["open_interest"] * contracts == interest * units
        else:
            unknown += interest > 0
            assert row["open_interest"] == (None if interest else 0)
    assert unknown == 4
    assert frame["close"].null_count() == 5
    names = {"M&M", "M&MFIN", "BAJAJ-AUTO", "NIFTYNXT50"}
    assert names <= set(frame["symbol"])
    # NIFTY had a lot of 25 for all three months
    nifty = frame.filter(symbol="NIFTY").sort("expiry")
    printed = {row["CONTRACT_D"]: row for row in report}
    near = printed["FUTIDXNIFTY25-JUL-2024"]
    assert nifty["open_interest"][0] == int(float(near["OI_NO_CON"])) * 25


# -- rates ------------------------------------------------------------------------------------


def numbers(row: Row, *names: str) -> Iterator[float]:
    return (float(row[name].replace(",", "")) for name in names)


def test_every_rate_is_the_one_printed(loaded: Loaded, shared_data: Path) -> None:
    rows = loaded[1].scan("rates_day").collect()
    held = {(row["symbol"], row["date"]): row for row in rows.iter_rows(named=True)}
    spot = (shared_data / "currency/USD_INR_spot_daily_2015_2018.csv").read_text("utf-8-sig")
    mini = (shared_data / "mcx/goldm_investing_2015_2021.txt").read_text("utf-8-sig")
    count = 0
    for symbol, text, comma, close in (("USDINR", spot, ",", "Price"), ("GOLDM", mini, "\t", "Close")):  # fmt: skip  # noqa: E501 - one table
        for line in csv.DictReader(io.StringIO(text), delimiter=comma):
            row = held[symbol, day_of(line["Date"], "%b %d, %Y")]
            assert [row[name] for name in ("open", "high", "low", "close")] == list(
                numbers(line, "Open", "High", "Low", close)
            )
            count += 1
    assert count == rows.height == 1_099 + 1_576


def test_joined_gold_mini_follows_the_contracts_of_gold(loaded: Loaded) -> None:
    """A gold mini is quoted per 10 g like gold: the two lie within a few percent of each other."""
    mini = loaded[1].scan("rates_day").filter(symbol="GOLDM").select("date", mini="close").collect()
    near = (
        loaded[1].scan("futures_day").filter(symbol="GOLD").filter(pl.col("contracts") > 0)
        .collect().sort("date", "contracts").group_by("date").last().select("date", gold="close")
    )  # fmt: skip
    both = mini.join(near, on="date")
    ratios = [mini / gold for _, mini, gold in both.rows()]
    assert len(ratios) > 1_400
    assert statistics.median(ratios) == pytest.approx(1.0, abs=0.005)
    assert sum(abs(ratio - 1) < 0.03 for ratio in ratios) > 0.98 * len(ratios)
