"""Which futures and options the simulated exchange lists: expiries, strikes, lots, ticks, symbols.

Expiries, lots of indices and ticks are the exchange's dated tables. Invented are the strike steps
(`data/strike_steps.csv`) and the lots of shares: no table row has them, so a lot is the multiple
of 25 that is worth about seven and a half lakh rupees, and a split multiplies it. Shares that are
themselves invented (``SIM0001`` and on) have no contracts.
"""

from __future__ import annotations

import csv
import re
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar, contracts, expiries, indices
from alphastock_cli.exchange.closes import contract_close
from alphastock_cli.exchange.expiries import Expiry
from alphastock_cli.providers.sim.days import Array, Days
from alphastock_cli.providers.sim.moments import micros
from alphastock_cli.providers.sim.spot import Spot
from alphastock_cli.providers.sim.universe import index_names, is_invented

FNO = calendar.Segment.FNO
_STEPS = Path(__file__).with_name("data") / "strike_steps.csv"
_INDEX_STRIKES, _SHARE_STRIKES = 40, 15  # on either side of the previous close
_MEMORY = 90  # sessions: a strike listed within them is quoted on when the market has left it
_LOT_WORTH, _LOT_UNIT = 750_000.0, 25
_BEFORE = 4  # months between the close that settles lot and step, and the month of expiry
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKLY_MONTHS = "123456789OND"
_INDEX_NUMBERS = 1 << 12  # stream numbers of indices begin above those of listed shares
_OPTION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(CE|PE)")


@dataclass(frozen=True, slots=True)
class Underlying:
    """What contracts are listed on: an index (lane -1) or a share.

    `symbol` is the name in derivatives, `spot` that in the cash market; `number` names streams.
    """

    symbol: str
    spot: str
    lane: int
    number: int
    weight: float

    @property
    def is_index(self) -> bool:
        """Whether it is an index."""
        return self.lane < 0


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """One expiry of an underlying as it is on one session.

    Strikes are whole multiples of `step` rupees: listed are those from `first` to `last`, and
    quoted those from `lowest` to `highest`. Ticks are rupees; `closes` is when the contract ends,
    microseconds since 1970 UTC. `held` tells that the expiry was listed on that session.
    """

    of: Underlying
    expiry: date
    code: str
    kind: str
    lot: int
    option_tick: float
    future_tick: float
    step: float
    first: int
    last: int
    lowest: int
    highest: int
    closes: int
    held: bool

    @property
    def strikes(self) -> Array:
        """Listed strikes in rupees, ascending."""
        return np.round(np.arange(self.first, self.last + 1) * self.step, 2)

    @property
    def future(self) -> str:
        """The future's tradingsymbol."""
        return f"{self.code}FUT"

    @property
    def has_future(self) -> bool:
        """Whether a future ends with this expiry: those of the three near months do."""
        return self.kind == "monthly"

    def options(self) -> list[str]:
        """Return tradingsymbols, CE before PE at a strike, strikes ascending."""
        texts = [strike_text(strike) for strike in self.strikes.tolist()]
        return [f"{self.code}{text}{kind}" for text in texts for kind in ("CE", "PE")]

    def number_of(self, rest: str) -> tuple[int, bool] | None:
        """Return the number of a strike and whether it is a call, from the end of a symbol."""
        found = _OPTION.fullmatch(rest)
        if found is None:
            return None
        number = round(float(found[1]) / self.step)
        same = strike_text(number * self.step) == found[1]
        return (number, found[2] == "CE") if same and self._quoted(number) else None

    def _quoted(self, number: int) -> bool:
        return self.lowest <= number <= self.highest


def underlyings(spot: Spot) -> dict[str, Underlying]:
    """Return every underlying by the name of its contracts: indices, then listed shares."""
    names = index_names(len(spot.shares))
    found: dict[str, Underlying] = {}
    for symbol in contracts.symbols():
        index = indices.underlying_index(symbol)
        if index in names and contracts.exchange_of(symbol) is Exchange.NFO and symbol in _steps():
            number = _INDEX_NUMBERS + zlib.crc32(symbol.encode()) % _INDEX_NUMBERS
            found[symbol] = Underlying(symbol, index, -1, number, 0.0)
    for lane, share in enumerate(spot.shares):
        if not is_invented(share):
            found[share.symbol] = Underlying(
                share.symbol, share.symbol, lane, share.number, share.weight
            )
    return found


@lru_cache(maxsize=512)
def listed(symbol: str, on: date) -> tuple[Expiry, ...]:
    """Return the expiries of an index by its symbol, or of `contracts.STOCKS`, on a day."""
    return expiries.listed_expiries(symbol, on)


def rules_of(of: Underlying) -> str:
    """Return the name by which the tables know the rules of an underlying."""
    return of.symbol if of.is_index else contracts.STOCKS


def code(symbol: str, expiry: Expiry) -> str:
    """Return the part of a tradingsymbol before strike or FUT, by Kite's pattern.

    A month's last expiry is written with the month's name, a weekly one with its day.
    """
    day = expiry.day
    if expiry.kind == "weekly":
        return f"{symbol}{day:%y}{_WEEKLY_MONTHS[day.month - 1]}{day:%d}"
    return f"{symbol}{day:%y}{_MONTHS[day.month - 1]}"


