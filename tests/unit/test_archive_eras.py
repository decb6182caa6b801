"""Which file of which name was published when; only sessions that are over are planned."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from alphastock_cli.errors import OutOfRange, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.nse.eras import era_of, eras, kinds, plan
from tests.conftest import IST

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
NSE = "https://nsearchives.nseindia.com"
NEW = f"{NSE}/content"
OLD = f"{NSE}/content/historical"
BSE = "https://www.bseindia.com/download/BhavCopy/Equity"

# written out from the exchanges' published addresses, not made by the code under test
ADDRESSES = [
    ("equities", date(2024, 7, 5), f"{OLD}/EQUITIES/2024/JUL/cm05JUL2024bhav.csv.zip"),
    ("equities", date(2024, 7, 8), f"{NEW}/cm/BhavCopy_NSE_CM_0_0_0_20240708_F_0000.csv.zip"),
    ("equities", date(2008, 1, 2), f"{OLD}/EQUITIES/2008/JAN/cm02JAN2008bhav.csv.zip"),
    ("fo", date(2024, 7, 5), f"{OLD}/DERIVATIVES/2024/JUL/fo05JUL2024bhav.csv.zip"),
    ("fo", date(2024, 7, 8), f"{NEW}/fo/BhavCopy_NSE_FO_0_0_0_20240708_F_0000.csv.zip"),
    ("delivery", date(2019, 9, 30), f"{NSE}/products/content/sec_bhavdata_full_30092019.csv"),
    ("indices", date(2012, 2, 21), f"{NSE}/content/indices/ind_close_all_21022012.csv"),
    ("bse", date(2021, 4, 1), f"{BSE}/EQ010421_CSV.ZIP"),
    ("bse", date(2026, 8, 13), f"{BSE}/BhavCopy_BSE_CM_0_0_0_20260813_F_0000.CSV"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "day", "url"), ADDRESSES)
def test_the_address_of_a_day(kind: str, day: date, url: str) -> None:
    (wanted,) = plan([kind], day, day, NOW, {}).wanted
    assert wanted.url == url
    assert wanted.name == url.rsplit("/", 1)[-1]
    assert wanted.place == f"{kind}/{day.year}/{wanted.name}"


def test_a_base_stands_for_the_host_of_its_exchange_alone() -> None:
    bases = {"NSE": "https://mirror.example/nse/", "BSE": ""}
    day = date(2026, 8, 13)
    urls = [w.url for w in plan(["indices", "bse"], day, day, NOW, bases).wanted]
    assert urls == [
        "https://mirror.example/nse/content/indices/ind_close_all_13082026.csv",
        f"{BSE}/BhavCopy_BSE_CM_0_0_0_20260813_F_0000.CSV",
    ]


def test_only_sessions_special_ones_included() -> None:
    # Republic Day on Monday; Sunday 2026-02-01 is the session of the budget
    days = [w.day for w in plan(["equities"], date(2026, 1, 23), date(2026, 2, 3), NOW, {}).wanted]
    assert days == calendar.sessions(calendar.Segment.EQUITY, date(2026, 1, 23), date(2026, 2, 3))
    assert date(2026, 1, 26) not in days
    assert date(2026, 2, 1) in days
    assert plan(["equities"], date(2026, 8, 15), date(2026, 8, 16), NOW, {}).wanted == ()


def test_days_then_kinds_of_the_table_whatever_the_order_asked() -> None:
    found = plan(["fo", "equities", "fo"], date(2026, 8, 12), date(2026, 8, 13), NOW, {}).wanted
    assert [(w.day.day, w.kind) for w in found] == [
        (12, "equities"), (12, "fo"), (13, "equities"), (13, "fo"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("time", "kinds_of_today"),
    [((15, 34), []), ((15, 35), ["equities"]), ((15, 39), ["equities"]),
     ((15, 40), ["equities", "fo"])],
)  # fmt: skip
def test_todays_file_only_once_its_own_session_is_over(
    time: tuple[int, int], kinds_of_today: list[str]
) -> None:
    now = datetime(2026, 8, 14, *time, tzinfo=IST)
    for last in (None, date(2026, 8, 14), date(2027, 5, 1)):
        found = plan(["equities", "fo"], date(2026, 8, 13), last, now, {})
        assert [w.kind for w in found.wanted if w.day == date(2026, 8, 14)] == kinds_of_today
        left = [note.split(":")[0] for note in found.notes]
        expected = [k for k in ("equities", "fo") if k not in kinds_of_today]
        assert left == ([] if last is None else expected)


def test_days_to_come_are_no_note() -> None:
    found = plan(["indices"], date(2026, 11, 20), date(2026, 12, 31), NOW, {})
    assert ([w.day for w in found.wanted], found.notes) == ([date(2026, 11, 20)], ())
    assert plan(["indices"], date(2026, 11, 23), None, NOW, {}).wanted == ()
    assert plan(["indices"], date(2027, 1, 1), None, NOW, {}).wanted == ()


def test_what_was_not_published_yet_is_left_out_and_told() -> None:
    found = plan(["delivery", "equities"], date(2019, 9, 26), date(2019, 9, 30), NOW, {})
    assert [(w.day.day, w.kind) for w in found.wanted] == [
        (26, "equities"), (27, "equities"), (30, "equities"), (30, "delivery"),
    ]  # fmt: skip
    assert found.notes == (
        "delivery: published from 2019-09-30, nothing for 2 sessions from 2019-09-26 to 2019-09-27",
    )
    with pytest.raises(OutOfRange, match="published from 2012-02-21, nothing for 2012-02-17"):
        plan(["indices"], date(2012, 2, 17), date(2012, 2, 17), NOW, {})


def test_words_that_are_off() -> None:
    with pytest.raises(UnknownName, match="unknown kind 'equitys'") as caught:
        plan(["equitys"], date(2026, 8, 13), None, NOW, {})
    assert caught.value.hint == "Did you mean equities?"
    with pytest.raises(UsageError, match="2026-08-14 is after --to 2026-08-13"):
        plan(["fo"], date(2026, 8, 14), date(2026, 8, 13), NOW, {})
    with pytest.raises(UsageError, match="no kind"):
        plan([], date(2026, 8, 14), None, NOW, {})
    with pytest.raises(OutOfRange, match="calendar reaches from 1999-01-01"):
        plan(["equities"], date(1998, 8, 14), date(1999, 1, 5), NOW, {})


def test_the_table_leaves_no_hole_and_no_overlap() -> None:
    assert kinds() == ("equities", "delivery", "indices", "fo", "bse")
    for era in eras():
        assert era.host.startswith("https://")
        assert era.inside in {"zip", "text"}
        assert bool(era.day_column) == bool(era.day_formats)
    for kind in kinds():
        segment = next(era.segment for era in eras() if era.kind == kind)
        for day in calendar.sessions(segment, date(2024, 6, 1), date(2024, 8, 1)):
            assert sum(era.kind == kind and era.holds(day) for era in eras()) == 1, (kind, day)
    assert era_of("delivery", date(2019, 9, 29)) is None
