"""What changed in a chain: differences against plain subtraction, moments that make no sense."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.chain import ChainRequest, chain
from alphastock_cli.actions.chain_vs import FIGURES, ROW, Since, chain_vs
from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics.changes import build_up
from alphastock_cli.errors import ProviderError, TransientError, UnknownName, UsageError
from tests.conftest import ManualClock
from tests.unit.chain_market import CLOSE, FAR, MOMENT, NEAR, FakeMarket, exact_chain

EARLIER = MOMENT - timedelta(hours=2)
YEARS = (CLOSE - EARLIER).total_seconds() / (365 * 86400)


def rows(**changes: Any) -> list[dict[str, Any]]:
    return exact_chain(forward=24_010.0, vol=0.15, years=YEARS, **changes)


def earlier_market(**changes: Any) -> FakeMarket:
    held = rows(**changes)
    for number, row in enumerate(held):
        row["open_interest"] = 65_000 + 65 * (number % 5 - 2)
    return FakeMarket({("NIFTY", NEAR): held}, moment=EARLIER,
                      spots={"NSE:NIFTY 50": 23_980.0})  # fmt: skip


def compared(
    clock: ManualClock, *, then: FakeMarket | None = None, now: FakeMarket | None = None,
    moment: datetime = EARLIER, day: bool = False, **words: Any,
) -> Result:  # fmt: skip
    words.setdefault("rate", Rate())
    request = ChainRequest(underlying="NIFTY", **words)
    asked: list[datetime] = []

    def provider(at: datetime) -> FakeMarket:
        asked.append(at)
        return then or earlier_market()

    since = Since(moment=moment, day=day, provider=provider)
    result = chain_vs(now or FakeMarket(), clock, request, since)
    assert asked == [moment]
    return result


def test_every_figure_is_the_difference_of_two_chains(clock: ManualClock) -> None:
    result = compared(clock)
    request = ChainRequest(underlying="NIFTY", rate=Rate(), greeks=True,
                           columns="strike,option_type,price,open_interest,iv")  # fmt: skip
    now, then = chain(FakeMarket(), clock, request), chain(earlier_market(), clock, request)
    assert result.columns() == list(ROW)
    old = {(row["strike"], row["option_type"]): row for row in then.records()}
    new = {(row["strike"], row["option_type"]): row for row in now.records()}
    seen = 0
    for row in result.records():
        key = (row["strike"], row["option_type"])
        for name in ("price", "open_interest", "iv"):
            assert row[name] == new[key][name]
            assert row[f"{name}_before"] == old[key][name]
            assert row[f"{name}_change"] == new[key][name] - old[key][name]
            seen += 1
        change = 100 * row["price_change"] / old[key]["price"]
        assert row["price_change_pct"] == pytest.approx(change, rel=1e-12)
    assert seen == 3 * 42
    facts = result.summary
    assert (facts["as_of"], facts["vs"], facts["rows"]) == (MOMENT, EARLIER, 42)
    for name in FIGURES:
        if now.summary[name] is not None and then.summary[name] is not None:
            assert facts["change"][name] == now.summary[name] - then.summary[name]
        else:
            assert facts["change"][name] is None
    assert facts["change"]["spot"] == pytest.approx(70.0)


def test_the_straddle_is_also_compared_at_one_strike(clock: ManualClock) -> None:
    facts = compared(clock).summary
    assert (facts["now"]["atm_strike"], facts["before"]["atm_strike"]) == (24_100.0, 24_000.0)
    same = [row for row in rows() if row["strike"] == 24_100.0]
    wanted = sum(row["last_price"] for row in same)
    assert facts["before"]["straddle_same_strike"] == pytest.approx(wanted, rel=1e-12)
    assert facts["before"]["straddle"] != facts["before"]["straddle_same_strike"]


@pytest.mark.parametrize(
    ("price", "interest", "word"),
    [
        (1.0, 1, "long_build_up"), (-1.0, 1, "short_build_up"), (1.0, -1, "short_covering"),
        (-1.0, -1, "long_unwinding"), (0.0, 1, "unchanged"), (1.0, 0, "unchanged"),
        (None, 1, None), (1.0, None, None),
    ],
)  # fmt: skip
def test_build_up(price: float | None, interest: int | None, word: str | None) -> None:
    frame = pl.DataFrame({"p": [price], "i": [interest]}, schema={"p": pl.Float64, "i": pl.Int64})
    assert frame.select(build_up(pl.col("p"), pl.col("i"))).item() == word


def test_a_strike_that_one_side_lacks_has_nulls(clock: ManualClock) -> None:
    result = compared(clock, then=earlier_market(strikes=[24_000.0, 24_100.0, 25_100.0]))
    held = {(row["strike"], row["option_type"]): row for row in result.records()}
    gone, new = held[25_100.0, "CE"], held[23_000.0, "PE"]
    assert (gone["price"], gone["open_interest"], gone["build_up"]) == (None, None, None)
    assert gone["price_before"] is not None
    assert gone["tradingsymbol"] == "NIFTY26NOV25100CE"
    assert (new["iv_before"], new["iv_change"], new["price_change_pct"]) == (None, None, None)
    assert new["price"] is not None


def test_conditions_order_and_columns(clock: ManualClock) -> None:
    held = compared(
        clock, where="option_type = 'CE' and abs(iv_change) between 0.001 and 1",
        sort="price_change:desc", top=3, columns="strike,price_change,delta",
    )  # fmt: skip
    assert held.columns() == ["strike", "price_change", "delta"]
    values = held.rows["price_change"].to_list()  # type: ignore[call-overload]
    assert values == sorted(values, reverse=True)
    assert len(values) == 3
    assert held.rows_follow
    assert len(compared(clock, strikes=1)) == 6
    more = compared(clock, greeks=True).columns()
    assert more[: len(ROW)] == list(ROW)
    assert {"delta", "theta_per_day", "iv_status"} <= set(more)
    assert len(compared(clock, ladder=True)) == 40  # ten strikes each side of the money


@pytest.mark.parametrize("moment", [MOMENT, MOMENT + timedelta(days=1)])
def test_a_moment_that_is_not_earlier(moment: datetime, clock: ManualClock) -> None:
    since = Since(moment=moment, day=False, provider=lambda _: earlier_market())
    request = ChainRequest(underlying="NIFTY", rate=Rate())
    with pytest.raises(
        UsageError, match="is not before the chain of NIFTY, which is of 2026-11-20"
    ):
        chain_vs(FakeMarket(), clock, request, since)
    whole = Since(moment=MOMENT.replace(hour=0), day=True, provider=lambda _: earlier_market())
    with pytest.raises(UsageError, match="is not before"):
        chain_vs(FakeMarket(), clock, request, whole)


class Silent(FakeMarket):
    """A provider that has nothing of that moment, or cannot be reached."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def expiries(self, underlying: str) -> tuple[Any, ...]:
        raise self.error if underlying else AssertionError


