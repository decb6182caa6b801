"""Kept days of Kite: what a quote proves, the file and its two writers, the loop of asking."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import CHAIN, OPTIONS_DAY, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.errors import BadReply, PartlyDone, ProviderError, TransientError
from alphastock_cli.providers.kite import session_before
from alphastock_cli.providers.kite.asking import Asking
from alphastock_cli.providers.kite.day_book import DayBook
from alphastock_cli.providers.kite.day_rules import ASK, KEEP, Told, Verdict, judge, told_of
from alphastock_cli.providers.kite.kept_days import ROWS, Held, KeptDays
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.runners.equities import EquityRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

WED, THU, FRI = date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)
NOON, EVENING = datetime(2026, 11, 20, 12, 0, tzinfo=IST), datetime(2026, 11, 20, 18, 0, tzinfo=IST)


def day(on: date, close: float, **more: Any) -> dict[str, Any]:
    return {"token": 1, "date": on, "open": close, "high": close + 5, "low": close - 5,
            "close": close, "average": None, "volume": 10} | more  # fmt: skip


def held(through: date, asked: datetime = NOON, **more: Any) -> Held:
    return Held(key="NSE:SBIN", first=date(2025, 3, 1), through=through, asked=asked, **more)


def told(before: float | None, on: date | None, **more: Any) -> Told:
    facts = {"of": on, "open": 101.0, "high": 106.0, "low": 99.0, "last": 104.0, "average": 103.0,
             "volume": 500} | more  # fmt: skip
    return Told(before=before, day=on, **facts)


def judged(have: Held, tail: list[dict[str, Any]], say: Told | None, **more: Any) -> Verdict:
    facts: dict[str, Any] = {
        "tick": 0.05,
        "last": FRI,
        "before": THU,
        "begun": FRI,
        "now": EVENING,
    } | more
    return judge(have, tail, say, **facts)


TAIL = [day(WED, 98.0), day(THU, 100.0)]
NOON_FACTS = {"last": THU, "before": WED, "begun": FRI, "now": NOON}


# -- what a quote proves --------------------------------------------------------------------------


def test_the_last_session_is_made_of_the_quote() -> None:
    made = judged(held(THU), TAIL, told(100.0, FRI))
    assert made.held == replace(held(THU), through=FRI, asked=EVENING)
    assert list(made.rows) == [{"date": FRI, "open": 101.0, "high": 106.0, "low": 99.0,
                                "close": 104.0, "average": 103.0, "volume": 500}]  # fmt: skip


@pytest.mark.parametrize(
    ("have", "tail", "say", "more"),
    [
        (held(THU), TAIL, told(50.0, FRI), {}),  # a split since
        (held(THU), TAIL, told(100.06, FRI), {}),  # beyond a tick
        (held(WED), TAIL[:1], told(98.0, FRI), {}),  # a session lies between
        (held(THU), TAIL, told(100.0, FRI), {"before": None}),  # the calendar ends
        (held(THU), TAIL, told(100.0, FRI, volume=0), {}),
        (held(THU), TAIL, told(100.0, FRI, open=None), {}),
        (held(THU), TAIL, told(100.0, FRI, high=100.5), {}),  # contradicts itself
        (held(THU), TAIL, told(100.0, THU, of=THU), {}),  # a quote of yesterday proves no rest
        (held(THU), TAIL, told(100.0, None), {}),
        (held(THU), TAIL, None, {}),
        (held(THU), TAIL, told(None, FRI), {}),
        (held(THU), [], told(100.0, FRI), {}),
        (held(WED), TAIL[:1], told(98.0, FRI), NOON_FACTS),  # of a day under way: none is kept
        (held(THU), TAIL, told(50.0, FRI), NOON_FACTS),
    ],
)  # fmt: skip
def test_what_the_quote_does_not_prove_is_asked_for(
    have: Held, tail: list[dict[str, Any]], say: Told | None, more: dict[str, Any]
) -> None:
    assert judged(have, tail, say, **more) is ASK


@pytest.mark.parametrize(
    ("have", "tail", "say", "more"),
    [
        (held(THU), TAIL, told(100.05, FRI), NOON_FACTS),
        (held(THU), TAIL, told(98.0, THU), {**NOON_FACTS, "begun": THU}),  # the evening of Thursday
        (held(THU), TAIL, None, NOON_FACTS),
        (held(THU), [], told(98.0, None), NOON_FACTS),  # it never traded
        (held(THU), [], told(98.0, FRI), NOON_FACTS),  # it does today, for the first time
        (held(THU), TAIL[1:], told(90.0, THU), {**NOON_FACTS, "begun": THU}),  # listed on Thursday
    ],
)
def test_what_is_kept_stays_while_the_quote_agrees(
    have: Held, tail: list[dict[str, Any]], say: Told | None, more: dict[str, Any]
) -> None:
    assert judged(have, tail, say, **more) is KEEP


def test_a_share_that_did_not_trade_has_no_row() -> None:
    made = judged(held(THU), TAIL, told(100.0, THU, of=FRI))
    assert made.held is not None
    assert made.held.through == FRI
    assert not made.rows


def test_the_close_of_its_own_evening_becomes_the_official_one() -> None:
    evening = datetime(2026, 11, 19, 16, 0, tzinfo=IST)
    made = judged(held(THU, evening), TAIL, told(100.4, FRI), **NOON_FACTS)
    assert list(made.rows) == [day(THU, 100.0) | {"close": 100.4}]
    morning = held(THU, datetime(2026, 11, 20, 9, 30, tzinfo=IST))
    assert judged(morning, TAIL, told(100.4, FRI), **NOON_FACTS) is ASK  # that was the official one
    assert judged(held(THU, evening), TAIL, told(101.4, FRI), **NOON_FACTS) is ASK  # too far off
    tight = [day(THU, 100.0, high=100.2)]
    assert judged(held(THU, evening), tight, told(100.4, FRI), **NOON_FACTS) is ASK  # never traded


def test_an_index_is_dated_by_its_stamp() -> None:
    row = {"timestamp": "2026-11-20 17:59:00", "last_price": 104.0, "average_price": 0,
           "ohlc": {"open": 101.0, "high": 106.0, "low": 99.0, "close": 100.0}}  # fmt: skip
    say = told_of(row, index=True)
    made = judged(held(THU), TAIL, say, index=True)
    assert made.rows[0]["close"] == 104.0
    assert made.rows[0]["volume"] is None
    assert judged(held(THU), TAIL, told_of(row, index=False)) is ASK  # no share without a trade
    saturday = told_of(row | {"timestamp": "2026-11-21 10:00:00"}, index=True)
    assert judged(held(THU), TAIL, saturday, index=True).rows


# -- the file -------------------------------------------------------------------------------------


def rows(token: int, *days: tuple[date, float]) -> pl.DataFrame:
    return pl.DataFrame([day(on, close, token=token) for on, close in days], schema=ROWS)


def test_two_writers_lose_nothing_and_the_later_answer_stays(tmp_path: Path) -> None:
    path = tmp_path / "days" / "NSE.parquet"
    one, two = KeptDays(path), KeptDays(path)
    one.put(1, held(THU), rows(1, (WED, 1.0), (THU, 2.0)))
    one.put(2, held(THU), rows(2, (THU, 3.0)))
    two.put(2, held(FRI, EVENING), rows(2, (THU, 30.0), (FRI, 31.0)))
    two.put(3, held(FRI, EVENING), rows(3))
    two.save()
    one.save()
    two.save()  # nothing new: the file is left alone
    for kept in (one, KeptDays(path)):
        assert set(kept.held) == {1, 2, 3}
        assert kept.held[2].through == FRI
        assert kept.rows.select("token", "close").rows() == [
            (1, 1.0),
            (1, 2.0),
            (2, 30.0),
            (2, 31.0),
        ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_answer_replaces_the_whole_history(tmp_path: Path) -> None:
    kept = KeptDays(tmp_path / "NSE.parquet")
    kept.put(1, held(THU), rows(1, (WED, 100.0), (THU, 102.0)))
    kept.put(1, held(THU, EVENING), rows(1, (THU, 51.0)))
    assert kept.rows["close"].to_list() == [51.0]
    kept.put(1, held(THU, EVENING), rows(1))
    assert kept.rows.is_empty()
    kept.amend([(1, held(FRI, EVENING))], rows(1, (FRI, 5.0)))
    kept.amend([(1, held(FRI, EVENING))], rows(1, (FRI, 6.0)))
    assert kept.rows["close"].to_list() == [6.0]


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "columns", "folder"])
def test_what_cannot_be_read_is_set_aside_and_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "NSE.parquet"
    kept = KeptDays(path)
    kept.put(1, held(THU), rows(1, (THU, 2.0)))
    kept.save()
    body = path.read_bytes()
    if damage == "columns":
        pl.DataFrame({"token": [1]}).write_parquet(path)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(
            {"empty": b"", "half": body[: len(body) // 2], "noise": b"x" * 500}[damage]
        )
    said: list[str] = []
    found = KeptDays(path, said.append)
    assert not found.held
    assert found.rows.is_empty()
    assert "damaged" in said[0]
    found.put(1, held(THU), rows(1, (THU, 2.0)))
    found.save()
    assert KeptDays(path).held == {1: held(THU)}


# -- asking ---------------------------------------------------------------------------------------


def listed(count: int) -> list[dict[str, Any]]:
    return [{"exchange": "NSE", "tradingsymbol": f"S{n}", "instrument_token": n, "tick_size": 0.05,
             "asset_type": AssetType.EQUITY} for n in range(count)]  # fmt: skip


class Line:
    """What was said to a person, and a clock that a call moves on."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(EVENING)
        self.said: list[str] = []
        self.shown: list[str] = []
        self.kept = KeptDays(path)
        self.asking = Asking(self.kept, self.clock, (3, 1.0), tell=self.said.append,
                             progress=self.shown.append)  # fmt: skip

    def run(
        self, count: int, failing: dict[int, Exception], **more: Any
    ) -> dict[str, ProviderError]:
        def ask(row: dict[str, Any]) -> pl.DataFrame:
            self.clock.sleep(1 / 3)
            if row["instrument_token"] in failing:
                raise failing[row["instrument_token"]]
            return rows(row["instrument_token"], (THU, 1.0))

        return self.asking.run(listed(count), ask, first=WED, through=THU, **more)


