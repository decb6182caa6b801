"""Fetching from a host: what is kept, what is not and why.

How a host is asked, how often and how soon: `test_archive_manners.py`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from alphastock_cli.domain.eod_archive import Outcome
from alphastock_cli.errors import StorageError
from alphastock_cli.providers.nse.download import Downloader
from tests.conftest import ManualClock
from tests.unit import archive_host as host_of
from tests.unit.archive_host import PATHS, Behaviour, Host, downloader, file_of, kept, one

DAY = date(2026, 8, 13)
BEFORE = date(2026, 8, 12)
Make = Callable[..., Downloader]


@pytest.fixture
def host(clock: ManualClock) -> Iterator[Host]:
    with host_of.running(clock) as running:
        yield running


@pytest.fixture
def make(host: Host, clock: ManualClock, tmp_path: Path) -> Make:
    return lambda **more: downloader(host, clock, tmp_path, **more)


@pytest.mark.parametrize("kind", PATHS)
def test_a_right_file_is_kept_and_never_asked_for_again(
    kind: str, host: Host, make: Make, tmp_path: Path
) -> None:
    body = file_of(kind, DAY)
    host.on(PATHS[kind], host_of.good(body))
    archive = make()
    wanted = one(archive, kind)
    assert not archive.has(wanted)
    first, second = archive.fetch(wanted), archive.fetch(wanted)
    assert (first.outcome, second.outcome) == (Outcome.FETCHED, Outcome.CACHED)
    assert host.asked == [PATHS[kind]]
    assert kept(tmp_path) == [f"{kind}/2026/{PATHS[kind].rsplit('/', 1)[-1]}"]
    assert (tmp_path / "cache" / wanted.place).read_bytes() == body
    assert make().fetch(wanted).outcome is Outcome.CACHED, "another run knows it, too"
    assert host.asked == [PATHS[kind]]
    (batch,) = archive.read(wanted)
    assert {d for frame in batch.frames.values() for d in frame["date"]} == {DAY}


def test_the_headers_are_a_browsers_and_bse_is_told_where_we_come_from(
    host: Host, make: Make
) -> None:
    for kind in ("bse", "indices"):
        host.on(PATHS[kind], host_of.good(file_of(kind, DAY)))
    archive = make()
    for kind in ("bse", "indices"):
        archive.fetch(one(archive, kind))
    bse, nse = host.headers
    assert bse["referer"] == "https://www.bseindia.com/"
    assert "referer" not in nse
    for headers in host.headers:
        assert headers["user-agent"].startswith("Mozilla/5.0 (")
        assert "Python-urllib" not in headers["user-agent"]
        assert headers["accept"]
        assert headers["accept-encoding"] == "identity"


WRONG: list[tuple[str, str, Behaviour, str]] = [
    ("page by its type", "bse", host_of.good(host_of.HTML, "text/html; charset=utf-8"),
     "an HTML page instead of a file"),
    ("page by its bytes", "bse", host_of.good(b"\r\n " + host_of.HTML, "application/octet-stream"),
     "an HTML page instead of a file"),
    ("page of words", "bse", host_of.good(b"Access to this page is denied", "text/html"),
     "an HTML page instead of a file"),
    ("yesterday's file", "delivery", host_of.good(file_of("delivery", BEFORE)),
     "the file of another day: it holds 2026-08-12"),
    ("yesterday's zip", "equities", host_of.good(file_of("equities", BEFORE)),
     "the file of another day: it holds 2026-08-12"),
    ("two days", "delivery", host_of.good(
        file_of("delivery", DAY) + file_of("delivery", BEFORE).split(b"\n", 1)[1]),
     "the file of another day: it holds 2026-08-12, 2026-08-13"),
    ("empty", "indices", host_of.good(b""), "an empty answer"),
    ("blank", "indices", host_of.good(b" \r\n\n"), "an empty answer"),
    ("a header alone", "indices", host_of.good(file_of("indices", DAY).split(b"\n")[0] + b"\n"),
     "no row below the header"),
    ("no zip", "equities", host_of.good(file_of("delivery", DAY)),
     "not a zip archive: it begins with b'SYMBOL, SERI'"),
    ("a cut zip", "equities", host_of.good(file_of("equities", DAY)[:-40]),
     "a damaged archive: not a readable archive: File is not a zip file"),
    ("a zip of nothing", "equities", host_of.good(host_of.zipped("readme.md", "x")),
     "an archive that is not one table: 0 inside"),
    ("a page in a zip", "equities", host_of.good(host_of.zipped("a.csv", host_of.HTML.decode())),
     "an HTML page instead of a file"),
    ("another table", "delivery", host_of.good(b"a,b\n1,2\n"), "a table without DATE1: a, b"),
    ("a day that is none", "indices", host_of.good(
        file_of("indices", DAY).replace(b"13-08-2026", b"soon", 1)),
     "rows without a day: Index Date is 'soon'"),
    ("a last line cut", "delivery", host_of.good(file_of("delivery", DAY)[:-20]),
     "a table that breaks off: the last line has 10 of 15 cells"),
    ("another host", "bse", host_of.status(302, Location="https://evil.example/x.csv"),
     "sent on to another host, not followed: evil.example"),
    ("another port", "bse", host_of.status(301, Location="http://127.0.0.1:1/x.csv"),
     "sent on to another host, not followed: 127.0.0.1:1"),
    ("no content", "bse", host_of.status(206), "not a file: status 206"),
    ("bad request", "bse", host_of.status(400), "not a file: status 400"),
]  # fmt: skip


def test_a_body_packed_for_the_way_is_read_and_a_damaged_one_is_not(
    host: Host, make: Make, tmp_path: Path
) -> None:
    packed = gzip.compress(file_of("delivery", DAY))
    host.on(PATHS["delivery"], host_of.good(packed[:-9]), host_of.good(packed))
    archive = make()
    wanted = one(archive, "delivery")
    assert archive.fetch(wanted).reason.startswith("a damaged archive: damaged inside: ")
    assert kept(tmp_path) == []
    assert archive.fetch(wanted).outcome is Outcome.FETCHED
    (batch,) = archive.read(wanted)
    assert batch.frames["equities_day"].height == 2


@pytest.mark.parametrize("case", WRONG, ids=[case[0] for case in WRONG])
def test_what_is_not_the_file_is_asked_for_once_and_not_kept(
    case: tuple[str, str, Behaviour, str], host: Host, make: Make, tmp_path: Path
) -> None:
    _, kind, behaviour, reason = case
    host.on(PATHS[kind], behaviour)
    archive = make()
    arrival = archive.fetch(one(archive, kind))
    assert (arrival.outcome, arrival.reason) == (Outcome.WRONG, reason)
    assert (host.asked, archive.requests) == ([PATHS[kind]], 1)
    assert kept(tmp_path) == []


def test_a_missing_file_is_noted_and_a_later_run_finds_it(
    host: Host, make: Make, tmp_path: Path
) -> None:
    archive = make()
    arrival = archive.fetch(one(archive, "indices"))
    assert (arrival.outcome, arrival.reason) == (Outcome.MISSING, "not there: status 404")
    assert (host.asked, kept(tmp_path)) == ([PATHS["indices"]], [])
    host.on(PATHS["indices"], host_of.good(file_of("indices", DAY)))
    assert archive.fetch(one(archive, "indices")).outcome is Outcome.FETCHED


def test_a_body_without_end_is_cut_at_the_cap(host: Host, make: Make, tmp_path: Path) -> None:
    host.on(PATHS["delivery"], host_of.huge)
    archive = make(most=1 << 20)
    arrival = archive.fetch(one(archive, "delivery"))
    why = "the answer is larger than any such file: more than 1048576 bytes"
    assert (arrival.outcome, arrival.reason) == (Outcome.FAILED, why)
    assert (len(host.asked), kept(tmp_path)) == (1, [])
    assert host.sent < 16 << 20, "what was sent beyond the cap lay in buffers"


def test_a_body_that_promises_too_much_is_not_even_read(
    host: Host, make: Make, tmp_path: Path
) -> None:
    host.on(PATHS["delivery"], host_of.good(b"x" * 2000))
    archive = make(most=1000)
    arrival = archive.fetch(one(archive, "delivery"))
    assert arrival.reason.endswith("2000 bytes, at most 1000 are taken")
    assert (len(host.asked), kept(tmp_path)) == (1, [])


def test_a_damaged_file_of_the_cache_is_asked_for_again(
    host: Host, make: Make, tmp_path: Path
) -> None:
    content = file_of("equities", DAY)  # once: an archive holds the moment it was made
    host.on(PATHS["equities"], host_of.good(content))
    archive = make()
    wanted = one(archive, "equities")
    archive.fetch(wanted)
    path = tmp_path / "cache" / wanted.place
    path.write_bytes(path.read_bytes()[:100])
    assert archive.fetch(wanted).outcome is Outcome.FETCHED
    assert path.read_bytes() == content
    assert len(host.asked) == 2


def test_what_a_killed_run_left_is_swept(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "delivery" / "2026"
    folder.mkdir(parents=True)
    (folder / ".sec_bhavdata_full_13082026.csv.0123456789abcdef.part").write_text("half")
    (folder / "mine.part").write_text("not ours")
    make().sweep()
    assert kept(tmp_path) == ["delivery/2026/mine.part"]


def test_a_cache_that_cannot_be_written_is_a_storage_error(
    host: Host, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    archive = make()
    with pytest.raises(StorageError):
        archive.fetch(one(archive, "delivery"))
    assert host.asked == []
