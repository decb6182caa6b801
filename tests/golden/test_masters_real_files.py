"""Real instrument masters: every row loads, and contracts on any day are what was listed then."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from alphastock_cli.actions.contract import contract
from alphastock_cli.actions.fetch_instruments import fetch_instruments
from alphastock_cli.actions.master_diff import newest_warnings, snapshot_diff
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import contracts
from alphastock_cli.store import snapshots
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock

D = date


class Real(NamedTuple):
    """A real master: its file, the day it is loaded as, its rows by the README of the files."""

    file: str
    day: date
    rows: int


# a day the file does not state is the last one its expiries or its commit allow
KITE = (
    Real("kite_instruments_nfo_plus_fno_underlyings_2024-03", D(2024, 4, 2), 31_373),
    Real("kite_instruments_nse_2025-10", D(2025, 10, 21), 8_437),
    Real("kite_instruments_bse_2025-10", D(2025, 10, 21), 12_717),
    Real("kite_instruments_nfo_2025-12", D(2025, 12, 20), 37_258),
    Real("kite_instruments_nse_2025-12", D(2025, 12, 20), 8_725),
    Real("kite_instruments_nfo_bfo_2026-08-18", D(2026, 8, 18), 39_941),
)
OTHER = (
    Real("other_broker_mcx_contracts_2023-05", D(2023, 4, 25), 5_623),
    Real("other_broker_cds_contracts_2023-05", D(2023, 4, 26), 11_099),
)
ALL = (*KITE, *OTHER)


def path_of(folder: Path, real: Real) -> Path:
    path = folder / "instruments" / f"{real.file}.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real files")
    return path


def lines(folder: Path, real: Real) -> list[dict[str, str]]:
    with gzip.open(path_of(folder, real), "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parsed(text: str) -> date | None:
    if not text:
        return None
    form = "%d-%m-%Y" if text[2] == "-" else "%Y-%m-%d"
    return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date without a moment


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(datetime.fromisoformat("2026-11-20T18:00:00+05:30"))


@pytest.fixture(scope="module")
def lake(shared_data: Path, clock: ManualClock, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("masters") / "lake")
    for real in ALL:
        result = fetch_instruments(lake, clock, path_of(shared_data, real), on=real.day)
        assert result.summary["rows_added"] == result.summary["rows"] == real.rows
        assert result.summary["rows_rejected"] == result.summary["rows_repeated"] == 0
    return lake


# -- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("real", ALL, ids=lambda real: real.file)
def test_every_row_of_a_master_is_stored_as_a_csv_reader_reads_it(
    shared_data: Path, lake: Lake, real: Real
) -> None:
    expected = dict(map(_expected, lines(shared_data, real)))
    assert len(expected) == real.rows
    codes = {exchange for exchange, _ in expected}
    frame = lake.scan("instruments", start=real.day, end=real.day).collect()
    found = {
        (row["exchange"], row["tradingsymbol"]): row
        for row in frame.filter(pl.col("exchange").is_in(codes)).iter_rows(named=True)
    }
    missing = {key: row for key, row in expected.items()
               if key not in found or row.items() - found[key].items()}  # fmt: skip
    assert not dict(list(missing.items())[:3])
    assert len(found) == real.rows


def _expected(line: dict[str, str]) -> tuple[tuple[str, str], dict[str, Any]]:
    """Return a line's facts by a way of its own: the csv module, plain conversions."""
    other = "Exch" in line
    kind = line["Instrument Type" if other else "instrument_type"]
    option = kind.startswith("OPT") if other else kind in {"CE", "PE"}
    future = kind.startswith("FUT")
    index = not other and line["segment"] == "INDICES"
    name = line["Symbol" if other else "name"].strip()  # some end in a blank
    facts = {
        "name": name or None,
        "exchange_token": line["Token" if other else "exchange_token"],
        "instrument_token": None if other else int(line["instrument_token"]),
        "underlying": name if option or future else None,
        "expiry": parsed(line["Expiry Date" if other else "expiry"]),
        "strike": float(line["Strike Price" if other else "strike"]) if option else None,
        "option_type": (line["Option Type"] if other else kind) if option else None,
        "lot_size": None if index else int(line["Lot Size" if other else "lot_size"]),
        "tick_size": None if index else float(line["Tick Size" if other else "tick_size"]),
    }
    key = (line["Exch"], line["Trading Symbol"]) if other else (
        line["exchange"], line["tradingsymbol"])  # fmt: skip
    return key, facts


