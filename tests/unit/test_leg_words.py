"""The grammar of option structures: what it reads, and where it says a mistake is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.analytics.leg_words import (
    MAX_LEGS,
    MAX_LENGTH,
    LegWords,
    Place,
    Unit,
    parse,
)
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UsageError

CALL, PUT, FUT, EQ = LegKind.CALL, LegKind.PUT, LegKind.FUTURE, LegKind.SHARE


def one(text: str) -> LegWords:
    (leg,) = parse(f"NIFTY {text}").legs
    return leg


def trouble(text: str) -> tuple[str, int, str]:
    """Return the message, the place of the caret, and the hint."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    what, *lines = caught.value.what.split("\n")
    assert lines[0] == "  " + (" ".join(text.split()) or '""')
    assert lines[1].strip() == "^"
    return what, len(lines[1]) - 3, caught.value.hint


def test_the_example_of_the_contract() -> None:
    found = parse("NIFTY +24000CE -24200CE @weekly")
    assert (found.underlying, found.expiry) == ("NIFTY", "weekly")
    assert [(leg.lots, leg.kind, leg.place) for leg in found.legs] == [
        (1, CALL, Place(base="strike", value=24_000.0)),
        (-1, CALL, Place(base="strike", value=24_200.0)),
    ]
    assert all((leg.expiry, leg.price) == ("", None) for leg in found.legs)


@pytest.mark.parametrize(
    ("text", "lots", "kind", "place"),
    [
        ("-2x24200CE", -2, CALL, Place(base="strike", value=24_200.0)),
        ("-2*24200.5pe", -2, PUT, Place(base="strike", value=24_200.5)),
        ("+10X24000ce", 10, CALL, Place(base="strike", value=24_000.0)),
        ("+atmCE", 1, CALL, Place(base="atm")),
        ("-ATM+200PE", -1, PUT, Place(base="atm", value=200.0)),
        ("-3xatm-2sCE", -3, CALL, Place(base="atm", value=-2.0, unit=Unit.STRIKES)),
        ("+atm+1.5%CE", 1, CALL, Place(base="atm", value=1.5, unit=Unit.PERCENT)),
        ("+atm-1SDpe", 1, PUT, Place(base="atm", value=-1.0, unit=Unit.SIGMAS)),
        ("+25dCE", 1, CALL, Place(base="delta", value=0.25)),
        ("-2x12.5Dpe", -2, PUT, Place(base="delta", value=0.125)),
        ("+rs80CE", 1, CALL, Place(base="premium", value=80.0)),
        ("-2x\N{INDIAN RUPEE SIGN}12.5pe", -2, PUT, Place(base="premium", value=12.5)),
        ("+FUT", 1, FUT, None),
        ("-3xfut", -3, FUT, None),
        ("+eq", 1, EQ, None),
        ("\N{MINUS SIGN}24000CE", -1, CALL, Place(base="strike", value=24_000.0)),
        ("+atm\N{MINUS SIGN}100CE", 1, CALL, Place(base="atm", value=-100.0)),
    ],
)
def test_legs(text: str, lots: int, kind: LegKind, place: Place | None) -> None:
    leg = one(text)
    assert (leg.lots, leg.kind, leg.place, leg.expiry, leg.price) == (lots, kind, place, "", None)


@pytest.mark.parametrize(
    ("text", "expiry", "price"),
    [
        ("+24000CE=120.5", "", 120.5),
        ("+24000CE@monthly", "monthly", None),
        ("+24000CE@2026-12-29=80", "2026-12-29", 80.0),
        ("+24000CE=80@Next", "next", 80.0),
        ("+FUT@monthly=24100", "monthly", 24_100.0),
        ("+EQ=1510", "", 1510.0),
        ("+24000CE=0", "", 0.0),
    ],
)
def test_a_leg_may_have_an_expiry_and_a_price_in_any_order(
    text: str, expiry: str, price: float | None
) -> None:
    leg = one(text)
    assert (leg.expiry, leg.price, leg.text) == (expiry, price, text)


def test_an_underlying_may_have_several_words_and_marks() -> None:
    assert parse("nifty bank +50000CE").underlying == "nifty bank"
    assert parse("NIFTY 50 +24000CE").underlying == "NIFTY 50"
    assert parse("M&M -1500PE").underlying == "M&M"
    assert parse("BAJAJ-AUTO +FUT").underlying == "BAJAJ-AUTO"
    assert parse("  NIFTY\t+24000CE\n @weekly ").expiry == "weekly"


def test_the_expiry_of_the_whole_may_stand_anywhere_after_the_underlying() -> None:
    assert parse("NIFTY @2026-12-29 +24000CE").expiry == "2026-12-29"
    assert parse("NIFTY +24000CE @nearest -24100CE").expiry == "nearest"


