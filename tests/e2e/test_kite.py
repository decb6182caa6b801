"""Kite against the sandbox: login, an interrupted fetch, chains, scans; no secret is told."""

from __future__ import annotations

import io
import logging
import re
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.chain import ChainRequest, chain
from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.actions.fetch_instruments import fetch_instruments
from alphastock_cli.actions.option_words import parse_rate
from alphastock_cli.actions.scan_equities import ScanRequest, scan
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import AuthError, NotOffered, PartlyDone, UnknownName
from alphastock_cli.providers.kite import Kite, health
from alphastock_cli.providers.kite.budget import Budget
from tests.e2e.conftest import Cli
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures
from tests.unit import kite_host as host

PASSWORD = "canarypassword5"  # what somebody may paste by mistake


@pytest.fixture
def wiring(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:  # noqa: F811
    """Return the wiring of a data directory that is logged in to the sandbox."""
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    kite = KiteSettings(root=sandbox.root, login_root=sandbox.root, timeout=5.0)
    settings = Settings(data_dir=tmp_path / "data", provider="kite", kite=kite)
    made = Wiring(settings, clock=sandbox.clock)
    log_in(made, sandbox)
    return made


def log_in(wiring: Wiring, sandbox: Running) -> None:  # noqa: F811
    connection = wiring.kite()
    connection.rest.begin_session(sandbox.request_token())
    connection.close()


def kite(wiring: Wiring) -> Kite:
    made = wiring.provider("kite")
    assert isinstance(made, Kite)
    # the sandbox only counts: the budget has tests of its own
    made.connection.__dict__["budget"] = Budget(
        made.connection.folder, "free", wiring.clock, windows=host.FREE
    )
    return made


REQUEST = HistoryRequest(symbols=("SBIN", "INFY"), interval="minute", first=date(2026, 4, 17))


def test_a_plan_asks_for_no_candle(wiring: Wiring, sandbox: Running) -> None:  # noqa: F811
    plan = show_plan(kite(wiring), wiring.lake, REQUEST)
    assert plan.summary["calls"] == 4  # 120 days in pieces of 60, two symbols
    assert plan.summary["seconds"] == 1.0  # three a second
    assert sandbox.state.limiter.counts["historical"] == 0


def test_a_fetch_that_loses_its_login_goes_on_after_the_next(
    wiring: Wiring, sandbox: Running  # noqa: F811
) -> None:  # fmt: skip
    """R-9: what was answered is stored, the dead token is sent once, the rest comes later."""
    source = kite(wiring)
    asked = []
    answer = source.answer

    def expiring(*words: object, **more: object) -> list[list[object]]:
        asked.append(words)
        if len(asked) == 3:
            sandbox.expire()
        return answer(*words, **more)  # type: ignore[arg-type]

    source.answer = expiring  # type: ignore[method-assign]
    with pytest.raises(AuthError, match="does not accept") as caught:
        fetch_history(source, wiring.lake, wiring.clock, REQUEST)
    assert caught.value.safe == "The answers of 2 of 4 calls are stored."
    assert "alphastock login" in caught.value.hint
    stored = wiring.lake.scan("candles_minute").collect()
    assert stored.height > 2 * 35 * 360
    before = sandbox.state.limiter.counts["historical"]
    assert before == 2  # the sandbox counts what a login is behind

    log_in(wiring, sandbox)
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, REQUEST)
    asked = sandbox.state.limiter.counts["historical"] - before
    assert asked == 3, "the rest, and today of SBIN again"
    assert done.summary["changed"] == 0
    again = fetch_history(kite(wiring), wiring.lake, wiring.clock, REQUEST)
    assert again.summary["calls"] == 2  # the day under way, of each


def test_another_process_logs_in_and_the_fetch_does_not_notice(
    wiring: Wiring, sandbox: Running  # noqa: F811
) -> None:  # fmt: skip
    source = kite(wiring)
    source.listed(Exchange.NSE, "SBIN")
    sandbox.expire()
    log_in(wiring, sandbox)
    done = fetch_history(source, wiring.lake, wiring.clock, REQUEST)
    assert done.summary["calls"] == 4


