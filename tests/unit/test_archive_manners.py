"""How a host is asked: how often, how soon again, and when no more.

What is kept of the answers: `test_archive_download.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from alphastock_cli.domain.eod_archive import Outcome, Wanted
from alphastock_cli.errors import ConfigError, ProviderError
from alphastock_cli.providers.nse.download import Downloader
from alphastock_cli.providers.nse.transport import WebTransport
from tests.conftest import ManualClock
from tests.unit import archive_host as host_of
from tests.unit.archive_host import PATHS, Behaviour, Host, downloader, file_of, kept, one

DAY = date(2026, 8, 13)

Make = Callable[..., Downloader]


@pytest.fixture
def host(clock: ManualClock) -> Iterator[Host]:
    with host_of.running(clock) as running:
        yield running


@pytest.fixture
def make(host: Host, clock: ManualClock, tmp_path: Path) -> Make:
    return lambda **more: downloader(host, clock, tmp_path, **more)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [(host_of.status(404), Outcome.MISSING),
     (host_of.good(host_of.HTML, "text/html"), Outcome.WRONG)],
)  # fmt: skip
def test_ten_in_a_row_without_a_file_end_the_asking_for_that_kind_alone(
    behaviour: Behaviour, outcome: Outcome, host: Host, make: Make
) -> None:
    archive = make()
    files = archive.plan(["bse"], date(2026, 7, 1), DAY).wanted
    for wanted in files:
        host.on(wanted.url.removeprefix(host.base), behaviour)
    arrivals = [archive.fetch(wanted) for wanted in files[:13]]
    assert [a.outcome for a in arrivals] == [outcome] * 10 + [Outcome.NOT_ASKED] * 3
    assert arrivals[-1].reason == (
        "not asked for: 10 sessions in a row had no such file; try a later --from"
    )
    assert len(host.asked) == 10
    assert archive.fetch(one(archive, "delivery")).outcome is Outcome.MISSING
    assert len(host.asked) == 11


def test_a_file_that_is_there_begins_the_count_anew(host: Host, make: Make) -> None:
    archive = make()
    files = archive.plan(["indices"], date(2026, 7, 1), DAY).wanted
    good = files[9]
    host.on(good.url.removeprefix(host.base), host_of.good(file_of("indices", good.day)))
    outcomes = [archive.fetch(wanted).outcome for wanted in files[:22]]
    assert outcomes.index(Outcome.FETCHED) == 9
    assert outcomes.index(Outcome.NOT_ASKED) == 20


PASSING: list[tuple[str, list[Behaviour]]] = [
    ("502 then good", [host_of.status(502)]),
    ("503 three times", [host_of.status(503)] * 3),
    ("429 then good", [host_of.status(429)]),
    ("reset", [host_of.reset]),
    ("hung up", [host_of.hang_up]),
    ("half a body", [host_of.half(file_of("delivery", DAY))]),
    ("half the chunks", [host_of.chunked(file_of("delivery", DAY), whole=False)]),
    ("a bit of everything", [host_of.half(file_of("delivery", DAY)), host_of.reset,
                             host_of.status(500)]),
]  # fmt: skip


@pytest.mark.parametrize("before", [p[1] for p in PASSING], ids=[p[0] for p in PASSING])
def test_what_may_pass_is_tried_again(
    before: list[Behaviour], host: Host, make: Make, clock: ManualClock, tmp_path: Path
) -> None:
    body = file_of("delivery", DAY)
    host.on(PATHS["delivery"], *before, host_of.good(body))
    archive = make()
    assert archive.fetch(one(archive, "delivery")).outcome is Outcome.FETCHED
    assert len(host.asked) == archive.requests == len(before) + 1
    assert kept(tmp_path) == ["delivery/2026/sec_bhavdata_full_13082026.csv"]
    gaps = [b - a for a, b in zip(host.moments, host.moments[1:], strict=False)]
    # the lot is always one half here: of 1, 2 and 4 seconds, and never below the pace
    assert gaps == [max(1.0, share) for share in (0.5, 1.0, 2.0)][: len(gaps)]
    assert clock.monotonic() < 60


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (host_of.status(500), "status 500; asked 4 times"),
        (host_of.reset, "the connection broke: ConnectionResetError; asked 4 times"),
        (host_of.hang_up, "the connection broke: RemoteDisconnected; asked 4 times"),
        (host_of.half(file_of("delivery", DAY)),
         "the answer broke off: 182 of 365 bytes; asked 4 times"),
        (host_of.chunked(file_of("delivery", DAY), whole=False),
         "the answer broke off; asked 4 times"),
    ],
)  # fmt: skip
def test_four_tries_and_no_more(
    behaviour: Behaviour, reason: str, host: Host, make: Make, tmp_path: Path
) -> None:
    host.on(PATHS["delivery"], behaviour)
    archive = make()
    arrival = archive.fetch(one(archive, "delivery"))
    assert (arrival.outcome, arrival.reason) == (Outcome.FAILED, reason)
    assert (len(host.asked), kept(tmp_path)) == (4, [])


@pytest.mark.parametrize("code", [401, 403])
def test_a_refusal_stops_at_once(code: int, host: Host, make: Make, tmp_path: Path) -> None:
    host.on(PATHS["delivery"], host_of.status(code))
    archive = make()
    with pytest.raises(ProviderError) as caught:
        archive.fetch(one(archive, "delivery"))
    where = host.base.removeprefix("http://")
    assert caught.value.what == f"blocked: {where} answered {code}; no further request was sent"
    assert caught.value.safe == "Nothing that was not verified was kept."
    assert "--from-dir" in caught.value.hint
    assert caught.value.exit_code == 5
    assert (len(host.asked), kept(tmp_path)) == (1, [])


def test_429_without_end_is_a_refusal(host: Host, make: Make) -> None:
    host.on(PATHS["delivery"], host_of.status(429))
    archive = make()
    with pytest.raises(ProviderError, match=r"blocked: .* answered 429, too many requests"):
        archive.fetch(one(archive, "delivery"))
    assert len(host.asked) == 4


def test_retry_after_is_honoured_up_to_a_minute(host: Host, make: Make) -> None:
    host.on(PATHS["delivery"], host_of.status(503, Retry_After="7"),
            host_of.good(file_of("delivery", DAY)))  # fmt: skip
    archive = make()
    assert archive.fetch(one(archive, "delivery")).outcome is Outcome.FETCHED
    assert host.moments[1] - host.moments[0] == 7.0
    for asked in ("61", "9" * 40, "Fri, 21 Nov 2036 07:28:00 GMT"):
        host.asked.clear()
        host.on(PATHS["indices"], host_of.status(503, Retry_After=asked))
        arrival = archive.fetch(one(archive, "indices"))
        assert arrival.outcome is Outcome.FAILED
        assert len(host.asked) == (4 if "GMT" in asked else 1), asked
        archive = make()


@pytest.mark.parametrize(
    "behaviour",
    [host_of.hang, host_of.drip(file_of("delivery", DAY)), host_of.drip_headers],
    ids=["hang", "drip", "headers drip"],
)
def test_three_time_outs_in_a_row_are_a_refusal(
    behaviour: Behaviour, host: Host, make: Make, tmp_path: Path
) -> None:
    host.on(PATHS["delivery"], behaviour)
    archive = make(deadline=0.3)
    began = time.monotonic()
    with pytest.raises(ProviderError, match="let 3 requests in a row hang"):
        archive.fetch(one(archive, "delivery"))
    spent = time.monotonic() - began
    assert 0.9 <= spent < 0.9 + 2.0, "three deadlines, however the bytes come"
    assert (len(host.asked), kept(tmp_path)) == (3, [])


def test_an_answer_between_time_outs_begins_the_count_anew(host: Host, make: Make) -> None:
    archive = make(deadline=0.2)
    delivery, indices = one(archive, "delivery"), one(archive, "indices")
    body = host_of.good(file_of("delivery", DAY))
    host.on(PATHS["delivery"], host_of.hang, host_of.status(500), host_of.hang, body)
    assert archive.fetch(delivery).outcome is Outcome.FETCHED
    host.on(PATHS["indices"], host_of.hang, host_of.hang, host_of.status(404))
    assert archive.fetch(indices).outcome is Outcome.MISSING
    host.on(PATHS["indices"], host_of.hang, host_of.good(file_of("indices", DAY)))
    assert archive.fetch(indices).outcome is Outcome.FETCHED
    assert len(host.asked) == 4 + 3 + 2


def test_three_files_in_a_row_without_an_answer_end_the_asking(
    host: Host, make: Make, tmp_path: Path
) -> None:
    archive = make()
    files = archive.plan(["bse"], date(2026, 8, 10), DAY).wanted
    for wanted in files:
        host.on(wanted.url.removeprefix(host.base), host_of.status(500))
    assert [archive.fetch(w).outcome for w in files[:2]] == [Outcome.FAILED] * 2
    with pytest.raises(ProviderError, match="no whole answer for 3 files in a row, the last: stat"):
        archive.fetch(files[2])
    assert (len(host.asked), kept(tmp_path)) == (12, [])


def test_a_good_file_between_failures_keeps_the_run_going(host: Host, make: Make) -> None:
    archive = make()
    files = archive.plan(["bse"], date(2026, 8, 7), DAY).wanted
    assert len(files) == 5
    for wanted in files:
        host.on(wanted.url.removeprefix(host.base), host_of.reset)
    good = files[2]
    host.on(good.url.removeprefix(host.base), host_of.good(file_of("bse", good.day)))
    outcomes = [archive.fetch(w).outcome.value for w in files]
    assert outcomes == ["failed", "failed", "fetched", "failed", "failed"]


def test_redirects_stay_on_the_host_and_keep_the_pace(host: Host, make: Make) -> None:
    host.on(PATHS["delivery"], host_of.status(302, Location="/moved.csv"))
    host.on("/moved.csv", host_of.good(file_of("delivery", DAY)))
    archive = make()
    assert archive.fetch(one(archive, "delivery")).outcome is Outcome.FETCHED
    assert host.asked == [PATHS["delivery"], "/moved.csv"]
    assert host.moments[1] - host.moments[0] == 1.0
    host.on(PATHS["indices"], host_of.status(302, Location=PATHS["indices"]))
    arrival = archive.fetch(one(archive, "indices"))
    assert (arrival.outcome, arrival.reason) == (Outcome.WRONG, "sent on more than 3 times")
    assert len(host.asked) == 2 + 4


def test_a_host_is_asked_once_a_second_and_another_one_meanwhile(
    clock: ManualClock, tmp_path: Path
) -> None:
    with host_of.running(clock) as nse, host_of.running(clock) as bse:
        archive = Downloader(tmp_path / "cache", clock, WebTransport(),
                             bases={"NSE": nse.base, "BSE": bse.base})  # fmt: skip
        files = archive.plan(["delivery", "indices", "bse"], date(2026, 8, 10), DAY).wanted
        for wanted in files:
            host = bse if wanted.kind == "bse" else nse
            path = wanted.url.removeprefix(host.base)
            host.on(path, host_of.good(file_of(wanted.kind, wanted.day)))
        assert archive.seconds(files) == 8.0
        assert {archive.fetch(wanted).outcome for wanted in files} == {Outcome.FETCHED}
        assert nse.moments == [float(second) for second in range(8)]
        assert bse.moments == [1.0, 3.0, 5.0, 7.0], "never waited for on its own"
        assert clock.monotonic() == 7.0


def test_another_pace(host: Host, make: Make) -> None:
    archive = make(seconds_between=2.5)
    files = archive.plan(["delivery"], date(2026, 8, 11), DAY).wanted
    for wanted in files:
        archive.fetch(wanted)
    assert host.moments == [0.0, 2.5, 5.0]


def test_no_host_but_those_of_the_table_or_the_setting(make: Make, host: Host) -> None:
    archive = make()
    foreign = Wanted(day=DAY, kind="bse", url="https://evil.example/x", name="x.csv")
    with pytest.raises(ConfigError, match=r"https://evil\.example is no host"):
        archive.fetch(foreign)
    assert (host.asked, archive.requests) == ([], 0)


def test_nobody_there(clock: ManualClock, tmp_path: Path) -> None:
    with host_of.running() as gone:
        base = gone.base
    archive = Downloader(tmp_path / "cache", clock, WebTransport(), jitter=lambda: 1.0,
                         bases={"NSE": base, "BSE": base})  # fmt: skip
    with pytest.raises(ProviderError, match="cannot be reached: Connection refused") as caught:
        archive.fetch(one(archive, "delivery"))
    assert caught.value.hint == "Check the connection, then run it again."
    assert (archive.requests, clock.monotonic()) == (4, 7.0), "waits of 1, 2 and 4 seconds"
    assert kept(tmp_path) == []
