"""Kite's reads against a host that does everything wrong: rows R-1 to R-9 of the fault matrix."""

from __future__ import annotations

import gzip
import json
import socket
import time
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from alphastock_cli.domain.instrument import Interval
from alphastock_cli.errors import (
    AlphaStockError,
    AuthError,
    BadReply,
    ProviderError,
    Refused,
    TransientError,
)
from alphastock_cli.providers.kite.rest import KiteRest
from alphastock_cli.providers.kite.wire import ROUTES, NotEntitled, Wire
from tests.conftest import ManualClock
from tests.unit.kite_host import (
    NOW,
    TOKEN,
    Answer,
    Uncertified,
    bad,
    client,
    good,
    hosting,
    raw,
    reply,
    store_login,
)

HALF = gzip.compress(b'{"status":"success","data":{"user_id":"A","exchanges":[]}}\n' * 9)[:-9]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_a_read_sends_the_login_once_over_one_connection(
    tmp_path: Path, clock: ManualClock
) -> None:
    with hosting(good()) as host:
        made = client(tmp_path, host.root, clock)
        assert [made.profile()["user_id"] for _ in range(3)] == ["AB1234"] * 3
        assert host.connections == 1
        made.close()
    assert all(f"Authorization: token canarykey111:{TOKEN}" in head for head in host.heads)
    assert all("X-Kite-Version: 3" in head for head in host.heads)


# -- too much -------------------------------------------------------------------------------


def test_429_waits_as_long_as_it_is_told_and_everybody_with_it(
    tmp_path: Path, clock: ManualClock
) -> None:
    with hosting(bad(429, "NetworkException", "Too many requests", Retry_After="7"), good()) as h:
        made = client(tmp_path, h.root, clock)
        made.profile()
        assert 7.0 <= clock.monotonic() < 8.0
        made.close()


@pytest.mark.parametrize(
    "answer",
    [reply(b"<html>slow down</html>", 429, "text/html"),
     reply(b"", 429, "text/plain"), bad(429, "NetworkException", "Too many requests"),
     bad(200, "NetworkException", "Too many requests")],
)  # fmt: skip
def test_429_in_any_dress_is_tried_five_times(
    tmp_path: Path, clock: ManualClock, answer: Answer
) -> None:
    with hosting(answer) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(TransientError, match="too often"):
            made.profile()
        made.close()
    assert len(host.heads) == 5
    assert clock.monotonic() <= 60


def test_a_retry_after_of_hours_ends_within_a_minute(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(reply(b"", 429, "text/plain", Retry_After="86400")) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(TransientError):
            made.profile()
        made.close()
    assert len(host.heads) <= 2
    assert clock.monotonic() <= 61


# -- a server that fails ------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [bad(500, "GeneralException"), reply(b"<html>", 502, "text/html"),
     bad(503, "NetworkException", "OMS is down"), bad(504, "DataException"),
     bad(200, "NetworkException", "OMS could not be reached"),
     raw(b"", close=True),
     raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
         close=True),
     reply(b"not gzip at all", Content_Encoding="gzip"),
     reply(HALF, Content_Encoding="gzip"),
     raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", close=True),
     raw(b"\x00\xff garbage\r\n\r\n", close=True)],
)  # fmt: skip
def test_a_failure_that_may_pass_is_tried_again(
    tmp_path: Path, clock: ManualClock, answer: Answer
) -> None:
    with hosting(answer, good()) as host:
        made = client(tmp_path, host.root, clock)
        assert made.profile()["user_id"] == "AB1234"
        made.close()
    assert len(host.heads) == 2


def test_a_host_that_is_not_there_is_tried_five_times(tmp_path: Path, clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        root = f"http://127.0.0.1:{free.getsockname()[1]}"
    made = client(tmp_path, root, clock)
    with pytest.raises(TransientError, match="could not be asked") as caught:
        made.profile()
    assert clock.monotonic() > 1  # it waited between
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # the foreign error names the address


def test_one_byte_at_a_time_ends_at_the_deadline(tmp_path: Path, clock: ManualClock) -> None:
    """R-5: the SDK's own time-out would begin anew with each byte; at ten seconds: `r_wire.r5`."""

    def drip(held: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * 999:
            held.sendall(bytes([byte]))
            time.sleep(0.02)

    def hang(_: socket.socket) -> None:
        time.sleep(1)

    for answer in (drip, hang):
        with hosting(answer, answer, answer, answer, answer, good()) as host:
            made = client(tmp_path, host.root, clock, seconds=0.1)
            begun = time.monotonic()
            with pytest.raises(TransientError, match=r"no whole answer within 0\.1 s"):
                made.profile()
            assert time.monotonic() - begun < 5 * 0.1 + 1.0
            made.close()


def test_a_body_without_end_is_cut(tmp_path: Path, clock: ManualClock) -> None:
    def endless(held: socket.socket) -> None:
        held.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            held.sendall(b" " * (1 << 20))

    with hosting(endless) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply, match="larger than 8 MB"):
            made.profile()
        made.close()
    bomb = gzip.compress(b" " * (100 << 20))
    with hosting(reply(bomb, Content_Encoding="gzip")) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply, match="larger than 8 MB"):
            made.profile()
        made.close()


