"""The copy by date: the same rows as the year files, or not believed at all."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.store.by_date import FOLDER, ByDate, Part
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
    truth,
    year,
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake", copied_years=2)
    lake.upsert("equities_day", frame(D(2024, 3, 1), *DAYS))
    return lake


# -- the same rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 6, 16])
def test_any_short_span_is_the_same_rows_in_the_same_order(lake: Lake, length: int) -> None:
    first = D(2025, 12, 1)
    for start in (first + timedelta(days=n) for n in range(60)):
        end = start + timedelta(days=length - 1)
        assert believed(lake, start, end)
        assert agrees(lake, start, end)


def test_columns_are_chosen_and_an_empty_day_has_the_schema(lake: Lake) -> None:
    found = lake.scan("equities_day", start=LAST, end=LAST, columns=["close", "symbol"]).collect()
    assert found.columns == ["close", "symbol"]
    assert found.height == 120
    sunday = D(2026, 1, 11)
    assert believed(lake, sunday)
    assert (
        lake.scan("equities_day", start=sunday, end=sunday).collect().schema
        == (DATASETS["equities_day"])
    )


def test_the_rows_are_in_hand_when_the_scan_returns(lake: Lake) -> None:
    rows = lake.scan("equities_day", start=LAST, end=LAST)
    shutil.rmtree(lake.root)
    assert rows.collect().height == 120, "no file is opened any more"


def test_only_short_spans_of_the_newest_two_years_are_answered(lake: Lake) -> None:
    years, copied = lake.files("equities_day"), copy_of(lake)
    assert copied.scan(years[1:], LAST - timedelta(days=15), LAST) is not None
    assert copied.scan(years[1:], LAST - timedelta(days=16), LAST) is None
    assert copied.scan(years[2:], LAST, LAST - timedelta(days=1)) is None
    assert copied.scan(years, None, LAST) is None
    assert copied.scan(years, LAST, None) is None
    old = D(2024, 3, 1)
    assert not believed(lake, old)
    assert agrees(lake, old)
    assert {path.name[:4] for path in parts(lake)} == {"2025", "2026"}


def test_other_datasets_have_none(lake: Lake) -> None:
    rows = pl.DataFrame([{"date": LAST, "exchange": "NSE", "symbol": "NIFTY 50", "close": 1.0}])
    lake.upsert("indices_day", conform(rows, DATASETS["indices_day"], what="test"))
    assert [path.name for path in (lake.root / FOLDER).iterdir()] == ["equities_day"]
    assert lake.mend_copy("indices_day") == lake.mend_copy("lots") == []


def test_nothing_else_sees_the_copy(lake: Lake, clock: ManualClock) -> None:
    assert [path.name for path in lake.files("equities_day")] == [
        "2024.parquet", "2025.parquet", "2026.parquet",
    ]  # fmt: skip
    assert lake.strangers("equities_day") == []
    assert lake.datasets() == ["equities_day"]
    assert lake.scan("equities_day").collect().height == truth(lake, D(1, 1, 1), LAST).height
    assert sum(row["rows"] for row in lake_status.status(lake, clock).records()) == 120 * 31
    assert lake_status.repair(lake, clock).warnings == ("every file is whole: nothing to repair",)


# -- what a load renews ---------------------------------------------------------------------------


def test_a_load_renews_the_half_month_it_touches_alone(lake: Lake) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in parts(lake)}
    lake.upsert("equities_day", frame(LAST, close=7.0))
    after = {path.name: path.stat().st_mtime_ns for path in parts(lake)}
    assert before.keys() == after.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"2026-01-16.parquet", "2026.index"}
    assert all(believed(lake, day) and agrees(lake, day) for day in DAYS)


def test_a_new_year_takes_the_place_of_the_oldest_copied(lake: Lake) -> None:
    lake.upsert("equities_day", frame(D(2027, 1, 4)))
    assert {path.name[:4] for path in parts(lake)} == {"2026", "2027"}
    assert believed(lake, D(2027, 1, 4))
    assert not believed(lake, DAYS[0])
    assert agrees(lake, DAYS[0])


def test_a_year_loaded_late_is_copied_only_if_it_is_new_enough(lake: Lake) -> None:
    lake.upsert("equities_day", frame(D(2023, 1, 2)))
    assert not believed(lake, D(2023, 1, 2))
    assert {path.name[:4] for path in parts(lake)} == {"2025", "2026"}


def test_a_copy_that_got_lost_comes_back_with_the_next_load_of_its_year(lake: Lake) -> None:
    shutil.rmtree(lake.root / FOLDER)
    assert agrees(lake)
    lake.upsert("equities_day", frame(NEXT))
    assert all(believed(lake, day) and agrees(lake, day) for day in DAYS if day.year == 2026)


def test_a_part_that_got_lost_comes_back_with_the_next_load_of_its_year(lake: Lake) -> None:
    (copy_of(lake).folder / "2026-01-01.parquet").unlink()
    assert not believed(lake, D(2026, 1, 7))
    lake.upsert("equities_day", frame(NEXT))
    assert believed(lake, D(2026, 1, 7))
    assert agrees(lake, D(2026, 1, 7))


def test_a_load_that_changes_nothing_writes_nothing(lake: Lake) -> None:
    before = {path: path.stat().st_mtime_ns for path in parts(lake)}
    lake.upsert("equities_day", frame(LAST))
    assert {path: path.stat().st_mtime_ns for path in parts(lake)} == before


# -- when it disagrees it is not believed ---------------------------------------------------------


@pytest.mark.parametrize("harm", ["cut", "empty", "gone", "zeros", "another", "longer", "folder"])
@pytest.mark.parametrize("name", ["2026-01-16.parquet", "2026.index"])
def test_a_harmed_copy_is_passed_over(lake: Lake, name: str, harm: str) -> None:
    path = copy_of(lake).folder / name
    data = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm != "gone":
        other = path.with_name(name.replace("2026-01-16", "2026-01-01").replace("2026.", "2025."))
        content = {
            "cut": data[:-7], "empty": b"", "zeros": bytes(len(data)),
            "another": other.read_bytes(), "longer": data + b"x",
        }  # fmt: skip
        path.write_bytes(content[harm])
    assert not believed(lake)
    assert agrees(lake)


def test_no_flipped_bit_changes_an_answer(lake: Lake) -> None:
    expected = truth(lake, LAST, LAST)
    rng = random.Random(3)
    for name in ("2026-01-16.parquet", "2026.index"):
        path = copy_of(lake).folder / name
        whole = path.read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            path.write_bytes(data)
            assert not believed(lake)
        path.write_bytes(whole)
    assert believed(lake)
    assert lake.scan("equities_day", start=LAST, end=LAST).collect().equals(expected)


def test_another_process_writes_in_between(lake: Lake) -> None:
    before = lake.scan("equities_day", start=LAST, end=LAST)
    Lake(lake.root, copied_years=2).upsert("equities_day", frame(LAST, close=5.0))
    after = lake.scan("equities_day", start=LAST, end=LAST).collect()
    assert after["close"].min() == 5.0, "no object remembers what it read once"
    assert before.collect()["close"].min() == 100.0, "what was in hand stays as it was"


def test_a_year_file_of_another_lake_is_not_answered_by_this_copy(
    lake: Lake, tmp_path: Path
) -> None:
    other = Lake(tmp_path / "other", copied_years=2)
    other.upsert("equities_day", frame(*DAYS, close=1.0))
    shutil.copy2(year(other), year(lake))
    assert not believed(lake)
    assert lake.scan("equities_day", start=LAST, end=LAST).collect()["close"].min() == 1.0


def test_a_year_file_written_by_hand_is_read_itself(lake: Lake) -> None:
    path = year(lake)
    facts = pl.read_parquet_metadata(path)
    mine = {name: value for name, value in facts.items() if name.startswith("alphastock")}
    changed = pl.read_parquet(path).with_columns(close=pl.col("close") + 1)
    changed.write_parquet(path, metadata=mine)
    assert not believed(lake)
    assert lake.scan("equities_day", start=LAST, end=LAST).collect()["close"].min() == 101.0


def test_the_same_size_and_footer_do_not_make_the_same_file(lake: Lake) -> None:
    """A page changed in place keeps size and footer; its moment of change tells, then its bytes."""
    path = year(lake)
    data = bytearray(path.read_bytes())
    seal = Seal.of(path)
    data[40] ^= 1
    path.write_bytes(data)
    found = Seal.of(path)
    assert (found.size, found.footer) == (seal.size, seal.footer)
    assert found.content != seal.content
    assert not believed(lake)


def test_a_plain_copy_of_the_lake_keeps_its_copy(lake: Lake, tmp_path: Path) -> None:
    shutil.copytree(lake.root, tmp_path / "moved", copy_function=shutil.copyfile)
    moved = Lake(tmp_path / "moved", copied_years=2)
    assert year(moved).stat().st_mtime_ns != year(lake).stat().st_mtime_ns
    assert believed(moved)
    assert agrees(moved)


@pytest.mark.parametrize("with_copy", [False, True])
def test_a_backup_brought_back_is_what_is_answered(
    lake: Lake, tmp_path: Path, *, with_copy: bool
) -> None:
    shutil.copytree(lake.root, tmp_path / "backup")
    lake.upsert("equities_day", frame(LAST, NEXT, close=5.0))
    what = "." if with_copy else "equities_day"
    shutil.copytree(tmp_path / "backup" / what, lake.root / what, dirs_exist_ok=True)
    assert believed(lake) == with_copy
    found = lake.scan("equities_day", start=LAST, end=NEXT).collect()
    assert found["close"].min() == 100.0
    assert found["date"].max() == LAST
    lake.upsert("equities_day", frame(NEXT, close=6.0))
    assert agrees(lake, LAST, NEXT)
    assert believed(lake, LAST, NEXT)


class Dies(ByDate):
    """A copy whose writer dies after so many of its files."""

    left = 0

    def _copy(self, name: str, rows: pl.DataFrame) -> Part:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super()._copy(name, rows)


@pytest.mark.parametrize("left", [0, 1])
def test_death_between_year_file_and_copy(lake: Lake, left: int) -> None:
    rows = read_whole(year(lake), "equities_day").with_columns(close=pl.lit(9.0))
    dying = Dies(lake.root, "equities_day")
    dying.left = left
    with pytest.raises(KeyboardInterrupt):
        dying.replace(year(lake), rows, changed=pl.Series([D(2026, 1, 7), LAST]))
    assert not (copy_of(lake).folder / "2026.index").exists(), "whatever the clock of the disk says"
    for day in (D(2026, 1, 7), LAST):
        assert not believed(lake, day)
        assert lake.scan("equities_day", start=day, end=day).collect()["close"].unique().item() == 9


# every load writes one number into every row of a week: two numbers are a torn answer
_WRITER = """
import sys
from datetime import date
from pathlib import Path
import polars as pl
from alphastock_cli.store.lake import Lake
from tests.unit.test_by_date import frame
lake, load = Lake(Path(sys.argv[1]), copied_years=2), int(sys.argv[2])
days = [date(2026, 8, n) for n in (12, 13, 14, 17)]
print("ready", flush=True)
while True:
    load += 1
    rows = frame(*days, symbols=400).with_columns(close=pl.lit(float(load)))
    lake.upsert("equities_day", rows)
    print(load, flush=True)
"""


def test_kill_9_leaves_copy_and_year_file_in_agreement(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", copied_years=2)
    rng = random.Random(9)
    load, used = 0, 0
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(lake.root), str(load)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "."},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            load = int(process.stdout.readline())
            time.sleep(rng.random() * 0.1)
            process.kill()
            load = max([load, *map(int, process.stdout.read().split("\n")[:-1])])
        days = D(2026, 8, 12), D(2026, 8, 17)
        used += believed(lake, *days)
        assert agrees(lake, *days)
        (number,) = (
            lake.scan("equities_day", start=days[0], end=days[1]).collect()["close"].unique()
        )
        assert number in {load, load + 1}
        load = int(number)
    lake.upsert("equities_day", frame(D(2026, 8, 18)))
    assert believed(lake, D(2026, 8, 12), D(2026, 8, 18))
    assert list(lake.root.rglob("*.part")) == [], f"{used} of 6 times the copy was sound"