def test_a_long_load_says_calls_and_minutes_before_it_begins(tmp_path: Path) -> None:
    line = Line(tmp_path / "NSE.parquet")
    line.run(30, {})
    assert not line.said
    line.run(2300, {})
    assert "2,300 calls" in line.said[0]
    assert "13 min" in line.said[0]
    assert "run again to resume" in line.said[0]
    assert len(line.said) == 1
    assert any("call 1,150 of 2,300, 7 min left" in text for text in line.shown)


def test_answers_are_kept_on_the_way(tmp_path: Path) -> None:
    line = Line(tmp_path / "NSE.parquet")
    seen = []
    line.asking._progress = lambda _: seen.append(len(KeptDays(tmp_path / "NSE.parquet").held))
    line.run(90, {})
    assert seen[35] >= 28  # seconds of answers are all a crash costs
    assert len(KeptDays(tmp_path / "NSE.parquet").held) == 90


def test_few_fail_alone_and_many_end_it(tmp_path: Path) -> None:
    bad = BadReply("candles are no numbers")
    line = Line(tmp_path / "one.parquet")
    assert set(line.run(40, {7: bad, 9: ProviderError("invalid token")})) == {"NSE:S7", "NSE:S9"}
    assert len(line.kept.held) == 38
    assert len(line.run(8, dict.fromkeys(range(8), bad), sound=100)) == 8  # those left over
    with pytest.raises(BadReply):
        Line(tmp_path / "two.parquet").run(40, dict.fromkeys(range(40), bad))
    for error in (TransientError("429"), PartlyDone("the deadline", hint="Run it again.")):
        line = Line(tmp_path / f"{type(error).__name__}.parquet")
        with pytest.raises(type(error)) as caught:
            line.run(40, {7: error})
        count = len(KeptDays(tmp_path / f"{type(error).__name__}.parquet").held)
        assert caught.value.safe == f"{count} of 40 histories were answered, and are kept."