@pytest.mark.parametrize(
    ("text", "at", "expected", "hint"),
    [
        ("", 0, "an underlying", "e.g."),
        ("NIFTY", 5, "legs after the underlying", "e.g."),
        ("+24000CE", 0, "the underlying before", "e.g."),
        ("@weekly", 0, "the underlying before its expiry", "e.g."),
        ("@weekly NIFTY +24000CE", 0, "the underlying before its expiry", "e.g."),
        ("NIFTY 24000CE", 6, "begins with + (buy) or - (sell)", "e.g."),
        ("NIFTY +24000CE 24200CE", 15, "begins with + (buy) or - (sell)", "e.g."),
        ("NIFTY +24000XE", 12, "CE (a call) or PE (a put)", "e.g."),
        ("NIFTY -24300XE", 12, "CE (a call) or PE (a put)", "e.g."),
        ("NIFTY +24000call", 12, "CE (a call) or PE (a put)", "Did you mean CE?"),
        ("NIFTY +24000P", 12, "CE (a call) or PE (a put)", "Did you mean PE?"),
        ("NIFTY +24000", 12, "CE (a call) or PE (a put)", "e.g."),
        ("NIFTY +FTU", 7, "a strike, atm, a delta", "Did you mean FUT?"),
        ("NIFTY +amt+200CE", 7, "a strike, atm, a delta", "Did you mean ATM?"),
        ("NIFTY +", 7, "a strike, atm, a delta", "e.g."),
        ("NIFTY + 24000CE", 7, "a strike, atm, a delta", "e.g."),
        ("NIFTY +24000CE @weekley", 16, "an expiry", "Did you mean weekly?"),
        ("NIFTY +24000CE@montly -24200CE", 15, "an expiry", "Did you mean monthly?"),
        ("NIFTY +24000CE@2026-13-01", 15, "an expiry", "e.g."),
        ("NIFTY +24000CE @weekly @monthly", 23, "one expiry for the whole", "e.g."),
        ("NIFTY +24000CE=x", 15, "a price in rupees", "e.g."),
        ("NIFTY +24000CE=-5", 15, "a price in rupees", "e.g."),
        ("NIFTY +24000CE=5=6", 16, "the end of the leg", "e.g."),
        ("NIFTY +24000CE-24200CE", 14, "the end of the leg", "e.g."),
        ("NIFTY +24,000CE", 9, "CE (a call) or PE (a put)", "e.g."),
        ("NIFTY +0x24000CE", 7, "from 1 to 10,000 lots", "e.g."),
        ("NIFTY +99999999999x24000CE", 7, "from 1 to 10,000 lots", "e.g."),
        ("NIFTY +0CE", 7, "a strike above 0", "e.g."),
        ("NIFTY +rs0CE", 9, "a premium above 0", "e.g."),
        ("NIFTY +rsCE", 7, "a premium such as rs80", "e.g."),
        ("NIFTY +rs25CP", 11, "CE (a call) or PE (a put)", "Did you mean CE?"),
        ("NIFTY +100dCE", 7, "a delta from 1d to 99d", "e.g."),
        ("NIFTY +0.25dCE", 7, "a delta from 1d to 99d", "e.g."),
        ("SBIN +EQ@weekly", 5, "no expiry on EQ", "e.g."),
    ],
)
def test_mistakes_are_shown_where_they_are(text: str, at: int, expected: str, hint: str) -> None:
    what, caret, said = trouble(text)
    assert expected in what
    assert caret == at
    assert f"at character {at + 1}" in what
    assert said.startswith(hint)


def test_long_texts_and_many_legs_are_refused() -> None:
    with pytest.raises(UsageError, match=f"at most {MAX_LENGTH}"):
        parse("NIFTY " + "+" * MAX_LENGTH)
    with pytest.raises(UsageError, match=f"at most {MAX_LEGS}"):
        parse("NIFTY" + " +24000CE" * (MAX_LEGS + 1))
    assert len(parse("NIFTY" + " +24000CE" * MAX_LEGS).legs) == MAX_LEGS


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        found = parse(f"NIFTY {text}")
    except UsageError:
        return
    assert found.legs


LEGS = st.builds(
    lambda sign, lots, strike, kind, day, price: (sign, lots, strike, kind, day, price),
    st.sampled_from("+-"), st.integers(1, 10_000), st.integers(1, 200_000),
    st.sampled_from(["CE", "PE"]), st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.none() | st.integers(0, 10_000_000),
)  # fmt: skip


@given(st.lists(LEGS, min_size=1, max_size=8))
def test_what_is_written_is_what_is_read(legs: list[tuple]) -> None:
    words = [
        f"{sign}{lots}x{strike}{kind}" + (f"@{day}" if day else "")
        + ("" if price is None else f"={price / 100:.2f}")
        for sign, lots, strike, kind, day, price in legs
    ]  # fmt: skip
    found = parse(" ".join(["NIFTY", *words])).legs
    assert [
        (leg.lots, leg.place and leg.place.value, leg.kind.value, leg.expiry, leg.price)
        for leg in found
    ] == [
        (lots if sign == "+" else -lots, strike, kind, day.isoformat() if day else "",
         None if price is None else price / 100)
        for sign, lots, strike, kind, day, price in legs
    ]  # fmt: skip