def strike_text(strike: float) -> str:
    """Return a strike as symbols write it: paise only where there are any."""
    return f"{strike:.2f}".rstrip("0").rstrip(".")


def terms(
    spot: Spot, of: Underlying, expiry: Expiry, sessions: Sequence[date], number: int
) -> Terms:
    """Return the terms of an expiry on the session `number`.

    Raises
    ------
    OutOfRange
        The tables hold no lot or tick of that day.
    """
    day, count = sessions[number], len(sessions)
    level, split = _reference(spot, of, expiry.day, sessions, number)
    step = _step(of, level * split)
    base = history(spot, of, count, number - _MEMORY, number)
    before = float(base[-1])
    width = _INDEX_STRIKES if of.is_index else _SHARE_STRIKES

    def around(price: float, side: int) -> int:
        return max(1, round(price / step) + side * width)

    option, future = _ticks(spot, of, sessions, number)
    lot = contracts.lot_size(of.symbol, expiry.day, day) if of.is_index else _lot(level, split)
    if lot is None or option is None or future is None:
        raise OutOfRange(f"the tables have no lot or tick of {of.symbol} on {day}")
    return Terms(
        of=of, expiry=expiry.day, code=code(of.symbol, expiry), kind=expiry.kind, lot=lot,
        option_tick=float(option), future_tick=float(future), step=step,
        first=around(before, -1), last=around(before, 1),
        lowest=around(float(base.min()), -1), highest=around(float(base.max()), 1),
        closes=closes(expiry.day),
        held=expiry.day in {item.day for item in listed(rules_of(of), day)},
    )  # fmt: skip


def history(spot: Spot, of: Underlying, count: int, start: int, end: int) -> Array:
    """Return closes of the sessions before `start` + 1 to `end`, in terms of session `end`.

    Splits are taken out: the last item is the previous close as the price band of `end` counts it.
    """
    begin = max(start, 0)
    if of.is_index:
        rows = spot.index_rows(of.spot, count)
        return rows["previous_close"][begin : end + 1]
    d = spot.days(count)
    factor = d.factor[of.lane, begin : end + 1]
    later = np.cumprod(factor[::-1])[::-1]  # of a day and all that follow, up to `end`
    found: Array = d.previous_close[of.lane, begin : end + 1] * later
    return found


@lru_cache(maxsize=512)
def closes(expiry: date) -> int:
    """Return when the contracts of an expiry end, microseconds since 1970 UTC."""
    return micros(contract_close(Exchange.NFO, expiry))


def _reference(
    spot: Spot, of: Underlying, expiry: date, sessions: Sequence[date], number: int
) -> tuple[float, float]:
    """Return the close that settles lot and step, and the splits since then.

    It is that of the last session four months before the month of expiry, which is over before a
    near contract is listed: lot and step stay the same as long as it is. A contract that is listed
    for years takes the last month that is over.
    """
    months = min(12 * expiry.year + expiry.month - _BEFORE, 12 * sessions[number].year
                 + sessions[number].month - 1)  # fmt: skip
    at = _last_of_month(sessions, months)
    count = len(sessions)
    if of.is_index:
        return float(spot.index_rows(of.spot, count)["close"][at]), 1.0
    d: Days = spot.days(count)
    return float(d.close[of.lane, at]), float(np.prod(d.factor[of.lane, at + 1 : number + 1]))


def _last_of_month(sessions: Sequence[date], months: int) -> int:
    """Return the number of the last session of a month counted from year 0, at least 0."""
    after = date(months // 12, months % 12 + 1, 1)  # January being 1, the month after
    return max(bisect_left(sessions, after) - 1, 0)


def _ticks(
    spot: Spot, of: Underlying, sessions: Sequence[date], number: int
) -> tuple[Decimal | None, Decimal | None]:
    """Return the ticks of options and futures: of shares by their class of the month."""
    day = sessions[number]
    if of.is_index:
        found = (contracts.tick_size(of.symbol, day, kind) for kind in ("option_", "future_"))
        return next(found), next(found)
    at = _last_of_month(sessions, 12 * day.year + day.month - 1)
    close = Decimal(repr(float(spot.days(len(sessions)).close[of.lane, at])))
    kinds = (contracts.price_tick(kind, close, day) for kind in ("stock_option", "stock_future"))
    return next(kinds), next(kinds)


def _lot(level: float, split: float) -> int:
    units = max(1, round(_LOT_WORTH / level / _LOT_UNIT)) * _LOT_UNIT
    return round(units / split)


def _step(of: Underlying, level: float) -> float:
    rows = _steps()[of.symbol if of.is_index else "STOCKS"]
    return next(step for start, step in reversed(rows) if start <= level)


@cache
def _steps() -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    with _STEPS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            pair = (float(row["level_from"]), float(row["step"]))
            found.setdefault(row["underlying"], []).append(pair)
    return found
