"""The lake: what goes in comes out, files change only when they must, damage is named."""

from __future__ import annotations

import os
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.errors import BadReply, DamagedData, Locked, StorageError, UnknownName
from alphastock_cli.store.files import NewerData, read_whole, write_parquet
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import DATED, KEYS
from alphastock_cli.store.lock import lock

D = date
FRIDAY = D(2026, 8, 14)


def row(symbol: str = "SBIN", day: date = FRIDAY, **values: Any) -> dict[str, Any]:
    return {"date": day, "exchange": "NSE", "symbol": symbol, "series": "EQ", **values}


def day_frame(*rows: dict[str, Any]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    return conform(frame, DATASETS["equities_day"], what="test")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "data" / "lake")


def state(lake: Lake) -> dict[str, tuple[bytes, int]]:
    """Return content and modification time of each file of the lake."""
    return {
        str(p.relative_to(lake.root)): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in lake.root.rglob("*.parquet")
    }


# -- reading what is not there ----------------------------------------------------------------


@pytest.mark.parametrize("dataset", DATASETS)
def test_an_empty_lake_has_every_dataset_in_its_schema(lake: Lake, dataset: str) -> None:
    assert lake.scan(dataset).collect().equals(pl.DataFrame(schema=DATASETS[dataset]))
    assert lake.scan(dataset).collect_schema() == DATASETS[dataset]
    assert lake.last_load(dataset) is None
    assert lake.datasets() == lake.files(dataset) == []
    assert not lake.root.parent.exists(), "reading makes no folder"


def test_an_unknown_dataset_lists_the_nearest(lake: Lake) -> None:
    for ask in (lake.scan, lake.files, lake.last_load, lake.touch):
        with pytest.raises(UnknownName, match="equites_day") as caught:
            ask("equites_day")
        assert "equities_day" in caught.value.hint


# -- writing and reading ----------------------------------------------------------------------


def test_rows_come_back_as_they_went_in(lake: Lake) -> None:
    frame = day_frame(
        row(close=816.05, volume=2**53 + 1, name="STATE BANK"),
        row("M&M", close=None, delivery_pct=0.0),
        row("निफ्टी", D(2025, 1, 1), close=1e-9),
    )
    report = lake.upsert("equities_day", frame)
    assert (report.added, report.changed, report.unchanged) == (3, 0, 0)
    assert report.files == ("equities_day/2025.parquet", "equities_day/2026.parquet")
    stored = lake.scan("equities_day").collect().sort("symbol")
    assert stored.equals(frame.sort("symbol"))
    assert lake.datasets() == ["equities_day"]


def test_a_second_load_touches_no_file(lake: Lake) -> None:
    frame = day_frame(row(close=1.0), row("INFY", D(2025, 3, 3), close=None))
    lake.upsert("equities_day", frame)
    before = state(lake)
    report = lake.upsert("equities_day", frame)
    assert (report.added, report.changed, report.unchanged, report.files) == (0, 0, 2, ())
    assert state(lake) == before


def test_only_the_year_that_changes_is_written(lake: Lake) -> None:
    lake.upsert("equities_day", day_frame(row(close=1.0), row(day=D(2025, 3, 3), close=1.0)))
    before = state(lake)
    lake.upsert("equities_day", day_frame(row(close=2.0), row(day=D(2025, 3, 3), close=1.0)))
    after = state(lake)
    assert after["equities_day/2025.parquet"] == before["equities_day/2025.parquet"]
    assert after["equities_day/2026.parquet"] != before["equities_day/2026.parquet"]


def test_a_value_wins_and_a_null_keeps_what_is_stored(lake: Lake) -> None:
    lake.upsert("equities_day", day_frame(row(close=1.0, volume=10)))
    report = lake.upsert("equities_day", day_frame(row(close=2.0, volume=None, trades=7)))
    assert (report.added, report.changed, report.unchanged) == (0, 1, 0)
    stored = lake.scan("equities_day").collect().row(0, named=True)
    assert (stored["close"], stored["volume"], stored["trades"]) == (2.0, 10, 7)