def test_nothing_at_that_moment(clock: ManualClock) -> None:
    with pytest.raises(ProviderError) as told:
        compared(clock, then=Silent(UnknownName("unknown underlying 'NIFTY'")))
    assert "has no chain of NIFTY at 2026-11-20 09:00:00 to compare with" in told.value.what
    with pytest.raises(TransientError):
        compared(clock, then=Silent(TransientError("time-out")))
    other = FakeMarket({("NIFTY", FAR): exact_chain(expiry=FAR)}, moment=EARLIER)
    with pytest.raises(ProviderError, match="had no expiry 2026-11-24") as late:
        compared(clock, then=other)
    assert "2026-12-29" in late.value.hint
    with pytest.raises(ProviderError, match="has no chain of NIFTY of 2026-11-18"):
        compared(clock, moment=EARLIER - timedelta(days=2), day=True)


@pytest.mark.parametrize(
    "words", [{"forward": 24_000.0}, {"second_order": True}, {"smile": True}, {"term": True},
              {"strikes": -1}]
)  # fmt: skip
def test_options_that_make_no_sense_here(words: dict[str, Any], clock: ManualClock) -> None:
    since = Since(moment=EARLIER, day=False, provider=lambda _: earlier_market())
    with pytest.raises(UsageError):
        chain_vs(FakeMarket(), clock, ChainRequest(underlying="NIFTY", rate=Rate(), **words), since)
