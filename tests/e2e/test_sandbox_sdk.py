"""The official SDK, unmodified, against the running sandbox: REST and ticker."""

# ruff: noqa: F811 - a fixture is an argument by name

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import date, datetime
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_errors

from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures

INFY = {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 10, "product": "CNC"}


@pytest.fixture
def kite(sandbox: Running) -> KiteConnect:
    return KiteConnect(sandbox.api_key, sandbox.token(), root=sandbox.root)


def wait_for(kite: KiteConnect, number: str, status: str) -> dict[str, Any]:
    """Return an order's row as soon as it has a status."""
    deadline = time.monotonic() + 10
    while True:
        row = next(row for row in kite.orders() if row["order_id"] == number)
        if row["status"] == status:
            return dict(row)
        assert time.monotonic() < deadline, row
        time.sleep(0.05)


def test_login_with_page_and_checksum(sandbox: Running) -> None:
    kite = KiteConnect(sandbox.api_key, root=sandbox.root)
    told = kite.generate_session(sandbox.request_token(), sandbox.api_secret)
    assert kite.access_token == told["access_token"]
    assert isinstance(told["login_time"], datetime)
    assert kite.profile()["user_id"] == sandbox.user_id == told["user_id"]
    with pytest.raises(kite_errors.TokenException):
        kite.generate_session("nonsense", sandbox.api_secret)
    assert kite.invalidate_access_token() is True
    ended: list[bool] = []
    kite.set_session_expiry_hook(lambda: ended.append(True))
    with pytest.raises(kite_errors.TokenException):
        kite.profile()
    assert ended == [True]


def test_instruments_quotes_and_history(kite: KiteConnect) -> None:
    rows = {row["tradingsymbol"]: row for row in kite.instruments("NSE")}
    assert rows["INFY"]["segment"] == "NSE"
    assert rows["NIFTY 50"]["segment"] == "INDICES"
    options = [row for row in kite.instruments("NFO") if row["instrument_type"] == "CE"]
    assert isinstance(options[0]["expiry"], date)
    assert options[0]["lot_size"] > 1
    token = rows["INFY"]["instrument_token"]
    quote = kite.quote("NSE:INFY", "NSE:NOPE")["NSE:INFY"]
    assert quote["instrument_token"] == token
    assert kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"] == quote["last_price"]
    assert kite.ohlc("NSE:INFY")["NSE:INFY"]["ohlc"] == quote["ohlc"]
    candles = kite.historical_data(token, date(2026, 8, 13), date(2026, 8, 14), "15minute", oi=True)
    assert candles[0]["date"].isoformat() == "2026-08-13T09:15:00+05:30"
    assert candles[-1]["close"] == quote["last_price"]
    assert candles[0]["oi"] == 0


def test_an_orders_life(kite: KiteConnect) -> None:
    last = kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"]
    number = kite.place_order(
        "regular", **INFY, transaction_type="BUY", order_type="LIMIT", tag="life",
        price=round(last * 0.97, 1),
    )  # fmt: skip
    wait_for(kite, number, "OPEN")
    assert kite.modify_order("regular", number, price=round(last * 1.02, 1)) == number
    row = wait_for(kite, number, "COMPLETE")
    assert row["filled_quantity"] == 10
    assert row["tag"] == "life"
    (trade,) = kite.order_trades(number)
    assert trade["average_price"] == row["average_price"]
    assert kite.trades() == [trade]
    assert kite.order_history(number)[-1]["status"] == "COMPLETE"
    (position,) = kite.positions()["net"]
    assert position["quantity"] == 10
    with pytest.raises(kite_errors.OrderException):
        kite.cancel_order("regular", number)
    second = kite.place_order(
        "regular", **INFY, transaction_type="SELL", order_type="MARKET", market_protection=-1
    )
    wait_for(kite, second, "COMPLETE")
    assert kite.margins("equity")["net"] == kite.margins()["equity"]["net"]
    assert {row["tradingsymbol"] for row in kite.holdings()} == {"INFY", "SBIN"}
    with pytest.raises(kite_errors.InputException, match="market protection"):
        kite.place_order("regular", **INFY, transaction_type="BUY", order_type="MARKET")