def test_a_key_twice_in_one_load_is_one_row_with_the_last_known_values(lake: Lake) -> None:
    frame = day_frame(row(close=1.0, volume=5), row(close=2.0), row(trades=3))
    report = lake.upsert("equities_day", frame)
    assert report.added == 1
    stored = lake.scan("equities_day").collect()
    assert stored.select("close", "volume", "trades").rows() == [(2.0, 5, 3)]


def test_series_and_exchanges_are_rows_of_their_own(lake: Lake) -> None:
    rows = [
        row(series="EQ", close=1.0),
        row(series="BE", close=2.0),
        row(exchange="BSE", close=3.0),
    ]
    assert lake.upsert("equities_day", day_frame(*rows)).added == 3


def test_an_empty_frame_makes_nothing(lake: Lake) -> None:
    assert lake.upsert("equities_day", day_frame(row()).clear()).added == 0
    assert not lake.root.exists()


@pytest.mark.parametrize("column", ["date", "symbol", "exchange"])
def test_a_row_without_date_or_name_is_refused_not_lost(lake: Lake, column: str) -> None:
    with pytest.raises(BadReply, match="1 of 2 rows lack date"):
        lake.upsert("equities_day", day_frame(row(close=1.0), row("INFY") | {column: None}))
    assert not lake.root.exists()


def test_foreign_columns_and_nan_are_refused(lake: Lake) -> None:
    with pytest.raises(BadReply, match="colour"):
        lake.upsert("equities_day", pl.DataFrame([row(colour="red")]))
    with pytest.raises(BadReply, match="NaN"):
        lake.upsert("equities_day", pl.DataFrame([row(close=float("nan"))]))


def test_files_are_sorted_and_say_what_they_are(lake: Lake) -> None:
    days = [D(2026, 8, 14) - timedelta(days=n) for n in range(5)]
    lake.upsert("equities_day", day_frame(*(row(s, d) for d in days for s in ("Z", "A", "M"))))
    (path,) = lake.files("equities_day")
    frame = pl.read_parquet(path)
    assert frame.equals(frame.sort("symbol", "date", "exchange", "series"))
    facts = pl.read_parquet_metadata(path)
    assert facts["alphastock.dataset"] == "equities_day"
    assert facts["alphastock.version"] == "1"


# -- the small datasets -----------------------------------------------------------------------