def test_a_fetch_in_pieces_is_the_fetch_in_one(wiring: Wiring, tmp_path: Path) -> None:
    one = HistoryRequest(symbols=("SBIN",), interval="5minute", first=date(2026, 6, 1))
    fetch_history(kite(wiring), wiring.lake, wiring.clock, one)
    whole = wiring.lake.scan("candles_5minute").collect()
    from alphastock_cli.store.lake import Lake

    other = Lake(tmp_path / "other")
    for last in (date(2026, 6, 20), date(2026, 7, 15), None):
        part = HistoryRequest(symbols=("SBIN",), interval="5minute", first=one.first, last=last)
        fetch_history(kite(wiring), other, wiring.clock, part)
    assert other.scan("candles_5minute").collect().equals(whole)
    final = whole["time"].max() + timedelta(minutes=5, seconds=15)  # type: ignore[operator]
    assert final <= wiring.clock.now()


def test_a_lost_file_is_fetched_again(wiring: Wiring) -> None:
    request = HistoryRequest(symbols=("SBIN",), interval="5minute", first=date(2026, 7, 1),
                             last=date(2026, 7, 31))  # fmt: skip
    fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    assert fetch_history(kite(wiring), wiring.lake, wiring.clock, request).summary["calls"] == 0
    for path in wiring.lake.files("candles_5minute"):
        path.unlink()
    assert fetch_history(kite(wiring), wiring.lake, wiring.clock, request).summary["calls"] == 1


def test_a_server_that_fails_for_good_leaves_the_rest_for_later(
    wiring: Wiring, sandbox: Running  # noqa: F811
) -> None:  # fmt: skip
    source = kite(wiring)
    calls = []
    answer = source.answer
    source.connection.rest._chance = lambda: 0.01

    def failing(*words: object, **more: object) -> list[list[object]]:
        calls.append(words)
        if len(calls) == 2:
            sandbox.fault("500")
        return answer(*words, **more)  # type: ignore[arg-type]

    source.answer = failing  # type: ignore[method-assign]
    with pytest.raises(PartlyDone) as caught:
        fetch_history(source, wiring.lake, wiring.clock, REQUEST)
    assert caught.value.exit_code == 75
    assert "1 of 4" in caught.value.safe


def test_misspelt_symbols_are_refused_with_a_way_out(wiring: Wiring) -> None:
    source = kite(wiring)
    with pytest.raises(UnknownName) as caught:
        show_plan(source, wiring.lake, HistoryRequest(symbols=["SBIM"], interval="minute",
                                                      first=date(2026, 8, 1)))  # fmt: skip
    assert "SBIN" in caught.value.hint


def test_the_list_of_the_day_goes_into_the_lake(
    wiring: Wiring, sandbox: Running  # noqa: F811
) -> None:  # fmt: skip
    source = kite(wiring)
    path, day = source.dump.file()
    assert day == date(2026, 8, 14)
    done = fetch_instruments(wiring.lake, wiring.clock, path, on=day)
    assert done.summary["rows_rejected"] == 0
    count = sandbox.state.limiter.counts["other"]
    kite(wiring).dump.frame()
    assert sandbox.state.limiter.counts["other"] == count  # once a day, for every process
    assert source.dump.cached() is not None


def test_a_chain_is_one_call_with_its_spot_and_future(
    wiring: Wiring, sandbox: Running  # noqa: F811
) -> None:  # fmt: skip
    source = kite(wiring)
    source.expiries("NIFTY")
    before = sandbox.state.limiter.counts["quote"]
    made = chain(source, wiring.clock, ChainRequest(underlying="nifty 50", rate=parse_rate("")))
    assert sandbox.state.limiter.counts["quote"] - before == 1
    assert made.summary["spot"] is not None
    assert made.summary["forward"] == pytest.approx(made.summary["spot"], rel=0.02)
    direct = sandbox.state.market.option_chain("NIFTY", made.summary["expiry"])
    rows = made.rows
    assert isinstance(rows, pl.DataFrame)
    both = rows.join(direct, on=["strike", "option_type"], suffix="_sim")
    assert both.height == rows.height > 50
    assert (both["last_price"] == both["last_price_sim"]).all()
    assert (both["open_interest"] == both["open_interest_sim"]).all()


