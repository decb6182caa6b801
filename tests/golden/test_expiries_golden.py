"""Expiries and lots by our tables against instrument masters of three moments, row for row."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alphastock_cli.exchange import contracts
from alphastock_cli.exchange.expiries import listed_expiries

# the file, the day it was made (its earliest expiry where its name says only a month), its symbols
MASTERS = {
    "nfo_plus_fno_underlyings_2024-03": (date(2024, 4, 2), 4),
    "nfo_2025-12": (date(2025, 12, 20), 5),
    "nfo_bfo_2026-08-18": (date(2026, 8, 18), 8),
}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / "instruments" / f"kite_instruments_{name}.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["segment"][:3] in {"NFO", "BFO"}]


def parsed(text: str) -> date:
    """Return a date written as 2025-12-30, or as 30-12-2025 by a spreadsheet."""
    form = "%d-%m-%Y" if text[2] == "-" else "%Y-%m-%d"
    return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date without a moment


@pytest.mark.parametrize("name", MASTERS)
def test_every_expiry_and_lot_of_the_indices_is_that_of_the_master(
    shared_data: Path, name: str
) -> None:
    on, count = MASTERS[name]
    listed: dict[str, dict[date, int]] = defaultdict(dict)
    for row in rows(shared_data, name):
        if row["name"] in contracts.symbols():
            listed[row["name"]][parsed(row["expiry"])] = int(row["lot_size"])
    assert len(listed) == count
    for symbol, theirs in listed.items():
        ours = {r.expiry: r.lot_size for r in contracts.contract_rows(symbol, on) if r.expiry}
        wrong = {
            (symbol, day): (theirs.get(day), ours.get(day))
            for day in {*theirs, *ours}
            if theirs.get(day) != ours.get(day)
        }
        assert not wrong, "expiry: (lot of the master, our lot)"


@pytest.mark.parametrize("name", MASTERS)
def test_every_expiry_of_the_shares_is_that_of_the_master(shared_data: Path, name: str) -> None:
    theirs = {
        parsed(row["expiry"])
        for row in rows(shared_data, name)
        if row["name"] not in contracts.symbols() and row["segment"].startswith("NFO")
    }
    assert {item.day for item in listed_expiries(contracts.STOCKS, MASTERS[name][0])} == theirs


@pytest.mark.parametrize("name", MASTERS)
def test_ticks_of_index_contracts_are_those_of_the_master(shared_data: Path, name: str) -> None:
    on, _ = MASTERS[name]
    theirs: dict[tuple[str, contracts.TickKind], set[Decimal]] = defaultdict(set)
    for row in rows(shared_data, name):
        if row["name"] in contracts.symbols():
            kind: contracts.TickKind = "future_" if row["segment"].endswith("FUT") else "option_"
            theirs[row["name"], kind].add(Decimal(row["tick_size"]))
    assert theirs
    for (symbol, kind), ticks in theirs.items():
        assert {contracts.tick_size(symbol, on, kind)} == ticks, (symbol, kind)


@pytest.mark.parametrize(
    ("name", "on", "kinds"),
    [
        ("nse_2025-10", date(2025, 10, 21), {"NSE": "share"}),
        ("nse_2025-12", date(2025, 12, 20), {"NSE": "share"}),
        ("nfo_2025-12", date(2025, 12, 20), {"FUT": "stock_future", "OPT": "stock_option"}),
        ("nfo_bfo_2026-08-18", date(2026, 8, 18), {"FUT": "stock_future", "OPT": "stock_option"}),
    ],
)
def test_ticks_follow_the_close_of_the_month_before(
    shared_data: Path, name: str, on: date, kinds: dict[str, str]
) -> None:
    import polars as pl

    path = shared_data / "nse_eq_daily_history" / "nifty50_names_daily_2016_2026.parquet"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    # the true day of a row is DATE1; FILE_DATE of a holiday is a copy of the day before
    days = pl.col("DATE1").str.to_titlecase().str.strptime(pl.Date, "%d-%b-%Y")
    table = pl.read_parquet(path).with_columns(day=days).filter(pl.col("day") < on.replace(day=1))
    last = table.filter(pl.col("day") == pl.col("day").max(), pl.col("SERIES") == "EQ")
    closes = dict(last.select("SYMBOL", "CLOSE_PRICE").iter_rows())
    funds = {"NIFTYBEES", "BANKBEES", "GOLDBEES"}
    master = shared_data / "instruments" / f"kite_instruments_{name}.csv.gz"
    compared = 0
    with gzip.open(master, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            symbol = row["tradingsymbol"] if row["segment"] == "NSE" else row["name"]
            kind = kinds.get(row["segment"][-3:])
            if kind is None or symbol not in closes or symbol in funds:
                continue
            ours = contracts.price_tick(kind, Decimal(str(closes[symbol])), on)
            assert ours == Decimal(row["tick_size"]), (symbol, kind, closes[symbol])
            compared += 1
    assert compared >= 60


def test_freeze_quantities_are_those_of_the_list_of_2024_02(shared_data: Path) -> None:
    import xlrd

    path = shared_data / "reference_lists" / "qtyfreeze_2024-02.xls"
    sheet = xlrd.open_workbook(path).sheet_by_index(0)
    cells = [[str(cell).strip() for cell in sheet.row_values(i)] for i in range(sheet.nrows)]
    theirs = {row[1]: int(float(row[2])) for row in cells[1:]}
    for symbol in ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY"):
        assert contracts.freeze_quantity(symbol, date(2024, 2, 15)) == theirs[symbol]


def test_a_commodity_s_ticks_and_lots_are_those_of_a_master(shared_data: Path) -> None:
    path = shared_data / "instruments" / "other_broker_mcx_contracts_2023-05.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    kinds: dict[str, contracts.TickKind] = {"FUTCOM": "future_", "OPTFUT": "option_"}
    seen: set[tuple[str, contracts.TickKind, str]] = set()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Symbol"] in contracts.symbols() and row["Instrument Type"] in kinds:
                seen.add((row["Symbol"], kinds[row["Instrument Type"]], row["Tick Size"]))
    assert len({symbol for symbol, _, _ in seen}) >= 15
    for symbol, kind, tick in seen:
        assert contracts.tick_size(symbol, date(2024, 1, 1), kind) == Decimal(tick), (symbol, kind)


def test_index_names_cover_every_index_of_the_reports(shared_data: Path) -> None:
    from alphastock_cli.exchange import indices

    path = shared_data / "nse_pd_report" / "nse_pd_report_2026-04-06_2026-08-13.zip"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    printed: set[str] = set()
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist()[::12]:
            with archive.open(member) as raw:
                for row in csv.DictReader(io.TextIOWrapper(raw, "latin-1")):
                    cells = {k.strip(): (v or "").strip() for k, v in row.items() if k}
                    if not cells["SYMBOL"] and cells["CLOSE_PRICE"]:
                        printed.add(cells["SECURITY"])
    assert len(printed) >= 135
    known = set(indices.index_names())
    assert {name for name in printed if indices.canonical_index(name) not in known} == set()
    assert len({indices.canonical_index(name) for name in printed}) == len(printed)


@pytest.mark.parametrize("name", ["nse_2025-10", "nse_2025-12"])
def test_index_names_cover_every_index_of_the_broker(shared_data: Path, name: str) -> None:
    from alphastock_cli.exchange import indices

    path = shared_data / "instruments" / f"kite_instruments_{name}.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        symbols = [r["tradingsymbol"] for r in csv.DictReader(file) if r["segment"] == "INDICES"]
    known = set(indices.index_names())
    assert len(symbols) > 100
    assert [s for s in symbols if indices.canonical_index(s) not in known] == []


def test_members_of_nifty_50_are_those_of_the_list(shared_data: Path) -> None:
    from alphastock_cli.exchange import indices

    path = shared_data / "reference_lists" / "ind_nifty50list_2025-02.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    with path.open(encoding="utf-8-sig") as file:
        theirs = sorted(row["Symbol"] for row in csv.DictReader(file))
    theirs.remove("DUMMYITC")  # a placeholder of a demerger: no share
    assert indices.members("NIFTY 50", date(2025, 2, 14)) == tuple(theirs)
