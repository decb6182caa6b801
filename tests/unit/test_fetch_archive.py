"""From the archive into the lake: whole days, resumed runs, and what a run says at its end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest

from alphastock_cli.actions.archive_report import ArchiveReport
from alphastock_cli.actions.fetch_archive import fetch_archive, last_fetch, show_plan
from alphastock_cli.domain.eod_archive import Outcome
from alphastock_cli.errors import Locked, PartlyDone, ProviderError
from alphastock_cli.providers.nse.download import Downloader
from alphastock_cli.providers.nse.eras import plan
from alphastock_cli.providers.nse.transport import Answer
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.lock import lock
from tests.conftest import ManualClock
from tests.unit.archive_host import HTML, file_of

FIRST, LAST = date(2026, 8, 11), date(2026, 8, 13)
KINDS = ("equities", "delivery", "indices")


class Shelf:
    """A transport that takes answers from a shelf: a body, or a status."""

    def __init__(self, clock: ManualClock, answers: dict[str, bytes | int]) -> None:
        self.clock = clock
        self.answers = answers
        self.asked: list[str] = []
        self.before: Callable[[int], None] = lambda _: None

    def get(
        self,
        url: str,
        headers: Mapping[str, str],  # noqa: ARG002 - a shelf does not look at them
        *,
        sink: Callable[[bytes], Any],
        **_: float,
    ) -> Answer:
        self.before(len(self.asked))
        path = urlsplit(url).path
        self.asked.append(path.rsplit("/", 1)[-1])
        found = self.answers.get(path, 404)
        if isinstance(found, int):
            return Answer(found, {})
        sink(found)
        return Answer(200, {})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def shelf(clock: ManualClock) -> Shelf:
    return Shelf(clock, answers(clock, KINDS, FIRST, LAST))


def answers(
    clock: ManualClock, kinds: tuple[str, ...], first: date, last: date
) -> dict[str, bytes | int]:
    files = plan(kinds, first, last, clock.now(), {}).wanted
    return {urlsplit(w.url).path: file_of(w.kind, w.day) for w in files}


def run(
    lake: Lake, shelf: Shelf, kinds: tuple[str, ...] = KINDS, first: date = FIRST,
    last: date | None = LAST, *, lines: list[str] | None = None,
) -> ArchiveReport:  # fmt: skip
    archive = Downloader(lake.root.parent / "cache", shelf.clock, shelf)
    progress = (lambda _: None) if lines is None else lines.append
    return fetch_archive(archive, lake, kinds, first, last, progress=progress)


def days(lake: Lake, dataset: str = "equities_day") -> dict[date, int]:
    rows = lake.scan(dataset).group_by("date").len().sort("date").collect()
    return dict(rows.rows())


def cached(lake: Lake) -> int:
    return sum(p.is_file() for p in (lake.root.parent / "cache").rglob("*"))


def test_days_come_in_and_a_second_run_asks_nothing(lake: Lake, shelf: Shelf) -> None:
    report = run(lake, shelf)
    assert report.trouble() is None
    facts = report.result().summary
    assert (facts["planned"], facts["fetched"], facts["requests"]) == (9, 9, 9)
    assert (facts["missing"], facts["known_before"], facts["not_reached"]) == (0, 0, 0)
    assert days(lake) == dict.fromkeys((FIRST, date(2026, 8, 12), LAST), 2)
    assert days(lake, "indices_day") == days(lake)
    row = lake.scan("equities_day").filter(symbol="ALPHA", date=LAST).collect().row(0, named=True)
    assert (row["close"], row["isin"], row["delivery_quantity"]) == (105.0, "INE000A01011", 500)
    assert {r["form"]: r["sessions"] for r in report.result().rows} == {
        "nse_ind_close_all": 3, "nse_sec_bhavdata_full": 3, "nse_udiff_cm": 3,
    }  # fmt: skip
    before = {p: p.stat().st_mtime_ns for p in lake.root.rglob("*.parquet")}
    again = run(lake, shelf)
    assert len(shelf.asked) == 9
    assert again.trouble() is None
    assert again.result().warnings == ("nothing new: all 9 files are stored already",)
    assert again.result().summary["known_before"] == 9
    assert {p: p.stat().st_mtime_ns for p in lake.root.rglob("*.parquet")} == before


def test_no_last_day_means_the_last_that_is_over(lake: Lake, shelf: Shelf) -> None:
    shelf.answers = answers(shelf.clock, ("indices",), date(2026, 11, 18), date(2026, 11, 20))
    assert run(lake, shelf, ("indices",), date(2026, 11, 18), None).trouble() is None
    assert list(days(lake, "indices_day")) == [date(2026, 11, d) for d in (18, 19, 20)]


def test_derivatives_of_the_new_form_come_in(lake: Lake, shelf: Shelf) -> None:
    shelf.answers = answers(shelf.clock, ("fo",), FIRST, LAST)
    assert run(lake, shelf, ("fo",)).trouble() is None
    assert days(lake, "futures_day") == dict.fromkeys((FIRST, date(2026, 8, 12), LAST), 3)
    assert days(lake, "options_day") == dict.fromkeys((FIRST, date(2026, 8, 12), LAST), 3)
    assert run(lake, shelf, ("fo",)).known == 3


def test_the_age_of_a_load_is_that_of_the_very_files_asked_for(lake: Lake, shelf: Shelf) -> None:
    span = (FIRST, LAST)
    assert last_fetch(lake, ("equities", "indices"), *span) is None
    run(lake, shelf, ("equities",))
    first = last_fetch(lake, ("equities",), *span)
    assert first is not None
    assert last_fetch(lake, ("equities", "indices"), *span) is None
    run(lake, shelf, ("indices",))
    assert last_fetch(lake, ("indices", "equities"), *span) == first  # the older of the two
    # these feed the same dataset of shares, and were never asked for
    assert last_fetch(lake, ("bse",), *span) is None
    assert last_fetch(lake, ("delivery",), *span) is None
    assert last_fetch(lake, ("equities",), FIRST, None) is None


def test_files_that_are_missing_are_asked_for_whatever_their_age(lake: Lake, shelf: Shelf) -> None:
    shelf.answers = answers(shelf.clock, ("indices",), FIRST, LAST)
    assert run(lake, shelf, ("indices", "fo")).trouble() is not None
    assert last_fetch(lake, ("indices",), FIRST, LAST) is None


def test_derivatives_of_the_old_form_come_in(lake: Lake, shelf: Shelf) -> None:
    first, last = date(2021, 3, 17), date(2021, 3, 18)
    shelf.answers = answers(shelf.clock, ("fo",), first, last)
    report = run(lake, shelf, ("fo",), first, last)
    assert report.trouble() is None
    assert days(lake, "futures_day") == {first: 3, last: 3}
    assert list(days(lake, "options_day")) == [first, last]
    assert run(lake, shelf, ("fo",), first, last).known == 2


@pytest.mark.parametrize("end", [KeyboardInterrupt(), PartlyDone("the deadline was reached")])
def test_a_run_that_is_ended_leaves_whole_days_and_the_next_one_asks_for_the_rest(
    end: BaseException, lake: Lake, shelf: Shelf
) -> None:
    def kill(count: int) -> None:
        if count == 5:  # the last file of the second day
            raise end

    shelf.before = kill
    with pytest.raises(type(end)):
        run(lake, shelf)
    assert days(lake) == {FIRST: 2}, "the second day was not complete"
    assert days(lake, "indices_day") == {FIRST: 2}
    assert cached(lake) == 5, "what was verified stays, no half file does"
    shelf.before = lambda _: None
    report = run(lake, shelf)
    facts = report.result().summary
    assert (facts["known_before"], facts["from_cache"], facts["fetched"]) == (3, 2, 4)
    assert len(shelf.asked) == 9 == len(set(shelf.asked)), "nothing was asked for twice"
    assert list(days(lake)) == [FIRST, date(2026, 8, 12), LAST]


def test_a_refusal_at_the_first_file_is_an_error_and_changes_nothing(
    lake: Lake, shelf: Shelf
) -> None:
    shelf.answers = dict.fromkeys(shelf.answers, 403)
    report = run(lake, shelf)
    trouble = report.trouble()
    assert isinstance(trouble, ProviderError)
    assert trouble.exit_code == 5
    assert trouble.what.startswith("blocked: nsearchives.nseindia.com answered 403")
    assert len(shelf.asked) == 1
    assert (lake.datasets(), cached(lake)) == ([], 0)


def test_a_refusal_on_the_way_keeps_what_came_and_can_be_resumed(lake: Lake, shelf: Shelf) -> None:
    good = dict(shelf.answers)

    def refuse(count: int) -> None:
        if count == 4:
            shelf.answers = dict.fromkeys(good, 403)

    shelf.before = refuse
    report = run(lake, shelf)
    trouble = report.trouble()
    assert isinstance(trouble, PartlyDone)
    assert trouble.exit_code == 75
    assert trouble.what.endswith("no further request was sent (5 of 9 files not reached)")
    assert trouble.safe.startswith("4 files are stored whole.")
    assert "--from-dir FOLDER" in trouble.hint
    assert len(shelf.asked) == 5
    assert days(lake, "indices_day") == {FIRST: 2}
    assert list(days(lake)) == [FIRST, date(2026, 8, 12)], "the one file of the second day, too"
    shelf.before, shelf.answers = lambda _: None, good
    assert run(lake, shelf).trouble() is None
    assert len(shelf.asked) == 5 + 5


def test_missing_and_wrong_files_are_listed_and_the_run_goes_on(lake: Lake, shelf: Shelf) -> None:
    for path in shelf.answers:
        if path.endswith("ind_close_all_11082026.csv"):
            shelf.answers[path] = 404
        if path.endswith("sec_bhavdata_full_12082026.csv"):
            shelf.answers[path] = file_of("delivery", FIRST)
        if path.endswith("20260813_F_0000.csv.zip"):
            shelf.answers[path] = HTML
    report = run(lake, shelf)
    trouble = report.trouble()
    assert isinstance(trouble, PartlyDone)
    assert trouble.what == (
        "3 of 9 files are missing: 2026-08-11 indices: not there: status 404; "
        "2026-08-12 delivery: the file of another day: it holds 2026-08-11; "
        "2026-08-13 equities: an HTML page instead of a file"
    )
    facts = report.result().summary
    assert (facts["fetched"], facts["missing"], facts["requests"]) == (6, 3, 9)
    assert facts["reasons_missing"] == {
        "not there": 1, "the file of another day": 1, "an HTML page instead of a file": 1,
    }  # fmt: skip
    assert days(lake) == {FIRST: 2, date(2026, 8, 12): 1, LAST: 2}
    assert list(days(lake, "indices_day")) == [date(2026, 8, 12), LAST]
    assert lake.scan("rejects").collect().is_empty()
    assert cached(lake) == 6
    texts = report.result().warnings
    assert "1 × not there, e.g. 2026-08-11 indices: not there: status 404" in texts
    # the rest is there later: only that is asked for
    shelf.answers |= answers(shelf.clock, KINDS, FIRST, LAST)
    assert run(lake, shelf).trouble() is None
    assert len(shelf.asked) == 9 + 3
    assert days(lake)[date(2026, 8, 12)] == 2


def test_a_lake_that_was_lost_is_filled_from_the_cache(lake: Lake, shelf: Shelf) -> None:
    run(lake, shelf)
    shutil.rmtree(lake.root)
    report = run(lake, shelf)
    facts = report.result().summary
    assert (facts["from_cache"], facts["fetched"], facts["requests"]) == (9, 0, 0)
    assert len(shelf.asked) == 9
    assert list(days(lake)) == [FIRST, date(2026, 8, 12), LAST]


def test_rows_that_were_lost_are_loaded_again_though_the_list_names_them(
    lake: Lake, shelf: Shelf
) -> None:
    run(lake, shelf)
    shutil.rmtree(lake.root / "indices_day")
    report = run(lake, shelf)
    assert (report.known, len(report.arrivals), len(shelf.asked)) == (6, 3, 9)
    assert len(days(lake, "indices_day")) == 3


def test_a_list_that_is_damaged_costs_time_and_nothing_else(lake: Lake, shelf: Shelf) -> None:
    run(lake, shelf, ("indices",))
    place = "indices/2026/ind_close_all_13082026.csv"
    for text in (
        "\xff\xfe",
        "a,b\n",
        f"{place}\n{place},nonsense/NSE\nx,../etc/passwd\n{place},\n",
    ):
        (lake.root / ".archive.csv").write_bytes(text.encode("latin-1"))
        report = run(lake, shelf, ("indices",))
        assert (report.known, report.count(Outcome.CACHED), len(shelf.asked)) == (0, 3, 3)
        assert report.result().summary["rows_unchanged"] == 6
        assert run(lake, shelf, ("indices",)).known == 3


def test_the_plan_says_calls_and_seconds_and_does_nothing(lake: Lake, shelf: Shelf) -> None:
    root = lake.root.parent
    archive = Downloader(root / "cache", shelf.clock, shelf)
    result = show_plan(archive, lake, KINDS, FIRST, LAST)
    assert result.summary == {
        "sessions": 3, "files": 9, "stored": 0, "cached": 0, "calls": 9, "seconds": 9.0,
    }  # fmt: skip
    assert {row["state"] for row in result.records()} == {"to fetch"}
    assert (shelf.asked, list(root.iterdir())) == ([], [])
    run(lake, shelf, ("indices",), FIRST, FIRST)
    shutil.copytree(root / "cache", root / "kept")
    run(lake, shelf, ("indices",), FIRST, date(2026, 8, 12))
    (lake.root / ".archive.csv").write_text("")
    run(lake, shelf, ("indices",), FIRST, FIRST)
    before = sorted(root.rglob("*"))
    states = [r["state"] for r in show_plan(archive, lake, ("indices",), FIRST, LAST).records()]
    assert states == ["stored", "cached", "to fetch"]
    assert sorted(root.rglob("*")) == before


def test_another_run_that_writes_is_told_before_anything_is_asked(lake: Lake, shelf: Shelf) -> None:
    lake.root.mkdir()
    with lock(lake.root / ".lock"), pytest.raises(Locked):
        run(lake, shelf)
    assert shelf.asked == []


def test_the_line_of_progress_counts_files_and_seconds(lake: Lake, shelf: Shelf) -> None:
    del shelf.answers[next(iter(shelf.answers))]
    lines: list[str] = []
    run(lake, shelf, lines=lines)
    assert lines[0] == "[....................] 0/9 files, about 9 s left at the pace kept"
    assert lines[-1] == (
        "[#################...] 8/9 files, about 1 s left at the pace kept, 1 missing"
    )
    assert len(lines) == 9


def test_a_span_without_a_session_is_nothing_to_do(lake: Lake, shelf: Shelf) -> None:
    report = run(lake, shelf, KINDS, date(2026, 8, 15), date(2026, 8, 16))
    assert report.trouble() is None
    assert report.result().warnings == ("nothing to do: no session of that span is over",)
    assert (shelf.asked, lake.root.exists()) == ([], False)


def test_files_the_reader_refuses_are_told_and_read_again_next_time(
    lake: Lake, shelf: Shelf
) -> None:
    path = next(p for p in shelf.answers if "ind_close_all_11082026" in p)
    bad = file_of("indices", FIRST).replace(b"24050.25", b"abc").replace(b",50000,", b",x,")
    shelf.answers[path] = bad
    report = run(lake, shelf, ("indices",), FIRST, date(2026, 8, 12))
    assert report.trouble() is None
    assert report.load.reasons["Closing Index Value is not a number"] == 2
    assert list(days(lake, "indices_day")) == [date(2026, 8, 12)]
    again = run(lake, shelf, ("indices",), FIRST, date(2026, 8, 12))
    assert (again.known, len(again.arrivals), len(shelf.asked)) == (1, 1, 2)
    assert lake.scan("rejects").select(pl.len()).collect().item() == 2