def test_a_scan_of_named_shares(wiring: Wiring) -> None:
    made = scan(kite(wiring), wiring.clock, ScanRequest(symbols="SBIN,INFY"))
    assert made.summary["universe"] == 2
    rows = made.rows
    assert isinstance(rows, pl.DataFrame)
    assert rows["date"].unique().to_list() == [date(2026, 8, 13)]  # a day under way has no row
    assert rows["rsi"].null_count() == 0
    with pytest.raises(UnknownName) as caught:
        scan(kite(wiring), wiring.clock, ScanRequest(symbols="SBIM"))
    assert "SBIN" in caught.value.hint


def test_an_earlier_moment_has_no_quotes(wiring: Wiring) -> None:
    past = Wiring(wiring.settings, clock=wiring.clock,
                  as_of=wiring.clock.now() - timedelta(hours=1))  # fmt: skip
    source = kite(past)
    with pytest.raises(NotOffered, match="only as of now"):
        source.quotes(["NSE:SBIN"])
    share = source.instrument(Exchange.NSE, "SBIN")
    frame = source.candles(share, Interval.MINUTE, past.clock.now() - timedelta(days=1),
                           past.clock.now())  # fmt: skip
    assert frame["time"].max() + timedelta(minutes=1) <= source.as_of()  # type: ignore[operator]


def test_doctor_tells_of_login_clock_budget_and_refusal(
    wiring: Wiring, sandbox: Running  # noqa: F811
) -> None:  # fmt: skip
    source = kite(wiring)
    source.quotes(["NSE:SBIN"])
    before = {row.name: row for row in health.rows(wiring.kite(), asked=True)}
    assert "ends 15 Aug 06:00" in before["kite login"].detail
    assert before["kite login"].status == "ok"
    sandbox.expire()
    with pytest.raises(AuthError):
        source.connection.rest.profile()
    rows = {row.name: row for row in health.rows(wiring.kite(), asked=True)}
    assert rows["kite key"].detail == "from the environment"
    assert "Kite refused the login" in rows["kite login"].detail
    assert rows["kite login"].status == "warn"
    assert "TokenException" in rows["kite refusal"].detail
    assert rows["kite plan"].status == "ok"
    assert "historical 0 of 3" in rows["kite budget"].detail
    (wiring.kite().folder / "session.json").chmod(0o644)
    rows = {row.name: row for row in health.rows(wiring.kite(), asked=True)}
    assert rows["kite secrets"].status == "fail"


# -- the commands --------------------------------------------------------------------------------


