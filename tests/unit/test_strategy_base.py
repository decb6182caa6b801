"""What every strategy is given: parameters with types, a name, an end of validity, and silence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

import polars as pl
import pytest

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Interval, Side
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import ConfigError, UnknownName
from alphastock_cli.registry import STRATEGIES
from alphastock_cli.strategies.base import Assigned, BaseStrategy, StrategyFactory, parameters
from tests.conftest import IST
from tests.unit.trading_makers import OTHER, SHARE, candles, quote, snapshot


@dataclass(frozen=True, kw_only=True)
class Always(BaseStrategy):
    """Buys whatever it sees."""

    name: ClassVar[str] = "always"
    supported_asset_types: ClassVar[frozenset[AssetType]] = frozenset({AssetType.EQUITY})
    needs: int
    away: float = 1.0
    loud: bool = False
    word: str = "yes"

    def __post_init__(self) -> None:
        if self.needs < 1:
            raise ValueError("needs must be positive")

    def bars(self) -> int:
        return self.needs

    def analyze(self, snapshot: Snapshot) -> Signal | None:
        return Signal.at_quote(
            snapshot, side=Side.BUY, reason=self.word, stop_distance=self.away,
            target_distance=2 * self.away,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES._classes, "always", Always)


def seen(closes: list[float] | None = None, **more: object) -> Snapshot:
    return snapshot(quote(100.0, 0), candles=candles(closes or [99.0, 100.0]), **more)


def test_created_by_name_with_its_parameters() -> None:
    made = StrategyFactory.create("always", {"needs": 2, "away": 3, "loud": True})
    assert made == Always(needs=2, away=3.0, loud=True)
    assert isinstance(made.away, float), "a whole number is fine where a fraction is asked"
    assert "ma_crossover" in StrategyFactory.names()
    assert parameters(Always)["away"] == 1.0


@pytest.mark.parametrize(
    ("given", "text", "hint"),
    [
        ({"needs": 1, "awya": 2.0}, "no parameter 'awya'", "Did you mean away?"),
        ({"needs": 1, "zzzzzz": 2.0}, "no parameter 'zzzzzz'", "It has: needs"),
        ({"needs": "1"}, "takes a int", ""),
        ({"needs": True}, "takes a int", ""),
        ({"needs": 1.0}, "takes a int", ""),
        ({"needs": 1, "away": "2"}, "takes a float", ""),
        ({"needs": 1, "away": True}, "takes a float", ""),
        ({"needs": 1, "away": float("nan")}, "finite", ""),
        ({"needs": 1, "away": float("inf")}, "finite", ""),
        ({"needs": 1, "loud": 1}, "takes a bool", ""),
        ({"needs": 0}, "needs must be positive", ""),
        ({}, "needs needs", ""),
    ],
)
def test_a_wrong_parameter_is_named(given: dict, text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        StrategyFactory.create("always", given)
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code == 2


def test_an_unknown_strategy_has_near_names() -> None:
    with pytest.raises(UnknownName, match="ma_crosover") as caught:
        StrategyFactory.create("ma_crosover")
    assert "ma_crossover" in caught.value.hint


def test_judging_adds_the_name_and_the_end_of_the_next_candle() -> None:
    said = Always(needs=1).judge(seen())
    assert said is not None
    assert (said.strategy, said.reason) == ("always", "yes")
    assert said.valid_until == seen().as_of + timedelta(minutes=1)
    assert said.signal_id == f"always|NSE:SBIN|BUY|{seen().candles['time'][-1].isoformat()}"


def test_a_signal_of_a_day_is_good_through_the_next_session() -> None:
    friday = datetime(2026, 11, 20, 0, 0, tzinfo=IST)
    said = Always(needs=1).judge(
        seen(interval=Interval.DAY).__class__(
            instrument=SHARE,
            as_of=friday + timedelta(hours=18),
            source="t",
            simulated=True,
            quote=quote(100.0, 0),
            interval=Interval.DAY,
            candles=candles([100.0], start=friday),
        )
    )
    assert said is not None
    assert said.valid_until.date() == datetime(2026, 11, 23, tzinfo=IST).date(), "Monday"


def test_silence_about_what_it_does_not_know() -> None:
    strategy = Always(needs=3)
    assert strategy.judge(seen([1.0, 2.0])) is None, "too short a history"
    assert strategy.judge(seen([98.0, 99.0, 100.0])) is not None
    index = replace(SHARE, asset_type=AssetType.INDEX)
    assert strategy.judge(seen([98.0, 99.0, 100.0], instrument=index)) is None
    assert strategy.judge(snapshot(quote(100.0, 0))) is None, "no candles at all"


@pytest.mark.parametrize("last", [None, 0.0, 0.05, 0.09, float("nan")])
def test_silence_where_there_is_no_price_or_no_room_for_a_stop(last: float | None) -> None:
    blind = snapshot(quote(last, 0), candles=candles([100.0, 100.0]))
    assert Always(needs=1).judge(blind) is None


def test_prices_lie_on_the_tick_and_on_their_sides_also_near_nothing() -> None:
    for last in (0.1, 0.15, 1.0, 99.97, 100.0):
        said = Always(needs=1, away=50.0).judge(snapshot(quote(last, 0), candles=candles([100.0])))
        assert said is not None
        assert said.stop_loss < said.price < said.target
        for price in (said.stop_loss, said.price, said.target):
            assert price % SHARE.tick_size == 0


def test_bound_to_symbols_it_hears_of_no_others() -> None:
    bound = Assigned(strategy=Always(needs=1), symbols=frozenset({"SBIN"}))
    assert bound.name == "always"
    assert bound.judge(seen()) is not None
    assert bound.judge(seen(instrument=OTHER)) is None
    assert Assigned(strategy=Always(needs=1)).judge(seen(instrument=OTHER)) is not None


def test_a_strategy_without_columns_asks_for_none() -> None:
    assert dict(Always(needs=1).columns()) == {}
    assert isinstance(candles([1.0]), pl.DataFrame)
