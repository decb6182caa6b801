"""Kills, full disks and flipped bits: a file of the lake is the old one or the new one, whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.errors import DamagedData, StorageError
from alphastock_cli.store.files import read_whole
from alphastock_cli.store.lake import Lake

KILLS = 8

# every load writes one number into every row: a file that holds two of them is torn
_WRITER = """
import sys
from datetime import date
from pathlib import Path
import polars as pl
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.store.lake import Lake

lake, load = Lake(Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
while True:
    load += 1
    frame = pl.DataFrame({"symbol": [f"S{n:05d}" for n in range(3000)]}).with_columns(
        exchange=pl.lit("NSE"), series=pl.lit("EQ"), date=pl.lit(date(2026, 8, 14)),
        close=pl.lit(float(load)), volume=pl.lit(load),
    )
    lake.upsert("equities_day", conform(frame, DATASETS["equities_day"], what="test"))
    print(load, flush=True)
"""

# the system refuses to let a file grow beyond 60 kB, as a full disk does
_FULL = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
from tests.unit.test_lake_faults import many
from alphastock_cli.errors import StorageError
from alphastock_cli.store.lake import Lake
try:
    Lake(Path(sys.argv[1])).upsert("equities_day", many(50_000, seed=2))
except StorageError as error:
    print(error.what, "|", error.safe)
    sys.exit(error.exit_code)
"""


def many(rows: int, *, seed: int) -> pl.DataFrame:
    rng = random.Random(seed)
    frame = pl.DataFrame(
        {"symbol": [f"S{n:06d}" for n in range(rows)], "close": [rng.random() for _ in range(rows)]}
    ).with_columns(
        exchange=pl.lit("NSE"), series=pl.lit("EQ"), date=pl.lit(date(2026, 8, 14))
    )  # fmt: skip
    return conform(frame, DATASETS["equities_day"], what="test")


def leftovers(lake: Lake) -> list[Path]:
    return list(lake.root.rglob("*.part"))


def test_kill_9_in_the_middle_of_writing_leaves_whole_files(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    rng = random.Random(5)
    load, left = 0, 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(lake.root), str(load)],
            stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            load = int(process.stdout.readline())  # at least one load a turn is acknowledged
            time.sleep(rng.random() * 0.08)
            process.kill()
            load = max([load, *map(int, process.stdout.read().split("\n")[:-1])])
        left += len(leftovers(lake))
        (path,) = lake.files("equities_day")
        frame = read_whole(path, "equities_day")
        assert frame.height == 3000
        (number,) = frame["volume"].unique()
        assert number in {load, load + 1}, "an acknowledged load is there; a later one may be"
        assert frame["close"].unique().to_list() == [float(number)]
        load = number
    lake.upsert("equities_day", many(1, seed=1))
    assert leftovers(lake) == [], f"{left} temporary files of killed runs were seen and swept"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_a_full_disk_keeps_the_old_file_and_exits_9(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.upsert("equities_day", many(100, seed=1))
    (path,) = lake.files("equities_day")
    before = path.read_bytes()
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(lake.root)],
        capture_output=True, text=True, check=False, cwd=root,
        env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert done.returncode == 9, done.stderr
    assert "larger than this system allows" in done.stdout, "the system's cause, in words"
    assert "unharmed" in done.stdout
    assert path.read_bytes() == before
    assert leftovers(lake) == []
    assert lake.upsert("equities_day", many(50_000, seed=2)).added == 49_900, "space again: goes on"


@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="permissions do not bind root"
)
def test_a_read_only_lake_is_readable_and_refuses_to_be_written(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.upsert("equities_day", many(10, seed=1))
    folder = lake.root / "equities_day"
    folder.chmod(0o500)
    try:
        assert lake.scan("equities_day").collect().height == 10
        with pytest.raises(StorageError, match="permission denied"):
            lake.upsert("equities_day", many(11, seed=2))
    finally:
        folder.chmod(0o700)


def test_writers_that_wait_lose_nothing(tmp_path: Path) -> None:
    """Each writer has its own `Lake`, so its own handle of the lock file, as processes have."""
    frames = [many(1, seed=n).with_columns(symbol=pl.lit(f"W{n}")) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        reports = pool.map(
            lambda frame: Lake(tmp_path / "lake", lock_wait=20.0).upsert("equities_day", frame),
            frames,
        )
    assert [report.added for report in reports] == [1] * 12
    stored = Lake(tmp_path / "lake").scan("equities_day", columns=["symbol"]).collect()
    assert set(stored["symbol"]) == {f"W{n}" for n in range(12)}


def test_a_file_in_place_of_the_lake_is_said(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(StorageError, match="is a file, not a folder"):
        Lake(tmp_path / "lake").upsert("equities_day", many(1, seed=1))


def test_flipped_bits_and_cuts_never_escape_as_another_error(tmp_path: Path) -> None:
    """A flip may go unseen (the format has no checksum); it never ends in a foreign exception."""
    lake = Lake(tmp_path / "lake")
    lake.upsert("equities_day", many(2000, seed=3))
    (path,) = lake.files("equities_day")
    whole = path.read_bytes()
    rng = random.Random(11)
    caught = 0
    for turn in range(150):
        data = bytearray(whole)
        if turn % 3 == 0:
            del data[rng.randrange(len(data)) :]
        else:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            read_whole(path, "equities_day")
        except DamagedData:
            caught += 1
    assert caught > 50, "every cut and many flips are seen"
