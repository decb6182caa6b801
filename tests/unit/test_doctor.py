"""Every check of the doctor, well and ill; it changes nothing and tells nothing private."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions import doctor, doctor_versions
from alphastock_cli.actions.doctor import Check, run_checks
from alphastock_cli.config import Settings, load
from alphastock_cli.domain.frames import EQUITIES_DAY, LOTS, conform
from alphastock_cli.exchange import calendar
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

EQUITY = calendar.Segment.EQUITY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "canary-user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o700)


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(data_dir=home / "data")


def day_rows(days: list[date]) -> pl.DataFrame:
    rows = [
        {"date": day, "exchange": "NSE", "symbol": "SBIN", "series": "EQ", "close": 800.0}
        for day in days
    ]
    return conform(pl.DataFrame(rows), EQUITIES_DAY, what="test")


def examine(settings: Settings, clock: ManualClock) -> list[Check]:
    return run_checks(settings, clock, lake=Lake(settings.data_dir / "lake"))


def only(checks: list[Check], name: str) -> Check:
    (found,) = [check for check in checks if check.name == name]
    return found


def tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_size,
            path.stat().st_mtime_ns,
        )
        for path in [folder, *folder.rglob("*")]
    }


# -- the whole ------------------------------------------------------------------------------------


def test_a_fresh_machine_is_ready_and_stays_untouched(
    settings: Settings, home: Path, clock: ManualClock
) -> None:
    before = tree(home)
    checks = examine(settings, clock)
    assert tree(home) == before
    assert [c for c in checks if c.status == "fail"] == []
    assert all(c.status in {"ok", "warn"} for c in checks)
    assert all(c.fix for c in checks if c.status == "warn")
    assert only(checks, "data folder").detail == "~/data is made by the first load"
    assert only(checks, "lake").fix == "alphastock fetch eod --from-dir FOLDER"
    assert only(checks, "configuration").detail == "none, the defaults are in force"


def test_a_used_machine_is_examined_without_a_change(
    settings: Settings, home: Path, clock: ManualClock
) -> None:
    lake = Lake(settings.data_dir / "lake")
    days = calendar.sessions(EQUITY, date(2026, 11, 2), date(2026, 11, 20))
    lake.upsert("equities_day", day_rows(days))
    row = {"symbol": "NIFTY", "contract_month": date(2026, 12, 1), "lot_size": 65}
    lake.upsert("lots", conform(pl.DataFrame([row]), LOTS, what="test"))
    before = tree(home)
    checks = examine(settings, clock)
    assert tree(home) == before
    equities, lots = [check for check in checks if check.name == "lake"]
    assert (equities.status, lots.status) == ("ok", "ok")
    assert (
        equities.detail
        == f"equities_day NSE to 2026-11-20, {len(days)} sessions, 0 missing, 0 since"
    )
    assert lots.detail == "lots: 1 rows"
    assert only(checks, "data folder").status == "ok"


def test_what_it_prints_may_be_pasted_in_public(
    settings: Settings, home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHASTOCK_API_SECRET", "canary-secret")
    path = home / "c.toml"
    path.write_text("[symbols]\nequities = ['CANARYHOLDING']\n")
    settings = load(
        flags={"config": str(path), "data_dir": str(home / "data")}, env=os.environ, cwd=home
    )
    damaged = settings.data_dir / "lake" / "equities_day" / "2026.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"PAR1 no more")
    text = repr(examine(settings, clock))
    assert "canary-user" not in text
    assert "canary-secret" not in text
    assert "CANARYHOLDING" not in text
    assert "~/c.toml" in text
    assert "ALPHASTOCK_API_SECRET in the environment is not a setting" in text


def test_only_the_home_folder_itself_is_hidden(home: Path, settings: Settings) -> None:
    assert settings.data_dir.parent == home
    twin = f"{home}-of-another/x"
    assert doctor._anonymous(f"{home}/x and {home}: {twin}") == f"~/x and ~: {twin}"


def test_it_can_be_run_from_the_command_line(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "ALPHASTOCK_DATA_DIR": str(tmp_path / "file")}
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "alphastock_cli", "doctor", "--csv"],
        capture_output=True, text=True, check=False, env=env, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 8, done.stderr
    assert "data folder,fail,~/file is no folder" in done.stdout


# -- configuration and folders --------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o644, "ok"), (0o664, "warn")])
def test_a_configuration_others_may_change_is_told(
    home: Path, clock: ManualClock, mode: int, status: str
) -> None:
    path = home / "c.toml"
    path.write_text("")
    path.chmod(mode)
    found = load(flags={"config": str(path), "data_dir": "x"}, env={}, cwd=home)
    check = only(examine(found, clock), "configuration")
    assert check.status == status
    assert check.fix == ("chmod go-w ~/c.toml" if status == "warn" else "")


@pytest.mark.parametrize(
    ("mode", "status", "told"),
    [(0o700, "ok", "~/data"), (0o755, "warn", "open to others (mode 0755)"), (0o770, "warn", "")],
)
def test_the_data_folder_is_for_its_owner_alone(
    settings: Settings, clock: ManualClock, mode: int, status: str, told: str
) -> None:
    settings.data_dir.mkdir()
    settings.data_dir.chmod(mode)
    check = only(examine(settings, clock), "data folder")
    assert check.status == status
    assert told in check.detail
    assert check.fix == ("chmod 700 ~/data" if status == "warn" else "")


def test_a_file_in_its_place_fails(settings: Settings, clock: ManualClock) -> None:
    settings.data_dir.write_text("")
    check = only(examine(settings, clock), "data folder")
    assert (check.status, check.detail) == ("fail", "~/data is no folder")


def test_a_file_above_it_fails(home: Path, clock: ManualClock) -> None:
    (home / "file").write_text("")
    check = only(examine(Settings(data_dir=home / "file" / "data"), clock), "data folder")
    assert check.status == "fail"
    assert "cannot be made" in check.detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_fails(settings: Settings, clock: ManualClock) -> None:
    settings.data_dir.mkdir(mode=0o500)
    assert only(examine(settings, clock), "data folder").status == "fail"


@pytest.mark.parametrize(
    ("free", "status"), [(99 << 20, "fail"), (100 << 20, "warn"), (1 << 30, "ok")]
)
def test_free_space_is_judged(
    settings: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    usage = doctor.shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert only(examine(settings, clock), "disk").status == status


# -- lake -----------------------------------------------------------------------------------------


def test_gaps_and_age_are_counted_in_sessions(settings: Settings) -> None:
    lake = Lake(settings.data_dir / "lake")
    days = calendar.sessions(EQUITY, date(2026, 11, 2), date(2026, 11, 13))
    lake.upsert("equities_day", day_rows([*days[:3], *days[4:]]))
    later = calendar.sessions(EQUITY, date(2026, 11, 16), date(2026, 11, 20))
    for hour, behind in ((9, len(later) - 1), (18, len(later))):
        now = ManualClock(datetime(2026, 11, 20, hour, tzinfo=IST))
        (check,) = [c for c in run_checks(settings, now, lake=lake) if c.name == "lake"]
        assert f"1 missing, {behind} since" in check.detail
        assert (check.status, check.fix) == ("warn", "alphastock fetch eod --from-dir FOLDER")


def test_gaps_alone_are_mended_otherwise(settings: Settings, clock: ManualClock) -> None:
    days = calendar.sessions(EQUITY, date(2026, 11, 16), date(2026, 11, 20))
    Lake(settings.data_dir / "lake").upsert("equities_day", day_rows([days[0], days[-1]]))
    (check,) = [c for c in examine(settings, clock) if c.name == "lake"]
    assert (check.status, check.fix) == ("warn", "alphastock lake gaps")


def test_an_age_nobody_can_tell_is_told_so(settings: Settings) -> None:
    days = calendar.sessions(EQUITY, date(2026, 12, 1), date(2026, 12, 31))
    Lake(settings.data_dir / "lake").upsert("equities_day", day_rows(days))
    beyond = ManualClock(datetime(2027, 3, 1, 9, tzinfo=IST))
    checks = examine(settings, beyond)
    (lake,) = [check for check in checks if check.name == "lake"]
    assert "its age is not known" in lake.detail
    assert only(checks, "calendar").status == "fail"


def test_a_damaged_file_fails_and_names_the_mending(settings: Settings, clock: ManualClock) -> None:
    lake = Lake(settings.data_dir / "lake")
    lake.upsert("equities_day", day_rows([date(2026, 11, 20)]))
    (path,) = lake.files("equities_day")
    path.write_bytes(path.read_bytes()[:100])
    checks = [check for check in examine(settings, clock) if check.status == "fail"]
    assert [check.fix for check in checks] == ["alphastock lake repair"]
    assert "damaged" in checks[0].detail


def test_who_holds_the_lock_is_told(settings: Settings, clock: ManualClock) -> None:
    lake = Lake(settings.data_dir / "lake")
    with lake.writing():
        check = only(run_checks(settings, clock, lake=lake), "lock")
        assert check.detail == f"process {os.getpid()} is writing to the lake"
    assert "lock" not in {check.name for check in run_checks(settings, clock, lake=lake)}


# -- calendar, clock, terminal --------------------------------------------------------------------


@pytest.mark.parametrize(("left", "status"), [(-1, "fail"), (59, "warn"), (60, "ok"), (200, "ok")])
def test_the_calendars_end_is_seen_from_far(settings: Settings, left: int, status: str) -> None:
    _, last = calendar.reach(EQUITY)
    day = last - timedelta(days=left)
    noon = ManualClock(datetime(day.year, day.month, day.day, 12, tzinfo=IST))
    check = only(examine(settings, noon), "calendar")
    assert check.status == status
    assert str(last) in check.detail


def test_a_clock_older_than_the_tables_fails(settings: Settings) -> None:
    check = only(examine(settings, ManualClock(datetime(2020, 1, 1, tzinfo=IST))), "clock")
    assert check.status == "fail"
    assert "older than this version's tables" in check.detail


def test_a_clock_outside_india_fails() -> None:
    from zoneinfo import ZoneInfo

    utc = ManualClock(datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("UTC")))
    check = only([doctor._clock(utc)], "clock")
    assert (check.status, check.fix[:26]) == ("fail", "Install the time-zone data")
    fine = doctor._clock(ManualClock(datetime(2026, 11, 20, 12, tzinfo=IST)))
    assert "not compared with a time server" in fine.detail


class AsciiTerminal:
    encoding = "ANSI_X3.4-1968"


def test_a_terminal_without_unicode_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", AsciiTerminal())
    check = doctor._terminal()
    assert (check.status, check.fix) == ("warn", "export PYTHONUTF8=1")


# -- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "wanted", "met"),
    [
        ("2.10.0", ">=2.9,<3", True), ("3.0.0", ">=2.9,<3", False), ("2.8.9", ">=2.9", False),
        ("2.9", ">=2.9.0", True), ("2.9.0", "==2.9", True), ("2.9.1", "==2.9.*", True),
        ("2.9.1", "!=2.9.*", False), ("2.10.0", "==2.9.*", False), ("1.4.5", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False), ("1.9", "~=1.4", True), ("5.0.1rc1", ">=5.0.1", True),
        ("4.3.post1", ">4.2,<=4.3", True), ("0.29.0", ">=0.24, <0.29", False), ("1.0", "", True),
    ],
)  # fmt: skip
def test_versions_are_compared_number_by_number(held: str, wanted: str, *, met: bool) -> None:
    assert doctor_versions.fits(held, wanted) is met


def test_versions_agree_with_the_packaging_library() -> None:
    specifiers = pytest.importorskip("packaging.specifiers")
    wants = [">=2.9,<3", "==2.9.*", "!=2.9.*", "~=1.4.2", "~=1.4", ">1,<=2.9", "<0.29,>=0.24"]
    for held in ("0.24", "0.28.1", "0.29.0", "1.4.1", "1.4.2", "1.5", "2.9", "2.9.7", "2.10", "3"):
        for wanted in wants:
            expected = specifiers.SpecifierSet(wanted).contains(held)
            assert doctor_versions.fits(held, wanted) == expected, (held, wanted)


def test_every_dependency_is_looked_at() -> None:
    held, wrong = doctor_versions.packages()
    assert wrong == []
    names = {line.split()[0] for line in held}
    assert {"alphastock", "polars", "numpy", "scipy", "typer", "kiteconnect", "xlrd"} <= names
    assert "pytest" not in names  # of an extra
    python, wrong_python = doctor_versions.python()
    assert python.startswith(".".join(map(str, sys.version_info[:3])))
    assert wrong_python == ""


def test_missing_and_old_packages_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, clock: ManualClock
) -> None:
    meta = tmp_path / "alphastock-9.9.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: alphastock\nVersion: 9.9\nRequires-Python: >=9\n"
        "Requires-Dist: no-such-package>=1\nRequires-Dist: polars<0.1\n"
        'Requires-Dist: pytest>=99; extra == "test"\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    checks = examine(settings, clock)
    assert only(checks, "python").status == "fail"
    packages = only(checks, "packages")
    assert packages.status == "fail"
    assert packages.detail.startswith("no-such-package is missing; polars ")
    assert packages.detail.endswith(", needs <0.1")
