"""`watch` on Kite against the sandbox: ticks where they come, calls elsewhere, and what is said."""

# ruff: noqa: F811 - a fixture is an argument by name

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.watch import Seen, WatchRequest, watch
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.errors import AuthError, TransientError
from alphastock_cli.providers.kite.stream.live import LiveKite
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures

KEYS = ["NSE:INFY", "NSE:NIFTY 50"]


def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def log_in(wiring: Wiring, sandbox: Running) -> None:
    connection = wiring.kite()
    connection.rest.begin_session(sandbox.request_token())
    connection.close()


@pytest.fixture
def wiring(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """Return the wiring of a data directory that is logged in to the sandbox."""
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    asked = KiteSettings(root=sandbox.root, ws_root=sandbox.ws_root, timeout=5.0)
    settings = Settings(data_dir=tmp_path / "data", provider="kite", kite=asked)
    made = Wiring(settings, clock=sandbox.clock)
    log_in(made, sandbox)
    return made


@pytest.fixture
def provider(wiring: Wiring) -> Iterator[LiveKite]:
    """Return what a view looks through."""
    with wiring.live() as made:
        assert isinstance(made, LiveKite)
        yield made


def ticks(provider: LiveKite) -> dict[str, Any]:
    return provider._ticks(KEYS)


def said(provider: LiveKite) -> list[str]:
    """Return what it says but for the clocks: that of this test is not its host's."""
    return [text for text in provider.remarks() if "clock" not in text]


def looked(provider: LiveKite) -> dict[str, Any]:
    """Return what a look finds; the budget of one call a second may hold its calls up."""
    try:
        return provider.quotes(KEYS)
    except TransientError:
        return {}


def calls(sandbox: Running, name: str = "quote") -> int:
    return sandbox.state.limiter.counts[name]


def test_a_view_asks_once_and_follows_the_ticker_from_then_on(
    provider: LiveKite, sandbox: Running
) -> None:
    keys = [*KEYS, "NSE:NOSUCH", "nonsense"]
    first = provider.quotes(keys)
    assert set(first) == set(KEYS)
    until(lambda: ticks(provider).keys() == set(KEYS))
    made = calls(sandbox)
    sandbox.clock.advance(30)
    until(lambda: provider.quotes(keys)["NSE:INFY"].time > first["NSE:INFY"].time)
    held = provider.quotes(keys)
    assert held["NSE:INFY"].depth is not None
    assert calls(sandbox) == made  # no call was made for any of them
    assert held["NSE:INFY"].previous_close == first["NSE:INFY"].previous_close
    assert said(provider) == []


def test_nothing_of_it_outlives_the_view(wiring: Wiring) -> None:
    with wiring.live() as provider:
        provider.quotes(KEYS)
    assert not any(thread.name == "kite-stream" for thread in threading.enumerate())


def test_where_the_ticker_refuses_the_calls_answer_and_it_says_so(
    provider: LiveKite, sandbox: Running
) -> None:
    sandbox.fault("ws-403")
    provider.quotes(["NSE:INFY"])
    until(lambda: looked(provider) and said(provider))
    assert said(provider) == [
        "kite: the ticker refused the login; prices come from calls. Run `alphastock login`."
    ]
    refused = sandbox.played("ws-403")
    assert provider.quotes(["NSE:INFY"])["NSE:INFY"].last_price
    assert sandbox.played("ws-403") == refused  # the same token is not tried again
    sandbox.expire()
    sandbox.fault("")
    provider.__dict__["_quotes"] = {}  # what a call said lately is not asked again
    with pytest.raises(AuthError, match="login"):
        provider.quotes(["NSE:INFY"])


@pytest.mark.parametrize("fault", ["", "ws-403"])  # the login has ended, or only here
def test_a_new_login_brings_the_ticks_back(
    wiring: Wiring, provider: LiveKite, sandbox: Running, fault: str
) -> None:
    sandbox.fault("drop:1s")  # of the connection that is opened now
    provider.quotes(KEYS)
    until(lambda: sandbox.state.subscribers)
    if not fault:
        sandbox.expire()
    sandbox.fault(fault)
    until(lambda: not ticks(provider) and provider._stream is None)
    assert sandbox.state.subscribers == []
    sandbox.fault("")
    assert ticks(provider) == {}
    assert provider._stream is None  # the same login is not tried again
    log_in(wiring, sandbox)
    until(lambda: looked(provider).keys() == set(KEYS) == ticks(provider).keys())
    assert len(sandbox.state.subscribers) == 1
    assert said(provider) == []


def test_while_it_is_lost_calls_answer_and_it_says_so(provider: LiveKite, sandbox: Running) -> None:
    sandbox.fault("drop:0.2s")
    provider.quotes(KEYS)
    until(lambda: sandbox.played("drop"))
    sandbox.fault("ws-429")  # nothing is opened again
    until(lambda: looked(provider) and said(provider))
    (text,) = said(provider)
    assert text.startswith("kite: the ticker is not connected (")
    assert text.endswith("); prices come from calls")
    made = calls(sandbox)
    provider.__dict__["_quotes"] = {}
    until(lambda: looked(provider).keys() == set(KEYS))
    assert calls(sandbox) == made + 1


def test_prices_that_are_not_believed_are_told(provider: LiveKite, sandbox: Running) -> None:
    provider.quotes(KEYS)
    until(lambda: ticks(provider).keys() == set(KEYS))
    assert said(provider) == []
    sandbox.fault("x10-price")
    until(lambda: said(provider))
    assert "ticks not used (outside the day's range) in the last 10 s" in said(provider)[0]


def test_a_call_that_hangs_does_not_hold_the_view_up(provider: LiveKite, sandbox: Running) -> None:
    sandbox.fault("ws-429")
    provider.quotes(KEYS)
    sandbox.fault("ws-429,timeout:3s")
    for most in (2.5, 0.2, 0.2):
        provider.__dict__["_quotes"] = {}
        began = time.monotonic()
        with pytest.raises(TransientError, match="no answer to a call for quotes"):
            provider.quotes(KEYS)
        assert time.monotonic() - began < most


def test_an_answer_that_comes_late_replaces_no_newer_tick(
    provider: LiveKite, sandbox: Running
) -> None:
    provider.quotes(["NSE:INFY"])
    until(lambda: provider._ticks(["NSE:INFY"]))
    sandbox.fault("late-reply:2s")
    asked = sandbox.clock.now()
    assert provider.quotes(KEYS).keys() == {"NSE:INFY"}  # it goes on with what ticks
    assert "no answer to a call for quotes" in said(provider)[0]
    sandbox.fault("")
    sandbox.clock.advance(60)
    until(lambda: ticks(provider).keys() == set(KEYS))
    until(lambda: provider._calls._asked and provider._calls._asked.over.is_set())
    held = provider.quotes([*KEYS, "NSE:NOSUCH"])
    assert provider._calls._asked is None  # the answer was taken
    assert held["NSE:NIFTY 50"].time > asked + timedelta(seconds=50)


def look(wiring: Wiring, *, count: int) -> list[Seen]:
    request = WatchRequest(symbols=("NSE:INFY",), indices=("NIFTY 50",), every=0.5, count=count)
    with wiring.live() as provider:
        return list(watch(provider, wiring.clock, request))


def test_watch_shows_kite_live_without_a_call_for_histories(
    wiring: Wiring, sandbox: Running
) -> None:
    began = time.monotonic()
    turns = look(wiring, count=3)
    assert time.monotonic() - began < 8
    assert all(turn.source == "kite" for turn in turns)
    assert set(turns[0].quotes) >= set(KEYS)
    assert not [text for text in turns[-1].warnings if "clock" not in text]
    assert calls(sandbox, "historical") == 0
