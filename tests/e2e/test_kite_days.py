"""A scan of every share of Kite: asked once, kept, brought up to date by a call of quotes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.scan_equities import ScanRequest, scan
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.errors import AuthError, ProviderError, TransientError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite import Kite
from alphastock_cli.providers.kite.budget import Budget
from tests.sandbox_server import IST, Running, running
from tests.unit import kite_host as host

SHARES = 14
OPEN = datetime(2026, 8, 13, 11, 30, 5, tzinfo=IST)
EVENING = datetime(2026, 8, 13, 18, 0, 5, tzinfo=IST)
NEXT = datetime(2026, 8, 14, 11, 30, 5, tzinfo=IST)
NEXT_EVENING = datetime(2026, 8, 14, 18, 0, 5, tzinfo=IST)


@pytest.fixture(scope="module")
def hosted() -> Iterator[Running]:
    with running(OPEN, universe=SHARES) as it:
        yield it


@pytest.fixture
def sandbox(hosted: Running) -> Running:
    hosted.clock.set(OPEN)
    hosted.reset()
    return hosted


class Market:
    """One data directory, its calls counted."""

    def __init__(self, sandbox: Running, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.said: list[str] = []
        self.shown: list[str] = []

    def wiring(self, **more: object) -> Wiring:
        kite = KiteSettings(root=self.sandbox.root, login_root=self.sandbox.root, timeout=5.0)
        settings = Settings(data_dir=self.folder, provider="kite", kite=kite)
        return Wiring(settings, clock=self.sandbox.clock, notify=self.said.append,
                      progress=self.shown.append, **more)  # type: ignore[arg-type]  # fmt: skip

    def log_in(self) -> None:
        connection = self.wiring().kite()
        connection.rest.begin_session(self.sandbox.request_token())
        connection.close()

    def kite(self, **more: object) -> Kite:
        made = self.wiring(**more).provider("kite")
        assert isinstance(made, Kite)
        made.connection.__dict__["budget"] = Budget(
            made.connection.folder, "free", self.sandbox.clock, windows=host.FREE
        )
        return made

    def at(self, moment: datetime) -> None:
        self.sandbox.clock.set(moment)
        self.log_in()

    def scan(self, source: Kite | None = None, **more: object) -> pl.DataFrame:
        """Return the rows of a scan in a process of its own."""
        rows = scan(source or self.kite(**more), self.sandbox.clock, ScanRequest()).rows
        assert isinstance(rows, pl.DataFrame)
        return rows

    @property
    def calls(self) -> tuple[int, int]:
        """Calls for histories and for quotes so far."""
        counts = self.sandbox.state.limiter.counts
        return counts["historical"], counts["quote"]

    @property
    def file(self) -> Path:
        return self.folder / "kite" / "days" / "NSE.parquet"


@pytest.fixture
def market(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Market:
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    made = Market(sandbox, tmp_path / "data")
    made.log_in()
    return made


def spent(market: Market, before: tuple[int, int]) -> tuple[int, int]:
    after = market.calls
    return after[0] - before[0], after[1] - before[1]


def test_the_first_scan_asks_for_all_and_the_second_for_quotes(market: Market) -> None:
    first = market.scan()
    assert first.height == SHARES
    assert market.calls == (SHARES, 1)
    assert any(f"of {SHARES}" in line for line in market.shown)
    before = market.calls
    assert market.scan().equals(first)
    assert spent(market, before) == (0, 1)


def test_the_evening_and_the_next_evening_cost_a_call_and_tell_the_same(
    market: Market, tmp_path: Path
) -> None:
    market.scan()
    for moment in (EVENING, NEXT_EVENING):
        market.at(moment)
        before = market.calls
        rows = market.scan()
        assert spent(market, before) == (0, 1), moment
        assert rows["date"].unique().to_list() == [moment.date()]
        assert rows["turnover"].null_count() == 0
        other = Market(market.sandbox, tmp_path / f"fresh-{moment:%d}")
        other.log_in()
        fresh = other.scan()
        same = [name for name in fresh.columns if fresh[name].dtype != pl.Float64]
        assert rows.select(same).equals(fresh.select(same))
        for name in set(fresh.columns) - set(same):
            gap = (rows[name] - fresh[name]).abs().max()
            assert gap is None or gap < 1e-6, (moment, name, gap)  # type: ignore[operator]
            assert rows[name].null_count() == fresh[name].null_count(), name


def test_a_morning_after_an_evening_asks_for_no_history(market: Market) -> None:
    market.at(EVENING)
    first = market.scan()
    market.at(NEXT)
    before = market.calls
    again = market.scan()
    assert spent(market, before) == (0, 1)
    assert again["date"].unique().to_list() == [EVENING.date()]
    assert again["turnover"].equals(first["turnover"])  # the evening's quotes told it


def test_a_session_that_was_missed_is_asked_for(market: Market) -> None:
    market.scan()  # through the 12th
    market.at(NEXT)
    before = market.calls
    assert market.scan()["date"].unique().to_list() == [EVENING.date()]
    assert spent(market, before) == (SHARES, 1)


def test_an_earlier_moment_is_served_from_what_is_kept(market: Market) -> None:
    market.at(EVENING)
    market.scan()
    before = market.calls
    then = EVENING - timedelta(days=1)
    rows = market.scan(as_of=then)
    assert spent(market, before) == (0, 0)
    assert rows["date"].unique().to_list() == [then.date()]
    days = market.kite(as_of=then).equities_day().collect()
    assert days["date"].max() == then.date()


def test_a_split_is_asked_for_anew(market: Market) -> None:
    market.scan()
    kept = pl.read_parquet(market.file)
    token = kept["token"][0]
    prices = pl.col("open", "high", "low", "close")  # as before a split by two
    kept.with_columns(pl.when(pl.col("token") == token).then(prices * 2).otherwise(prices)
                      ).write_parquet(market.file)  # fmt: skip
    before = market.calls
    after = market.scan()
    assert spent(market, before) == (1, 1)
    assert pl.read_parquet(market.file).filter(token=token).height > 300
    before = market.calls
    assert market.scan().equals(after)
    assert spent(market, before) == (0, 1)


def test_a_login_that_ends_half_way_loses_nothing(market: Market, sandbox: Running) -> None:
    source, asked = market.kite(), 0
    answer = source.answer

    def expiring(*words: object, **more: object) -> list[list[object]]:
        nonlocal asked
        asked += 1
        if asked == 6:
            sandbox.expire()
        return answer(*words, **more)  # type: ignore[arg-type]

    source.answer = expiring  # type: ignore[method-assign]
    with pytest.raises(AuthError) as caught:
        market.scan(source)
    assert caught.value.exit_code == 4
    assert caught.value.safe == f"5 of {SHARES} histories were answered, and are kept."
    assert "alphastock login" in caught.value.hint
    market.log_in()
    before = market.calls
    assert market.scan().height == SHARES
    assert spent(market, before) == (SHARES - 5, 1)


def test_too_many_calls_end_with_five_and_the_next_run_goes_on(
    market: Market, sandbox: Running
) -> None:
    source, asked = market.kite(), 0
    source.connection.rest._chance = lambda: 0.0
    answer = source.answer

    def failing(*words: object, **more: object) -> list[list[object]]:
        nonlocal asked
        asked += 1
        if asked == 8:
            sandbox.fault("500")
        return answer(*words, **more)  # type: ignore[arg-type]

    source.answer = failing  # type: ignore[method-assign]
    with pytest.raises(TransientError) as caught:
        source.equities_day()
    assert caught.value.exit_code == 5
    assert "Run again to resume." in caught.value.hint
    sandbox.fault("")
    before = market.calls
    market.scan()
    assert spent(market, before) == (SHARES - 7, 1)


def test_ctrl_c_keeps_what_was_answered(market: Market) -> None:
    source, asked = market.kite(), 0
    answer = source.answer

    def interrupted(*words: object, **more: object) -> list[list[object]]:
        nonlocal asked
        asked += 1
        if asked == 6:
            raise KeyboardInterrupt
        return answer(*words, **more)  # type: ignore[arg-type]

    source.answer = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        source.equities_day()
    assert any("Run again to resume" in line for line in market.said)
    before = market.calls
    market.scan()
    assert spent(market, before) == (SHARES - 5, 1)


def test_a_damaged_file_is_set_aside_and_asked_for_again(market: Market) -> None:
    first = market.scan()
    body = bytearray(market.file.read_bytes())
    market.file.write_bytes(body[: len(body) // 2])
    before = market.calls
    assert market.scan().equals(first)
    assert spent(market, before) == (SHARES, 1)
    assert market.file.with_suffix(".damaged").exists()
    assert any("set aside" in line or "damaged" in line for line in market.said)


def test_a_share_that_kite_refuses_is_left_out_and_named(market: Market) -> None:
    source = market.kite()
    answer = source.answer

    def refusing(row: dict[str, object], *words: object, **more: object) -> list[list[object]]:
        if row["tradingsymbol"] == "SBIN":
            raise ProviderError("Kite refused: invalid token (400 InputException)")
        return answer(row, *words, **more)  # type: ignore[arg-type]

    source.answer = refusing  # type: ignore[method-assign]
    rows = market.scan(source)
    assert rows.height == SHARES - 1
    assert "SBIN" not in rows["symbol"]
    assert len([line for line in market.said if "NSE:SBIN" in line]) == 1
    again = market.kite()  # it fails alone once more, and the others need no call
    again.answer = refusing  # type: ignore[method-assign]
    assert market.scan(again).equals(rows)
    again = market.kite()
    again.answer = refusing  # type: ignore[method-assign]
    with pytest.raises(ProviderError, match="invalid token"):
        again.equities_day(symbols=["SBIN"])


def test_indices_are_kept_beside_the_shares(market: Market) -> None:
    first = market.kite().indices_day().collect()
    assert first["symbol"].n_unique() > 5
    before = market.calls
    assert market.kite().indices_day().collect().equals(first)
    assert spent(market, before) == (0, 1)
    market.at(EVENING)
    before = market.calls
    days = market.kite().indices_day(symbols=["nifty"]).collect()
    assert days["date"].max() == EVENING.date()
    assert spent(market, before) == (0, 1)


def test_two_writers_keep_what_both_were_answered(market: Market) -> None:
    one, two = market.kite(), market.kite()
    one.equities_day(symbols=["SBIN"])
    two.equities_day(symbols=["INFY", "TCS"])
    one.equities_day(symbols=["RELIANCE"])
    before = market.calls
    market.kite().equities_day(symbols=["SBIN", "INFY", "TCS", "RELIANCE"])
    assert spent(market, before) == (0, 1)


# -- the command, in processes of its own ---------------------------------------------------------

COMMAND = [sys.executable, "-m", "alphastock_cli", "scan", "equities", "--json"]


def started(market: Market, folder: Path) -> subprocess.Popen[str]:
    sandbox = market.sandbox
    env = os.environ | {
        "ALPHASTOCK_KITE_ROOT": sandbox.root, "ALPHASTOCK_PROVIDER": "kite",
        "ALPHASTOCK_DATA_DIR": str(folder), "ALPHASTOCK_KITE_TIMEOUT": "5",
    }  # fmt: skip
    return subprocess.Popen(COMMAND, env=env, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)  # fmt: skip


def test_a_run_that_is_killed_is_gone_on_with(market: Market, sandbox: Running) -> None:
    """The command's own clock is the machine's: the sandbox stands there as well."""
    now = datetime.now(tz=IST)
    if not calendar.reach(calendar.Segment.EQUITY)[1] > now.date() + timedelta(days=7):
        pytest.skip("the calendar's tables end: the simulated exchange does not reach today")
    sandbox.clock.set(now)
    market.log_in()
    held = started(market, market.folder)
    end = time.monotonic() + 60
    while market.calls[0] < SHARES - 3 and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(held.pid, signal.SIGKILL)
    _, told = held.communicate(timeout=10)
    before = market.calls
    assert before[0] < SHARES, told
    kept = pl.read_parquet(market.file)["token"].n_unique()
    assert kept >= 3
    done = started(market, market.folder)
    out, told = done.communicate(timeout=60)
    assert done.returncode == 0, told
    assert spent(market, before) == (SHARES - kept, 1)
    assert out.count('"symbol"') >= SHARES


def test_a_chain_has_the_closes_of_the_session_before(market: Market) -> None:
    source = market.kite()
    expiry = source.expiries("NIFTY")[0]
    source.option_chain("NIFTY", expiry)
    before = market.calls
    told = source.previous_closes("NIFTY", expiry)
    assert spent(market, before) == (0, 0)  # the quotes of the chain
    simulated = market.sandbox.state.market.previous_closes("NIFTY", expiry)  # type: ignore[attr-defined]
    assert told is not None
    both = told.join(simulated, on=["strike", "option_type"], suffix="_sim")
    assert both.height == told.height > 50
    assert both["previous_close"].equals(both["previous_close_sim"].rename("previous_close"))