def test_triggers_margins_and_charges(kite: KiteConnect) -> None:
    last = kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"]
    leg = {
        "transaction_type": "SELL", "quantity": 1, "order_type": "LIMIT", "product": "CNC",
        "price": round(last * 0.9, 1),
    }  # fmt: skip
    number = kite.place_gtt(
        kite.GTT_TYPE_OCO, "INFY", "NSE", [last * 0.9, last * 1.1], last, [leg, leg]
    )["trigger_id"]
    assert kite.get_gtt(number)["type"] == "two-leg"
    kite.modify_gtt(number, kite.GTT_TYPE_SINGLE, "INFY", "NSE", [last * 0.9], last, [leg])
    assert kite.get_gtts()[0]["type"] == "single"
    assert kite.delete_gtt(number) == {"trigger_id": number}
    asked = INFY | {"transaction_type": "BUY", "variety": "regular", "order_type": "MARKET"}
    (margin,) = kite.order_margins([asked])
    assert margin["total"] == pytest.approx(10 * last)
    assert kite.basket_order_margins([asked, asked])["final"]["total"] == pytest.approx(20 * last)
    (note,) = kite.get_virtual_contract_note([asked | {"order_id": "1", "average_price": 600}])
    assert note["charges"]["total"] > 0


def test_limits_hold_for_the_sdk(sandbox: Running, kite: KiteConnect) -> None:
    limiter = sandbox.limits(on=True)
    kite.quote("NSE:INFY")
    with pytest.raises(kite_errors.NetworkException, match="Too many requests"):
        kite.quote("NSE:INFY")
    assert limiter.refused["quote"] == 1


_CHILD = """
import json, sys, warnings
warnings.simplefilter("ignore")  # the SDK's own dependencies deprecate each other
from kiteconnect import KiteTicker
key, token, root, share, index = sys.argv[1:6]
ticker = KiteTicker(key, token, root=root)
say = lambda *parts: print(json.dumps(parts, default=str), flush=True)
def connected(ws, response):
    ws.subscribe([int(share), int(index)])
    ws.set_mode(ws.MODE_FULL, [int(share)])
    say("connected")
ticker.on_connect = connected
ticker.on_ticks = lambda ws, ticks: say("ticks", ticks)
ticker.on_order_update = lambda ws, data: say("order", data)
ticker.on_error = lambda ws, code, reason: say("error", code, reason)
ticker.on_message = lambda ws, payload, binary: binary and len(payload) == 1 and say("beat")
ticker.connect()
"""


def test_the_ticker_connects_subscribes_ticks_and_hears_of_orders(
    sandbox: Running, kite: KiteConnect
) -> None:
    tokens = {
        name: kite.ltp(name)[name]["instrument_token"] for name in ("NSE:INFY", "NSE:NIFTY 50")
    }
    words = [sandbox.api_key, kite.access_token, sandbox.ws_root, *map(str, tokens.values())]
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *words], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    ticks: dict[int, dict[str, Any]] = {}
    updates: list[str] = []
    try:
        deadline = time.monotonic() + 20
        for line in child.stdout:
            assert time.monotonic() < deadline
            kind, *rest = json.loads(line)
            assert kind != "error", rest
            if kind == "ticks":
                for tick in rest[0]:
                    ticks[tick["instrument_token"]] = tick
                full = ticks.get(tokens["NSE:INFY"], {}).get("mode") == "full"
                if full and len(ticks) == 2 and not updates:
                    kite.place_order(
                        "regular", **INFY, transaction_type="BUY", order_type="MARKET",
                        market_protection=-1, tag="tick",
                    )  # fmt: skip
                    updates.append("placed")
            if kind == "order":
                assert rest[0]["tag"] == "tick"
                updates.append(rest[0]["status"])
                if updates[-1] == "COMPLETE":
                    break
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert updates == ["placed", "OPEN", "COMPLETE"]
    share, index = ticks[tokens["NSE:INFY"]], ticks[tokens["NSE:NIFTY 50"]]
    quote = kite.quote("NSE:INFY", "NSE:NIFTY 50")
    for tick, key in ((share, "NSE:INFY"), (index, "NSE:NIFTY 50")):
        assert tick["last_price"] == pytest.approx(quote[key]["last_price"], abs=0.01)
        assert tick["ohlc"] == pytest.approx(quote[key]["ohlc"], abs=0.01)
    assert (index["mode"], index["tradable"]) == ("quote", False)
    assert share["depth"]["buy"] == quote["NSE:INFY"]["depth"]["buy"]
