"""Days of simulated futures: what their quotes said when each session had ended.

A day is made from the minutes of the underlying, its carry and the interest of that session, in
the terms of that session: a split changes no earlier day. Sessions of which no table knows the
contracts have none.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time

import polars as pl

from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim import contract_quotes, contracts, moments
from alphastock_cli.providers.sim.books import Books, Now
from alphastock_cli.providers.sim.contracts import FNO
from alphastock_cli.providers.sim.kept import Kept

_KEPT = 8192  # days of contracts; the first time the minutes of an index are made for each
_Row = tuple[datetime, float, float, float, float, int, int]


class FutureDays:
    """Day candles of the futures of one seed."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._kept: Kept[_Row | None] = Kept(_KEPT)

    def of(self, symbol: str, at: Now, start: date, end: date) -> pl.DataFrame:
        """Return the final days of one contract from `start` to `end`, both inclusive."""
        rows = [self._row(symbol, number, at) for number in _final(at, start, end)]
        return _frame(symbol, rows)

    def joined(self, underlying: str, at: Now, start: date, end: date) -> pl.DataFrame:
        """Return the final days of whichever future ended next on each of them.

        Raises
        ------
        UnknownName
            Nothing is listed on it.
        """
        of, rows = self._books.underlying(underlying), []
        for number in _final(at, start, end):
            try:
                items = contracts.listed(contracts.rules_of(of), at.sessions[number])
            except OutOfRange:
                continue
            near = next((item for item in items if item.kind == "monthly"), None)
            if near is not None:
                rows.append(self._row(f"{contracts.code(of.symbol, near)}FUT", number, at))
        return _frame(of.symbol, rows)

    def _row(self, symbol: str, number: int, at: Now) -> _Row | None:
        return self._kept.get((symbol, number), lambda: self._made(symbol, number, at))

    def _made(self, symbol: str, number: int, at: Now) -> _Row | None:
        """Return the day of a contract by its quote at the end of the session."""
        day = at.sessions[number]
        ends = moments.end(day, FNO)
        then = replace(at, number=number, state=-1, under_way=False, time=ends, today=day)
        try:
            quote = contract_quotes.quote(self._books, symbol, then)
        except OutOfRange:
            return None
        if quote is None or quote.last_price is None:
            return None
        assert quote.open is not None
        assert quote.high is not None
        assert quote.low is not None
        midnight = datetime.combine(day, time(), calendar.IST)
        prices = (quote.open, quote.high, quote.low, quote.last_price)
        return (midnight, *prices, quote.volume or 0, quote.open_interest or 0)


def _final(at: Now, start: date, end: date) -> list[int]:
    """Return the numbers of the sessions of these days whose futures trade no more."""
    count = at.number if at.under_way else at.number + 1
    return [n for n in range(count) if start <= at.sessions[n] <= end]


def _frame(symbol: str, rows: list[_Row | None]) -> pl.DataFrame:
    names = ["time", "open", "high", "low", "close", "volume", "open_interest"]
    made = pl.DataFrame(
        [row for row in rows if row is not None],
        schema={name: CANDLES[name] for name in names}, orient="row",
    )  # fmt: skip
    named = made.with_columns(exchange=pl.lit("NFO"), symbol=pl.lit(symbol))
    return conform(named, CANDLES, what="sim future days")
