"""The words of an option structure: ``NIFTY +24000CE -2x24200CE @weekly`` in, values out.

A small grammar and the place of every mistake in it. Which strike `atm+200` is, which day `weekly`
is and what a leg costs is decided where a chain is at hand, not here.

    structure = underlying leg {leg} ["@" expiry]            words apart from each other
    leg       = ("+" | "-") [lots ("x" | "*")] contract {"@" expiry | "=" price}
    contract  = strike ("CE" | "PE") | "FUT" | "EQ"
    strike    = rupees | "atm" [("+" | "-") number ["s" | "%" | "sd"]] | hundredths "d" | premium
    premium   = ("rs" | "₹") rupees
    expiry    = "weekly" | "monthly" | "next" | "nearest" | YYYY-MM-DD

``+`` is bought, ``-`` is sold. After `atm` a plain number is rupees, ``s`` strikes, ``%`` percent
of the forward, ``sd`` standard deviations; ``25d`` is the strike with a delta of 0.25, ``rs80``
the one whose option costs nearest to 80 rupees. Quantities are lots, also of `FUT` and of `EQ`, the
underlying itself. Capital or small letters are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NoReturn

from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UsageError, nearest

EXPIRIES = ("weekly", "monthly", "next", "nearest")
EXAMPLE = 'e.g. "NIFTY +24000CE -2xatm+200CE +25dPE=80 @weekly"'
MINUS = "\N{MINUS SIGN}"  # what a page typeset by others has; the command line uses it too
MAX_LENGTH = 1_000
MAX_LEGS = 20
MAX_LOTS = 10_000

_SIGNS = {"+": 1, "-": -1, MINUS: -1}
_LOTS = re.compile(r"(\d+)[x*×](?=\d|ATM|FUT|EQ|RS|₹)", re.IGNORECASE)
_WHOLE = re.compile(r"FUT|EQ", re.IGNORECASE)
_ATM = re.compile(r"ATM", re.IGNORECASE)
_STEP = re.compile(rf"([+{MINUS}-])(\d+(?:\.\d+)?)(sd|s|%)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PREMIUM = re.compile(r"(?:RS|₹)(?=[\d.])", re.IGNORECASE)
_DELTA = re.compile(r"d(?=[cp]|$)", re.IGNORECASE)
_OPTION = re.compile(r"CE|PE", re.IGNORECASE)
_WORD = re.compile(r"[^@=\s]*")
_LETTERS = re.compile(r"[A-Za-z]*")
_LIKE_A_LEG = re.compile(r"(?:\d+[x*×])?(?:\d[\d.]*d?|atm\S*)(?:CE|PE)\S*|FUT|EQ", re.IGNORECASE)


class Unit(StrEnum):
    """What the number of a strike counts."""

    RUPEES = ""
    STRIKES = "s"
    PERCENT = "%"
    SIGMAS = "sd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a strike lies.

    Attributes
    ----------
    base : str
        ``strike`` (`value` is the strike), ``atm`` (`value` is the distance, in `unit`),
        ``delta`` (`value` is the delta without its sign, a fraction) or ``premium`` (`value` is
        what the option costs, rupees a unit).
    """

    base: str
    value: float = 0.0
    unit: Unit = Unit.RUPEES


@dataclass(frozen=True, slots=True, kw_only=True)
class LegWords:
    """One leg as written.

    Attributes
    ----------
    lots : int
        Signed: negative is sold.
    place : Place or None
        None for futures and the underlying itself.
    expiry : str
        The leg's own word; empty takes that of the structure.
    price : float or None
        Rupees a unit as typed; None takes the market's.
    text : str
        The leg as it was written, for messages.
    """

    lots: int
    kind: LegKind
    place: Place | None = None
    expiry: str = ""
    price: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureWords:
    """A structure as written; `expiry` is empty where none was said for the whole."""

    underlying: str
    legs: tuple[LegWords, ...]
    expiry: str = ""


