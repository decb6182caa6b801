"""A broker whose answers can be another share's, on another scale, revised, or with holes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import polars as pl

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite import history
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 25)
NOW = datetime(2026, 6, 25, 18, 0, tzinfo=IST)  # a Thursday, after the close
SESSIONS = calendar.sessions(calendar.Segment.EQUITY, FIRST, LAST)
LEVELS = {"SBIN": 800.0, "INFY": 1500.0, "TCS": 805.0, "IDEA": 8.0}
HALF, NEXT = SESSIONS[9], SESSIONS[10]
DATASET = "candles_15minute"
Keys = dict[tuple[str, datetime], tuple[float, ...]]
RANGES = {"exchange": pl.String, "symbol": pl.String, "date": pl.Date, "high": pl.Float64,
          "low": pl.Float64}  # fmt: skip
Span = tuple[date, date]
Row = list[Any]


def ticks(price: float) -> float:
    return round(round(price / 0.05) * 0.05, 2)


def walk(seed: str, level: float, count: int) -> list[tuple[float, float, float, float]]:
    """Return candles of a price that goes up and down by chance, in ticks."""
    dice, found, last = random.Random(seed), [], level
    for _ in range(count):
        path = [last]
        for _ in range(6):
            path.append(max(0.05, path[-1] * (1 + dice.gauss(0.0, 0.0012))))
        open_, close = ticks(path[0]), ticks(path[-1])
        found.append((open_, max(map(ticks, path)), min(map(ticks, path)), close))
        last = path[-1]
    return found


def daily(rows: list[Row]) -> list[Row]:
    """Return what the candles of each day are together."""
    found = []
    for day in dict.fromkeys(row[0][:10] for row in rows):
        held = [row[1:] for row in rows if row[0][:10] == day]
        high, low = max(row[1] for row in held), min(row[2] for row in held)
        found.append([f"{day}T00:00:00+0530", held[0][0], high, low, held[-1][3], 1000])
    return found


class Broker:
    """Answers of Kite's form; `spoil` may change the rows of a call, `teller` whose they are."""

    name: ClassVar[str] = "kite"

    def __init__(self, clock: ManualClock, *, longest: int = 60) -> None:
        self.clock, self.days_a_call = clock, longest
        self.calls: list[tuple[str, Span]] = []
        self.teller: Callable[[str, int], str] = lambda symbol, _: symbol
        self.spoil: Callable[[str, list[Row]], list[Row]] = lambda _, rows: rows
        self.split: dict[str, tuple[date, float]] = {}  # prices before a day, times a factor
        self.stop_at: int | None = None
        self.quoted = False

    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        return {"exchange": exchange.value, "tradingsymbol": symbol, "tick_size": 0.05,
                "underlying": None, "expiry": None, "strike": None, "option_type": None,
                "asset_type": "equity"}  # fmt: skip

    def joined(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        raise AssertionError((exchange, symbol))

    def longest(self, interval: Interval) -> int:
        del interval
        return self.days_a_call

    def final_before(self) -> datetime:
        return self.clock.now() - timedelta(seconds=15)

    def rows(self, symbol: str, span: Span, interval: Interval) -> list[Row]:
        if not interval.is_intraday:
            return daily(self.rows(symbol, span, Interval("15minute")))
        found: list[Row] = []
        for day in calendar.sessions(calendar.Segment.EQUITY, *span):
            begin = datetime.combine(day, time(9, 15), IST)
            end = datetime.combine(day, time(15, 30), IST)
            many = -((begin - end) // interval.length)
            until, factor = self.split.get(symbol, (date.min, 1.0))
            for number, prices in enumerate(walk(f"{symbol} {day}", LEVELS[symbol], many)):
                at = begin + number * interval.length
                if at > self.clock.now():
                    break
                told = [ticks(p * factor) for p in prices] if day < until else list(prices)
                found.append([f"{at:%Y-%m-%dT%H:%M:%S%z}", *told, 1000 + number])
        return found

    def checked(
        self, row: dict[str, Any], interval: Interval, span: Span, *,
        oi: bool = False, continuous: bool = False,
    ) -> CandleFile:  # fmt: skip
        del oi, continuous
        symbol = row["tradingsymbol"]
        number = len(self.calls)
        if number == self.stop_at:
            from alphastock_cli.errors import TransientError

            raise TransientError("it does not answer")
        self.calls.append((symbol, span))
        rows = self.spoil(symbol, self.rows(self.teller(symbol, number), span, interval))
        if not interval.is_intraday:
            return history.checked_days(
                rows, symbol=symbol, exchange=Exchange(row["exchange"]), span=span,
                now=self.final_before(), index=False, steady=True,
            )  # fmt: skip
        return history.checked(
            rows, symbol=symbol, exchange=Exchange(row["exchange"]), interval=interval, span=span,
            now=self.final_before(), steady=True,
        )  # fmt: skip

    def last_ranges(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Return the true range of the last session, where there are quotes."""
        made = []
        for row in rows if self.quoted else []:
            last = self.rows(row["tradingsymbol"], (LAST, LAST), Interval("15minute"))
            high, low = max(each[2] for each in last), min(each[3] for each in last)
            made.append((row["exchange"], row["tradingsymbol"], LAST, high, low))
        return pl.DataFrame(made, schema=RANGES, orient="row")

    def pace(self) -> tuple[int, float]:
        return 3, 1.0

    def use(self) -> dict[str, Any]:
        return {}

    def remarks(self) -> list[str]:
        return []


# -- what a test asks -----------------------------------------------------------------------------


def asked(*symbols: str, first: date = FIRST, last: date = LAST, **more: Any) -> HistoryRequest:
    return HistoryRequest(symbols=symbols or ("SBIN",), interval="15minute", first=first, last=last,
                          **more)  # fmt: skip


def stored(lake: Lake) -> Keys:
    names = ["symbol", "time", "open", "high", "low", "close", "volume"]
    return {(row[0], row[1]): row[2:]
            for row in lake.scan(DATASET).select(names).collect().iter_rows()}  # fmt: skip


def truth(broker: Broker, symbol: str, span: Span = (FIRST, LAST)) -> Keys:
    rows = broker.rows(symbol, span, Interval("15minute"))
    return {(symbol, datetime.fromisoformat(row[0])): tuple(row[1:]) for row in rows}


def reasons(lake: Lake) -> dict[str, int]:
    if not lake.files("rejects"):
        return {}
    return dict(lake.scan("rejects").collect()["reason"].value_counts().iter_rows())


def half(broker: Broker, lake: Lake, *symbols: str) -> Keys:
    fetch_history(broker, lake, broker.clock, asked(*symbols, last=HALF))
    broker.calls.clear()
    return stored(lake)


def instead(of: str, other: str, calls: Callable[[int], bool] = bool) -> Callable[[str, int], str]:
    """Let calls for one share be answered with another's candles; `calls` by their number + 1."""
    return lambda symbol, number: other if symbol == of and calls(number + 1) else symbol
