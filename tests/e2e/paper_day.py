"""A process that trades on paper as fast as it can, until it is killed: not a test itself.

``python paper_day.py LEDGER SEED``. Prints one line for each acknowledged fill, after its commit.
Without arguments it reads them from lines of standard input and forks a child for each, so that
many can be started without importing everything again; it says when one has ended, and how.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from alphastock_cli.domain.data import Depth, Level, Quote, Snapshot
from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval, Side
from alphastock_cli.domain.trading import OrderEvent, Signal
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.store.journal import Journal
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker

OPENS = datetime(2026, 11, 20, 9, 15, tzinfo=IST)
CASH = Decimal(100_000_000)
SHARES = [
    Instrument(exchange=Exchange.NSE, tradingsymbol=f"SHARE{i}", asset_type=AssetType.EQUITY)
    for i in range(8)
]
FREE = RiskLimits(
    exposure_symbol_pct=Decimal(5), max_orders_per_day=10**9, daily_loss_pct=Decimal(99),
    drawdown_pct=Decimal(99), risk_per_trade_pct=Decimal("0.001"),
)  # fmt: skip


class Clock:
    """The present is that of the last quote; a new run goes on after the ledger's last moment."""

    def __init__(self, start: datetime) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def quotes(clock: Clock, draws: random.Random) -> Iterator[tuple[Instrument, Quote]]:
    """Yield the quotes of random walks, 20 ms apart, for ever."""
    ticks = {share.key: 2000 for share in SHARES}
    volume = dict.fromkeys(ticks, 0)
    while True:
        share = draws.choice(SHARES)
        clock.moment += timedelta(milliseconds=20)
        key = share.key
        ticks[key] = max(100, ticks[key] + draws.randint(-8, 8))
        volume[key] += draws.randint(0, 200)

        def side(sign: int, at: int = ticks[key]) -> tuple[Level, ...]:
            return tuple(
                Level(round((at + sign * i) * 0.05, 2), draws.randint(1, 90)) for i in range(1, 6)
            )

        yield share, Quote(
            key=key, time=clock.moment, last_price=round(ticks[key] * 0.05, 2),
            volume=volume[key], depth=Depth(buy=side(-1), sell=side(1)),
        )  # fmt: skip


def signal(share: Instrument, quote: Quote, draws: random.Random) -> Signal:
    """Return an opinion with a stop and a target a few ticks away."""
    buy, price = draws.random() < 0.5, Decimal(repr(quote.last_price))
    away = Decimal("0.50") if buy else Decimal("-0.50")
    return Signal(
        strategy="random", instrument=share, side=Side.BUY if buy else Side.SELL, price=price,
        reason="a coin", candle_time=quote.time, valid_until=quote.time + timedelta(minutes=1),
        stop_loss=price - away, target=price + away,
    )  # fmt: skip


def said(event: OrderEvent) -> None:
    """Acknowledge a fill: what is printed here has been committed."""
    if event.fill is not None:
        made = event.fill
        tell(f"{made.order_id}/{made.seq} {made.quantity} {made.price}")


def tell(line: str) -> None:
    """Write a line in one go: a process killed has written all of it or nothing."""
    os.write(1, f"{line}\n".encode())


def trade(journal: Journal, seed: int) -> None:
    draws = random.Random(seed)
    last = journal.last_moment()
    clock = Clock(OPENS if last is None else last + timedelta(milliseconds=1))
    desk = Desk(broker=PaperBroker(), journal=journal, clock=clock, heard=said,
                policy=DeskPolicy(limits=FREE))  # fmt: skip
    began = time.monotonic()
    desk.open()
    tell(f"ready {time.monotonic() - began:.3f}")
    for count, (share, quote) in enumerate(quotes(clock, draws)):
        desk.advance(quote)
        if count % 5 == 0:
            seen = Snapshot(instrument=share, as_of=quote.time, source="walk", simulated=True,
                            quote=quote, interval=Interval.MINUTE)  # fmt: skip
            _, order = desk.decide(signal(share, quote, draws), seen)
            if order is not None:
                desk.place(order)
        if count % 50 == 0:
            desk.settle()


def run(path: str, seed: str) -> int:
    try:
        with Journal.write(Path(path), account="kills", opening_cash=CASH, at=OPENS) as held:
            trade(held, int(seed))
    except AlphaStockError as error:
        sys.stderr.write(f"{error.what}\n")
        sys.stderr.flush()  # the child of a nursery ends without ceremony
        return error.exit_code
    return 0


def nursery() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            tell(f"pid {os.getpid()}")
            os._exit(run(*line.split()))
        _, status = os.waitpid(child, 0)
        tell(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run(*sys.argv[1:]))
    nursery()
