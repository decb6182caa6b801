"""The live provider in simulated time: its stream here, its calls answered by hand; a paper desk.

What a command builds of them is the product's: provider, `watch`, the view's model, desk, ledger.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.decisions import Decision, Rejected, RiskLimits
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Side, exact
from alphastock_cli.domain.ports import Capability
from alphastock_cli.domain.trading import Order, OrderEvent, OrderType, Product, Signal
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.credentials import Credentials
from alphastock_cli.providers.kite.stream.live import LiveKite
from alphastock_cli.store.journal import Journal
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker
from tests.campaign.market import LIST
from tests.campaign.w_tools import Here, TurnClock
from tests.conftest import ManualClock
from tests.unit.kite_host import FREE, SECRET, Answer, Host, bad, good, reply, store_login
from tests.unit.kite_host import KEY as API_KEY

KEY, TOKEN = "NSE:SBIN", 1001 * 256 + 1
SBIN = Instrument(
    exchange=Exchange.NSE, tradingsymbol="SBIN", asset_type=AssetType.EQUITY, series="EQ",
    has_derivatives=True,
)  # fmt: skip
D = Decimal


class QuoteHost(Host):
    """Answers calls for the list and for quotes; `moment` is that of the exchange's last word."""

    def __init__(self, moment: datetime) -> None:
        self.moment, self.last, self.away = moment, 800.0, False
        super().__init__()

    def answer(self, head: str) -> Answer:
        url = urlsplit(head.split(" ", 2)[1])
        if url.path == "/instruments":
            return reply(LIST, kind="text/csv")
        if url.path != "/quote":
            return bad(404, "GeneralException")
        if self.away:
            return bad(503, "NetworkException")
        keys = parse_qs(url.query)["i"]
        return good({key: quote_row(self.moment, self.last) for key in keys})


def quote_row(moment: datetime, last: float, volume: int = 1000) -> dict[str, Any]:
    """Return a row of Kite's quotes that contradicts itself nowhere."""
    sides = {
        name: [{"price": last + step * n, "quantity": 500, "orders": 1} for n in (1, 2)]
        for name, step in (("buy", -0.05), ("sell", 0.05))
    }
    text = f"{moment.astimezone(IST):%Y-%m-%d %H:%M:%S}"
    return {
        "timestamp": text, "last_trade_time": text, "last_price": last, "volume": volume, "oi": 0,
        "ohlc": {"open": last, "high": last + 1, "low": last - 1, "close": last}, "depth": sides,
        "lower_circuit_limit": 720.0, "upper_circuit_limit": 880.0,
    }  # fmt: skip


class Live(LiveKite):
    """Kite as `watch` has it, without what rests on days: those are calls of another kind."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.QUOTES, Capability.INSTRUMENTS}
    )
    here: Here

    @classmethod
    def on(cls, stream: Here, host: QuoteHost, clock: TurnClock, folder: Path) -> Live:
        """Return the provider on a stream that runs here, logged in, the budget free."""
        asked = KiteSettings(root=host.root, ws_root="ws://127.0.0.1:9")
        settings = Settings(data_dir=folder, provider="kite", kite=asked)
        made = cls(clock, settings, Wiring(settings, clock=clock).lake)
        held = made.connection
        held.__dict__["credentials"] = Credentials(API_KEY, SECRET, "test")
        held.__dict__["budget"] = Budget(held.folder, "free", clock, windows=FREE)
        store_login(held.folder, ManualClock(clock.now()))
        made._stream = made.here = stream
        return made


class Trader:
    """A paper desk on its own ledger; `heard` are its events."""

    def __init__(self, journal: Journal, clock: TurnClock) -> None:
        self.heard: list[OrderEvent] = []
        self.clock = clock
        policy = DeskPolicy(limits=RiskLimits(exposure_symbol_pct=D(100)))
        self.desk = Desk(
            broker=PaperBroker(), journal=journal, clock=clock, policy=policy,
            heard=self.heard.append,
        )  # fmt: skip
        self.desk.open()
        self._numbers = itertools.count(1)

    def weigh(self, quote: Quote) -> Decision:
        """Return what the desk thinks of an entry at the price of a quote, now."""
        assert quote.last_price is not None
        now, price = self.clock.now(), SBIN.round_to_tick(exact(quote.last_price), Side.BUY)
        said = Signal(
            strategy=f"test{next(self._numbers)}", instrument=SBIN, side=Side.BUY, price=price,
            reason="because", candle_time=now, valid_until=now.replace(hour=23), target=None,
            stop_loss=price * D("0.99"),
        )  # fmt: skip
        seen = Snapshot(instrument=SBIN, as_of=now, source="kite", simulated=False, quote=quote)
        return self.desk.decide(said, seen)[0]

    def buy(self, units: int = 10) -> Order:
        """Place a person's order at the market."""
        now, number = self.clock.now(), next(self._numbers)
        made = Order(
            order_id=f"M{number}", instrument=SBIN, side=Side.BUY, quantity=units,
            order_type=OrderType.MARKET, product=Product.MIS, placed_at=now, session=now.date(),
            tag=f"ASM{number}",
        )  # fmt: skip
        self.desk.submit(made)
        return made

    @property
    def fills(self) -> list[Any]:
        return [event.fill for event in self.heard if event.fill is not None]


@contextmanager
def trading(path: Path, clock: TurnClock) -> Iterator[Trader]:
    """Lend a desk on a ledger of its own."""
    with Journal.write(path, account="t", opening_cash=D(1_000_000), at=clock.now()) as journal:
        yield Trader(journal, clock)


def is_stale(decision: Decision) -> bool:
    """Tell whether an entry was refused for the age of its price."""
    return isinstance(decision, Rejected) and "stale_price" in {r.rule for r in decision.reasons}