SMALL: dict[str, list[dict[str, Any]]] = {
    "adjustments": [
        {"exchange": "NSE", "symbol": "A", "ex_date": D(2026, 1, 2), "source": "detected"},
        {"exchange": "NSE", "symbol": "A", "ex_date": D(2026, 1, 2), "source": "file.csv"},
    ],
    "membership": [
        {"index": "NIFTY 50", "symbol": "A", "valid_from": D(2025, 1, 1)},
        {"index": "NIFTY 50", "symbol": "A", "valid_from": D(2026, 1, 1)},
    ],
    "symbol_changes": [{"old": "A", "new": "B"}, {"old": "A", "new": "C"}],
    "freeze_quantities": [
        {"symbol": "NIFTY", "valid_from": D(2025, 1, 1), "freeze_quantity": 1800},
        {"symbol": "NIFTY", "valid_from": D(2026, 1, 1), "freeze_quantity": 1800},
    ],
    "lots": [
        {"symbol": "A", "contract_month": D(2026, 1, 1), "valid_from": D(2025, 1, 1)},
        {"symbol": "A", "contract_month": D(2026, 2, 1), "valid_from": D(2025, 1, 1)},
    ],
    "rejects": [
        {"dataset": "equities_day", "source": "", "file": "a", "reason": "no header"},
        {"dataset": "equities_day", "source": "", "file": "a", "row": 1, "reason": "r", "raw": "x"},
        {"dataset": "equities_day", "source": "", "file": "a", "row": 1, "reason": "r", "raw": "y"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("dataset", SMALL)
def test_a_small_dataset_is_one_file_and_loads_twice_as_once(lake: Lake, dataset: str) -> None:
    frame = conform(
        pl.DataFrame(SMALL[dataset], infer_schema_length=None), DATASETS[dataset], what="test"
    )
    assert lake.upsert(dataset, frame).added == frame.height
    before = state(lake)
    assert list(before) == [f"{dataset}/all.parquet"]
    assert lake.upsert(dataset, frame).unchanged == frame.height, "null keys equal each other"
    assert state(lake) == before


def test_every_dataset_has_a_key_of_its_own_columns() -> None:
    assert set(KEYS) == set(DATASETS)
    assert set(SMALL) == set(DATASETS) - DATED
    for dataset, keys in KEYS.items():
        assert set(keys) <= set(DATASETS[dataset])


# -- asking for a part ------------------------------------------------------------------------


def test_both_ends_are_inclusive_and_columns_are_chosen(lake: Lake) -> None:
    days = [D(2024, 12, 31), D(2025, 1, 1), D(2025, 12, 31), D(2026, 1, 1)]
    lake.upsert("equities_day", day_frame(*(row(day=d) for d in days)))
    for start, end in [(a, b) for a in [None, *days] for b in [None, *days]]:
        frame = lake.scan("equities_day", start=start, end=end, columns=["date"]).collect()
        wanted = [d for d in days if (start is None or d >= start) and (end is None or d <= end)]
        assert frame.columns == ["date"]
        assert sorted(frame["date"]) == wanted


def test_only_the_years_asked_for_are_opened(lake: Lake) -> None:
    lake.upsert("equities_day", day_frame(row(day=D(2024, 5, 1)), row(day=D(2026, 5, 1))))
    (lake.root / "equities_day" / "2024.parquet").write_bytes(b"damaged")
    assert lake.scan("equities_day", start=D(2025, 1, 1)).collect().height == 1
    with pytest.raises(DamagedData, match=r"2024\.parquet"):
        lake.scan("equities_day", end=D(2025, 1, 1))


def test_files_of_other_names_are_not_read(lake: Lake) -> None:
    lake.upsert("equities_day", day_frame(row()))
    folder = lake.root / "equities_day"
    copy = folder / "2026 (copy).parquet"
    copy.write_bytes((folder / "2026.parquet").read_bytes())
    (folder / "all.parquet").write_bytes(b"")
    assert lake.scan("equities_day").collect().height == 1, "a copy would double the rows"
    assert lake.strangers("equities_day") == [copy, folder / "all.parquet"]


# -- what a file may suffer -------------------------------------------------------------------


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 9)


def footer_only(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[-int.from_bytes(data[-8:-4], "little") - 8 :])


def other_program(path: Path) -> None:
    pl.DataFrame([row()]).write_parquet(path)


def other_dataset(path: Path) -> None:
    write_parquet(path, pl.DataFrame(schema=DATASETS["lots"]), "lots")


def foreign_columns(path: Path) -> None:
    write_parquet(path, pl.DataFrame([row(colour="red")]), "equities_day")


def old_version(path: Path) -> None:
    facts = {"alphastock.dataset": "equities_day", "alphastock.version": "0"}
    day_frame(row()).write_parquet(path, metadata=facts)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("SYMBOL,CLOSE\nSBIN,816\n")


HARMS = [truncated, footer_only, other_program, other_dataset, old_version, zeros, nothing, text]


@pytest.mark.parametrize("harm", [*HARMS, foreign_columns])
def test_damage_is_named_and_the_file_is_kept(lake: Lake, harm: Any) -> None:
    lake.upsert("equities_day", day_frame(row(close=1.0), row(day=D(2025, 5, 5))))
    path = lake.root / "equities_day" / "2026.parquet"
    harm(path)
    before = path.read_bytes()
    for act in (
        lambda: read_whole(path, "equities_day"),
        lambda: lake.upsert("equities_day", day_frame(row(close=2.0))),
    ):
        with pytest.raises(DamagedData, match=r"2026\.parquet") as caught:
            act()
        assert "alphastock lake repair" in caught.value.hint
        assert caught.value.exit_code == 8
    assert path.read_bytes() == before, "nothing is written over what may be rescued"
    assert lake.scan("equities_day", end=D(2025, 12, 31)).collect().height == 1


@pytest.mark.parametrize("harm", [h for h in HARMS if h is not footer_only])
def test_a_scan_refuses_damage_before_a_row_is_read(lake: Lake, harm: Any) -> None:
    lake.upsert("equities_day", day_frame(row(close=1.0)))
    harm(lake.root / "equities_day" / "2026.parquet")
    with pytest.raises(DamagedData, match=r"2026\.parquet"):
        lake.scan("equities_day")


def test_a_newer_schema_is_not_damage_to_repair(lake: Lake) -> None:
    lake.upsert("equities_day", day_frame(row()))
    path = lake.root / "equities_day" / "2026.parquet"
    facts = {"alphastock.dataset": "equities_day", "alphastock.version": "2"}
    day_frame(row()).write_parquet(path, metadata=facts)
    with pytest.raises(NewerData, match="written by a newer alphastock") as caught:
        lake.scan("equities_day")
    assert caught.value.exit_code == 8
    assert "repair" not in caught.value.hint


# -- folders, links, locks --------------------------------------------------------------------


def test_folders_and_files_are_private(lake: Lake) -> None:
    before = os.umask(0)
    try:
        lake.upsert("equities_day", day_frame(row()))
        lake.touch("equities_day")
    finally:
        os.umask(before)
    for path in [lake.root.parent, *lake.root.parent.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_a_dataset_that_leads_out_of_the_lake_is_not_written(lake: Lake, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    lake.root.mkdir(parents=True)
    (lake.root / "equities_day").symlink_to(outside)
    with pytest.raises(StorageError, match="leads outside"):
        lake.upsert("equities_day", day_frame(row()))
    assert list(outside.iterdir()) == []


def test_a_file_that_leads_out_of_the_lake_is_not_written(lake: Lake, tmp_path: Path) -> None:
    lake.upsert("equities_day", day_frame(row(close=1.0)))
    path, outside = lake.root / "equities_day" / "2026.parquet", tmp_path / "moved.parquet"
    path.rename(outside)
    path.symlink_to(outside)
    before = outside.read_bytes()
    with pytest.raises(StorageError, match="leads outside"):
        lake.upsert("equities_day", day_frame(row(close=2.0)))
    assert outside.read_bytes() == before


def test_a_lake_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "big-disk")
    lake = Lake(tmp_path / "lake")
    assert lake.upsert("equities_day", day_frame(row())).added == 1


def test_a_writer_waits_for_nobody_unless_told_and_readers_never(lake: Lake) -> None:
    lake.upsert("equities_day", day_frame(row()))
    with lock(lake.lock_path):
        assert lake.scan("equities_day").collect().height == 1
        with pytest.raises(Locked, match=str(os.getpid())):
            lake.upsert("equities_day", day_frame(row(close=2.0)))


def test_a_load_is_remembered_in_indian_time(lake: Lake) -> None:
    began = datetime.now(tz=UTC) - timedelta(seconds=2)
    lake.touch("equities_day")
    last = lake.last_load("equities_day")
    assert last is not None
    assert last.utcoffset() == timedelta(hours=5, minutes=30)
    assert began <= last <= datetime.now(tz=UTC) + timedelta(seconds=2)
    assert lake.last_load("lots") is None


def test_duckdb_reads_the_same_rows(lake: Lake) -> None:
    days = [D(2024, 12, 31) + timedelta(days=n) for n in range(400)]
    frame = day_frame(*(row(s, d, close=float(n)) for n, d in enumerate(days) for s in ("A", "B")))
    lake.upsert("equities_day", frame)
    with duckdb.connect() as other:
        found = other.execute(
            "select date, symbol, close, volume from read_parquet(?) order by symbol, date",
            [str(lake.root / "equities_day" / "*.parquet")],
        ).fetchall()
    assert found == frame.sort("symbol", "date").select("date", "symbol", "close", "volume").rows()


def test_a_disk_with_too_little_room_keeps_the_old_file(tmp_path: Path) -> None:
    schema = DATASETS["rejects"]
    old = pl.DataFrame({"file": ["a"]}).cast({"file": schema["file"]})
    small = conform(old, schema, what="test")
    path = tmp_path / "all.parquet"
    write_parquet(path, small, "rejects", free=lambda _: 0)
    large = conform(pl.DataFrame({"file": ["x" * 4096] * 2000}), schema, what="test")
    with pytest.raises(StorageError, match="of free space"):
        write_parquet(path, large, "rejects", free=lambda _: 60 << 20)
    assert read_whole(path, "rejects").equals(small)
    write_parquet(path, large, "rejects")
    assert read_whole(path, "rejects").height == 2000
