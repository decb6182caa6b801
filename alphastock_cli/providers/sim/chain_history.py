"""The chains of earlier sessions as they closed, as far as the volatility at the money needs them.

No minutes are made for it: the close of a session follows from its daily figures. What a chain is
worth is `chain.py`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from alphastock_cli.domain.frames import TIME
from alphastock_cli.errors import OutOfRange
from alphastock_cli.providers.sim import chain, contracts, moments
from alphastock_cli.providers.sim.books import Books, Now
from alphastock_cli.providers.sim.contracts import FNO, Underlying
from alphastock_cli.providers.sim.days import Array
from alphastock_cli.providers.sim.depth import per_rupee

_STRIKES = 8  # each side of the money: more than a forward by parity looks at
HISTORY = pl.Schema(
    {
        "time": TIME,  # the end of the session
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "strike": pl.Float64(),
        "option_type": pl.String(),
        "last_price": pl.Float64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "volume": pl.Int64(),
        "last_trade_time": TIME,
    }
)


class _Part(NamedTuple):
    """One expiry as one session closed; prices are CE and PE of each strike in turn, rupees."""

    time: datetime
    underlying: str
    expiry: date
    strikes: Array
    prices: Array


def earlier_chains(
    books: Books, named: Sequence[Underlying], at: Now, *, before: date, sessions: int, ahead: int
) -> pl.DataFrame:
    """Return the closes next to the money of each session before a day, of the expiries about then.

    Parameters
    ----------
    before : date
        That session and later ones are left out, and so is the moment's own.
    sessions : int
        How many sessions back.
    ahead : int
        Calendar days: of the listed expiries the last one up to then and the first from then on.

    Returns
    -------
    DataFrame
        `HISTORY`, sorted by underlying, time and expiry; the strikes of a session in its own terms.
        Sessions whose contracts no table knows are left out.
    """
    numbers = [n for n in range(at.number) if at.sessions[n] < before][-sessions:]
    parts: list[_Part] = []
    for of in named:
        for number in numbers:
            try:
                parts.extend(_session(books, of, at, number, ahead))
            except OutOfRange:
                continue
    return _frame(parts).sort("underlying", "time", "expiry", maintain_order=True)


def _session(books: Books, of: Underlying, at: Now, number: int, ahead: int) -> Iterator[_Part]:
    """Yield the chains of one session."""
    day = at.sessions[number]
    ends = moments.end(day, FNO)
    items = contracts.listed(contracts.rules_of(of), day)
    chosen = _about([item.day for item in items], day, ahead)
    if not chosen:
        return
    held = replace(
        chain.market_before(books.spot, of, at.sessions, number + 1),
        spot=np.array([_close(books, of, at, number)]), times=np.array([moments.micros(ends)]),
    )  # fmt: skip
    then = replace(at, number=number, state=-1, under_way=False, time=ends, today=day)
    for item in items:
        if item.day not in chosen:
            continue
        terms = books.terms(of, item, then)
        middle = round(float(chain.forward(terms, held, 0)) / terms.step)
        first, last = max(terms.first, middle - _STRIKES), min(terms.last, middle + _STRIKES)
        strikes = np.round(np.arange(first, last + 1) * terms.step, 2)
        worth = chain.ticks(chain.values(terms, held, strikes, 0), terms.option_tick)
        yield _Part(ends, of.symbol, item.day, strikes, _rupees(worth, terms.option_tick))


def _about(listed: Sequence[date], day: date, ahead: int) -> set[date]:
    """Return the live expiries next to a time ahead, one on each side."""
    then, live = day + timedelta(days=ahead), sorted(each for each in listed if each > day)
    return {*[each for each in live if each <= then][-1:], *[e for e in live if e >= then][:1]}


def _close(books: Books, of: Underlying, at: Now, number: int) -> float:
    """Return the close of the underlying on a session, in its own terms."""
    count = len(at.sessions)
    if of.is_index:
        return float(books.spot.index_rows(of.spot, count)["close"][number])
    return float(books.spot.days(count).close[of.lane, number])


def _frame(parts: Sequence[_Part]) -> pl.DataFrame:
    """Return the chains as one frame: made at once, as there are hundreds of them."""
    if not parts:
        return pl.DataFrame(schema=HISTORY)
    heads = pl.DataFrame(
        [(part.time, part.underlying, part.expiry, 2 * len(part.strikes)) for part in parts],
        schema={**dict(list(HISTORY.items())[:3]), "count": pl.UInt32}, orient="row",
    )  # fmt: skip
    rows = heads.select(pl.all().exclude("count").repeat_by("count").explode())
    strikes = np.repeat(np.concatenate([part.strikes for part in parts]), 2)
    return rows.with_columns(
        pl.Series("strike", strikes),
        pl.Series("option_type", ["CE", "PE"] * (len(strikes) // 2)),
        pl.Series("last_price", np.concatenate([part.prices for part in parts])),
        *(pl.lit(None, HISTORY[name]).alias(name)
          for name in ("bid", "ask", "volume", "last_trade_time")),
    )  # fmt: skip


def _rupees(ticks: Array, tick: float) -> Array:
    """Return prices in rupees, flat, each the float nearest to its decimal."""
    flat = ticks.ravel()
    return flat / per_rupee(tick) if tick < 1.0 else flat * tick
