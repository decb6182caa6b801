"""Every real file is taken for that of its own day and of no other; copies of others are told.

The day of each is read here from its name; nothing of ours takes part in that.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from alphastock_cli.providers.nse.answers import wrong
from alphastock_cli.providers.nse.eras import era_of

DAY = timedelta(days=1)
# holidays on which the exchange handed out the file of the session before under the new name
COPIES = {date(2026, 4, 3), date(2026, 4, 14), date(2026, 5, 1), date(2026, 5, 28),
          date(2026, 6, 26)}  # fmt: skip
PACKED = {
    "nse_eq_udiff": ("equities", r"_(\d{8})_F", "%Y%m%d", 4),
    "nse_eq_bhavcopy_old": ("equities", r"cm(\d\d[A-Z]{3}\d{4})bhav", "%d%b%Y", 44),
    "nse_fo_bhavcopy_old": ("fo", r"fo(\d\d[A-Z]{3}\d{4})bhav", "%d%b%Y", 1),
}


def judge(kind: str, data: bytes, name: str, day: date) -> str:
    era = era_of(kind, day)
    assert era is not None
    return wrong(data, name, day, era)


@pytest.mark.parametrize("folder", PACKED)
def test_zipped_files_as_published(folder: str, shared_data: Path) -> None:
    kind, pattern, style, count = PACKED[folder]
    paths = sorted((shared_data / folder).glob("*.zip"))
    assert len(paths) == count
    for path in paths:
        found = re.search(pattern, path.name)
        assert found is not None
        day = datetime.strptime(found[1], style).date()  # noqa: DTZ007 - a date
        data = path.read_bytes()
        assert judge(kind, data, path.name, day) == "", path.name
        era = era_of(kind, day)
        assert era is not None
        assert era.wanted(day, "").name == path.name, "the name we would ask for is the real one"
    # of the last one in full: the neighbouring days, half of it, and its text unpacked
    told = f"the file of another day: it holds {day}"
    assert judge(kind, data, path.name, day - DAY) == told
    assert judge(kind, data[: len(data) // 2], path.name, day).startswith("a damaged archive: ")
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0])
    assert judge(kind, text, path.name, day).startswith("not a zip archive: ")


def test_delivery_files_and_their_copies_on_holidays(shared_data: Path) -> None:
    folder = shared_data / "nse_eq_sec_bhavdata_full"
    copies = set()
    with zipfile.ZipFile(folder / "sec_bhavdata_full_2026-04-01_2026-08-14.zip") as archive:
        names = archive.namelist()
        assert len(names) == 95
        for name in names:
            day = datetime.strptime(name[-12:-4], "%d%m%Y").date()  # noqa: DTZ007 - a date
            why = judge("delivery", archive.read(name), name, day)
            if why:
                assert why.startswith("the file of another day: it holds 2026-"), (name, why)
                copies.add(day)
            era = era_of("delivery", day)
            assert era is not None
            assert era.wanted(day, "").name == name
    assert copies == COPIES


def test_the_old_bse_file_is_dated_by_the_name_inside(shared_data: Path) -> None:
    data = gzip.decompress((shared_data / "bse_eq_bhavcopy" / "EQ010421.CSV.gz").read_bytes())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("EQ010421.CSV", data)
    day = date(2021, 4, 1)
    assert judge("bse", packed.getvalue(), "EQ010421_CSV.ZIP", day) == ""
    later = judge("bse", packed.getvalue(), "EQ050421_CSV.ZIP", date(2021, 4, 5))
    assert later == "the file of another day: it holds 2021-04-01"