@pytest.mark.parametrize("real", ALL, ids=lambda real: real.file)
def test_segments_are_counted_as_in_the_file(shared_data: Path, lake: Lake, real: Real) -> None:
    rows = lines(shared_data, real)
    words = {"FUTCOM": "FUT", "FUTIDX": "FUT", "FUTCUR": "FUT", "OPTFUT": "OPT", "OPTCUR": "OPT"}
    segments = Counter(
        row.get("segment") or f"{row['Exch']}-{words[row['Instrument Type']]}" for row in rows
    )
    frame = lake.scan("instruments", start=real.day, end=real.day).collect()
    codes = {row.get("exchange") or row["Exch"] for row in rows}
    stored = frame.filter(pl.col("exchange").is_in(codes)).group_by("segment").len()
    assert dict(stored.iter_rows()) == segments
    indices = frame.filter(asset_type="index", segment="INDICES")
    assert indices.select(pl.col("lot_size", "tick_size").is_not_null().any()).row(0) in {
        (False, False), (None, None),
    }  # fmt: skip


@pytest.mark.parametrize("real", KITE, ids=lambda real: real.file)
def test_a_master_whose_name_has_no_day_is_refused_with_its_earliest_expiry(
    shared_data: Path, clock: ManualClock, tmp_path: Path, real: Real
) -> None:
    path, lake = path_of(shared_data, real), Lake(tmp_path / "lake")
    if "2026-08-18" in real.file:
        assert fetch_instruments(lake, clock, path).summary["date"] == real.day
        return
    with pytest.raises(UsageError) as caught:
        fetch_instruments(lake, clock, path)
    days = [parsed(row["expiry"]) for row in lines(shared_data, real)]
    earliest = min((day for day in days if day), default=None)
    expected = "lists no expiry either" if earliest is None else f"--on {earliest}"
    assert expected in caught.value.hint


# -- contracts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("real", [KITE[0], KITE[3], KITE[5]], ids=lambda real: real.file)
def test_on_its_day_a_master_says_everything_of_every_index(
    shared_data: Path, lake: Lake, real: Real
) -> None:
    listed: dict[str, dict[date | None, dict[str, set[Decimal]]]] = defaultdict(dict)
    for row in lines(shared_data, real):
        if row["segment"][:3] in {"NFO", "BFO"} and row["name"] in contracts.symbols():
            facts = listed[row["name"]].setdefault(parsed(row["expiry"]), defaultdict(set))
            facts["lot"].add(Decimal(row["lot_size"]))
            facts[row["segment"][-3:]].add(Decimal(row["tick_size"]))
    assert len(listed) >= 4
    for symbol, expiries in listed.items():
        found = {row["expiry"]: row for row in contract(symbol, real.day, lake=lake).records()}
        assert found.keys() == expiries.keys(), symbol
        for expiry, facts in expiries.items():
            ours = found[expiry]
            assert {ours["lot_size"]} == facts["lot"], (symbol, expiry)
            assert {ours["option_tick_size"]} == facts["OPT"], (symbol, expiry)
            assert facts["FUT"] <= {ours["future_tick_size"]}, (symbol, expiry)
            assert ours["source"].startswith(f"instrument master of {real.day}")
            assert ours["session_close"] is not None


@pytest.mark.parametrize("real", [KITE[0], KITE[3], KITE[5]], ids=lambda real: real.file)
def test_on_its_day_a_master_says_every_lot_of_a_share(
    shared_data: Path, lake: Lake, real: Real
) -> None:
    for symbol in ("RELIANCE", "SBIN", "M&M", "BAJAJ-AUTO"):
        theirs = {
            (parsed(row["expiry"]), int(row["lot_size"]))
            for row in lines(shared_data, real)
            if row["segment"].startswith("NFO") and row["name"] == symbol
        }
        rows = list(contract(symbol, real.day, lake=lake).records())
        ours = {(row["expiry"], row["lot_size"]) for row in rows if row["expiry"] is not None}
        assert ours == theirs != set(), symbol


@pytest.mark.parametrize("real", [KITE[0], KITE[3], KITE[5]], ids=lambda real: real.file)
def test_masters_and_tables_agree_on_every_index_and_on_the_expiries_of_shares(
    lake: Lake, real: Real
) -> None:
    """Expiries, lots and ticks of every index of these masters are those of the tables."""
    exchanges = [Exchange.NFO] + [Exchange.BFO] * ("bfo" in real.file)
    for exchange in exchanges:
        assert snapshot_diff(lake, exchange, real.day) == []


def test_what_cannot_be_compared_is_said(lake: Lake) -> None:
    """Our commodity and currency rows begin in 2024, those masters are of 2023: nothing to say."""
    assert [line.partition(":")[0] for line in newest_warnings(lake)] == [
        "instruments MCX 2023-04-25", "instruments CDS 2023-04-26",
    ]  # fmt: skip
    assert all("do not reach" in line for line in newest_warnings(lake))