def test_half_a_list_is_no_list(tmp_path: Path, clock: ManualClock) -> None:
    """R-6: a packed body may break off behind a right length; what came looks like a whole list."""
    rows = b"".join(b"%d,%d,NAME%d\n" % (n, n, n) for n in range(5000))
    packed = gzip.compress(rows)
    half = reply(packed[: len(packed) // 2], 200, "text/csv", Content_Encoding="gzip")
    whole = reply(packed, 200, "text/csv", Content_Encoding="gzip")
    with hosting(half, whole) as host:
        made = client(tmp_path, host.root, clock)
        assert made.instruments() == rows
        made.close()
    assert len(host.heads) == 2
    with hosting(reply(packed + b"more", 200, "text/csv", Content_Encoding="gzip")) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(TransientError, match="the packed answer is damaged"):
            made.instruments()
        made.close()


def test_a_redirect_is_not_followed(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(good()) as other, hosting(reply(b"", 302, Location=other.root)) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply, match="redirect"):
            made.profile()
        made.close()
    assert other.heads == []


def test_a_certificate_nobody_vouches_for_is_final(tmp_path: Path, clock: ManualClock) -> None:
    host = Uncertified(tmp_path)
    rest = client(tmp_path, host.root.replace("http", "https"), clock)
    with pytest.raises(ProviderError, match="certificate") as caught:
        rest.profile()
    assert not isinstance(caught.value, TransientError)
    rest.close()
    host.close()
    assert clock.monotonic() == 0.0  # asked once


# -- what is final -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(bad(400, "InputException", "invalid token"), ProviderError),
     (bad(403, "PermissionException", "Insufficient permission"), NotEntitled),
     (bad(404, "GeneralIsh"), ProviderError), (reply(b"<html>", 404, "text/html"), ProviderError),
     (bad(403, "TokenException"), AuthError), (bad(200, "TokenException"), AuthError),
     (bad(200, "InputException"), ProviderError), (reply(b"<html>", 200, "text/html"), BadReply),
     (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), BadReply)],
)  # fmt: skip
def test_other_refusals_are_asked_once(
    tmp_path: Path, clock: ManualClock, answer: Answer, kind: type[AlphaStockError]
) -> None:
    with hosting(answer) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(kind):
            made.profile()
        made.close()
    assert len(host.heads) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"a":' * 50_000,
     b'{"status":"success"}', b'{"data":{}}', b'{"status":"success","data":null}',
     b'{"status":"success","data":[]}', b'{"status":"success","data":{"user_id":1}}',
     b'{"status":"success","data":{"user_id":"A","user_id":"B","exchanges":[]}}',
     b'{"status":"success","data":{"user_id":"A","exchanges":[1]}}',
     b'{"status":"success","data":{"user_id":"A","exchanges":[],"x":NaN}}',
     b'{"status":"success","data":{"user_id":"A","exchanges":[],"x":1e400}}',
     b'{"status":"success","data":{"user_id":"A","exchanges":[],"x":' + b"9" * 5000 + b"}}"],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_bad_reply(
    tmp_path: Path, clock: ManualClock, body: bytes
) -> None:
    """R-7."""
    with hosting(reply(body)) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply):
            made.profile()
        made.close()
    assert len(host.heads) == 1


@pytest.mark.parametrize("data", [5, 1.5, "text", [1], None, {"NSE:SBIN": 5}])
def test_quotes_of_another_shape_name_the_field(
    tmp_path: Path, clock: ManualClock, data: object
) -> None:
    with hosting(good(data)) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply, match=r"data is no object|NSE:SBIN is no object"):
            made.quotes(["NSE:SBIN"])
        made.close()


@pytest.mark.parametrize(
    "candles",
    [None, {}, [1], [[]], [["t", 1, 2, 3, 4]], [["t", "1", 2, 3, 4, 5]], [[1, 1, 2, 3, 4, 5]],
     [["t", True, 2, 3, 4, 5]], [["t", 1, 2, 3, 4, 5, 6, 7]], [["t", [], 2, 3, 4, 5]]],
)  # fmt: skip
def test_candles_of_another_shape_name_the_field(
    tmp_path: Path, clock: ManualClock, candles: object
) -> None:
    with hosting(good({"candles": candles})) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply, match="candle"):
            made.candles(1, Interval.MINUTE, NOW, NOW)
        made.close()


