"""The sandbox's state: sessions, listing, desk, limits, faults; calls in, replies out.

No socket and no thread: `web.py` carries calls here and replies back, one at a time. The market
comes from outside, and moves on in `beat`.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.stream import shards
from alphastock_cli.sandbox import wreck
from alphastock_cli.sandbox.account import Account
from alphastock_cli.sandbox.alerts import Alerts
from alphastock_cli.sandbox.buckets import Holding
from alphastock_cli.sandbox.call import Call
from alphastock_cli.sandbox.desk import Desk
from alphastock_cli.sandbox.faults import Faults
from alphastock_cli.sandbox.limits import Limiter, Rates
from alphastock_cli.sandbox.listing import Listed, Listing
from alphastock_cli.sandbox.order_calls import OrderCalls
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError, Reply, failure, success
from alphastock_cli.sandbox.safely import safely, tell
from alphastock_cli.sandbox.sessions import App, Sessions
from alphastock_cli.sandbox.stream import Subscriber
from alphastock_cli.sandbox.tickets import Ticket
from alphastock_cli.sandbox.triggers import Triggers

_LOOK, _LOOK_SECONDS = 100, 0.3  # instruments asked at once, and how long in all


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The rules of the house: opening cash, what is held, and switches of the rules of 2026."""

    cash: float = 1_000_000.0
    holdings: tuple[tuple[str, int], ...] = (("NSE:INFY", 50), ("NSE:SBIN", 100))
    market_protection: bool = True
    auto_login: bool = False


