"""A structure by name becomes legs as if they had been typed: strikes found in the chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from alphastock_cli.actions.option_words import expiry_named
from alphastock_cli.actions.payoff_board import Board
from alphastock_cli.actions.payoff_legs import buys_underlying
from alphastock_cli.analytics.leg_words import LegWords, Place
from alphastock_cli.analytics.templates import Slot, Template
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UsageError, nearest

_AT_THE_MONEY = 0.5  # roughly: beyond it an option is in the money
_STEPS = 4  # strikes a width is, where none was asked for
_FAR_WORDS = ("next", "weekly", "monthly")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a template is cut to: width in rupees, delta as a fraction, the later expiry."""

    width: float | None = None
    delta: float | None = None
    far: str = ""


def from_template(
    found: Template, board: Board, expiry: date, measures: Measures
) -> list[LegWords]:
    """Return the legs of a template as if they had been typed.

    Raises
    ------
    UsageError
        A measure the template has no use for, or a width below the distance of two strikes.
    """
    _check(found, measures)
    far = _later(board, expiry, measures.far) if found.takes_far else expiry
    width = measures.width
    if width is None and found.takes_width(by_delta=measures.delta is not None):
        width = _usual_width(board, expiry)
    legs = [
        _slot_leg(slot, board, expiry, far, replace(measures, width=width)) for slot in found.slots
    ]
    contracts_of = [(leg.kind, leg.place, leg.expiry) for leg in legs]
    if len(set(contracts_of)) < len(legs):
        if measures.width is None:  # the usual one: there are too few strikes to part them
            few = len(board.strikes(expiry))
            raise UsageError(
                f"two legs of {found.name} fall on one contract: {board.name} lists"
                f" {few} strike{'s' * (few != 1)} for {expiry}",
                hint="Take another --expiry, or name the legs.",
            )
        raise UsageError(
            f"--width {measures.width:g}: two legs of {found.name} fall on one contract",
            hint="Strikes lie farther apart: give a larger --width.",
        )
    return legs


def _check(found: Template, measures: Measures) -> None:
    """Refuse measures that would do nothing."""
    if measures.delta is not None and not found.takes_delta:
        raise UsageError(f"--delta: no strike of {found.name} is chosen by its delta")
    outer = any(slot.anchor in {"high", "low"} for slot in found.slots)
    if outer and measures.delta is not None and measures.delta > _AT_THE_MONEY:
        raise UsageError(  # a put above the money beside a call below it is another structure
            f"--delta {measures.delta:g}: {found.name} has its strikes out of the money",
            hint=f"Give a delta up to {_AT_THE_MONEY:g}, e.g. 0.2.",
        )
    if measures.width is not None and not found.takes_width(by_delta=measures.delta is not None):
        by = " with --delta" if found.takes_width(by_delta=False) else ""
        raise UsageError(f"--width: {found.name}{by} has no use for a width")
    if measures.far and not found.takes_far:
        raise UsageError(f"--far: {found.name} has one expiry")


def _later(board: Board, expiry: date, word: str) -> date:
    """Return the later of two expiries: the one asked for, else the next after the nearer."""
    after = [day for day in board.days if day > expiry]
    if not after:
        raise UsageError(f"{board.name} lists no expiry after {expiry}")
    if not word:
        return after[0]
    _check_word(word)
    # among what comes later, so that `monthly` is one after the nearer
    far = expiry_named(word, board.name, (expiry, *after), as_of=board.as_of)
    if far == expiry and word == "monthly":
        far = expiry_named(word, board.name, after, as_of=board.as_of)
    if far <= expiry:
        raise UsageError(f"--far {word}: {far} is not after {expiry}")
    return far


def _check_word(word: str) -> None:
    """Refuse a word for a later expiry that is none, in the name of its own option."""
    small = word.strip().lower()
    if small in _FAR_WORDS:
        return
    try:
        date.fromisoformat(small)
    except ValueError:
        near = nearest(small, _FAR_WORDS)
        guess = f"Did you mean {' or '.join(near)}?" if near else ""
        hint = guess or f"A date, or one of {', '.join(_FAR_WORDS)}."
        raise UsageError(f"--far {word}: not an expiry", hint=hint) from None


def _usual_width(board: Board, expiry: date) -> float:
    steps = board.strikes(expiry)
    index = steps.index(board.atm(expiry))
    upper = min(index + _STEPS, len(steps) - 1)
    lower = max(index - _STEPS, 0)
    return max(steps[upper] - steps[index], steps[index] - steps[lower])


def _slot_leg(slot: Slot, board: Board, expiry: date, far: date, measures: Measures) -> LegWords:
    """Return a leg of a template with its strike as a number.

    Places are found in the nearer chain, so that a calendar has one strike.
    """
    sign = "-" if slot.lots < 0 else "+"
    count = f"{abs(slot.lots)}x" if abs(slot.lots) > 1 else ""
    if slot.kind is None:
        kind = LegKind.SHARE if buys_underlying(board.name) else LegKind.FUTURE
        return LegWords(lots=slot.lots, kind=kind, text=f"{sign}{count}{kind.value}")
    strike = _anchor(slot, board, expiry, measures)
    if slot.widths:
        strike = board.near(expiry, strike + slot.widths * (measures.width or 0.0))
    day = far if slot.far else expiry
    if slot.far:
        strike = board.near(far, strike)
    later = f"@{far}" if slot.far else ""
    return LegWords(
        lots=slot.lots, kind=slot.kind, place=Place(base="strike", value=strike),
        expiry=day.isoformat(), text=f"{sign}{count}{strike:g}{slot.kind.value}{later}",
    )  # fmt: skip


def _anchor(slot: Slot, board: Board, expiry: date, measures: Measures) -> float:
    """Return the strike a template's place means."""
    assert slot.kind is not None
    if slot.anchor == "mid":
        return board.atm(expiry)
    side = "CE" if slot.anchor in {"call", "high"} else "PE"
    if measures.delta is not None:
        return board.strike(expiry, Place(base="delta", value=measures.delta), side)
    away = {"high": 1.0, "low": -1.0}.get(slot.anchor, 0.0) * (measures.width or 0.0)
    return board.near(expiry, board.atm(expiry) + away)
