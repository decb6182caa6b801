"""The old F&O bhavcopy of 2021-03-18, every row: into the lake and out again as chains.

The expected figures are computed here with the csv module and plain Python; nothing of ours takes
part.
"""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.actions.result import Result
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock

DAY = date(2021, 3, 18)
CLOSE = datetime(2021, 3, 18, 15, 30, tzinfo=ZoneInfo("Asia/Kolkata"))
Row = dict[str, str]


def day_of(text: str) -> date:
    return datetime.strptime(text.title(), "%d-%b-%Y").date()  # noqa: DTZ007 - a date


@pytest.fixture(scope="module")
def printed(shared_data: Path) -> list[Row]:
    with zipfile.ZipFile(shared_data / "nse_fo_bhavcopy_old/fo18MAR2021bhav.csv.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def loaded(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Lake]:  # fmt: skip
    folder = tmp_path_factory.mktemp("fo")
    shutil.copy(shared_data / "nse_fo_bhavcopy_old/fo18MAR2021bhav.csv.zip", folder)
    lake = Lake(tmp_path_factory.mktemp("lake"))
    return fetch_eod(NseFiles(), lake, folder).result(), lake


@pytest.fixture(scope="module")
def source(loaded: tuple[Result, Lake]) -> LakeProvider:
    return LakeProvider(loaded[1], ManualClock(datetime(2026, 11, 20, 18, tzinfo=CLOSE.tzinfo)))


def test_the_load_tells_what_it_took_and_a_second_one_changes_nothing(
    loaded: tuple[Result, Lake], shared_data: Path, tmp_path: Path
) -> None:
    result, lake = loaded
    assert result.summary["rows_added"] == 52_060
    assert result.summary["rows_rejected"] == 0
    assert lake.scan("rejects").collect().is_empty()
    files = {path: path.read_bytes() for path in lake.root.rglob("*.parquet")}
    folder = tmp_path / "again"
    folder.mkdir()
    shutil.copy(shared_data / "nse_fo_bhavcopy_old/fo18MAR2021bhav.csv.zip", folder)
    again = fetch_eod(NseFiles(), lake, folder).result()
    facts = again.summary
    assert (facts["rows_added"], facts["rows_changed"], facts["rows_unchanged"]) == (0, 0, 52_060)
    assert "nothing new: all 52060 rows were stored already" in again.warnings
    assert {path: path.read_bytes() for path in lake.root.rglob("*.parquet")} == files


@pytest.mark.parametrize(
    ("instrument", "rows", "place"),
    [
        ("FUTIDX", 16, "futures_day of index"), ("FUTSTK", 468, "futures_day of stock"),
        ("OPTIDX", 5_954, "options_day of index"), ("OPTSTK", 45_622, "options_day of stock"),
    ],
)  # fmt: skip
def test_every_kind_adds_up(
    loaded: tuple[Result, Lake], printed: list[Row], instrument: str, rows: int, place: str
) -> None:
    dataset, kind = place.split(" of ")
    wanted = [row for row in printed if row["INSTRUMENT"] == instrument]
    found = loaded[1].scan(dataset).filter(kind=kind).collect()
    assert found.height == len(wanted) == rows
    assert found["contracts"].sum() == sum(int(row["CONTRACTS"]) for row in wanted)
    assert found["open_interest"].sum() == sum(int(row["OPEN_INT"]) for row in wanted)
    assert found["oi_change"].sum() == sum(int(row["CHG_IN_OI"]) for row in wanted)
    # lakhs with two decimals are whole thousands: summed without a rounding error
    thousands = sum(round(float(row["VAL_INLAKH"]) * 100) for row in wanted)
    assert found["turnover"].sum() == thousands * 1000.0
    untraded = sum(int(row["CONTRACTS"]) == 0 for row in wanted)
    for column in ("open", "high", "low"):
        assert found[column].null_count() == untraded, column
    assert set(found["date"]) == {DAY}
    assert set(found["exchange"]) == {"NFO"}


def test_every_cell_is_the_one_printed(loaded: tuple[Result, Lake], printed: list[Row]) -> None:
    held = {}
    for dataset in ("futures_day", "options_day"):
        for row in loaded[1].scan(dataset).collect().iter_rows(named=True):
            key = (row["symbol"], row["expiry"], row.get("strike"), row.get("option_type"))
            held[key] = row
    assert len(held) == len(printed)
    for line in printed:
        future = line["INSTRUMENT"].startswith("FUT")
        row = held[
            line["SYMBOL"], day_of(line["EXPIRY_DT"]),
            None if future else float(line["STRIKE_PR"]), None if future else line["OPTION_TYP"],
        ]  # fmt: skip
        traded = int(line["CONTRACTS"]) > 0
        for name, column in (("open", "OPEN"), ("high", "HIGH"), ("low", "LOW")):
            assert row[name] == (float(line[column]) if traded else None)
        assert row["close"] == (float(line["CLOSE"]) or None)
        assert row["settlement"] == float(line["SETTLE_PR"])
        assert row["open_interest"] == int(line["OPEN_INT"])


def test_the_chain_of_nifty_is_the_file_s(source: LakeProvider, printed: list[Row]) -> None:
    expiry = date(2021, 3, 25)
    wanted = {
        (float(row["STRIKE_PR"]), row["OPTION_TYP"]): row
        for row in printed
        if row["INSTRUMENT"] == "OPTIDX" and row["SYMBOL"] == "NIFTY"
        and row["EXPIRY_DT"] == "25-Mar-2021"
    }  # fmt: skip
    chain = source.option_chain("NIFTY", expiry)
    strikes = sorted({strike for strike, _ in wanted})
    assert chain.select("strike", "option_type").rows() == [
        (strike, kind) for strike in strikes for kind in ("CE", "PE")
    ]
    listed = 0
    for row in chain.iter_rows(named=True):
        key = (row["strike"], row["option_type"])
        assert row["tradingsymbol"] == f"NIFTY21MAR{row['strike']:.0f}{row['option_type']}"
        assert row["lot_size"] == 75
        if key not in wanted:  # its other side is listed, it is not
            assert (row["last_price"], row["volume"], row["open_interest"]) == (None, None, None)
            continue
        listed += 1
        line = wanted[key]
        contracts = int(line["CONTRACTS"])
        assert row["last_price"] == (float(line["CLOSE"]) if contracts else None)
        assert row["volume"] == contracts * 75
        assert (row["open_interest"], row["oi_change"]) == (
            int(line["OPEN_INT"]), int(line["CHG_IN_OI"]),
        )  # fmt: skip
    assert listed == len(wanted)


def test_expiries_and_futures_are_the_file_s(source: LakeProvider, printed: list[Row]) -> None:
    nifty = [row for row in printed if row["SYMBOL"] == "NIFTY"]
    days = {day_of(row["EXPIRY_DT"]) for row in nifty if row["INSTRUMENT"] == "OPTIDX"}
    assert source.expiries("NIFTY") == tuple(sorted(days))
    assert source.futures("NIFTY").rows() == [
        (day_of(row["EXPIRY_DT"]), float(row["CLOSE"]), float(row["SETTLE_PR"]),
         int(row["OPEN_INT"]))
        for row in nifty if row["INSTRUMENT"] == "FUTIDX"
    ]  # fmt: skip
    assert source.chain_as_of("NIFTY") == CLOSE
    assert source.option_chain("NIFTY", date(2021, 4, 1))["tradingsymbol"][0].startswith(
        "NIFTY21401"
    ), "a week's expiry"


def test_the_lot_of_every_expiry_with_a_trade_is_proven(
    source: LakeProvider, printed: list[Row]
) -> None:
    """The lot by another way: turnover over price and contracts of its busiest row, rounded."""
    best: dict[tuple[str, date], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    listed = set()
    for row in printed:
        key, count = (row["SYMBOL"], day_of(row["EXPIRY_DT"])), int(row["CONTRACTS"])
        if row["INSTRUMENT"].startswith("OPT"):
            listed.add(key)
        price = float(row["STRIKE_PR"]) + (float(row["HIGH"]) + float(row["LOW"])) / 2
        if count > best[key][0]:
            best[key] = (count, float(row["VAL_INLAKH"]) * 1e5 / (price * count))
    known = 0
    for key in sorted(listed):
        count, rough = best[key]
        lot = source.option_chain(*key)["lot_size"][0]
        if count:
            known += 1
            assert lot == pytest.approx(rough, rel=0.05), key
        else:
            assert lot is None, key
    assert (known, len(listed)) == (463, 512)


@pytest.mark.parametrize(
    ("symbol", "expiry"),
    [("NIFTY", date(2021, 3, 25)), ("NIFTY", date(2021, 4, 1)), ("BANKNIFTY", date(2021, 3, 25)),
     ("RELIANCE", date(2021, 3, 25)), ("SBIN", date(2021, 4, 29))],
)  # fmt: skip
def test_ratios_pain_and_extremes_are_what_the_file_adds_up_to(
    source: LakeProvider, printed: list[Row], symbol: str, expiry: date
) -> None:
    clock = ManualClock(CLOSE.replace(hour=18))
    runner = OptionsRunner(
        source, clock=clock, symbols=(symbol,), options=ChainOptions(expiry=expiry, build_up=True)
    )
    facts = runner.run_once()[symbol].facts
    rows = [
        row for row in printed
        if row["INSTRUMENT"].startswith("OPT") and row["SYMBOL"] == symbol
        and day_of(row["EXPIRY_DT"]) == expiry
    ]  # fmt: skip
    sides = {kind: [row for row in rows if row["OPTION_TYP"] == kind] for kind in ("CE", "PE")}

    def total(kind: str, column: str) -> int:
        return sum(int(row[column]) for row in sides[kind])

    for kind in ("CE", "PE"):
        low = kind.lower()
        assert facts[f"open_interest_{low}"] == total(kind, "OPEN_INT")
        assert facts[f"oi_change_{low}"] == total(kind, "CHG_IN_OI")
        for word, column in (("oi", "OPEN_INT"), ("oi_gain", "CHG_IN_OI")):
            most = max(int(row[column]) for row in sides[kind])
            at = min(float(row["STRIKE_PR"]) for row in sides[kind] if int(row[column]) == most)
            assert facts[f"top_{word}_strike_{low}"] == (at if most > 0 else None)
    assert facts["put_call_ratio_oi"] == total("PE", "OPEN_INT") / total("CE", "OPEN_INT")
    assert facts["put_call_ratio_volume"] == pytest.approx(
        total("PE", "CONTRACTS") / total("CE", "CONTRACTS"), rel=1e-15
    )

    def paid(at: float) -> float:
        call = sum(int(r["OPEN_INT"]) * max(at - float(r["STRIKE_PR"]), 0) for r in sides["CE"])
        put = sum(int(r["OPEN_INT"]) * max(float(r["STRIKE_PR"]) - at, 0) for r in sides["PE"])
        return call + put

    assert facts["max_pain"] == min(sorted({float(row["STRIKE_PR"]) for row in rows}), key=paid)
    frame = facts["chain"]
    untraded = sum(row["CONTRACTS"] == "0" for row in rows)
    marks = dict(frame["liquidity"].value_counts().iter_rows())
    assert marks == {"ok": len(rows) - untraded} | (
        {"no_trade_today": untraded} if untraded else {}
    )
    blank = frame.filter(liquidity="no_trade_today")
    assert set(blank["iv_status"]) <= {"no_trade_today"}
    assert blank["iv"].null_count() == blank.height
    assert frame["build_up"].null_count() == frame.height, "the day before is not stored"


def test_nothing_was_known_before_the_close(loaded: tuple[Result, Lake]) -> None:
    clock = ManualClock(CLOSE)
    early = LakeProvider(loaded[1], clock, as_of=CLOSE.replace(hour=15, minute=29))
    assert early.options_day().collect().is_empty()
    on_time = LakeProvider(loaded[1], clock)
    assert on_time.options_day().select(pl.len()).collect().item() == 51_576
