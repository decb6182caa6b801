"""Each signal once, not after its time, not again too soon."""

from __future__ import annotations

from datetime import timedelta

from alphastock_cli.domain.instrument import Side
from alphastock_cli.trading import signals
from alphastock_cli.trading.signals import SignalManager, SignalRules
from tests.unit.trading_makers import OTHER, TEN, at, signal


def test_a_signal_is_heard_once() -> None:
    manager = SignalManager()
    assert manager.admit(signal(), TEN)
    assert not manager.admit(signal(), TEN)
    assert not manager.admit(signal(price="101"), at(3000)), "the same candle is the same opinion"
    assert (manager.admitted, manager.refused) == (1, {"duplicate": 2})


def test_its_time_includes_the_last_moment() -> None:
    manager = SignalManager()
    assert manager.why_not(signal(valid_until=at(60)), at(60)) == ""
    assert manager.why_not(signal(valid_until=at(60)), at(60.000001)) == "expired"


def test_the_cool_down_ends_exactly() -> None:
    manager = SignalManager(SignalRules(cool_down=timedelta(minutes=10)))
    assert manager.admit(signal(), TEN)
    later = signal(candle_time=at(60))
    assert manager.why_not(later, at(599.999)) == "cool_down"
    assert manager.why_not(later, at(600)) == ""


def test_the_other_side_another_share_and_another_strategy_are_news() -> None:
    manager = SignalManager()
    assert manager.admit(signal(), TEN)
    assert manager.admit(signal(Side.SELL), TEN)
    assert manager.admit(signal(instrument=OTHER), TEN)
    assert manager.admit(signal(strategy="another"), TEN)


def test_a_refused_signal_starts_no_cool_down() -> None:
    manager = SignalManager()
    assert not manager.admit(signal(valid_until=at(-1)), TEN)
    assert manager.admit(signal(candle_time=at(0)), TEN)


def test_what_is_remembered_is_not_heard_again() -> None:
    manager = SignalManager()
    manager.remember([(signal(), TEN), (signal(instrument=OTHER), at(-3000))])
    assert manager.why_not(signal(), TEN) == "duplicate"
    assert manager.why_not(signal(candle_time=at(1)), at(599)) == "cool_down"
    assert manager.why_not(signal(instrument=OTHER, candle_time=at(1)), TEN) == ""
    assert manager.admitted == 0, "counts since it was made"


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    manager = SignalManager(SignalRules(cool_down=timedelta(0)))
    most = signals._KEPT
    manager._seen.update((str(i), None) for i in range(most))
    assert manager.admit(signal(), TEN)
    assert len(manager._seen) == most
    assert "0" not in manager._seen
    assert manager.why_not(signal(), TEN) == "duplicate"