class Sandbox:
    """A local exchange that answers as Kite does.

    Parameters
    ----------
    market : MarketData
        What is quoted; nothing is asked of any network.
    clock : Clock
        The market's time: of a replay its own.
    wall : Clock
        The caller's time: sessions and what the broker's API allows go by it.
    """

    def __init__(
        self, market: MarketData, *, clock: Clock, wall: Clock, app: App | None = None,
        rates: Rates | None = None, faults: Faults | None = None, house: House | None = None,
    ) -> None:  # fmt: skip
        self.market, self.clock, self.wall = market, clock, wall
        self.faults = faults or Faults()
        self.sessions = Sessions(app or App(), wall)
        self.limiter = Limiter(rates or Rates.of(self.today()))
        self.house = house or House()
        self.subscribers: list[Subscriber] = []
        self._listing: Listing | None = None
        self._looked = 0
        self._stamps: dict[str, datetime] = {}  # of the last quote of each key
        self.calls = OrderCalls(self)
        self.forget()

    def forget(self) -> None:
        """Begin anew: opening cash and holdings, no orders, triggers or alerts."""
        user, now = self.sessions.app.user_id, self.clock.now
        self.icebergs: dict[str, tuple[Form, int, int]] = {}
        self.desk = Desk(
            self.market, self.clock, self.wall, self.faults, user=user, tell=self.calls.told,
            refuse=self._refused,
        )  # fmt: skip
        self.account = Account(self.house.cash, self.quotes, self._tickets, now)
        self.triggers = Triggers(user, self.item, now, self.today, self.calls)
        self.alerts = Alerts(user, self.item, now, self.today)
        self._endowed = False

    def today(self) -> date:
        """Return the caller's day in India."""
        return self.wall.now().astimezone(IST).date()

    # -- what is listed -----------------------------------------------------------------------

    @property
    def listing(self) -> Listing:
        """The instruments of the market's day."""
        day = self.market.as_of().date()
        if self._listing is None or self._listing.day != day:
            self._listing = Listing(self.market)
        return self._listing

    def item(self, key: str) -> Listed | None:
        """Return an instrument by its key."""
        return self.listing.by_key.get(key)

    def by_token(self, token: int) -> Listed | None:
        """Return an instrument by its token."""
        return self.listing.by_token.get(token)

    def quotes(self, keys: list[str]) -> dict[str, Quote]:
        """Return the market's quotes of what is listed."""
        return self.market.quotes([key for key in keys if self.item(key) is not None])

    # -- calls --------------------------------------------------------------------------------

    @cached_property
    def _routes(self) -> Any:  # noqa: ANN401 - imported here: the routes know this class
        from alphastock_cli.sandbox import account_routes, routes, routing

        _ = (routes, account_routes)  # they fill the table by being imported
        return routing

    def answer(self, call: Call) -> Reply:
        """Return the reply to one call, in the manner the faults in force ask for."""
        try:
            return self._played(call)
        except Exception as error:  # noqa: BLE001 - whatever it is: an answer, and a line about it
            tell(f"{call.method} {call.path}", error)
            return failure(
                CallError(500, "GeneralException", "The sandbox failed; nothing was changed.")
            )

    def _played(self, call: Call) -> Reply:
        self._apply_session_faults()
        self.desk.catch_up()
        if call.path.startswith("/sandbox/"):
            return self._done(call)
        refused = wreck.instead(self.faults, call.path)
        if refused is not None:
            self.limiter.counts["faults"] += 1
            return refused
        return wreck.broken(self.faults, call.path, self._done(call))

    def _done(self, call: Call) -> Reply:
        kept = self._kept(call)
        try:
            answer = self._routes.dispatch(self, call)
            return answer if isinstance(answer, Reply) else success(answer)
        except CallError as error:
            return failure(error)
        except AlphaStockError as error:  # the market cannot answer: the order system's failure
            return failure(CallError(502, "DataException", error.what))
        except Exception:
            if kept is not None:
                self.triggers.items, self.alerts.rows, self.alerts.past = kept
            raise

    def _kept(self, call: Call) -> Any:  # noqa: ANN401 - three tables, only ever put back
        """Return the triggers and alerts as they are before a call that may change them."""
        if call.method == "GET" or not call.path.startswith(("/gtt/", "/alerts")):
            return None
        return deepcopy((self.triggers.items, self.alerts.rows, self.alerts.past))

    def admit(self, call: Call) -> None:
        """Check session and limits of a call.

        Raises
        ------
        CallError
            403 or 429.
        """
        app = self.sessions.check(call.headers.get("authorization", ""))
        self.limiter.admit(app, call.method, call.path, self.wall.monotonic())

    def _apply_session_faults(self) -> None:
        life = self.faults.on("expire-token-after")
        self.sessions.life = None if life is None else life.lasts
        if self.faults.on("old-token"):
            self.sessions.end_all()

    # -- the stream ---------------------------------------------------------------------------

    def connect(self, query: dict[str, str]) -> Subscriber:
        """Open one connection of the ticker.

        Raises
        ------
        CallError
            403 for a dead session, 429 for one connection too many.
        """
        self._apply_session_faults()
        room = shards.room(self.today())
        key, token = query.get("api_key", ""), query.get("access_token", "")
        if self.faults.roll("ws-403") or not self.sessions.valid(key, token):
            raise CallError(403, "TokenException", "Incorrect `api_key` or `access_token`.")
        if self.faults.roll("ws-429") or len(self.subscribers) >= room.connections:
            raise CallError(429, "NetworkException", "Too many connections")
        subscriber = Subscriber(self.by_token, room.each)
        self.subscribers.append(subscriber)
        return subscriber

    def disconnect(self, subscriber: Subscriber) -> None:
        """Close a connection."""
        if subscriber in self.subscribers:
            self.subscribers.remove(subscriber)

    def hear(self, subscriber: Subscriber, text: str) -> list[bytes]:
        """Take in a message of a connection; return the snapshots of what it newly subscribed."""
        subscriber.hear(text)
        items = [self.by_token(token) for token in subscriber.fresh]
        try:
            return subscriber.frames(self.quotes([i.key for i in items if i is not None]))
        except Exception as error:  # noqa: BLE001 - told; the snapshots come with the next beat
            tell("a message of the ticker", error)
            return []

    def beat(self) -> dict[int, list[bytes]]:
        """Let the market move on; return the messages each connection is due, by its identity."""
        self.desk.catch_up()
        wanted = {key for subscriber in self.subscribers for key in subscriber.wanted()}
        working = self.desk.waiting() | self.triggers.keys() | self.alerts.keys()
        quotes = self._look(sorted(working), sorted(wanted - working))
        if working or self.desk.tickets:
            prices = {key: q.last_price for key, q in quotes.items() if q.last_price}
            safely("the orders", lambda: self.desk.meet(quotes.values()))
            safely("the triggers", lambda: self.triggers.meet(prices))
            safely("the alerts", lambda: self.alerts.meet(quotes))
            safely("the square-off", self._square_off)
        moved = {key for key, quote in quotes.items() if self._stamps.get(key) != quote.time}
        self._stamps |= {key: quotes[key].time for key in moved}
        return {id(one): one.frames(quotes, moved) for one in self.subscribers}

    def _look(self, first: list[str], others: list[str]) -> dict[str, Quote]:
        """Ask the market, of `others` as many as fit into a moment: the rest come next time."""
        quotes = self.market.quotes(first)
        began, start = self.wall.monotonic(), self._looked % max(1, len(others))
        rotated = others[start:] + others[:start]
        for at in range(0, len(rotated), _LOOK):
            quotes |= self.market.quotes(rotated[at : at + _LOOK])
            self._looked = start + at + _LOOK
            if self.wall.monotonic() - began > _LOOK_SECONDS:
                break
        return quotes

    # -- the account --------------------------------------------------------------------------

    def endow(self) -> None:
        """Give the account what it holds since before today, once the listing is known."""
        if self._endowed:
            return
        self._endowed = True
        keys = [key for key, _ in self.house.holdings]
        quotes = self.quotes(keys)
        for key, units in self.house.holdings:
            item, quote = self.item(key), quotes.get(key)
            price = None if quote is None else quote.previous_close or quote.last_price
            if item is not None and price is not None:
                self.account.holdings[key] = Holding(item, units, price)
                self.desk.endow(item, units, price)

    def _refused(
        self, form: Form, units: int, *, without: Ticket | None = None
    ) -> CallError | None:
        return self.account.refusal(form, units, without=without)

    def _tickets(self) -> Iterable[Ticket]:
        return self.desk.tickets.values()

    def _square_off(self) -> None:
        """Play the broker that closes intraday positions."""
        if self.faults.on("square-off") is None:
            return
        for bucket in self.account.buckets().values():
            if bucket.product == "MIS" and bucket.net and self.faults.roll("square-off"):
                safely(f"the square-off of {bucket.item.key}", partial(self.calls.close, bucket))
