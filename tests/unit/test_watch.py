"""The watching loop: turns on the clock, failures that are told, what is asked and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice

import pytest

from alphastock_cli.actions import watch_list
from alphastock_cli.actions.watch import INDICES, Seen, WatchRequest, watch
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.domain.ports import Capability
from alphastock_cli.domain.trading import Position, Product
from alphastock_cli.errors import (
    AuthError,
    NotOffered,
    StorageError,
    TransientError,
    UnknownName,
    UsageError,
)
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.views.model import build
from tests.conftest import IST, ManualClock

OPEN = datetime(2026, 8, 14, 11, 0, tzinfo=IST)
EVENING = datetime(2026, 8, 14, 20, 0, tzinfo=IST)


class Flaky(SimExchange):
    """The simulated exchange that fails as it is told, and counts what it is asked."""

    def __init__(self, clock: ManualClock, *, fails: Callable[[int], Exception | None]) -> None:
        super().__init__(clock, seed=42, universe=60)
        self.turns, self.fails, self.slow = 0, fails, 0.0
        self.clock, self.keys, self.daily = clock, [], 0

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        self.turns += 1
        self.keys = list(keys)
        self.clock.sleep(self.slow)
        error = self.fails(self.turns)
        if error is not None:
            raise error
        return super().quotes(keys)

    def members(self, index: str, on: object) -> tuple[str, ...] | None:
        self.daily += 1
        return super().members(index, on)


class Quotes:
    """A provider of quotes and nothing else."""

    name, simulated, capabilities = "bare", False, frozenset({Capability.QUOTES})

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    def as_of(self) -> datetime:
        return self.clock.now()

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        known = {"NSE:SBIN", "NSE:NIFTY 50"} & set(keys)
        return {key: Quote(key=key, time=self.clock.now(), last_price=1.0) for key in known}

    def members(self, *_: object) -> None:
        return None


def sound(_: int) -> None:
    return None


def request(*symbols: str, **more) -> WatchRequest:
    return WatchRequest(symbols=tuple(f"NSE:{s}" for s in symbols or ("SBIN", "INFY")), **more)


def test_turns_are_counted_and_begin_on_the_beat() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(clock, fails=sound)
    provider.slow = 0.5
    times = [seen.now for seen in watch(provider, clock, request(every=2.0, count=4))]
    assert [(t - OPEN).total_seconds() for t in times] == [0.5, 2.5, 4.5, 6.5]
    assert (clock.now() - OPEN).total_seconds() == 6.5  # no wait after the last turn


def test_a_slow_turn_is_followed_at_once_and_not_made_up_for() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(clock, fails=sound)
    provider.slow = 5.0
    times = [seen.now for seen in watch(provider, clock, request(every=2.0, count=3))]
    assert [(t - OPEN).total_seconds() for t in times] == [5.0, 10.0, 15.0]


def test_without_a_count_it_goes_on() -> None:
    clock = ManualClock(OPEN)
    endless = watch(Flaky(clock, fails=sound), clock, request())
    assert len(list(islice(endless, 50))) == 50


def test_no_turn_begins_after_the_end() -> None:
    clock = ManualClock(OPEN)
    end = OPEN + timedelta(seconds=5)
    turns = list(watch(Flaky(clock, fails=sound), clock, request(every=2.0, until=end)))
    assert [(turn.now - OPEN).total_seconds() for turn in turns] == [0.0, 2.0, 4.0]


def test_what_is_seen_in_a_session() -> None:
    clock = ManualClock(OPEN)
    (seen,) = watch(Flaky(clock, fails=sound), clock, request(count=1))
    assert (seen.source, seen.simulated, seen.market.state) == ("sim", True, "open")
    assert seen.as_of == OPEN
    assert set(seen.symbols) <= set(seen.quotes)
    assert seen.index_names == ("NIFTY 50", "NIFTY BANK", "INDIA VIX")  # what sim has of the usual
    known = seen.breadth.advances + seen.breadth.declines + seen.breadth.unchanged
    assert known + seen.breadth.unknown == 50
    members = {f"NSE:{s}" for s in SimExchange(clock).members("NIFTY 50", OPEN.date())}
    moves = [q.last_price - q.previous_close for k, q in seen.quotes.items() if k in members]
    assert seen.breadth.advances == sum(move > 0 for move in moves)
    assert seen.positions == ()
    assert seen.warnings == ()


def test_out_of_hours_the_last_session_is_shown_with_its_age() -> None:
    clock = ManualClock(EVENING)
    (seen,) = watch(Flaky(clock, fails=sound), clock, request(count=1))
    model = build(seen)
    assert model.header.state == "closed"
    assert model.header.next_open == datetime(2026, 8, 17, 9, 15, tzinfo=IST)
    assert model.header.as_of == datetime(2026, 8, 14, 15, 35, tzinfo=IST)
    assert model.header.age_seconds == 4 * 3600 + 25 * 60
    assert not any(row.stale for row in (*model.symbols, *model.indices))


def test_a_failure_is_told_and_the_last_values_grow_older() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(
        clock, fails=lambda turn: TransientError("the line is down") if turn > 1 else None
    )
    seen = list(watch(provider, clock, request(every=2.0, count=12)))
    assert seen[0].warnings == ()
    assert {s.warnings for s in seen[1:]} == {("sim: the line is down",)}
    models = [build(each) for each in seen]
    prices = {model.symbols[0].last_price for model in models}
    assert len(prices) == 1
    assert prices != {None}
    assert [m.header.age_seconds for m in models[:3]] == [0.0, 2.0, 4.0]
    assert [m.symbols[0].stale for m in models] == [age > 10 for age in range(0, 24, 2)]
    assert provider.turns == 12  # asked again at every turn, without retries in between


def test_it_recovers_when_the_provider_does() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(clock, fails=lambda turn: TransientError("down") if turn == 2 else None)
    first, second, third = watch(provider, clock, request(count=3))
    assert second.warnings
    assert not third.warnings
    assert third.as_of > second.as_of == first.as_of


def test_a_login_that_ends_in_between_is_told_and_not_fatal() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(clock, fails=lambda turn: AuthError("log in") if turn > 1 else None)
    assert [s.warnings for s in watch(provider, clock, request(count=3))][1:] == [
        ("sim: log in",), ("sim: log in",)
    ]  # fmt: skip


def test_what_time_cannot_mend_ends_the_first_turn() -> None:
    clock = ManualClock(OPEN)
    with pytest.raises(AuthError):
        list(watch(Flaky(clock, fails=lambda _: AuthError("log in")), clock, request(count=3)))


def test_no_answer_in_any_turn_is_an_error_at_the_end() -> None:
    clock, shown = ManualClock(OPEN), []
    provider = Flaky(clock, fails=lambda _: TransientError("down"))
    with pytest.raises(TransientError):
        shown.extend(watch(provider, clock, request(count=2)))
    clock = ManualClock(OPEN)
    turns: list[Seen] = list(islice(watch(Flaky(clock, fails=provider.fails), clock, request()), 2))
    assert [t.as_of for t in turns] == [None, None]
    assert build(turns[0]).symbols[0].last_price is None


def test_positions_are_quoted_and_a_ledger_that_fails_is_told() -> None:
    clock = ManualClock(OPEN)
    tcs = Instrument(exchange=Exchange.NSE, tradingsymbol="TCS", asset_type=AssetType.EQUITY)
    held = Position(instrument=tcs, product=Product.CNC, quantity=1)
    answers = iter([[held], StorageError("the ledger is locked"), []])

    def positions() -> Sequence[Position]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    turns = list(watch(Flaky(clock, fails=sound), clock, request(count=3), positions=positions))
    assert [t.positions for t in turns] == [(held,), (held,), ()]
    assert turns[0].quotes["NSE:TCS"].last_price is not None
    assert turns[1].warnings == ("positions: the ledger is locked",)


def test_positions_never_read_are_not_known() -> None:
    clock = ManualClock(OPEN)

    def positions() -> Sequence[Position]:
        raise StorageError("no ledger")

    (seen,) = watch(Flaky(clock, fails=sound), clock, request(count=1), positions=positions)
    assert seen.positions is None


def test_daily_rows_are_asked_for_once_a_minute() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(clock, fails=sound)
    list(watch(provider, clock, request(every=2.0, count=30)))
    assert provider.daily == 1
    list(watch(provider, clock, request(every=2.0, count=32)))
    assert provider.daily == 3


def test_one_call_for_all_quotes_each_key_once() -> None:
    clock = ManualClock(OPEN)
    provider = Flaky(clock, fails=sound)
    list(watch(provider, clock, request(count=1)))
    assert provider.turns == 1
    assert len(provider.keys) == len(set(provider.keys))
    assert {"NSE:SBIN", "NSE:NIFTY 50"} <= set(provider.keys)


def test_a_provider_of_quotes_alone_is_enough() -> None:
    clock = ManualClock(OPEN)
    (seen,) = watch(Quotes(clock), clock, request("SBIN", count=1))
    assert seen.index_names == ("NIFTY 50",)
    assert build(seen).indices[0].last == 1.0
    assert seen.breadth is None
    assert seen.warnings == ()


def test_indices_that_were_asked_for_are_shown_known_or_not() -> None:
    clock = ManualClock(OPEN)
    asked = request("SBIN", count=1, indices=("Nifty Bank", "NIFTY NOSUCH"))
    (seen,) = watch(Flaky(clock, fails=sound), clock, asked)
    assert seen.index_names == ("NIFTY BANK", "NIFTY NOSUCH")
    assert build(seen).indices[1].last is None
    assert len(INDICES) == len(set(INDICES))


def test_one_unknown_symbol_is_told_and_all_unknown_refused() -> None:
    clock = ManualClock(OPEN)
    (seen,) = watch(Flaky(clock, fails=sound), clock, request("SBIN", "NOSUCH", count=1))
    assert seen.warnings == ("sim quotes no NSE:NOSUCH",)
    with pytest.raises(UnknownName) as caught:
        list(watch(Flaky(clock, fails=sound), clock, request("SBINN", count=1)))
    assert "SBIN" in caught.value.hint


def test_a_fixed_moment_is_looked_at_from_there() -> None:
    clock = ManualClock(EVENING)
    provider = SimExchange(clock, seed=42, universe=60, as_of=OPEN)
    first, second = watch(provider, clock, request(count=2, moment=OPEN))
    assert first.now == second.now == OPEN
    assert first.market.state == "open"
    assert second.generated_at == EVENING + timedelta(seconds=2)


# -- what to look at ------------------------------------------------------------------------------


def test_keys_are_read_in_order_once_with_their_exchange() -> None:
    assert watch_list.parse_keys(" sbin, BSE:infy,SBIN,") == ("NSE:SBIN", "BSE:INFY")
    for text in (",", "MOON:SBIN", "NSE:"):
        with pytest.raises(UsageError):
            watch_list.parse_keys(text)


def test_default_symbols_are_the_configured_ones_else_the_ten_most_traded_members() -> None:
    provider = SimExchange(ManualClock(EVENING), seed=42, universe=60)
    assert watch_list.default_keys(provider, ("SBIN", "BSE:INFY")) == ("NSE:SBIN", "BSE:INFY")
    keys = watch_list.default_keys(provider, ())
    day = provider.equities_day(start=EVENING.date()).collect()
    members = provider.members("NIFTY 50", EVENING.date())
    traded = {r["symbol"]: r["turnover"] for r in day.to_dicts() if r["symbol"] in members}
    assert keys == tuple(f"NSE:{s}" for s in sorted(traded, key=lambda s: -traded[s])[:10])


def test_a_provider_that_knows_no_shares_asks_for_names() -> None:
    with pytest.raises(UsageError, match="name some"):
        watch_list.default_keys(Quotes(ManualClock(OPEN)), ())


def test_where_members_are_unknown_the_whole_last_session_gives_the_breadth() -> None:
    class Stranger(SimExchange):
        def members(self, *_: object) -> None:
            return None

    provider = Stranger(ManualClock(EVENING), seed=42, universe=60)
    found = watch_list.daily(provider, provider.as_of())
    day = provider.equities_day(start=EVENING.date()).collect()
    moves = (day["close"] - day["previous_close"]).to_list()
    assert found.keys == ()
    assert found.whole.of == "NSE shares, session of 2026-08-14"
    assert found.whole.advances == sum(move > 0 for move in moves)
    assert found.whole.declines == sum(move < 0 for move in moves)
    assert watch_list.breadth(found, {}) == found.whole
    assert len(watch_list.default_keys(provider, ())) == 10


def test_a_provider_without_quotes_is_refused_at_once() -> None:
    class Silent(SimExchange):
        def quotes(self, *_: object) -> dict[str, Quote]:
            raise NotOffered("no quotes here")

    clock = ManualClock(OPEN)
    with pytest.raises(NotOffered):
        list(watch(Silent(clock, universe=60), clock, request(count=1)))
