"""Quotes of futures and options at a moment, with five levels of depth while trade is under way."""

from __future__ import annotations

import numpy as np

from alphastock_cli.domain.data import Quote
from alphastock_cli.providers.sim import chain, interest
from alphastock_cli.providers.sim.books import Books, Now
from alphastock_cli.providers.sim.contracts import Terms
from alphastock_cli.providers.sim.days import Array
from alphastock_cli.providers.sim.depth import depth, rupees


def quote(books: Books, symbol: str, at: Now) -> Quote | None:
    """Return the quote of a contract by its tradingsymbol, None where it is unknown.

    A contract that is listed for the session to come has no price yet.
    """
    found = books.find(symbol, at)
    if found is None:
        return None
    terms, rest = found
    place = terms.number_of(rest)
    if place is None and not (rest == "FUT" and terms.has_future):
        return None
    if not terms.held:
        return Quote(key=f"NFO:{symbol}", time=at.time, last_price=None)
    if place is None:
        return _future(books, terms, at)
    return _option(books, f"NFO:{symbol}", terms, place, at)


def _option(books: Books, key: str, terms: Terms, place: tuple[int, bool], at: Now) -> Quote:
    held, market = books.held(terms, at), books.market(terms.of, at)
    row, side = place[0] - int(held.numbers[0]), 0 if place[1] else 1
    board, strike = books.board(held, at), held.strikes[row]

    def worth(of: chain.Market, path: Array) -> Array:
        made = chain.values(terms, of, strike, path)[:, side]
        return chain.ticks(made, terms.option_tick)

    oi, volume = books.flow(held, at)
    previous = None
    if books.listed_before(terms, at):
        previous = int(worth(books.market_before(terms.of, at), np.arange(1))[0])
    return _made(
        key, terms, at, tick=terms.option_tick, path=worth(market, _path(market, at)),
        prices=tuple(int(part[row, side]) for part in (board.last, board.bid, board.ask)),
        previous=previous, lots=(int(volume[row, side]), int(oi[row, side])),
        book=books.book(held, at)[row, side] if at.under_way else None, books=books,
    )  # fmt: skip


def _future(books: Books, terms: Terms, at: Now) -> Quote:
    market, tick = books.market(terms.of, at), terms.future_tick
    before, oi, volume = books.future_flow(terms, at)
    book, previous = None, None
    if at.under_way:
        day = market.day.toordinal()
        book = interest.future_book(books.spot.seed, terms, ordinal=day, step=at.state, base=before)
    if books.listed_before(terms, at):
        previous = chain.future_ticks(terms, books.market_before(terms.of, at), 0)[0]
    path = chain.ticks(chain.forward(terms, market, _path(market, at)), tick)
    return _made(
        f"NFO:{terms.future}", terms, at, tick=tick, path=path,
        prices=chain.future_ticks(terms, market, at.state), previous=previous,
        lots=(volume, oi), book=book, books=books,
    )  # fmt: skip


def _path(market: chain.Market, at: Now) -> Array:
    """Return every state of the session up to the moment's."""
    every = np.arange(len(market.times))
    return every if at.state < 0 else every[: at.state + 1]


def _made(
    key: str,
    terms: Terms,
    at: Now,
    *,
    books: Books,
    tick: float,
    path: Array,
    prices: tuple[int, ...],
    previous: int | None,
    lots: tuple[int, int],
    book: Array | None,
) -> Quote:
    """Return a quote from prices in ticks and quantities in lots."""
    last, bid, ask = prices
    volume, oi = (part * terms.lot for part in lots)
    units = None if book is None else (book * terms.lot).tolist()
    bought = bid if units and bid >= 1 else None  # below one tick nobody bids
    gap = max(1, (ask - bid) // 3)
    return Quote(
        key=key, time=at.time, last_price=rupees(last, tick), open=rupees(int(path[0]), tick),
        high=rupees(max(int(path.max()), last), tick), low=rupees(min(int(path.min()), last), tick),
        previous_close=None if previous is None else rupees(previous, tick),
        volume=volume, open_interest=oi,
        last_trade_time=books.traded(terms.of, at) if volume else None,
        bid=None if bought is None else rupees(bought, tick),
        ask=None if units is None else rupees(ask, tick),
        bid_quantity=None if units is None or bought is None else units[0][0],
        ask_quantity=None if units is None else units[1][0],
        depth=None if units is None
        else depth(bought, ask, units, tick=tick, lot=terms.lot, gap=gap),
    )  # fmt: skip
