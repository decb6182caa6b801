"""Every real end-of-day file loads, every session once, none invented.

The expected figures are computed here with the csv module and plain Python, or were counted so
and typed in; nothing of ours takes part.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.store.lake import Lake

# weekdays of 2026-04-01 .. 2026-08-14 on which both exchanges were closed
HOLIDAYS = {date(2026, 4, 3), date(2026, 4, 14), date(2026, 5, 1), date(2026, 5, 28),
            date(2026, 6, 26)}  # fmt: skip
UNDATED = "no date in the rows or the name, and no other source of that day agrees; give --on DATE"
SESSIONS_2026 = 93  # 98 weekdays less 5 holidays


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each CSV below a folder, packed or not."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield name, archive.read(name).decode()
        elif path.suffix == ".gz":
            yield path.name.removesuffix(".gz"), gzip.decompress(path.read_bytes()).decode()
        else:
            yield path.name, path.read_text()


def rows(text: str) -> list[dict[str, str]]:
    header, *lines = csv.reader(io.StringIO(text))
    names = [name.strip() for name in header]
    return [dict(zip(names, map(str.strip, line), strict=True)) for line in lines]


@cache
def day_of(text: str) -> date:
    return datetime.strptime(text.title(), "%d-%b-%Y").date()  # noqa: DTZ007 - a date


def read(folder: Path) -> list[EodBatch]:
    return list(NseFiles().read_folder(folder))


def equities(batches: list[EodBatch]) -> pl.DataFrame:
    return pl.concat([batch.frames["equities_day"] for batch in batches if batch.frames])


def weekdays(first: date, last: date) -> list[date]:
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]


def test_every_row_with_delivery_equals_the_file(shared_data: Path) -> None:
    folder = shared_data / "nse_eq_sec_bhavdata_full"
    wanted = {}
    for _, text in texts(folder):
        header, *lines = csv.reader(io.StringIO(text))
        at = [name.strip() for name in header].index
        symbol, series, day = at("SYMBOL"), at("SERIES"), at("DATE1")
        opened, close, volume = at("OPEN_PRICE"), at("CLOSE_PRICE"), at("TTL_TRD_QNTY")
        delivered = at("DELIV_QTY")
        for row in lines:
            quantity = row[delivered].strip()
            wanted[day_of(row[day].strip()), row[symbol].strip(), row[series].strip()] = (
                float(row[opened]), float(row[close]), int(row[volume]),
                None if quantity == "-" else int(quantity),
            )  # fmt: skip
    batches = read(folder)
    assert [batch.rejects.height for batch in batches if batch.rejects is not None] == [0] * 101
    columns = ("date", "symbol", "series", "open", "close", "volume", "delivery_quantity")
    found = {row[:3]: row[3:] for row in equities(batches).select(columns).iter_rows()}
    assert found == wanted
    days = weekdays(date(2026, 4, 1), date(2026, 8, 14))
    assert sorted({key[0] for key in found}) == [day for day in days if day not in HOLIDAYS]
    assert len({key[0] for key in found}) == SESSIONS_2026
    stale = [batch.file for batch in batches if batch.notes]
    assert [name[-12:] for name in stale] == [
        f"{day:%d%m%Y}.csv" for day in sorted(HOLIDAYS, key=lambda d: f"{d:%d%m%Y}")
    ]


def test_the_history_has_one_row_a_session_and_rupees(shared_data: Path) -> None:
    (batch,) = read(shared_data / "nse_eq_daily_history")
    frame = batch.frames["equities_day"]
    assert (frame.height, frame["date"].n_unique(), frame["symbol"].n_unique()) == (
        161_753, 2_548, 72,
    )  # fmt: skip
    assert batch.notes == (f"a file that repeats rows: {166_219 - 161_753}",)
    assert not frame.select("date", "symbol", "series").is_duplicated().any()
    # an average outside the day's range would mean lakhs taken for rupees or the reverse
    ratio = frame.select(
        (pl.col("turnover") / pl.col("volume") / pl.col("low")).alias("low"),
        (pl.col("turnover") / pl.col("volume") / pl.col("high")).alias("high"),
    ).drop_nulls()
    # half a paisa of lakhs on a small day is the only rounding
    assert ratio["low"].min() > 0.99  # type: ignore[operator]
    assert ratio["high"].max() < 1.01  # type: ignore[operator]
    old = frame.filter(pl.col("date") < date(2021, 5, 12))
    assert old.select("average_price", "trades", "delivery_pct").null_count().row(0) == (
        old.height,
    ) * 3  # fmt: skip
    raw = pl.read_parquet(next((shared_data / "nse_eq_daily_history").glob("*.parquet")))
    assert set(frame["date"]) == {day_of(text) for text in raw["DATE1"].unique()}
    gap = frame.filter(
        pl.col("date").is_between(date(2025, 5, 5), date(2025, 6, 20), closed="none")
    )
    assert gap.is_empty(), "the source has no files there"


def test_old_bhavcopies(shared_data: Path) -> None:
    folder = shared_data / "nse_eq_bhavcopy_old"
    wanted = [row for _, text in texts(folder) for row in rows(text)]
    found = equities(read(folder))
    assert found.height == len(wanted) == 85_756
    assert found["date"].n_unique() == len({row["TIMESTAMP"] for row in wanted}) == 44
    for ours, theirs in (("turnover", "TOTTRDVAL"), ("close", "CLOSE"), ("trades", "TOTALTRADES")):
        total = math.fsum(float(row[theirs]) for row in wanted)
        assert math.fsum(found[ours].drop_nulls()) == pytest.approx(total, rel=1e-12)
    assert found["last"].null_count() == sum(float(row["LAST"]) == 0 for row in wanted) == 24
    assert found["isin"].null_count() == 0


def test_udiff(shared_data: Path) -> None:
    folder = shared_data / "nse_eq_udiff"
    wanted = [row for _, text in texts(folder) for row in rows(text)]
    found = equities(read(folder))
    assert found.height == len(wanted) == 3_359 + 3_457 + 3_404 + 3_428
    assert (found["series"] == "").sum() == sum(not row["SctySrs"] for row in wanted)
    assert found["isin"].to_list() == [row["ISIN"] for row in wanted]
    total = math.fsum(float(row["TtlTrfVal"]) for row in wanted)
    assert math.fsum(found["turnover"]) == pytest.approx(total, rel=1e-12)


def test_the_pd_report_adds_up_to_its_own_total(shared_data: Path) -> None:
    folder = shared_data / "nse_pd_report"
    printed = {}
    for name, text in texts(folder):
        header, *lines = text.splitlines(keepends=True)
        of_indices = [line for line in lines if line.startswith("Y, , ,")]
        printed[name] = rows("".join([header, *of_indices]))
    batches = read(folder)
    assert len(batches) == len(printed) == 84
    for batch in batches:
        source = printed[batch.file.rpartition("!")[2]]
        nifty = next(row for row in source if row["SECURITY"] == "Nifty 50")
        shares = batch.frames["equities_day"]
        assert shares["volume"].sum() == int(nifty["NET_TRDQTY"]), "the printed market total"
        assert shares["turnover"].sum() == pytest.approx(float(nifty["NET_TRDVAL"]), rel=1e-9)
        indices = batch.frames["indices_day"]
        assert batch.rejects is not None
        assert indices.height + batch.rejects.height == len(source)
        assert indices["symbol"].n_unique() == indices.height, "two names, one canonical name"
        close = indices.filter(symbol="NIFTY 50")["close"].to_list()
        assert close == [float(nifty["CLOSE_PRICE"])]


def test_bse_and_the_file_nobody_can_date(shared_data: Path) -> None:
    folder = shared_data / "bse_eq_bhavcopy"
    dated, undated = read(folder)
    wanted = rows(next(text for name, text in texts(folder) if name == "EQ010421.CSV"))
    frame = dated.frames["equities_day"]
    assert (frame.height, frame["date"].unique().to_list()) == (len(wanted), [date(2021, 4, 1)])
    total = math.fsum(float(row["NET_TURNOV"]) for row in wanted)
    assert math.fsum(frame["turnover"]) == pytest.approx(total, rel=1e-12)
    assert undated.undated
    assert undated.frames["equities_day"].height == 3_409


@pytest.fixture(scope="module")
def whole(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Lake]:  # fmt: skip
    lake = Lake(tmp_path_factory.mktemp("whole") / "lake")
    return fetch_eod(NseFiles(), lake, shared_data).result(), lake


def test_the_whole_folder_loads_and_tells_what_it_left_out(whole: tuple[Result, Lake]) -> None:
    result, lake = whole
    facts = result.summary
    assert facts["reasons"] == {
        "unknown header": 72,  # ticks, option chains, instruments, lists: not end-of-day
        "no closing price": 13,  # NIFTY50 DIV POINT, 0 everywhere to 2026-04-23
        UNDATED: 1,  # the BSE file of February 2021
    }
    assert (facts["rows_added"], facts["rows_rejected"]) == (621_977 + 5_939 + 557 + 2_675, 13)
    assert (facts["stale_copies"], facts["rows_repeated"]) == (5, 4_466)
    assert facts["differences"] == 0, facts["conflicts"]
    assert len(result.warnings) <= 9, "a mixed folder does not drown the reader"
    assert lake.scan("equities_day").select(pl.len()).collect().item() == 558_346
    assert lake.scan("indices_day").select(pl.len()).collect().item() == 11_571
    assert lake.scan("futures_day").select(pl.len()).collect().item() == 484 + 5_939 + 557
    assert lake.scan("rates_day").select(pl.len()).collect().item() == 1_099 + 1_576
    assert lake.scan("options_day").select(pl.len()).collect().item() == 51_576


def test_the_formats_of_one_day_agree_and_fill_each_other(whole: tuple[Result, Lake]) -> None:
    _, lake = whole
    day = date(2026, 6, 22)
    row = (
        lake.scan("equities_day", start=day, end=day)
        .filter(symbol="RELIANCE", series="EQ")
        .collect()
        .to_dicts()
    )
    assert len(row) == 1, "four formats, one row"
    assert (row[0]["source"], row[0]["isin"]) == ("nse_sec_bhavdata_full", "INE002A01018")
    assert None not in row[0].values()


def test_nothing_but_sessions(whole: tuple[Result, Lake]) -> None:
    _, lake = whole
    days = lake.scan("equities_day").select(pl.col("date").unique()).collect()["date"]
    weekend = [day for day in days.sort() if day.weekday() >= 5]
    # two full sessions on a Saturday; the files of the others are not in the folder
    assert weekend == [date(2024, 1, 20), date(2024, 5, 18)]
    assert not set(days) & HOLIDAYS
