"""`scan options`: chains of several underlyings as one table, and where their volatility stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.chain import ChainRequest, chain
from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.presets import Preset
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.scan_options import PRESETS, ROW, OptionScanRequest, scan_options
from alphastock_cli.errors import NotOffered, ProviderError, UnknownName, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim.chain_history import HISTORY
from tests.conftest import IST, ManualClock
from tests.unit.chain_market import CLOSE, FAR, MOMENT, NEAR, FakeMarket, exact_chain

FAR_YEARS = (CLOSE.replace(month=12, day=29) - MOMENT).total_seconds() / (365 * 86400)


class Remembering(FakeMarket):
    """A market whose earlier sessions had the volatilities given, newest last."""

    def __init__(self, vols: Sequence[float]) -> None:
        near = exact_chain(name="BANKNIFTY", forward=51_000.0, vol=0.16,
                           strikes=[49_000.0 + 500 * n for n in range(9)])  # fmt: skip
        super().__init__(
            {
                ("NIFTY", NEAR): exact_chain(),
                ("NIFTY", FAR): exact_chain(
                    forward=24_250.0, vol=0.14, years=FAR_YEARS, expiry=FAR,
                    strikes=[23_250.0 + 250 * n for n in range(9)],
                ),
                ("BANKNIFTY", NEAR): near,
            }
        )  # fmt: skip
        self.vols = vols

    def earlier_chains(
        self, underlyings: Sequence[str], *, before: date, days_ahead: int
    ) -> pl.DataFrame:
        assert days_ahead == 30
        rows: list[dict[str, Any]] = []
        days = calendar.sessions(calendar.Segment.FNO, before - timedelta(days=90), before)
        past = [day for day in days if day < before]
        for day, vol in zip(past[-len(self.vols) :] if self.vols else [], self.vols, strict=True):
            time = datetime(day.year, day.month, day.day, 15, 40, tzinfo=IST)
            expiry = day + timedelta(days=30)
            ends = datetime(expiry.year, expiry.month, expiry.day, 15, 40, tzinfo=IST)
            years = (ends - time).total_seconds() / (365 * 86400)
            strikes = [23_800.0 + 100 * n for n in range(7)]
            made = exact_chain(vol=vol, years=years, expiry=expiry, strikes=strikes)
            rows += [
                {**row, "time": time, "underlying": name, "last_trade_time": None}
                for name in underlyings if name == "NIFTY" for row in made
            ]  # fmt: skip
        if not rows:
            return pl.DataFrame(schema=HISTORY)
        return pl.DataFrame(rows, infer_schema_length=None).select(HISTORY.names()).cast(HISTORY)


LOW = [0.10 + 0.001 * n for n in range(24)]  # 0.100 to 0.123: all below 0.14


def asked(clock: ManualClock, market: FakeMarket | None = None, /, **words: Any) -> Result:
    words.setdefault("rate", Rate())
    words.setdefault("symbols", "NIFTY,BANKNIFTY")
    return scan_options(market or Remembering(LOW), clock, OptionScanRequest(**words))


def test_rows_are_those_of_the_chains(clock: ManualClock) -> None:
    result = asked(clock)
    assert result.columns() == list(ROW)
    for name in ("NIFTY", "BANKNIFTY"):
        one = chain(FakeMarket(Remembering([]).chains), clock,
                    ChainRequest(underlying=name, rate=Rate(), greeks=True))  # fmt: skip
        same = [column for column in one.columns() if column in ROW and column != "build_up"]
        wanted = [{column: row[column] for column in same} for row in one.records()]
        mine = [row for row in result.records() if row["underlying"] == name]
        assert [{column: row[column] for column in same} for row in mine] == wanted
    facts = result.summary
    assert (facts["rows"], facts["matched"]) == (42 + 18, 42 + 18)


def test_where_the_volatility_stands(clock: ManualClock) -> None:
    result = asked(clock)
    each = {part["underlying"]: part for part in result.summary["underlyings"]}
    nifty, bank = each["NIFTY"], each["BANKNIFTY"]
    assert nifty["iv_30d"] == pytest.approx(0.14, rel=1e-3)
    assert (nifty["iv_percentile"], nifty["iv_sessions"]) == (100.0, 24)
    assert nifty["iv_rank"] == pytest.approx(100.0, rel=1e-12)
    assert (bank["iv_rank"], bank["iv_percentile"], bank["iv_sessions"]) == (None, None, 0)
    for row in result.records():
        assert row["iv_percentile"] == each[row["underlying"]]["iv_percentile"]
        assert row["iv_sessions"] == each[row["underlying"]]["iv_sessions"]
    mixed = [0.10] * 15 + [0.20] * 10
    (part,) = asked(clock, Remembering(mixed), symbols="NIFTY").summary["underlyings"]
    assert part["iv_percentile"] == pytest.approx(60.0)
    assert part["iv_rank"] == pytest.approx(40.0, abs=0.5)


def test_a_history_too_short_is_null_and_says_how_short(clock: ManualClock) -> None:
    result = asked(clock, Remembering(LOW[:7]), symbols="NIFTY", where="iv_percentile > 80")
    (part,) = result.summary["underlyings"]
    assert (part["iv_percentile"], part["iv_rank"], part["iv_sessions"]) == (None, None, 7)
    assert len(result) == 0
    assert any("7 earlier session(s) known and 20 are needed" in text for text in result.warnings)
    nothing = asked(clock, FakeMarket(), symbols="NIFTY", where="iv_rank > 1")
    assert any("0 earlier session(s)" in text for text in nothing.warnings)


def test_the_condition_of_the_contract(clock: ManualClock) -> None:
    where = "iv_percentile > 80 and abs(delta) between 0.15 and 0.30"
    found = list(asked(clock, where=where, sort="delta:desc", top=20).records())
    wanted = [
        row for row in asked(clock).records()
        if row["iv_percentile"] is not None and row["iv_percentile"] > 80
        and row["delta"] is not None and 0.15 <= abs(row["delta"]) <= 0.30
    ]  # fmt: skip
    assert {row["tradingsymbol"] for row in found} == {row["tradingsymbol"] for row in wanted}
    assert 0 < len(found) <= 20
    assert {row["underlying"] for row in found} == {"NIFTY"}
    deltas = [row["delta"] for row in found]
    assert deltas == sorted(deltas, reverse=True)


def test_expiries(clock: ManualClock) -> None:
    def days(word: str, **words: Any) -> set[tuple[str, date]]:
        result = asked(clock, expiry=word, **words)
        return {(row["underlying"], row["expiry"]) for row in result.records()}

    near, far = ("NIFTY", NEAR), ("NIFTY", FAR)
    bank = ("BANKNIFTY", NEAR)
    assert days("nearest") == {near, bank}
    assert days("ALL") == {near, far, bank}
    assert days("next", symbols="NIFTY") == {far}
    assert days(FAR.isoformat()) == {far}
    late = asked(clock, expiry=FAR.isoformat())
    assert any("BANKNIFTY is left out" in text for text in late.warnings)
    with pytest.raises(UnknownName, match="no expiry 2027-01-01"):
        asked(clock, expiry="2027-01-01")
    with pytest.raises(UsageError):
        asked(clock, expiry="weakly")


def test_which_underlyings(clock: ManualClock) -> None:
    named = asked(clock, symbols="", configured=("BANKNIFTY",))
    assert set(named.rows["underlying"]) == {"BANKNIFTY"}  # type: ignore[call-overload]
    default = asked(clock, symbols="")
    assert set(default.rows["underlying"]) == {"NIFTY", "BANKNIFTY"}  # type: ignore[call-overload]
    assert not any("left out" in text for text in default.warnings)
    some = asked(clock, symbols="NIFTY,FOO")
    assert any("FOO is left out" in text for text in some.warnings)
    with pytest.raises(UnknownName, match="FOO"):
        asked(clock, symbols="FOO")


def test_presets_columns_and_what_is_made_for_them(clock: ManualClock) -> None:
    for name, preset in PRESETS.items():
        assert asked(clock, preset=name).rows_follow, preset
    own = {"mine": Preset(where="strike > 24000", sort="strike:desc", top=3)}
    held = asked(clock, preset="mine", own_presets=own, where="underlying = 'NIFTY'",
                 columns="tradingsymbol,strike,vanna,spot,days_to_expiry")  # fmt: skip
    assert held.columns() == ["tradingsymbol", "strike", "vanna", "spot", "days_to_expiry"]
    assert held.rows["strike"].to_list() == [25_000.0, 25_000.0, 24_900.0]  # type: ignore[call-overload]
    assert held.rows["vanna"].null_count() == 0  # type: ignore[call-overload]
    with pytest.raises(UnknownName, match="preset"):
        asked(clock, preset="mein", own_presets=own)
    with pytest.raises(UnknownName):
        asked(clock, where="rsi < 30")


def test_a_provider_without_chains(clock: ManualClock) -> None:
    class Plain(FakeMarket):
        capabilities = frozenset()

    with pytest.raises(NotOffered):
        asked(clock, Plain())
    with pytest.raises((ProviderError, UnknownName)):
        asked(clock, FakeMarket({("GOLD", NEAR): exact_chain(name="GOLD")}), symbols="")


class Lagging(Remembering):
    """A store whose chain of BANKNIFTY is of an earlier session."""

    def chain_as_of(self, underlying: str) -> datetime:
        back = timedelta(days=1 if underlying == "BANKNIFTY" else 0)
        return self.moment - back


def test_an_underlying_of_an_earlier_session_is_told(clock: ManualClock) -> None:
    told = [text for text in asked(clock, Lagging(LOW)).warnings if "earlier session than" in text]
    assert told == ["of an earlier session than 2026-11-20: BANKNIFTY (2026-11-19)"]
    assert not any("earlier session than" in text for text in asked(clock).warnings)