def parse(text: str) -> StructureWords:
    """Return the structure of a text.

    Raises
    ------
    UsageError
        Something else stands where the grammar wants a word; the message shows the place.

    Examples
    --------
    >>> [leg.lots for leg in parse("NIFTY +24000CE -2xatm+200CE @weekly").legs]
    [1, -2]
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the legs have {len(text)} characters, at most {MAX_LENGTH} are read")
    line = " ".join(text.split())
    names: list[str] = []
    legs: list[LegWords] = []
    expiry = ""
    for match in re.finditer(r"\S+", line):
        word, at = match.group(), match.start()
        if word[0] in _SIGNS:
            if not names:
                _wrong(line, at, "the underlying before its legs")
            legs.append(_Leg(line, at, match.end()).read())
        elif word[0] == "@":
            if not names:
                _wrong(line, at, "the underlying before its expiry")
            if expiry:
                _wrong(line, at, "one expiry for the whole; a leg's own is written onto the leg")
            expiry = read_expiry(line, at + 1, word[1:])
        elif legs or expiry or (names and _LIKE_A_LEG.fullmatch(word)):
            _wrong(line, at, "a leg, which begins with + (buy) or - (sell)")
        else:
            names.append(word)
    _check_whole(line, names, legs)
    return StructureWords(underlying=" ".join(names), legs=tuple(legs), expiry=expiry)


def read_expiry(line: str, at: int, word: str) -> str:
    """Return an expiry word in small letters; a date as it is.

    Raises
    ------
    UsageError
        Neither a word of the grammar nor a date; `at` is its place in `line`.
    """
    small = word.lower()
    if small in EXPIRIES:
        return small
    try:
        date.fromisoformat(small)
    except ValueError:
        near = nearest(small, EXPIRIES, most=1)
        _wrong(line, at, f"an expiry: {', '.join(EXPIRIES)} or a date", near)
    return small


def _check_whole(line: str, names: list[str], legs: list[LegWords]) -> None:
    """Refuse a text without an underlying or legs, and one with more legs than anybody holds."""
    if not names:
        _wrong(line, 0, "an underlying, then its legs")
    if not legs:
        _wrong(line, len(line), "legs after the underlying")
    if len(legs) > MAX_LEGS:
        raise UsageError(f"{len(legs)} legs: at most {MAX_LEGS} are read")


class _Leg:
    """Reads one leg from left to right; `self.at` is always where reading stands."""

    def __init__(self, line: str, start: int, end: int) -> None:
        self.line, self.start, self.end = line, start, end
        self.at = start

    def read(self) -> LegWords:
        """Return the leg, or point at what does not belong."""
        sign = _SIGNS[self.line[self.at]]
        self.at += 1
        lots = self._lots()
        whole = self._take(_WHOLE)
        if whole:
            kind, place = LegKind(whole.group().upper()), None
        else:
            place = self._place()
            kind = self._kind()
        expiry, price = self._tail()
        if kind is LegKind.SHARE and expiry:
            self.at = self.start
            self._wrong("no expiry on EQ: the underlying itself never ends")
        return LegWords(
            lots=sign * lots, kind=kind, place=place, expiry=expiry, price=price,
            text=self.line[self.start : self.end].replace(MINUS, "-"),
        )  # fmt: skip

    def _lots(self) -> int:
        before = self.at
        found = self._take(_LOTS)
        if not found:
            return 1
        lots = int(found.group(1)) if len(found.group(1)) < 9 else MAX_LOTS + 1  # noqa: PLR2004 - digits
        if not 1 <= lots <= MAX_LOTS:
            self.at = before
            self._wrong(f"from 1 to {MAX_LOTS:,} lots")
        return lots

    def _place(self) -> Place:
        if self._take(_ATM):
            return self._atm()
        by_price = self._take(_PREMIUM) is not None
        before = self.at
        number = self._take(_NUMBER)
        if number is None:
            near = nearest(self._letters(), ("ATM", "FUT", "EQ"), most=1)
            self._wrong(
                "a strike, atm, a delta such as 25d, a premium such as rs80, FUT or EQ", near
            )
        value = float(number.group())
        if by_price or not self._take(_DELTA):
            what = "premium" if by_price else "strike"
            if value <= 0:
                self.at = before
                self._wrong(f"a {what} above 0")
            return Place(base=what, value=value)
        if not 1 <= value <= 99:  # noqa: PLR2004 - a delta in hundredths
            self.at = before
            self._wrong("a delta from 1d to 99d (25d is 0.25)")
        return Place(base="delta", value=value / 100.0)

    def _atm(self) -> Place:
        step = self._take(_STEP)
        if step is None:
            return Place(base="atm")
        unit = Unit((step.group(3) or "").lower())
        return Place(base="atm", value=_SIGNS[step.group(1)] * float(step.group(2)), unit=unit)

    def _kind(self) -> LegKind:
        found = self._take(_OPTION)
        if found is None:
            self._wrong("CE (a call) or PE (a put)", _alike(self._letters()))
        return LegKind(found.group().upper())

    def _tail(self) -> tuple[str, float | None]:
        """Return the leg's own expiry and price, each at most once, in any order."""
        expiry, price = "", None
        while self.at < self.end:
            mark, self.at = self.line[self.at], self.at + 1
            if mark == "@" and not expiry:
                found = _WORD.match(self.line, self.at, self.end)
                word = found.group() if found else ""
                expiry = read_expiry(self.line, self.at, word)
                self.at += len(word)
            elif mark == "=" and price is None:
                number = self._take(_NUMBER)
                if number is None:
                    self._wrong("a price in rupees")
                price = float(number.group())
            else:
                self.at -= 1
                self._wrong("the end of the leg, @expiry or =price")
        return expiry, price

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.line, self.at, self.end)
        if found:
            self.at = found.end()
        return found

    def _letters(self) -> str:
        found = _LETTERS.match(self.line, self.at, self.end)
        return found.group() if found else ""

    def _wrong(self, expected: str, near: list[str] | None = None) -> NoReturn:
        _wrong(self.line, self.at, expected, near)


def _alike(letters: str) -> list[str]:
    """Return the kind of option a wrong one looks like: C, call, CALLS, EC."""
    word = letters.upper()
    for kind, begins in (("CE", ("C", "EC")), ("PE", ("P", "EP"))):
        if word.startswith(begins):
            return [kind]
    return nearest(word, ("CE", "PE"), most=1)


def _wrong(line: str, at: int, expected: str, near: list[str] | None = None) -> NoReturn:
    """Raise with the text, a caret below the place, and the nearest word where there is one."""
    shown = line.replace(MINUS, "-") or '""'
    what = f"legs: expected {expected}, at character {at + 1}\n  {shown}\n  {' ' * at}^"
    raise UsageError(what, hint=f"Did you mean {' or '.join(near)}?" if near else EXAMPLE)
