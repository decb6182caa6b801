"""What the `lake` commands say: figures, gaps, refusals, and mending that loses nothing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.errors import Locked, UnknownName, UsageError
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.lock import lock
from tests.conftest import ManualClock

D = date
# the sessions of NSE around Independence Day 2026, a Saturday
MON, TUE, WED, THU, FRI = (D(2026, 8, 10) + timedelta(days=n) for n in range(5))
NEXT = D(2026, 8, 17)


def put(lake: Lake, dataset: str, *rows: dict[str, Any]) -> None:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    lake.upsert(dataset, conform(frame, DATASETS[dataset], what="test"))


def share(day: date, exchange: str = "NSE", symbol: str = "SBIN") -> dict[str, Any]:
    return {"date": day, "exchange": exchange, "symbol": symbol, "series": "EQ", "close": 1.0}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake", copied_years=2)
    nse = [share(day, symbol=s) for day in (MON, WED, NEXT) for s in ("SBIN", "INFY")]
    put(lake, "equities_day", *nse, share(THU, "BSE"), share(D(2025, 5, 5), "BSE"))
    put(lake, "lots", {"symbol": "A", "contract_month": D(2026, 1, 1), "valid_from": D(2025, 1, 1)})
    return lake


def damage(lake: Lake, name: str = "equities_day/2026.parquet") -> Path:
    path = lake.root / name
    path.write_bytes(b"PAR1 no longer")
    return path


# -- status -----------------------------------------------------------------------------------


def test_status_of_nothing_is_no_error(tmp_path: Path, clock: ManualClock) -> None:
    result = lake_status.status(Lake(tmp_path / "lake"), clock)
    assert (result.kind, len(result)) == ("lake_status", 0)
    assert "fetch eod" in result.warnings[0]
    assert not (tmp_path / "lake").exists()


def test_status_counts_each_dataset_and_exchange(lake: Lake, clock: ManualClock) -> None:
    lake.touch("equities_day")
    bse, nse, lots = lake_status.status(lake, clock).records()
    assert [(r["dataset"], r["exchange"], r["rows"]) for r in (bse, nse, lots)] == [
        ("equities_day", "BSE", 2), ("equities_day", "NSE", 6), ("lots", None, 1),
    ]  # fmt: skip
    assert (nse["first"], nse["last"], nse["sessions"]) == (MON, NEXT, 3)
    assert nse["gaps"] == 3, "Tuesday, Thursday, Friday"
    assert nse["age_days"] == (clock.now().date() - NEXT).days
    files = lake.files("equities_day")
    assert (nse["files"], nse["bytes"]) == (2, sum(p.stat().st_size for p in files))
    assert nse["last_load"] is not None
    assert nse["last_load"] == lake.last_load("equities_day")
    assert lots["last_load"] is None
    assert {r["state"] for r in (bse, nse, lots)} == {"ok"}


def test_a_damaged_file_is_shown_and_the_others_counted(lake: Lake, clock: ManualClock) -> None:
    path = damage(lake)
    bse, lots = lake_status.status(lake, clock).records()
    assert (bse["exchange"], bse["rows"], bse["last"]) == ("BSE", 1, D(2025, 5, 5))
    assert bse["state"].startswith("damaged: ")
    assert str(path) in bse["state"]
    assert lots["state"] == "ok"


def test_a_dataset_of_damage_alone_has_a_row(lake: Lake, clock: ManualClock) -> None:
    damage(lake, "equities_day/2025.parquet")
    damage(lake)
    first = next(lake_status.status(lake, clock).records())
    assert (first["dataset"], first["rows"], first["files"]) == ("equities_day", 0, 2)
    assert first["state"].count("is damaged") == 2


def test_strangers_are_named(lake: Lake, clock: ManualClock) -> None:
    (lake.root / "lots" / "copy.parquet").write_bytes(b"")
    result = lake_status.status(lake, clock)
    assert any("copy.parquet is not ours" in text for text in result.warnings)


def test_gaps_the_calendar_cannot_know_are_null_not_zero(
    tmp_path: Path, clock: ManualClock
) -> None:
    lake = Lake(tmp_path / "lake")
    put(lake, "equities_day", share(D(1995, 1, 2)), share(D(1995, 6, 1)))
    result = lake_status.status(lake, clock)
    assert next(result.records())["gaps"] is None
    assert any("1999-01-01" in text for text in result.warnings)


def test_indices_are_judged_by_the_main_one(tmp_path: Path, clock: ManualClock) -> None:
    lake = Lake(tmp_path / "lake")

    def index(day: date, symbol: str) -> dict[str, Any]:
        return {"date": day, "exchange": "NSE", "symbol": symbol, "close": 1.0}

    vix = [index(day, "INDIA VIX") for day in (MON, TUE, WED, THU, FRI)]
    put(lake, "indices_day", *vix)
    alone = lake_status.gaps(lake, dataset="indices_day", exchange="NSE")
    assert (alone.summary["missing"], alone.summary["judged_by"]) == (0, "INDIA VIX")
    put(lake, "indices_day", *(index(day, "NIFTY 50") for day in (TUE, FRI)))
    told = lake_status.gaps(lake, dataset="indices_day", exchange="NSE")
    assert [row["date"] for row in told.records()] == [MON, WED, THU]
    assert told.summary["judged_by"] == "NIFTY 50"
    assert (told.summary["first"], told.summary["last"]) == (MON, FRI)
    assert {row["reason"] for row in told.records()} == {
        "a session of the calendar without NIFTY 50"
    }
    assert next(lake_status.status(lake, clock).records())["gaps"] == 3


# -- gaps -------------------------------------------------------------------------------------


def test_gaps_are_the_sessions_between_first_and_last(lake: Lake) -> None:
    result = lake_status.gaps(lake, dataset="equities_day", exchange="NSE")
    rows = list(result.records())
    assert [(r["date"], r["weekday"]) for r in rows] == [(TUE, "Tue"), (THU, "Thu"), (FRI, "Fri")]
    assert {(r["dataset"], r["exchange"]) for r in rows} == {("equities_day", "NSE")}
    assert all("session of the calendar" in r["reason"] for r in rows)
    assert result.summary == {"first": MON, "last": NEXT, "sessions": 3, "missing": 3}
    assert result.warnings == ()


def contract(day: date, exchange: str) -> dict[str, Any]:
    return {"date": day, "exchange": exchange, "symbol": "X", "expiry": D(2026, 3, 30)}


def test_each_exchange_has_the_gaps_of_its_own_calendar(tmp_path: Path, clock: ManualClock) -> None:
    lake = Lake(tmp_path / "lake")
    days = (D(2026, 2, 18), D(2026, 2, 20))  # on the 19th currencies rest, the others trade
    put(lake, "futures_day", *(contract(day, at) for day in days for at in ("NFO", "CDS", "OTC")))
    rows = {row["exchange"]: row["gaps"] for row in lake_status.status(lake, clock).rows}
    assert rows == {"NFO": 1, "CDS": 0, "OTC": None}
    assert [row["date"] for row in lake_status.gaps(
        lake, dataset="futures_day", exchange="NFO").rows] == [D(2026, 2, 19)]  # fmt: skip
    unknown = lake_status.gaps(lake, dataset="futures_day", exchange="OTC")
    assert unknown.warnings == ("no calendar of OTC: gaps are not known",)


def test_gaps_of_nothing_say_so(lake: Lake) -> None:
    result = lake_status.gaps(lake, dataset="indices_day", exchange="NSE")
    assert len(result) == 0
    assert "no indices_day of NSE" in result.warnings[0]


def test_gaps_before_the_calendar_are_said_to_be_unknown(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    put(lake, "equities_day", share(D(1998, 12, 30)), share(D(1999, 1, 4)))
    result = lake_status.gaps(lake, dataset="equities_day", exchange="NSE")
    assert "1999-01-01" in result.warnings[0]
    assert {r["date"].year for r in result.records()} <= {1999}


def test_gaps_of_unknown_or_undated_datasets(lake: Lake) -> None:
    with pytest.raises(UnknownName, match="equity_day"):
        lake_status.gaps(lake, dataset="equity_day", exchange="NSE")
    with pytest.raises(UsageError, match="lots has no sessions"):
        lake_status.gaps(lake, dataset="lots", exchange="NSE")


# -- rejects ----------------------------------------------------------------------------------


def test_rejects_keep_their_reasons_and_are_counted(lake: Lake) -> None:
    rows = [("b.csv", 2, "no close"), ("a.csv", 9, "no close"), ("a.csv", None, "not a bhavcopy")]
    put(
        lake, "rejects",
        *({"dataset": "equities_day", "source": "f", "file": f, "row": n, "reason": r, "raw": ""}
          for f, n, r in rows),
    )  # fmt: skip
    result = lake_status.rejects(lake)
    assert [(r["file"], r["row"]) for r in result.records()] == [
        ("a.csv", None), ("a.csv", 9), ("b.csv", 2),
    ]  # fmt: skip
    assert result.summary["refused"] == 3
    assert result.summary["reasons"][0] == {"reason": "no close", "rows": 2}
    assert len(lake_status.rejects(Lake(lake.root / "none"))) == 0


# -- repair -----------------------------------------------------------------------------------


def test_repair_of_whole_files_changes_nothing(lake: Lake, clock: ManualClock) -> None:
    before = {p: p.read_bytes() for p in lake.root.rglob("*.parquet")}
    result = lake_status.repair(lake, clock)
    assert len(result) == 0
    assert "nothing to repair" in result.warnings[0]
    assert {p: p.read_bytes() for p in lake.root.rglob("*.parquet")} == before


def test_repair_sets_damage_aside_and_says_what_to_load(lake: Lake, clock: ManualClock) -> None:
    path = damage(lake)
    stray = path.with_name(f".2026.parquet.{'ab' * 8}.part")
    stray.write_bytes(b"half")
    removed, aside = lake_status.repair(lake, clock).records()
    assert (removed["done"], removed["file"], stray.exists()) == ("removed", stray.name, False)
    assert (aside["done"], aside["file"]) == ("set aside", "2026.parquet")
    assert "2026" in aside["next"]
    assert "fetch eod" in aside["next"]
    kept = Path(aside["moved_to"])
    assert kept == lake.root / "damaged" / "20261120T180000-equities_day-2026.parquet"
    assert kept.read_bytes() == b"PAR1 no longer", "nothing is thrown away"
    assert lake.scan("equities_day").collect().height == 1, "2025 is read again"
    put(lake, "equities_day", share(MON))
    assert lake.scan("equities_day").collect().height == 2
    assert "nothing to repair" in lake_status.repair(lake, clock).warnings[0]


def test_a_second_repair_in_the_same_second_overwrites_nothing(
    lake: Lake, clock: ManualClock
) -> None:
    damage(lake)
    (first,) = lake_status.repair(lake, clock).records()
    damage(lake).write_bytes(b"other damage")
    (second,) = lake_status.repair(lake, clock).records()
    assert Path(first["moved_to"]).read_bytes() == b"PAR1 no longer"
    assert Path(second["moved_to"]).read_bytes() == b"other damage"


def test_repair_leaves_the_file_of_a_newer_program_alone(lake: Lake, clock: ManualClock) -> None:
    path = lake.root / "equities_day" / "2026.parquet"
    facts = {"alphastock.dataset": "equities_day", "alphastock.version": "2"}
    pl.read_parquet(path).write_parquet(path, metadata=facts)
    before = path.read_bytes()
    result = lake_status.repair(lake, clock)
    assert len(result) == 0
    assert "newer alphastock" in result.warnings[0]
    assert path.read_bytes() == before


def test_repair_waits_for_no_writer(lake: Lake, clock: ManualClock) -> None:
    damage(lake)
    with lock(lake.lock_path), pytest.raises(Locked):
        lake_status.repair(lake, clock)


def test_repair_without_a_lake_makes_none(tmp_path: Path, clock: ManualClock) -> None:
    result = lake_status.repair(Lake(tmp_path / "lake"), clock)
    assert result.warnings == ("nothing is stored",)
    assert not (tmp_path / "lake").exists()
