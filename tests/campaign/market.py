"""A market on the fault host: a list, candles that are known beforehand, and what goes wrong.

The product's own way from command to lake is walked against it: provider, client, budget, store.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from alphastock_cli.actions.fetch_history import HistoryRequest
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite import Kite
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.credentials import Credentials
from alphastock_cli.store.lake import Lake
from tests.campaign.counts import Counts
from tests.conftest import IST, ManualClock
from tests.unit.kite_host import (
    FREE,
    KEY,
    SECRET,
    TOKEN,
    Answer,
    Host,
    bad,
    good,
    reply,
    store_login,
)

SHARES = ("INFY", "SBIN", "TCS")
NOW = datetime(2026, 6, 26, 18, 0, tzinfo=IST)  # a Friday, after the close
FIRST, LAST = date(2026, 6, 15), date(2026, 6, 26)
INTERVAL, STEP = "60minute", timedelta(minutes=60)
_OPEN, _CLOSE = time(9, 15), time(15, 30)
_HEAD = ("instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
         "lot_size,instrument_type,segment,exchange")  # fmt: skip
LIST = "\n".join(
    [_HEAD, *(f"{n * 256 + 1},{n},{name},{name},0,,0,0.05,1,EQ,NSE,NSE"
              for n, name in enumerate(SHARES, 1000))]
).encode()  # fmt: skip
_TOKENS = {n * 256 + 1: name for n, name in enumerate(SHARES, 1000)}

REQUEST = HistoryRequest(symbols=SHARES, interval=INTERVAL, first=FIRST, last=LAST)
Row = list[Any]
H = TypeVar("H", bound=Host)


@dataclass(frozen=True)
class Stage(Generic[H]):
    """What the repetitions of a row share: counts, host, clock and dice."""

    found: Counts
    host: H
    clock: ManualClock
    dice: random.Random


@dataclass(frozen=True, slots=True)
class Call:
    """One request for candles as it arrived; `number` counts them from 0."""

    number: int
    symbol: str
    token: str
    first: datetime
    last: datetime


class MarketHost(Host):
    """Answers as Kite does, unless `fault` says otherwise of a call for candles."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.calls: list[Call] = []
        self.fault: Callable[[Call], Answer | None] = lambda _: None
        self.spoil: Callable[[list[Row]], list[Row]] = lambda rows: rows
        self.tokens = {TOKEN}
        super().__init__()

    def answer(self, head: str) -> Answer:
        url = urlsplit(head.split(" ", 2)[1])
        lines = head.split("\r\n")
        token = next((x for x in lines if x.startswith("Authorization")), "").rpartition(":")[2]
        if url.path == "/instruments":
            return reply(LIST, kind="text/csv")
        if not url.path.startswith("/instruments/historical/"):
            return bad(404, "GeneralException")
        asked = parse_qs(url.query)
        symbol = _TOKENS[int(url.path.split("/")[3])]
        call = Call(len(self.calls), symbol, token, *(
            datetime.fromisoformat(asked[name][0]).replace(tzinfo=IST) for name in ("from", "to")
        ))  # fmt: skip
        self.calls.append(call)
        wrong = self.fault(call)
        if wrong is not None:
            return wrong
        if token not in self.tokens:
            return bad(403, "TokenException", "Incorrect api_key or access_token.")
        rows = truth(symbol, call.first, min(call.last, self.clock.now()))
        return good({"candles": self.spoil(rows)})


def truth(symbol: str, first: datetime, last: datetime) -> list[Row]:
    """Return the candles that begin in a span, as Kite tells them, the one under way among them."""
    rows = []
    for day in calendar.sessions(calendar.Segment.EQUITY, first.date(), last.date()):
        at, end = (datetime.combine(day, each, IST) for each in (_OPEN, _CLOSE))
        while at < end and at <= last:
            rows.append([f"{at:%Y-%m-%dT%H:%M:%S%z}", *prices(symbol, at)])
            at += STEP
    return rows


def prices(symbol: str, at: datetime) -> tuple[float, float, float, float, int]:
    """Return open, high, low, close and volume: another for every candle, always the same."""
    mixed = (int(at.timestamp()) // 900 * 2654435761 + sum(map(ord, symbol))) % 100_003
    base = 500.0 + mixed % 97
    return base, base + 2.05, base - 1.95, base + (mixed % 39) / 20 - 0.95, 1000 + mixed


@contextmanager
def market(clock: ManualClock) -> Iterator[MarketHost]:
    host = MarketHost(clock)
    try:
        yield host
    finally:
        host.close()


def opened(
    folder: Path, host: MarketHost, clock: ManualClock, chance: Callable[[], float]
) -> tuple[Kite, Lake]:
    """Return provider and lake as the program builds them, logged in, the budget free."""
    settings = Settings(data_dir=folder, provider="kite", kite=KiteSettings(root=host.root))
    wiring = Wiring(settings, clock=clock)
    made = wiring.provider("kite")
    assert isinstance(made, Kite)
    connection = made.connection
    connection.__dict__["credentials"] = Credentials(KEY, SECRET, "test")
    connection.__dict__["budget"] = Budget(connection.folder, "free", clock, windows=FREE)
    connection.rest._chance = chance
    if connection.sessions.peek() is None:
        store_login(connection.folder, clock)
    return made, wiring.lake


def stored(lake: Lake) -> dict[tuple[str, datetime], tuple[float, ...]]:
    """Return what the lake holds, by symbol and moment."""
    names = ["symbol", "time", "open", "high", "low", "close", "volume"]
    rows = lake.scan(f"candles_{INTERVAL}").select(names).collect().rows()
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def expected(
    symbols: Sequence[str], first: date = FIRST, last: date = LAST
) -> dict[tuple[str, datetime], tuple[float, ...]]:
    """Return what the lake has to hold of these symbols."""
    begin = datetime.combine(first, time(), IST)
    end = datetime.combine(last, time(23, 59, 59), IST)
    return {
        (symbol, datetime.fromisoformat(row[0])): tuple(row[1:])
        for symbol in symbols
        for row in truth(symbol, begin, end)
    }


def named(*symbols: str) -> HistoryRequest:
    return replace(REQUEST, symbols=symbols)