@pytest.fixture
def at_sandbox(sandbox: Running, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:  # noqa: F811
    for name, value in (
        ("ROOT", sandbox.root), ("LOGIN_ROOT", sandbox.root), ("API_KEY", sandbox.api_key),
        ("API_SECRET", sandbox.api_secret), ("TIMEOUT", "1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"ALPHASTOCK_KITE_{name}", value)
    return cli


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text + "\n"))


def test_login_check_and_logout(
    at_sandbox: Cli, sandbox: Running, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    assert at_sandbox("login", "--check").code == 4
    typed(monkeypatch, sandbox.request_token())
    done = at_sandbox("login", "--request-token-stdin", "--json")
    assert done.code == 0
    assert done.json["data"][0]["user_id"] == sandbox.user_id
    assert at_sandbox("login", "--check").code == 0
    assert "kite login" in at_sandbox("doctor").out
    typed(monkeypatch, f"http://127.0.0.1:5000/?request_token={sandbox.request_token()}")
    assert at_sandbox("login", "--paste-url").code == 0
    out = at_sandbox("logout", "--json")
    assert out.json["data"] == [{"logged_out": True, "kite_told": True}]
    refused = at_sandbox("chain", "NIFTY", "--provider", "kite")
    assert refused.code == 4
    assert "alphastock login" in refused.err
    assert at_sandbox("logout").code == 0


@pytest.mark.parametrize("words", [["--paste-url", "--check"], ["--wait", "soon"]])
def test_login_refuses_contradictions(at_sandbox: Cli, words: list[str]) -> None:
    assert at_sandbox("login", *words).code == 2


def test_without_an_api_key_the_way_is_told(cli: Cli) -> None:
    candles = ["fetch", "candles", "SBIN", "--interval", "minute", "--from", "2026-01-01"]
    for words in (["fetch", "instruments"], ["login", "--check"], candles):
        done = cli(*words)
        assert done.code == 4, words
        assert "alphastock login" in done.err
    done = cli("login", "--no-input")
    assert done.code == 4
    assert "alphastock login" not in done.err, "it is that command"
    assert "ALPHASTOCK_KITE_API_SECRET" in done.err
    assert "asks for them" in " ".join(done.err.split())


@pytest.mark.parametrize("name", ["sim", "nse", "lake", "replay:2026-08-14"])
def test_only_a_broker_s_candles_are_stored(cli: Cli, name: str) -> None:
    done = cli("fetch", "candles", "SBIN", "--interval", "minute", "--from", "2026-01-01",
               "--provider", name)  # fmt: skip
    assert done.code == 2, "nobody was asked: the words are off"
    assert f"nothing is fetched from `{name}`" in done.err


@pytest.mark.parametrize("what", [("candles", "SBIN", "--interval", "minute", "--from",
                                   "2026-01-01"), ("instruments",)])  # fmt: skip
def test_a_mistyped_broker_is_told(cli: Cli, what: tuple[str, ...]) -> None:
    done = cli("fetch", *what, "--provider", "kyte")
    assert done.code == 2
    assert "Did you mean kite?" in done.err


def test_no_canary_is_told_anywhere(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-4: key, secret, request token, access token and a password pasted by mistake."""
    request = "canaryrequest44"
    canaries = (host.KEY, host.SECRET, host.TOKEN, request, PASSWORD)
    caplog.set_level(logging.DEBUG)
    login = {"access_token": host.TOKEN, "user_id": "AB1234", "exchanges": ["NSE"],
             "login_time": "2099-01-01 09:00:00", "enctoken": PASSWORD}  # fmt: skip
    echo = f"token {host.KEY}:{host.TOKEN} password={PASSWORD} checksum=abcdef0123456789"
    told = []
    broken = host.raw(echo.encode(), close=True)
    answers = (
        host.good(login), host.bad(400, "InputException", echo),
        host.bad(403, "TokenException", echo),
        host.bad(403, "PermissionException", echo), host.reply(b"{" + echo.encode()),
        host.reply(echo.encode(), 200, "text/html"), broken,
        host.reply(b"", 302, Location="http://127.0.0.1/?access_token=" + host.TOKEN),
    )  # fmt: skip
    for answer in answers:
        with host.hosting(answer) as it:
            for name, value in (("ROOT", it.root), ("API_KEY", host.KEY), ("TIMEOUT", "1"),
                                ("API_SECRET", host.SECRET)):  # fmt: skip
                monkeypatch.setenv(f"ALPHASTOCK_KITE_{name}", value)
            last = ["logout"] if answer is answers[-1] else ["login", "--check", "--json"]
            stdin, listed = ["login", "--request-token-stdin"], ["fetch", "instruments"]
            for words in (
                stdin,
                ["login", "--check"],
                listed,
                ["doctor"],
                ["config", "show"],
                last,
            ):
                if answer is broken and words[-1] != "--request-token-stdin":
                    continue  # a read would be tried again for a minute
                if answer not in (answers[0], broken) and "--request-token-stdin" in words:
                    it.answers.insert(0, host.good(login))
                    typed(monkeypatch, request)
                    cli(*words)
                    typed(monkeypatch, f"http://x/?request_token={request}&password={PASSWORD}&a=")
                else:
                    typed(monkeypatch, request)
                done = cli(*words, "--debug", "--verbose")
                told += [done.out, done.err]
    told += [caplog.text]
    told += [path.read_text(errors="replace") for path in tmp_path.rglob("*")
             if path.is_file() and path.name != "session.json"]  # fmt: skip
    for text in told:
        for canary in canaries:
            assert canary not in text, (canary, re.findall(f".{{0,60}}{canary}", text)[:1])
    assert any("Traceback" in text for text in told)  # --debug did show where it came from
    assert any("[hidden]" in text for text in told)
