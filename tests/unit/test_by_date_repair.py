"""The copy by date on odd disks, and what `lake repair` makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.errors import StorageError
from alphastock_cli.store.by_date import FOLDER
from alphastock_cli.store.files import read_whole
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.seal import Seal
from tests.conftest import ManualClock
from tests.unit.by_date_makers import (
    DAYS,
    LAST,
    NEXT,
    D,
    agrees,
    believed,
    copy_of,
    frame,
    parts,
    year,
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake", copied_years=2)
    lake.upsert("equities_day", frame(D(2024, 3, 1), *DAYS))
    return lake


# -- disks and links ------------------------------------------------------------------------------


def test_a_copy_that_cannot_be_written_is_said_and_the_rows_are_there(lake: Lake) -> None:
    path = copy_of(lake).folder / "2026-01-16.parquet"
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match="2026-01-16") as caught:
        lake.upsert("equities_day", frame(LAST, close=3.0))
    assert "2026.parquet are stored" in caught.value.safe
    assert not believed(lake)
    assert lake.scan("equities_day", start=LAST, end=LAST).collect()["close"].min() == 3.0


def test_the_copy_never_leads_out_of_the_lake(lake: Lake, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    path = copy_of(lake).folder / "2026-01-16.parquet"
    path.unlink()
    path.symlink_to(outside)
    lake.upsert("equities_day", frame(LAST, close=3.0))
    assert outside.read_bytes() == b"mine"
    assert not path.is_symlink()
    shutil.rmtree(lake.root / FOLDER)
    (tmp_path / "elsewhere").mkdir()
    (lake.root / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="leads outside"):
        lake.upsert("equities_day", frame(LAST, close=4.0))


# -- repair ---------------------------------------------------------------------------------------


def repaired(lake: Lake, clock: ManualClock) -> list[tuple[str, str]]:
    return [(row["file"], row["done"]) for row in lake_status.repair(lake, clock).records()]


def test_repair_makes_a_lost_copy_again(lake: Lake, clock: ManualClock) -> None:
    shutil.rmtree(lake.root / FOLDER)
    assert repaired(lake, clock) == [
        ("2025.parquet", "copied by date"), ("2026.parquet", "copied by date"),
    ]  # fmt: skip
    assert all(believed(lake, day) and agrees(lake, day) for day in DAYS)
    assert repaired(lake, clock) == []


def test_repair_finds_a_copy_that_is_sound_in_itself_and_wrong(
    lake: Lake, clock: ManualClock
) -> None:
    wrong = read_whole(year(lake), "equities_day").with_columns(close=pl.lit(9.0))
    copy_of(lake)._renew(year(lake), wrong, Seal.of(year(lake)), keep={})
    assert believed(lake)
    assert not agrees(lake)
    assert repaired(lake, clock) == [("2026.parquet", "copied by date")]
    assert believed(lake)
    assert agrees(lake)


def test_repair_takes_the_copy_of_a_damaged_year_away(lake: Lake, clock: ManualClock) -> None:
    year(lake).write_bytes(b"PAR1 no longer")
    assert not believed(lake)
    assert repaired(lake, clock)[0] == ("2026.parquet", "set aside")
    assert {path.name[:4] for path in parts(lake)} <= {"2024", "2025"}
    assert lake.scan("equities_day", start=LAST, end=LAST).collect().is_empty()


def test_what_killed_runs_left_is_swept(lake: Lake) -> None:
    stray = copy_of(lake).folder / ".2026-01-01.parquet.0123456789abcdef.part"
    stray.write_bytes(b"half")
    lake.upsert("equities_day", frame(NEXT))
    assert not stray.exists()
