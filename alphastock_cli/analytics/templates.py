"""Option structures by name: a line of words each, in which strikes are places and not numbers.

A place is ``mid`` (at the money), ``call`` or ``put`` (of the delta asked for, else at the money),
``high`` or ``low`` (of the delta asked for, else one width above or below the money), and so many
widths from there: ``high+w``, ``mid-2w``. ``UND`` is the underlying itself where it can be bought,
else its future; ``@far`` is the later of two expiries. Strikes are found where a chain is at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UnknownName

_BY_DELTA = frozenset({"call", "put", "high", "low"})
_WIDE = frozenset({"high", "low"})  # a width from the money, unless a delta is asked for
_SLOT = re.compile(
    r"(?P<sign>[+-])(?:(?P<lots>\d+)x)?(?:(?P<under>UND)"
    r"|(?P<anchor>[a-z]+)(?P<widths>[+-]\d*)?w?(?P<kind>CE|PE))(?P<far>@far)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A leg of a template.

    Attributes
    ----------
    lots : int
        Signed.
    kind : LegKind or None
        Call or put; None is the underlying, or its future.
    anchor : str
        ``mid, call, put, high, low``; empty for the underlying.
    widths : int
        Signed number of widths from the anchor.
    far : bool
        Whether it is of the later expiry.
    """

    lots: int
    kind: LegKind | None
    anchor: str = ""
    widths: int = 0
    far: bool = False


@dataclass(frozen=True)
class Template:
    """A structure by name: what it is for, and its legs in the words of this module."""

    name: str
    text: str
    legs: str

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The legs, read."""
        return tuple(_slot(word) for word in self.legs.split())

    @property
    def takes_delta(self) -> bool:
        """Whether a delta chooses a strike of it."""
        return any(slot.anchor in _BY_DELTA for slot in self.slots)

    @property
    def takes_far(self) -> bool:
        """Whether it has two expiries."""
        return any(slot.far for slot in self.slots)

    def takes_width(self, *, by_delta: bool) -> bool:
        """Whether a width matters, given whether a delta chooses the strikes."""
        outer = not by_delta and any(slot.anchor in _WIDE for slot in self.slots)
        return outer or any(slot.widths for slot in self.slots)


_TABLE = """
long_straddle     | big move either way              | +midCE +midPE
short_straddle    | little movement                  | -midCE -midPE
long_strangle     | big move either way, cheaper     | +highCE +lowPE
short_strangle    | little movement, wider           | -highCE -lowPE
bull_call_spread  | rise, for a debit                | +callCE -call+wCE
bull_put_spread   | no fall, for a credit            | -putPE +put-wPE
bear_call_spread  | no rise, for a credit            | -callCE +call+wCE
bear_put_spread   | fall, for a debit                | +putPE -put-wPE
iron_condor       | little movement, limited risk    | +low-wPE -lowPE -highCE +high+wCE
iron_butterfly    | pinned at the money              | +mid-wPE -midPE -midCE +mid+wCE
call_butterfly    | pinned at the money, of calls    | +mid-wCE -2xmidCE +mid+wCE
put_butterfly     | pinned at the money, of puts     | +mid-wPE -2xmidPE +mid+wPE
call_calendar     | little movement until the nearer | -callCE +callCE@far
put_calendar      | little movement until the nearer | -putPE +putPE@far
call_diagonal     | slow rise                        | -highCE +midCE@far
put_diagonal      | slow fall                        | -lowPE +midPE@far
call_ratio_spread | rise, but not far                | +callCE -2xcall+wCE
put_ratio_spread  | fall, but not far                | +putPE -2xput-wPE
call_backspread   | sharp rise                       | -callCE +2xcall+wCE
put_backspread    | sharp fall                       | -putPE +2xput-wPE
collar            | holding, both ways limited       | +UND +lowPE -highCE
covered_call      | holding, income                  | +UND -highCE
protective_put    | holding, loss limited            | +UND +lowPE
synthetic_long    | the future, of options           | +midCE -midPE
synthetic_short   | the future sold, of options      | -midCE +midPE
"""

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        name: Template(name, text, legs)
        for name, text, legs in (
            tuple(part.strip() for part in line.split("|")) for line in _TABLE.strip().split("\n")
        )
    }
)
# other names people have for the same
ALIASES: Mapping[str, str] = MappingProxyType(
    {"straddle": "long_straddle", "strangle": "long_strangle", "butterfly": "call_butterfly",
     "calendar": "call_calendar", "diagonal": "call_diagonal", "ratio": "call_ratio_spread",
     "ratio_spread": "call_ratio_spread", "iron_fly": "iron_butterfly", "condor": "iron_condor",
     "bull_call": "bull_call_spread", "bull_put": "bull_put_spread",
     "bear_call": "bear_call_spread", "bear_put": "bear_put_spread",
     "bull_call_vertical": "bull_call_spread", "bull_put_vertical": "bull_put_spread",
     "bear_call_vertical": "bear_call_spread", "bear_put_vertical": "bear_put_spread"}
)  # fmt: skip


def template(name: str) -> Template:
    """Return the template of a name; small or capital letters, ``-`` or ``_``.

    Raises
    ------
    UnknownName
        There is none; the nearest names, else all of them, are listed.
    """
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    word = ALIASES.get(word, word)
    if word in TEMPLATES:
        return TEMPLATES[word]
    hint = f"Known: {', '.join(TEMPLATES)}."
    error = UnknownName.of("strategy", name, (*TEMPLATES, *ALIASES))
    guess = f"{error.hint} " if error.hint else ""
    raise UnknownName(error.what, hint=f"{guess}{hint}")


def _slot(word: str) -> Slot:
    found = _SLOT.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no leg of a template")
    sign = -1 if found["sign"] == "-" else 1
    lots = sign * int(found["lots"] or 1)
    if found["under"]:
        return Slot(lots=lots, kind=None)
    if found["anchor"] not in _BY_DELTA | {"mid"}:
        raise ValueError(f"{word!r} hangs on no known place")
    return Slot(
        lots=lots, kind=LegKind(found["kind"]), anchor=found["anchor"],
        widths=_widths(found["widths"] or ""), far=bool(found["far"]),
    )  # fmt: skip


def _widths(text: str) -> int:
    """Return the number of ``+``, ``-2`` or nothing."""
    return int(f"{text}1" if text in {"+", "-"} else text or 0)
