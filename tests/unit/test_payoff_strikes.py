"""Strikes by words, and structures by name."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from alphastock_cli.actions.payoff import strategies
from alphastock_cli.actions.payoff_templates import Measures
from alphastock_cli.analytics.templates import ALIASES, TEMPLATES, template
from alphastock_cli.errors import ProviderError, UnknownName, UsageError
from tests.unit.chain_market import FAR, NEAR, YEARS
from tests.unit.payoff_world import (
    NEAR_FORWARD,
    RATE,
    VOL,
    asked,
    market,
    worth,
)

N = NormalDist().cdf


@pytest.mark.parametrize(
    ("words", "strike"),
    [("+atmCE", 24_100), ("+atm+200CE", 24_300), ("+atm-2sPE", 23_900), ("+atm+1%CE", 24_300),
     ("+atm-3sdPE", 23_000), ("+atm+220CE", 24_300)],
)  # fmt: skip
def test_strikes_by_words(words: str, strike: float) -> None:
    assert asked(f"NIFTY {words}").summary["legs"][0]["strike"] == strike


def test_a_strike_by_delta_has_the_nearest_delta() -> None:
    leg = asked("NIFTY -25dCE").summary["legs"][0]
    deltas = {k: abs(_delta(k) - 0.25) for k in (23_000.0 + 100 * n for n in range(21))}
    assert leg["strike"] == min(deltas, key=deltas.__getitem__)


@pytest.mark.parametrize(("kind", "premium"), [("CE", 60.0), ("PE", 150.0), ("CE", 1e6)])
def test_a_strike_by_premium_costs_nearest_to_it(kind: str, premium: float) -> None:
    leg = asked(f"NIFTY -rs{premium:.0f}{kind}").summary["legs"][0]
    off = {k: abs(worth(k, kind) - premium) for k in (23_000.0 + 100 * n for n in range(21))}
    assert leg["strike"] == min(off, key=off.__getitem__)


def test_a_premium_nobody_pays_is_told() -> None:
    held = market()
    for row in held.chains["NIFTY", NEAR]:
        if row["option_type"] == "CE":
            row |= {"bid": None, "ask": None, "last_price": None, "volume": 0}
    with pytest.raises(ProviderError, match="the prices of CE are not known"):
        asked("NIFTY -rs60CE", held)


def _delta(strike: float) -> float:
    spread = VOL * math.sqrt(YEARS)
    return math.exp(-RATE * YEARS) * N(math.log(NEAR_FORWARD / strike) / spread + spread / 2)


def test_a_strike_that_is_not_listed_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="lists no strike 24050") as caught:
        asked("NIFTY +24050CE")
    assert caught.value.hint == "The nearest are 23900, 24000, 24100."
    with pytest.raises(UsageError, match="lists 21 strikes"):
        asked("NIFTY +atm+40sCE")
    with pytest.raises(UsageError, match="whole ones"):
        asked("NIFTY +atm+1.5sCE")
    assert any("no strike 24,320 is listed" in w for w in asked("NIFTY +atm+220CE").warnings)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_becomes_listed_legs(name: str) -> None:
    held = asked("NIFTY", strategy=name)
    assert held.summary["strategy"] == name
    legs = held.summary["legs"]
    assert len(legs) == len(TEMPLATES[name].slots)
    assert all(leg["price"] is not None for leg in legs)
    assert held.summary["approximate"] == TEMPLATES[name].takes_far
    assert None not in set(held.rows["payoff_today"])


def strikes_of(name: str, **measures: object) -> list[tuple[int, str, float | None]]:
    legs = asked("NIFTY", strategy=name, measures=Measures(**measures)).summary["legs"]
    return [(leg["quantity"] // 65, leg["kind"], leg["strike"]) for leg in legs]


def test_templates_by_width_and_delta() -> None:
    assert strikes_of("iron_condor", width=300.0) == [
        (1, "PE", 23_500), (-1, "PE", 23_800), (-1, "CE", 24_400), (1, "CE", 24_700),
    ]  # fmt: skip
    listed = [23_000.0 + 100 * n for n in range(21)]
    high = min(listed, key=lambda strike: abs(_delta(strike) - 0.35))
    low = min(listed, key=lambda strike: abs(math.exp(-RATE * YEARS) - _delta(strike) - 0.35))
    assert strikes_of("iron_condor", width=200.0, delta=0.35) == [
        (1, "PE", low - 200), (-1, "PE", low), (-1, "CE", high), (1, "CE", high + 200),
    ]  # fmt: skip
    assert strikes_of("call_butterfly", width=200.0) == [
        (1, "CE", 23_900), (-2, "CE", 24_100), (1, "CE", 24_300),
    ]  # fmt: skip
    assert strikes_of("bull_call_spread") == [(1, "CE", 24_100), (-1, "CE", 24_500)]
    assert strikes_of("collar", delta=0.35) == [(1, "FUT", None), (1, "PE", low), (-1, "CE", high)]


def test_a_calendar_has_one_strike_and_two_expiries() -> None:
    legs = asked("NIFTY", strategy="calendar", measures=Measures(delta=0.35)).summary["legs"]
    assert [leg["expiry"] for leg in legs] == [NEAR, FAR]
    assert len({leg["strike"] for leg in legs}) == 1


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"measures": Measures(width=20.0)}, "two legs of iron_condor fall on one contract"),
        ({"measures": Measures(width=-1.0)}, "--width"),
        ({"measures": Measures(delta=1.5)}, "--delta"),
        ({"measures": Measures(delta=0.999)}, "iron_condor has its strikes out of the money"),
        ({"measures": Measures(far="next")}, "iron_condor has one expiry"),
        ({"strategy": "long_straddle", "measures": Measures(width=100.0)}, "no use for a width"),
        ({"strategy": "long_straddle", "measures": Measures(delta=0.2)}, "by its delta"),
        ({"strategy": "long_strangle", "measures": Measures(delta=0.2, width=100.0)},
         "long_strangle with --delta has no use"),
        ({"strategy": "calendar", "measures": Measures(far="2026-11-24")}, "is not after"),
        ({"strategy": "calendar", "measures": Measures(far="montly")}, "--far montly: not"),
        ({"strategy": "calendar", "expiry": "next"}, "lists no expiry after"),
        ({"lots": 0}, "--lots"),
        ({"points": 1}, "--points"),
    ],
)  # fmt: skip
def test_measures_that_make_no_sense(words: dict[str, object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        asked("NIFTY", **{"strategy": "iron_condor", **words})


def test_a_chain_of_too_few_strikes_is_not_blamed_on_a_width_nobody_gave() -> None:
    held = market()
    rows = held.chains["NIFTY", NEAR]
    rows[:] = [row for row in rows if row["strike"] == 24_000.0]
    with pytest.raises(UsageError, match="one contract: NIFTY lists 1 strike for"):
        asked("NIFTY", held, strategy="iron_condor")


def test_legs_and_strategies_do_not_mix() -> None:
    with pytest.raises(UsageError, match="brings its own legs"):
        asked("NIFTY +24000CE", strategy="iron_condor")
    with pytest.raises(UsageError, match="--strategy needs an underlying"):
        asked(" ", strategy="iron_condor")
    with pytest.raises(UsageError, match="cut a --strategy"):
        asked("NIFTY +24000CE", measures=Measures(width=100.0))
    with pytest.raises(UsageError, match="nothing to value"):
        asked("  ")


def test_strategies_are_listed_and_the_nearest_named() -> None:
    rows = list(strategies().records())
    assert [row["strategy"] for row in rows] == list(TEMPLATES)
    assert {"strategy", "description", "legs", "parameters"} == set(rows[0])
    assert template("Iron-Condor").name == "iron_condor"
    assert all(template(word).name == name for word, name in ALIASES.items())
    with pytest.raises(UnknownName, match="unknown strategy 'iron_condro'") as caught:
        template("iron_condro")
    assert caught.value.hint.startswith("Did you mean iron_condor")
