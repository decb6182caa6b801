"""What `watch` keeps of two tellings, what it does not ask for, and when it calls itself stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions import watch_list
from alphastock_cli.actions.watch import Seen, WatchRequest, watch
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import AuthError, UsageError
from alphastock_cli.views.model import Model, build
from alphastock_cli.views.ndjson import body
from alphastock_cli.views.plain import block
from tests.conftest import IST, ManualClock

OPEN = datetime(2026, 8, 14, 11, 0, tzinfo=IST)
SBIN = "NSE:SBIN"


class Broker:
    """Asks for the days of each share by a call, as Kite does; a call for days is a failure."""

    name, simulated, asks_by_name = "kite", False, True
    capabilities = frozenset({Capability.QUOTES, Capability.EQUITIES_DAY, Capability.INDICES_DAY})

    def __init__(self, clock: ManualClock, *turns: list[Quote] | Exception) -> None:
        self.clock, self.turns, self.known = clock, list(turns), None
        self.keys: list[list[str]] = []
        self.words: list[str] = []
        self.kept: pl.DataFrame | None = None

    def as_of(self) -> datetime:
        return self.clock.now()

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        self.keys.append(list(keys))
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if isinstance(turn, Exception):
            raise turn
        return {quote.key: quote for quote in turn if quote.key in keys}

    def members(self, *_: object) -> tuple[str, ...] | None:
        return self.known

    def session_kept(self) -> pl.DataFrame | None:
        return self.kept

    def remarks(self) -> list[str]:
        return self.words

    def equities_day(self, **_: object) -> pl.LazyFrame:
        raise AssertionError("a view does not ask for histories")

    indices_day = equities_day


def quote(seconds: float = 0.0, price: float = 800.0, key: str = SBIN, **more: Any) -> Quote:
    return Quote(key=key, time=OPEN + timedelta(seconds=seconds), last_price=price, **more)


def seen(*turns: list[Quote] | Exception, every: float = 2.0) -> list[Seen]:
    clock = ManualClock(OPEN)
    request = WatchRequest(symbols=(SBIN,), every=every, count=len(turns))
    return list(watch(Broker(clock, *turns), clock, request))


def prices(*turns: list[Quote]) -> list[float | None]:
    return [each.quotes[SBIN].last_price for each in seen(*turns)]


# -- the later of two ------------------------------------------------------------------------------


def test_a_view_never_goes_back_in_time() -> None:
    told = [quote(7, 800), quote(0, 790), quote(8, 801), quote(-60, 700), quote(8, 802)]
    assert prices(*([each] for each in told)) == [800, 800, 801, 801, 802]


def test_in_the_same_second_the_larger_volume_is_the_later() -> None:
    told = [quote(0, 800, volume=10), quote(0, 799, volume=9), quote(0, 801, volume=10),
            quote(0, 802), quote(1, 803, volume=3)]  # fmt: skip
    assert prices(*([each] for each in told)) == [800, 800, 801, 801, 803]


def test_a_time_far_ahead_of_now_keeps_nothing_out() -> None:
    assert prices([quote(86_400, 999)], [quote(1, 800)], [quote(0, 790)]) == [999, 800, 800]


# -- what a view does not ask for ------------------------------------------------------------------


def test_no_histories_are_asked_for_and_no_breadth_says_why() -> None:
    (turn,) = seen([quote()])
    model = build(turn)
    assert model.breadth is None
    why = "the members of NIFTY 50 are not known (`alphastock fetch reference`)"
    assert model.no_breadth == body(model)["market"]["no_breadth"] == why
    assert f"no breadth: {why}" in block(model, width=80)
    assert all(len(line) <= 80 for line in block(model, width=80).splitlines())


def test_known_members_are_quoted_in_the_same_call() -> None:
    clock = ManualClock(OPEN)
    made = Broker(clock, [quote(), quote(key="NSE:INFY", price=5.0, previous_close=4.0)])
    made.known = ("INFY", "SBIN")
    (turn,) = watch(made, clock, WatchRequest(symbols=(SBIN,), count=1))
    assert len(made.keys) == 1
    assert set(made.keys[0]) >= {SBIN, "NSE:INFY", "NSE:NIFTY 50"}
    assert turn.breadth is not None
    assert (turn.breadth.advances, turn.breadth.unknown, turn.no_breadth) == (1, 1, "")


def test_else_the_breadth_of_what_is_kept() -> None:
    made = Broker(ManualClock(OPEN), [quote()])
    made.kept = pl.DataFrame(
        {"symbol": ["A", "B", "C"], "date": [date(2026, 8, 13)] * 3, "close": [2.0, 1.0, 1.0],
         "previous_close": [1.0, 2.0, None]}
    )  # fmt: skip
    found = watch_list.daily(made, OPEN)
    assert found.whole == watch_list.Breadth(
        of="NSE shares kept, session of 2026-08-13", advances=1, declines=1, unchanged=0, unknown=1
    )


def test_default_symbols_are_the_members_most_traded_today_by_their_quotes() -> None:
    names = tuple(f"S{n:02}" for n in range(30))
    rows = [quote(key=f"NSE:{name}", price=10.0, volume=n) for n, name in enumerate(names)]
    made = Broker(ManualClock(OPEN), [*rows[:28], quote(key="NSE:S28", price=900.0, volume=1)])
    with pytest.raises(UsageError, match="name some"):
        watch_list.default_keys(made, ())
    made.known = names
    assert watch_list.default_keys(made, ()) == (
        "NSE:S28", *(f"NSE:S{n}" for n in range(27, 18, -1))
    )  # fmt: skip


# -- what it says ----------------------------------------------------------------------------------


def test_a_login_that_is_needed_names_the_command() -> None:
    refused = AuthError("Kite does not accept the login.", hint="Run `alphastock login`.")
    assert seen([quote()], refused)[1].warnings == (
        "kite: Kite does not accept the login. Run `alphastock login`.",
    )


def header(*quotes: Quote, at: float) -> Model:
    clock = ManualClock(OPEN)
    made = Broker(clock, list(quotes))
    made.words = ["kite: the ticker is silent for 7 s; prices come from calls"]
    clock.sleep(at)
    (turn,) = watch(made, clock, WatchRequest(symbols=(SBIN,), indices=("NIFTY 50",), count=1))
    assert turn.warnings == tuple(made.words)
    return build(turn)


def test_the_head_is_stale_when_all_below_it_is() -> None:
    made = header(quote(), quote(key="NSE:NIFTY 50", seconds=-3), at=45).header
    assert (made.as_of, made.age_seconds, made.stale) == (OPEN, 45.0, True)
    made = header(quote(), quote(key="NSE:NIFTY 50", seconds=40), at=45).header
    assert (made.age_seconds, made.stale) == (0.0, False)
