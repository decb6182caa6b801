"""Guards that nobody misses until they are gone: who waits, who goes first, what is taken once."""

from __future__ import annotations

import json
import os
import socket
from http import HTTPStatus
from pathlib import Path

import pytest

from alphastock_cli.errors import TransientError
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.facts import Limit
from alphastock_cli.providers.kite.login import Listener, page
from tests.conftest import ManualClock
from tests.unit.kite_host import FREE, KEY, NOW, bad, client, good, hosting
from tests.unit.sandbox_makers import box


class Watched(ManualClock):
    """A clock that notes, whenever somebody waits, how long others have to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(NOW)
        self.folder, self.paused = folder, [0.0]

    def sleep(self, seconds: float) -> None:
        other = Budget(self.folder, KEY, self, windows=FREE)
        self.paused += [each.paused for each in other.usage() if each.name == "other"]
        super().sleep(seconds)


def test_after_429_every_process_rests_not_only_the_one_that_was_told(tmp_path: Path) -> None:
    clock = Watched(tmp_path)
    with hosting(bad(429, "NetworkException", "Too many requests", Retry_After="7"), good()) as h:
        made = client(tmp_path, h.root, clock)
        made.profile()
        made.close()
    assert max(clock.paused) == pytest.approx(7.05)


@pytest.mark.parametrize("tries", [1, 2])
def test_a_view_asks_as_often_as_it_says(tmp_path: Path, tries: int) -> None:
    with hosting(bad(500, "GeneralException")) as host:
        made = client(tmp_path, host.root, ManualClock(NOW))
        with pytest.raises(TransientError):
            made.quotes(["NSE:SBIN"], tries=tries)
        made.close()
    assert len(host.heads) == tries


def test_quotes_nobody_asked_for_are_left_out(tmp_path: Path) -> None:
    rows = {key: {"instrument_token": 1, "last_price": 5.0} for key in ("NSE:SBIN", "NSE:INFY")}
    with hosting(good(rows)) as host:
        made = client(tmp_path, host.root, ManualClock(NOW))
        assert made.quotes(["NSE:SBIN"]).keys() == {"NSE:SBIN"}
        made.close()


def test_who_came_later_waits_though_there_is_room(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    made = Budget(tmp_path, "key", clock, windows={"x": (Limit(9, 1.0),)})
    with made.call("x"):
        pass
    clock.sleep(5.0)
    file = next(tmp_path.glob("*.json"))
    body = json.loads(file.read_text())
    body["windows"]["x"]["queue"] = [[900, os.getpid(), clock.monotonic()]]  # lives, and is first
    file.write_text(json.dumps(body))
    with pytest.raises(TransientError, match="no room"), made.call("x", patience=0.5):
        pass
    (used,) = made.usage()
    assert (used.used, used.waiting) == (0, 1)


def test_a_request_token_is_taken_once() -> None:
    state = "a" * 32
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    heard = Listener(f"http://127.0.0.1:{port}/back", page(KEY, state, ""), state, ManualClock(NOW))
    try:
        (host, *_) = heard.hosts
        first, second = (f"/back?state={state}&request_token={name * 8}" for name in "xy")
        assert heard.judge("GET", first, host)[0] is HTTPStatus.OK
        assert heard.judge("GET", second, host)[0] is HTTPStatus.BAD_REQUEST
        assert heard.judge("GET", first, host)[0] is HTTPStatus.BAD_REQUEST
        assert heard.token == "x" * 8
    finally:
        heard.close()


def test_funds_tell_what_open_positions_stand_at() -> None:
    it = box()
    it.place(product="MIS", quantity=10)
    for _ in range(3):
        it.wait()
    (row,) = it.ask("GET", "/portfolio/positions")["net"]
    assert row["pnl"] != 0
    funds = it.ask("GET", "/user/margins/equity")
    assert funds["utilised"]["m2m_unrealised"] == pytest.approx(row["pnl"], abs=1e-3)
    assert funds["utilised"]["m2m_realised"] == 0
