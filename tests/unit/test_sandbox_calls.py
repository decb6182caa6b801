"""Session and market data of the sandbox, call by call, without a socket."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from alphastock_cli.sandbox.call import Call
from alphastock_cli.sandbox.exchange import House
from alphastock_cli.sandbox.limits import Rates
from alphastock_cli.sandbox.sessions import App
from tests.conftest import IST
from tests.unit.sandbox_makers import CLOSED, Box, box


@pytest.fixture
def it() -> Box:
    return box()


def login(it: Box, **query: str) -> dict[str, list[str]]:
    words = {"api_key": it.state.sessions.app.api_key, "v": "3", **query}
    reply = it.reply("GET", "/connect/finish", **words)
    assert reply.status == 302
    return parse_qs(urlsplit(reply.headers["Location"]).query)


def signed(it: Box, token: str) -> dict[str, str]:
    app = it.state.sessions.app
    text = app.api_key + token + app.api_secret
    return {
        "api_key": app.api_key, "request_token": token,
        "checksum": sha256(text.encode()).hexdigest(),
    }  # fmt: skip


# -- session ----------------------------------------------------------------------------------


def test_the_login_page_has_a_button_and_hides_what_it_is_given(it: Box) -> None:
    key = it.state.sessions.app.api_key
    page = it.reply("GET", "/connect/login", api_key=key, v="3", redirect_params='state="><b>')
    assert page.status == 200
    assert page.kind.startswith("text/html")
    assert b'"><b>' not in page.body
    assert b"<button" in page.body
    assert it.refused("GET", "/connect/login", api_key="other", v="3")[0] == 400


def test_the_redirect_hands_back_what_was_given(it: Box) -> None:
    told = login(it, redirect_params="state=abc%20d&x=1")
    assert told["state"] == ["abc d"]
    assert told["status"] == ["success"]
    assert told["action"] == ["login"]
    it.state.faults.set(())
    own = box(app=App(redirect_url="http://127.0.0.1:5000/back?page=1"))
    reply = own.reply("GET", "/connect/finish", api_key="sandboxkey", v="3")
    assert reply.headers["Location"].startswith("http://127.0.0.1:5000/back?page=1&action=login")


def test_auto_login_presses_the_button() -> None:
    it = box(house=House(auto_login=True))
    assert it.reply("GET", "/connect/login", api_key="sandboxkey", v="3").status == 302


def test_a_request_token_works_once_for_five_minutes_with_its_checksum(it: Box) -> None:
    (token,) = login(it)["request_token"]
    wrong = signed(it, token) | {"checksum": "0" * 64}
    assert it.refused("POST", "/session/token", wrong)[:2] == (403, "TokenException")
    data = it.ask("POST", "/session/token", signed(it, token))
    assert data["login_time"] == "2026-08-14 11:30:05"
    assert it.refused("POST", "/session/token", signed(it, token))[:2] == (403, "TokenException")
    (late,) = login(it)["request_token"]
    it.clock.sleep(301)
    assert it.refused("POST", "/session/token", signed(it, late))[:2] == (403, "TokenException")
    assert it.refused("POST", "/session/token", {"api_key": "x"})[:2] == (400, "InputException")


@pytest.mark.parametrize(
    ("begun", "ends"),
    [
        ("2026-08-14T11:30", "2026-08-15T06:00"),
        ("2026-08-14T23:59", "2026-08-15T06:00"),
        ("2026-08-14T00:10", "2026-08-14T06:00"),
        ("2026-08-14T06:00", "2026-08-15T06:00"),
    ],
)
def test_sessions_end_at_six(begun: str, ends: str) -> None:
    it = box(datetime.fromisoformat(begun).replace(tzinfo=IST))
    end = datetime.fromisoformat(ends).replace(tzinfo=IST)
    it.clock.sleep((end - it.clock.now()).total_seconds() - 1)
    assert it.ask("GET", "/user/profile")["user_id"] == "SB0001"
    it.clock.sleep(1)
    assert it.refused("GET", "/user/profile") == (
        403, "TokenException", "Incorrect `api_key` or `access_token`.",
    )  # fmt: skip


def test_sessions_end_on_demand() -> None:
    it = box(faults="expire-token-after:20s")
    it.ask("GET", "/user/profile")
    it.clock.sleep(20)
    assert it.refused("GET", "/user/profile")[0] == 403
    it = box(faults="old-token")
    assert it.refused("GET", "/user/profile")[0] == 403
    it = box()
    assert it.ask("DELETE", "/session/token", api_key="sandboxkey", access_token=it.token) is True
    assert it.refused("GET", "/user/profile")[0] == 403


def test_refreshing_is_for_approved_apps() -> None:
    it = box(app=App(refreshable=True))
    app = it.state.sessions.app
    refresh = it.state.sessions.begin()["refresh_token"]
    text = app.api_key + refresh + app.api_secret
    form = {
        "api_key": app.api_key, "refresh_token": refresh,
        "checksum": sha256(text.encode()).hexdigest(),
    }  # fmt: skip
    assert it.ask("POST", "/session/refresh_token", form)["access_token"]
    assert it.refused("POST", "/session/refresh_token", form)[0] == 403
    assert box().state.sessions.begin()["refresh_token"] == ""


@pytest.mark.parametrize(
    "header", ["", "token", "token :", "Bearer sandboxkey:x", "token sandboxkey:x", "token a:b:c"]
)
def test_other_headers_are_refused(it: Box, header: str) -> None:
    asked = Call.of("GET", "/user/profile", headers={"Authorization": header})
    assert it.state.answer(asked).status == 403


def test_routes_that_are_not_there(it: Box) -> None:
    assert it.refused("GET", "/nowhere")[:2] == (404, "GeneralException")
    assert it.refused("DELETE", "/user/profile")[:2] == (405, "GeneralException")


def test_limits_are_the_documented_ones() -> None:
    it = box(rates=Rates())
    key = "NSE:INFY"
    assert it.ask("GET", "/quote/ltp", i=key)
    assert it.refused("GET", "/quote", i=key) == (429, "NetworkException", "Too many requests")
    it.clock.sleep(1)
    assert it.ask("GET", "/quote", i=key)
    assert [it.reply("GET", "/user/profile").status for _ in range(12)].count(429) == 2


# -- market data ------------------------------------------------------------------------------


def test_instruments_have_stable_tokens_and_their_segments(it: Box) -> None:
    rows = list(csv.DictReader(io.StringIO(it.reply("GET", "/instruments").body.decode())))
    assert len({row["instrument_token"] for row in rows}) == len(rows) > 1000
    for row in rows:
        token, number = int(row["instrument_token"]), int(row["exchange_token"])
        byte = 9 if row["segment"] == "INDICES" else {"NSE": 1, "NFO": 2}[row["exchange"]]
        assert token == number * 256 + byte < 2**31
    other = list(csv.DictReader(io.StringIO(
        box(CLOSED).reply("GET", "/instruments/NSE").body.decode()
    )))  # fmt: skip
    assert {row["exchange"] for row in other} == {"NSE"}
    known = {row["tradingsymbol"]: row["instrument_token"] for row in rows}
    assert all(known[row["tradingsymbol"]] == row["instrument_token"] for row in other)
    assert known["NIFTY 50"] == "256265"
    assert it.reply("GET", "/instruments/MCX").body.count(b"\n") == 1  # the header


def test_instruments_are_zipped_for_who_can_read_it(it: Box) -> None:
    heads = {"Authorization": f"token sandboxkey:{it.token}", "Accept-Encoding": "gzip, deflate"}
    reply = it.state.answer(Call.of("GET", "/instruments/NSE", headers=heads))
    assert reply.headers == {"Content-Encoding": "gzip"}
    assert gzip.decompress(reply.body) == it.reply("GET", "/instruments/NSE").body
    assert reply.kind == "text/csv"


def test_quotes_leave_out_what_is_unknown(it: Box) -> None:
    told = it.ask("GET", "/quote", i=["NSE:INFY", "NSE:NOPE", "NSE:NIFTY 50", "X"])
    assert list(told) == ["NSE:INFY", "NSE:NIFTY 50"]
    assert "depth" not in told["NSE:NIFTY 50"]
    assert len(told["NSE:INFY"]["depth"]["buy"]) == 5
    token = told["NSE:INFY"]["instrument_token"]
    assert it.ask("GET", "/quote/ltp", i=str(token))[str(token)]["instrument_token"] == token
    assert it.refused("GET", "/quote")[0] == 400
    many = [f"NSE:S{i}" for i in range(501)]
    assert it.refused("GET", "/quote", i=many)[0] == 400
    assert it.ask("GET", "/quote/ohlc", i=many) == {}
    assert it.refused("GET", "/quote/ltp", i=[f"NSE:S{i}" for i in range(1001)])[0] == 400


def candles(it: Box, interval: str = "minute", **query: str) -> list[list[object]]:
    token = it.ask("GET", "/quote/ltp", i="NSE:INFY")["NSE:INFY"]["instrument_token"]
    usual = {"from": "2026-08-14 09:15:00", "to": "2026-08-14 15:30:00"}
    path = f"/instruments/historical/{token}/{interval}"
    return list(it.ask("GET", path, **(usual | query))["candles"])


def test_candles_end_with_the_running_one(it: Box) -> None:
    rows = candles(it)
    assert rows[0][0] == "2026-08-14T09:15:00+0530"
    assert rows[-1][0] == "2026-08-14T11:30:00+0530"  # it is 11:30:05
    assert len(rows) == 136
    five = candles(it, "5minute")
    assert five[-1][0] == "2026-08-14T11:30:00+0530"
    it.clock.sleep(120)
    five = candles(it, "5minute")
    parts = candles(it)[-3:]
    assert five[-1][0] == "2026-08-14T11:30:00+0530"
    assert five[-1][1] == parts[0][1]
    assert five[-1][5] == sum(int(str(row[5])) for row in parts)
    assert len(candles(it, oi="1")[0]) == 7


def test_a_closed_market_has_no_running_candle() -> None:
    it = box(CLOSED)
    assert candles(it)[-1][0] == "2026-08-14T15:29:00+0530"
    day = candles(it, "day", **{"from": "2026-08-12", "to": "2026-08-14"})
    assert [str(row[0])[:10] for row in day] == ["2026-08-12", "2026-08-13", "2026-08-14"]


@pytest.mark.parametrize(
    ("interval", "days"), [("minute", 60), ("5minute", 100), ("60minute", 400), ("day", 2000)]
)
def test_so_many_days_a_call(it: Box, interval: str, days: int) -> None:
    end = datetime(2026, 8, 13, 15, 30)  # noqa: DTZ001 - as the query writes it
    token = it.ask("GET", "/quote/ltp", i="NSE:INFY")["NSE:INFY"]["instrument_token"]
    path = f"/instruments/historical/{token}/{interval}"
    query = {"from": str(end - timedelta(days=days + 2)), "to": str(end)}
    assert "exceeds max limit" in it.refused("GET", path, **query)[2]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/instruments/historical/7/minute", {}),
        ("/instruments/historical/x/minute", {}),
        ("/instruments/historical/7/week", {}),
        ("/instruments/historical/7/day", {"from": "yesterday"}),
        ("/instruments/historical/7/day", {"from": "2026-08-15", "to": "2026-08-14"}),
    ],
)
def test_candles_of_nothing(it: Box, path: str, query: dict[str, str]) -> None:
    usual = {"from": "2026-08-14", "to": "2026-08-14"}
    assert it.refused("GET", path, **(usual | query))[:2] == (400, "InputException")


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        ("candle-gap", lambda rows, good: len(rows) < len(good)),
        ("candle-duplicate", lambda rows, good: len(rows) > len(good)),
        ("candle-shuffle", lambda rows, good: rows != good and sorted(rows) == sorted(good)),
        ("candle-overlap", lambda rows, good: rows[1:] == good and rows[0][0] < "2026-08-14"),
        ("candle-high-low", lambda rows, _: any(row[2] < row[3] for row in rows)),
        ("candle-volume", lambda rows, _: any(row[5] < 0 for row in rows)),
        ("candle-x100", lambda rows, good: max(r[2] for r in rows) > 50 * max(g[2] for g in good)),
        ("candle-wrong", lambda rows, good: {r[1] for r in rows}.isdisjoint(g[1] for g in good)),
        ("candle-future", lambda rows, _: rows[-1][0] > "2027"),
        ("candle-revised", lambda rows, good: rows[:-3] == good[:-3] and rows[-1] != good[-1]),
    ],
)
def test_faults_of_candles(fault: str, broken: object) -> None:
    good = candles(box())
    assert callable(broken)
    assert broken(candles(box(faults=fault)), good)


# -- the sandbox's own ------------------------------------------------------------------------


def test_faults_are_switched_while_it_runs(it: Box) -> None:
    assert it.ask("GET", "/sandbox/faults")["faults"] == ""
    told = it.ask("PUT", "/sandbox/faults", {"faults": "429:x1", "seed": "5"})
    assert told == {"faults": "429:x1", "seed": 5, "played": {}}
    assert it.refused("GET", "/user/profile")[0] == 429
    it.ask("GET", "/user/profile")
    assert it.ask("GET", "/sandbox/faults")["played"] == {"429": 1}
    assert "429" in it.refused("POST", "/sandbox/faults", {"faults": "42"})[2]
    assert it.refused("POST", "/sandbox/faults", {"seed": "-1"})[0] == 400


def test_counts_login_and_expiry(it: Box) -> None:
    it.ask("GET", "/user/profile")
    assert it.ask("GET", "/sandbox/counts")["calls"] == {"other": 1}
    assert len(it.ask("POST", "/sandbox/login")["access_token"]) == 32
    it.ask("POST", "/sandbox/expire")
    assert it.refused("GET", "/user/profile")[0] == 403


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("429", 429, "NetworkException"), ("500", 500, "GeneralException"),
        ("503", 503, "NetworkException"), ("403", 403, "TokenException"),
        ("permission", 403, "PermissionException"), ("200-error", 200, "NetworkException"),
    ],
)  # fmt: skip
def test_refusals_come_instead_of_the_call(fault: str, status: int, kind: str) -> None:
    it = box(faults=fault)
    assert it.refused("POST", "/orders/regular", {})[:2] == (status, kind)
    assert it.state.desk.tickets == {}


def test_retry_after_is_sent_where_it_is_asked_for() -> None:
    assert box(faults="429:7s").reply("GET", "/quote").headers == {"Retry-After": "7"}
    assert box(faults="429").reply("GET", "/quote").headers == {}


@pytest.mark.parametrize("name", ["nan", "infinity", "1e400", "long-number", "deep", "not-dict",
                                  "null", "missing-data", "missing-keys", "wrong-types",
                                  "duplicate-keys", "bad-json", "html"])  # fmt: skip
def test_bodies_that_are_wrong_differ_from_right_ones(name: str) -> None:
    body = box(faults=name).reply("GET", "/quote/ltp", i="NSE:INFY").body
    good = box().reply("GET", "/quote/ltp", i="NSE:INFY").body
    assert body != good
    if name == "duplicate-keys":
        assert body.count(b'"last_price"') == 2 * good.count(b'"last_price"')
    if name == "wrong-types":
        assert json.loads(body)["data"]["NSE:INFY"]["last_price"].startswith("about ")
    if name == "missing-keys":
        assert "instrument_token" not in json.loads(body)["data"].get("NSE:INFY", {})
    if name == "long-number":
        assert b"9" * 5000 in body


def test_ticks_come_while_quotes_are_new_and_a_snapshot_always() -> None:
    for it, moves in ((box(), True), (box(CLOSED), False)):
        told = it.ask("GET", "/quote/ltp", i="NSE:INFY")["NSE:INFY"]["instrument_token"]
        query = {"api_key": it.state.sessions.app.api_key, "access_token": it.token}
        one = it.state.connect(query)
        snapshot = it.state.hear(one, json.dumps({"a": "subscribe", "v": [told]}))
        assert [len(frame) for frame in snapshot] == [2 + 2 + 44]
        it.wait()
        assert bool(it.wait()[id(one)]) is moves
        it.state.hear(one, json.dumps({"a": "unsubscribe", "v": [told]}))
        assert it.wait()[id(one)] == []
        it.state.disconnect(one)
        assert it.wait() == {}
