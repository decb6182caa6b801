"""A sandbox without a socket: calls go in as values, replies come out as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.sandbox.call import Call
from alphastock_cli.sandbox.exchange import House, Sandbox
from alphastock_cli.sandbox.faults import Faults, parse
from alphastock_cli.sandbox.limits import Rates
from alphastock_cli.sandbox.listing import Listing
from alphastock_cli.sandbox.replies import Reply
from alphastock_cli.sandbox.sessions import App
from tests.conftest import IST, ManualClock

OPEN = datetime(2026, 8, 14, 11, 30, 5, tzinfo=IST)
CLOSED = datetime(2026, 8, 14, 18, 0, tzinfo=IST)


@dataclass
class Box:
    """A sandbox, its clock, and a session."""

    state: Sandbox
    clock: ManualClock
    token: str

    def reply(self, method: str, path: str, form: Any = None, **query: Any) -> Reply:
        """Return the reply to a call of the session."""
        kind = "application/x-www-form-urlencoded"
        if isinstance(form, list):
            kind, body = "application/json", json.dumps(form).encode()
        else:
            body = urlencode(form or {}).encode()
        heads = {
            "Authorization": f"token {self.state.sessions.app.api_key}:{self.token}",
            "Content-Type": kind,
        }
        asked = Call.of(method, path, urlencode(query, doseq=True), body, heads)
        return self.state.answer(asked)

    def ask(self, method: str, path: str, form: Any = None, **query: Any) -> Any:
        """Return the data of a call that goes well."""
        reply = self.reply(method, path, form, **query)
        told = json.loads(reply.body)
        assert reply.status == 200, told
        return told["data"]

    def refused(
        self, method: str, path: str, form: Any = None, **query: Any
    ) -> tuple[int, str, str]:
        """Return code, type and message of a call that does not."""
        reply = self.reply(method, path, form, **query)
        told = json.loads(reply.body)
        assert told["status"] == "error", told
        assert told["data"] is None
        return reply.status, told["error_type"], told["message"]

    def place(self, variety: str = "regular", **form: Any) -> str:
        """Place an order for ten INFY, delivery, but for what is given; return its id."""
        return str(self.ask("POST", f"/orders/{variety}", order(**form))["order_id"])

    def row(self, number: str) -> dict[str, Any]:
        """Return an order's row of the book."""
        return next(row for row in self.ask("GET", "/orders") if row["order_id"] == number)

    def wait(self, seconds: float = 1.0) -> dict[int, list[bytes]]:
        """Let the market move on."""
        self.clock.sleep(seconds)
        return self.state.beat()

    def last(self, key: str = "NSE:INFY") -> float:
        """Return the last price."""
        return float(self.ask("GET", "/quote/ltp", i=key)[key]["last_price"])


def order(**form: Any) -> dict[str, Any]:
    """Return the form of an order."""
    usual = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 10,
        "product": "CNC", "order_type": "MARKET", "market_protection": -1,
    }  # fmt: skip
    return {key: value for key, value in (usual | form).items() if value is not None}


def box(
    at: datetime = OPEN, *, faults: str = "", rates: Rates | None = None,
    house: House | None = None, app: App | None = None,
) -> Box:  # fmt: skip
    """Return a sandbox on the simulated exchange, standing at a moment."""
    clock = ManualClock(at)
    state = Sandbox(
        SimExchange(clock, universe=12), clock=clock, wall=clock, faults=Faults(parse(faults)),
        rates=rates or Rates(on=False), house=house, app=app,
    )  # fmt: skip
    state._listing = _listing(at)
    return Box(state, clock, state.sessions.begin()["access_token"])


@cache
def _listing(at: datetime) -> Listing:
    """Return one listing for all tests of a moment: it is the slow part."""
    return Listing(SimExchange(ManualClock(at), universe=12))