class Host:
    """Kite of two shares, one of which splits by two."""

    grace = timedelta(seconds=15)

    def __init__(self) -> None:
        self.closes = {0: {WED: 50.0, THU: 52.0}, 1: {WED: 98.0, THU: 100.0}}
        self.before = {0: 50.0, 1: 98.0}
        self.last = {0: 52.0, 1: 100.0}
        self.traded = THU
        self.calls: list[str] = []
        self.tell = self.progress = self.warn = self.calls.append

    def is_now(self) -> bool:
        return True

    def pace(self) -> tuple[int, float]:
        return 3, 1.0

    def full_quotes(self, keys: Any) -> dict[str, dict[str, Any]]:
        self.calls.append("quotes")
        stamp = f"{self.traded} 15:29:00"
        made = {}
        for key in keys:
            last = self.last[int(key[-1])]
            made[key] = {"timestamp": stamp, "last_trade_time": stamp, "last_price": last,
                         "average_price": 100.5, "volume": 7,
                         "ohlc": {"open": last, "high": last, "low": last,
                                  "close": self.before[int(key[-1])]}}  # fmt: skip
        return made

    def answer(
        self, row: dict[str, Any], interval: Interval, span: tuple[date, date]
    ) -> list[list[Any]]:
        assert interval is Interval.DAY
        self.calls.append(row["tradingsymbol"])
        return [[f"{on}T00:00:00+0530", c, c, c, c, 5]
                for on, c in self.closes[row["instrument_token"]].items()
                if span[0] <= on <= span[1]]  # fmt: skip

    def set_aside(self, rejects: pl.DataFrame) -> None:
        assert rejects.is_empty()

    def asked(self) -> list[str]:
        made, self.calls[:] = [text for text in self.calls if " " not in text], []
        return sorted(made)