# Lots of NIFTY as its circulars say them, for the weekly and the three nearest monthly contracts:
# on days from the first date, of expiries from the second; the last row that fits counts.
NIFTY_LOTS = (
    (D(2024, 1, 1), D(2024, 1, 1), 50),
    (D(2024, 4, 26), D(2024, 4, 26), 25),
    (D(2024, 11, 20), D(2025, 1, 1), 75),  # first weekly 2025-01-02
    (D(2024, 11, 20), D(2025, 1, 30), 25),  # the monthly of January was listed before
    (D(2024, 11, 20), D(2025, 1, 31), 75),  # first monthly 2025-02-27
    (D(2025, 10, 3), D(2026, 1, 1), 65),  # first weekly 2026-01-06, monthly 2026-01-27
)
NEAR = timedelta(days=90)
# of 2025: the quarterly of March was still of 25 until 2024-12-26; that of March 2026 of 75
FAR = ((D(2024, 11, 20), D(2024, 12, 26), D(2025, 3, 1)),
       (D(2025, 10, 3), D(2025, 12, 30), D(2026, 3, 1)))  # fmt: skip


def nifty_lot(on: date, expiry: date) -> int | None:
    """Return the lot the circulars say, or None where they do not speak of a far contract."""
    if expiry - on > NEAR or any(a <= on <= b and expiry >= c for a, b, c in FAR):
        return None
    return [lot for since, first, lot in NIFTY_LOTS if on >= since and expiry >= first][-1]


def some_days() -> Iterator[date]:
    """Yield every fifth day of the three years, and every day about a change or a master."""
    turns = {since for since, _, _ in NIFTY_LOTS} | {real.day for real in KITE}
    turns |= {D(2024, 12, 27), D(2025, 1, 2), D(2025, 8, 28), D(2025, 12, 31)}
    for step in range((D(2026, 11, 20) - D(2024, 1, 1)).days + 1):
        day = D(2024, 1, 1) + timedelta(days=step)
        if step % 5 == 0 or any(abs((day - turn).days) <= 2 for turn in turns):
            yield day


def test_the_lot_of_nifty_is_right_on_any_day_and_for_any_near_expiry(lake: Lake) -> None:
    checked = 0
    for on in some_days():
        result = contract("NIFTY", on, lake=lake)
        for row in result.records():
            expected = nifty_lot(on, row["expiry"])
            if expected is not None:
                assert row["lot_size"] == expected, (on, row["expiry"], row["source"])
                checked += 1
        if result.summary["master"] > on:
            assert on < D(2024, 4, 2), "a later master answers only where there is no earlier one"
    assert checked > 1_000


@pytest.mark.parametrize(
    ("symbol", "regular", "actual"),
    [("NIFTY", D(2025, 10, 21), D(2025, 10, 20)), ("NIFTY", D(2026, 3, 3), D(2026, 3, 2)),
     ("NIFTY", D(2026, 4, 14), D(2026, 4, 13)), ("NIFTY", D(2026, 10, 20), D(2026, 10, 19)),
     ("NIFTY", D(2026, 11, 10), D(2026, 11, 9)), ("NIFTY", D(2026, 3, 31), D(2026, 3, 30)),
     ("NIFTY", D(2026, 11, 24), D(2026, 11, 23)), ("SENSEX", D(2026, 5, 28), D(2026, 5, 27)),
     ("SENSEX", D(2024, 11, 1), D(2024, 10, 31)),
     ("SENSEX", D(2026, 1, 15), D(2026, 1, 14)), ("SENSEX", D(2026, 3, 26), D(2026, 3, 25))],
)  # fmt: skip
def test_expiries_moved_by_holidays_are_listed_where_they_were_moved(
    lake: Lake, symbol: str, regular: date, actual: date
) -> None:
    rows = contract(symbol, actual - timedelta(days=1), lake=lake).records()
    listed = {row["expiry"] for row in rows}
    assert actual in listed
    assert regular not in listed


def test_what_a_master_listed_stays_listed_until_it_ends(shared_data: Path, lake: Lake) -> None:
    """Of the expiries of a master only those a later rule or holiday moved are gone a month on."""
    real = KITE[5]
    month_on = real.day + timedelta(days=31)
    for symbol in ("NIFTY", "BANKNIFTY", "SENSEX", "BANKEX"):
        theirs = {
            parsed(row["expiry"]) for row in lines(shared_data, real) if row["name"] == symbol
        }
        ours = {row["expiry"] for row in contract(symbol, month_on, lake=lake).records()}
        assert {day for day in theirs if day and day >= month_on} <= ours


def test_commodities_and_currencies_of_2023_answer_from_the_other_broker(lake: Lake) -> None:
    gold = list(contract("GOLD", D(2023, 5, 1), lake=lake).records())
    assert gold[0]["expiry"] == D(2023, 5, 25)
    assert {row["option_tick_size"] for row in gold if row["option_tick_size"]} == {Decimal("0.5")}
    assert {row["multiplier"] for row in gold} == {None}, "our multipliers begin in 2024"
    euro = list(contract("EURINR", D(2023, 5, 1), lake=lake).records())
    assert {row["tick_size"] for row in euro} == {Decimal("0.0025")}
    assert snapshots.nearest(lake, D(2023, 5, 1), exchanges=[Exchange.NFO]) is None