# -- the login ------------------------------------------------------------------------------


def test_a_dead_token_is_never_sent_again(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(bad(403, "TokenException", "expired")) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(AuthError, match="does not accept") as caught:
            made.profile()
        made.close()
    assert "alphastock login" in caught.value.hint
    assert len(host.heads) == 1


def test_the_login_of_another_process_is_taken_up(tmp_path: Path, clock: ManualClock) -> None:
    def log_in_meanwhile(held: socket.socket) -> None:
        store_login(tmp_path, clock, "fresh55555")
        bad(403, "TokenException", "expired")(held)

    with hosting(log_in_meanwhile, good()) as host:
        made = client(tmp_path, host.root, clock)
        assert made.profile()["user_id"] == "AB1234"
        made.close()
    assert "fresh55555" in host.heads[1]


def test_an_expired_login_is_found_before_a_call(tmp_path: Path, clock: ManualClock) -> None:
    with hosting(good()) as host:
        made = client(tmp_path, host.root, clock)
        clock.advance(timedelta(hours=13))
        with pytest.raises(AuthError, match="ended at"):
            made.profile()
    assert host.heads == []


# -- clocks --------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-3600, -3, 0, 3, 3600])
def test_the_servers_clock_is_compared(tmp_path: Path, clock: ManualClock, ahead: int) -> None:
    told = format_datetime(NOW + timedelta(seconds=ahead))
    body = {"status": "success", "data": {"user_id": "A", "exchanges": []}}
    with hosting(reply(body, Date=told)) as host:
        made = client(tmp_path, host.root, clock)
        made.profile()
        assert made.skew == pytest.approx(ahead, abs=0.6)
        made.close()


# -- no order can be placed -----------------------------------------------------------------------


def test_no_order_can_be_placed_by_this_client(tmp_path: Path, clock: ManualClock) -> None:
    words = ("order", "gtt", "place", "modify", "cancel", "convert", "exit", "trade")
    names = [name for name in dir(KiteRest) if not name.startswith("__")]
    assert not [name for name in names if any(word in name.lower() for word in words)]
    with hosting(good()) as host:
        made = client(tmp_path, host.root, clock)
        sdk = made._sdk(TOKEN)
        assert all(
            path.startswith(("/user/profile", "/instruments", "/quote", "/session/token"))
            for path in sdk._routes.values()
        )
        calls = (
            lambda: sdk.place_order("regular", "NSE", "SBIN", "BUY", 1, "CNC", "MARKET"),
            lambda: sdk.modify_order("regular", "1", quantity=1),
            lambda: sdk.cancel_order("regular", "1"),
            lambda: sdk.place_gtt("single", "SBIN", "NSE", [1], 1, []),
        )
        for call in calls:
            with pytest.raises(KeyError):
                call()
        for method in ("POST", "PUT", "DELETE", "GET"):
            for path in ("/orders/regular", "/orders", "/gtt/triggers", "/portfolio/positions"):
                with pytest.raises(Refused, match="no route"):
                    made._wire.request(method, host.root + path)
    assert host.heads == []
    assert not any(route.fullmatch(f"POST /{x}") for route in ROUTES for x in ("orders/regular",))
    assert isinstance(made._wire, Wire)


def test_the_sdk_may_not_raise_its_own(tmp_path: Path, clock: ManualClock) -> None:
    """The SDK indexes what it did not check: a login without a time is a KeyError there."""
    with hosting(good({"access_token": "abcdef12345"})) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(BadReply, match="KeyError"):
            made.begin_session("request1234")
        made.close()


def test_a_login_is_exchanged_by_checksum_and_asked_once(
    tmp_path: Path, clock: ManualClock
) -> None:
    data = {"access_token": "newtoken999", "user_id": "AB1234", "exchanges": ["NSE"],
            "login_time": "2026-11-20 10:59:58"}  # fmt: skip
    with hosting(good(data)) as host:
        made = client(tmp_path, host.root, clock)
        held = made.begin_session("request1234")
        made.close()
    assert held.expires.isoformat() == "2026-11-21T06:00:00+05:30"
    assert json.loads((tmp_path / "session.json").read_text())["access_token"] == "newtoken999"
    assert "Authorization" not in host.heads[0]  # yesterday's token is not sent along
    with hosting(reply(b"", 502, "text/html")) as host:
        made = client(tmp_path, host.root, clock)
        with pytest.raises(TransientError):
            made.begin_session("request1234")
        made.close()
    assert len(host.heads) == 1