def test_a_book_asks_once_completes_by_quotes_and_sees_a_split(tmp_path: Path) -> None:
    host, clock = Host(), ManualClock(datetime(2026, 11, 19, 18, 0, tzinfo=IST))

    def ensured(final: date) -> dict[int, list[float]]:
        book = DayBook(Exchange.NSE, KeptDays(tmp_path / "NSE.parquet"), host, clock)
        for _ in range(3):  # a process asks once
            assert not book.ensure(listed(2), date(2026, 1, 1), final)
        return {token: book.rows.filter(token=token)["close"].to_list() for token in (0, 1)}

    assert ensured(THU) == {0: [50.0, 52.0], 1: [98.0, 100.0]}
    assert host.asked() == ["S0", "S1", "quotes"]
    assert ensured(THU) == {0: [50.0, 52.0], 1: [98.0, 100.0]}
    assert host.asked() == ["quotes"]
    clock.advance(timedelta(days=1))
    host.last = {0: 101.0, 1: 101.0}
    host.traded, host.before = FRI, {0: 52.0, 1: 50.0}  # S1 splits by two on Friday
    host.closes[1] = {WED: 49.0, THU: 50.0, FRI: 101.0}
    assert ensured(FRI) == {0: [50.0, 52.0, 101.0], 1: [49.0, 50.0, 101.0]}
    assert host.asked() == ["S1", "quotes"]


# -- the session before a chain -------------------------------------------------------------------


def test_closes_and_change_of_interest_of_a_chain(tmp_path: Path) -> None:
    contracts = pl.DataFrame({"exchange": ["NFO"] * 2, "tradingsymbol": ["A", "B"],
                              "strike": [100.0, 100.0], "option_type": ["CE", "PE"]})  # fmt: skip
    quotes = {"NFO:A": Quote(key="NFO:A", time=NOON, last_price=5.0, previous_close=4.0)}
    assert session_before.closes_of(contracts, quotes).rows() == [(100.0, "CE", 4.0)]

    lake, expiry = Lake(tmp_path / "lake"), date(2026, 11, 24)
    facts = {"date": THU, "exchange": "NFO", "symbol": "NIFTY", "expiry": expiry, "strike": 100.0,
             "option_type": "CE", "close": 4.0, "open_interest": 650, "kind": "index",
             "source": "nse_udiff_fo"}  # fmt: skip
    chain = conform(
        contracts.drop("exchange").with_columns(open_interest=pl.lit(1000), underlying=pl.lit("X"),
                                                expiry=pl.lit(expiry)), CHAIN, what="chain",
    )  # fmt: skip
    same = session_before.with_oi_change(chain, lake, "NIFTY", expiry, FRI)
    assert same["oi_change"].to_list() == [None, None]  # nothing is stored
    lake.upsert("options_day", conform(pl.DataFrame([facts]), OPTIONS_DAY, what="day"))
    made = session_before.with_oi_change(chain, lake, "NIFTY", expiry, FRI)
    assert made["oi_change"].to_list() == [350, None]
    assert made.columns == chain.columns
    older = session_before.with_oi_change(chain, lake, "NIFTY", expiry, date(2026, 11, 23))
    assert older["oi_change"].to_list() == [None, None]  # Friday is not stored


@pytest.mark.parametrize(
    ("at", "known"),
    [("2026-11-20T12:00", True), ("2026-11-20T18:00", True), ("2026-11-20T08:30", False),
     ("2026-11-21T12:00", True), ("2026-11-20T00:30", False)],
)  # fmt: skip
def test_on_the_morning_of_a_session_nobody_knows_which_close_it_is(at: str, known: bool) -> None:  # noqa: FBT001
    assert session_before.is_told("NIFTY", datetime.fromisoformat(f"{at}:00+05:30")) is known


def test_a_provider_of_one_call_a_name_is_not_asked_for_all_beside_many() -> None:
    class ByName(SimExchange):
        asks_by_name = True
        asked: list[int | None] = []  # noqa: RUF012 - of one test

        def equities_day(self, **words: Any) -> pl.LazyFrame:
            names = words.get("symbols")
            self.asked.append(None if names is None else len(names))
            return super().equities_day(**words)

    clock = ManualClock(EVENING)
    market = ByName(clock, universe=420)
    names = sorted(
        market.instruments(Exchange.NSE).filter(pl.col("series") == "EQ")["tradingsymbol"]
    )[:410]
    EquityRunner(market, clock=clock, columns=["rsi"]).fetch(names)
    assert ByName.asked
    assert None not in ByName.asked
