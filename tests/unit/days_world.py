"""A small Kite of days in memory: what is true, what is answered, what was asked. For tests.

A share walks at random over the sessions of the calendar, or over some of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.domain.frames import REJECTS
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.errors import ProviderError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite.day_book import DayBook
from alphastock_cli.providers.kite.kept_days import KeptDays
from tests.conftest import IST, ManualClock

Rows = list[list[Any]]
Spoil = Callable[[str, Rows], Rows]
FIRST = date(2026, 5, 4)
TODAY = datetime(2026, 8, 13, 11, 30, tzinfo=IST)  # a session under way
_VALUES = ("open", "high", "low", "close", "volume")
SESSIONS = calendar.sessions(calendar.Segment.EQUITY, FIRST, date(2026, 8, 31))


def walk(name: str, days: Iterable[date], start: float = 500.0) -> dict[date, list[float]]:
    """Return the days of a share: open, high, low, close, volume."""
    dice, price, found = random.Random(name), start, {}
    for day in days:
        opened, price = price, round(price * (1 + dice.uniform(-0.03, 0.03)), 2)
        top, bottom = max(opened, price), min(opened, price)
        found[day] = [opened, round(top * 1.004, 2), round(bottom * 0.996, 2), price,
                      dice.randint(1_000, 9_000)]  # fmt: skip
    return found


class World:
    """Kite's answers about some shares.

    Attributes
    ----------
    spoil : callable
        What is made of the rows of an answer, by the share's name.
    asked : list of str
        The shares asked for their days, in order.
    rejects : DataFrame
        What was set aside.
    """

    grace = timedelta(seconds=15)

    def __init__(self, shares: dict[str, dict[date, list[float]]], folder: Path) -> None:
        self.shares, self._folder = shares, folder
        self.clock = ManualClock(TODAY)
        self.spoil: Spoil = lambda _, rows: rows
        self.now = True
        self.quoted = True
        self.asked: list[str] = []
        self.said: list[str] = []
        self.shown: list[str] = []
        self.tell = self.progress = self.shown.append
        self.rejects = pl.DataFrame(schema=REJECTS)

    # -- what a book asks ---------------------------------------------------------------------

    def warn(self, text: str) -> None:
        self.said.append(text)

    def set_aside(self, rejects: pl.DataFrame) -> None:
        self.rejects = pl.concat([self.rejects, rejects]).unique()

    def is_now(self) -> bool:
        return self.now

    def pace(self) -> tuple[int, float]:
        return 3, 1.0

    def full_quotes(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {key: self.quote(key.partition(":")[2]) for key in keys} if self.quoted else {}

    def quote(self, name: str) -> dict[str, Any]:
        """Return the quote of the day under way, or of the last day that was traded."""
        days = {day: row for day, row in self.shares[name].items()
                if day <= self.clock.now().date()}  # fmt: skip
        last, earlier = max(days), sorted(days)[:-1]
        quiet = last < self.session
        row = days[last]
        before = row[3] if quiet else days[earlier[-1]][3] if earlier else row[0]
        prices = {"open": 0, "high": 0, "low": 0} if quiet else dict(
            zip(("open", "high", "low"), row, strict=False)
        )  # fmt: skip
        return {"timestamp": f"{self.session} 11:29:00", "last_trade_time": f"{last} 11:28:00",
                "last_price": row[3], "average_price": row[3], "volume": 0 if quiet else row[4],
                "ohlc": {**prices, "close": before}}  # fmt: skip

    @property
    def session(self) -> date:
        """The last session that has opened."""
        return calendar.latest_session(calendar.Segment.EQUITY, self.clock.now()).day

    def answer(
        self, row: dict[str, Any], interval: Interval, span: tuple[date, date]
    ) -> list[list[Any]]:
        assert interval is Interval.DAY
        name = row["tradingsymbol"]
        self.asked.append(name)
        return self.spoil(name, self.told(name, *span))

    def told(self, name: str, first: date = date.min, last: date = date.max) -> Rows:
        """Return the true rows of a share up to the day under way."""
        last = min(last, self.clock.now().date())
        return [[f"{day}T00:00:00+0530", *row] for day, row in self.shares[name].items()
                if first <= day <= last]  # fmt: skip

    # -- what a test asks ---------------------------------------------------------------------

    def listed(self) -> list[dict[str, Any]]:
        return [{"exchange": "NSE", "tradingsymbol": name, "instrument_token": number,
                 "tick_size": 0.05, "asset_type": AssetType.EQUITY}
                for number, name in enumerate(self.shares)]  # fmt: skip

    def scan(self) -> tuple[dict[str, dict[date, list[float]]], list[str]]:
        """Return the days of a run of its own, and which shares it asked for."""
        self.asked, self.said = [], []
        book = DayBook(Exchange.NSE, KeptDays(self._folder / "NSE.parquet"), self, self.clock)
        rows = self.listed()
        last = calendar.last_final_session(calendar.Segment.EQUITY, self.clock.now()).day
        found: dict[str, dict[date, list[float]]] = {}
        try:
            for _ in range(2):  # a process asks once
                without = book.ensure(rows, FIRST, last)
        except ProviderError as error:
            self.said.append(error.what)
            return {}, self.asked
        for row in rows:
            token, name = row["instrument_token"], row["tradingsymbol"]
            if token not in without:
                days = book.rows.filter(token=token).select("date", *_VALUES)
                found[name] = {day: [float(v) for v in values] for day, *values in days.rows()}
        return found, self.asked

    def truth(self, *names: str) -> dict[str, dict[date, list[float]]]:
        """Return the days that are over, of the shares named."""
        last = calendar.last_final_session(calendar.Segment.EQUITY, self.clock.now()).day
        return {name: {day: [float(v) for v in row] for day, row in self.shares[name].items()
                       if day <= last} for name in names}  # fmt: skip
