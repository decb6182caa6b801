"""The routes of session and market data, and the sandbox's own; see `routing.py`."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from alphastock_cli.errors import AlphaStockError
from alphastock_cli.providers.kite import facts
from alphastock_cli.sandbox import faults, figures, history, pages, quoting, spoil, wreck
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import Reply, bad
from alphastock_cli.sandbox.routing import route

if TYPE_CHECKING:
    from alphastock_cli.sandbox.call import Call
    from alphastock_cli.sandbox.exchange import Sandbox


# -- session ----------------------------------------------------------------------------------


@route("GET", "/connect/login", public=True)
def _login(sandbox: Sandbox, call: Call) -> object:
    if call.words.get("api_key") != sandbox.sessions.app.api_key:
        raise bad("Invalid `api_key`.")
    if sandbox.house.auto_login:
        return _finish(sandbox, call)
    page = pages.login(call.words, sandbox.sessions.app.user_id)
    return Reply(body=page, kind="text/html; charset=utf-8")


@route("GET", "/connect/finish", public=True)
def _finish(sandbox: Sandbox, call: Call) -> object:
    to = sandbox.sessions.login(
        call.words, echo=sandbox.faults.roll("no-state") is None,
        denied=sandbox.faults.roll("login-denied") is not None,
    )  # fmt: skip
    return Reply(status=302, kind="text/html; charset=utf-8", headers={"Location": to})


@route("POST", "/session/token", public=True)
def _token(sandbox: Sandbox, call: Call) -> object:
    return sandbox.sessions.exchange(call.form)


@route("POST", "/session/refresh_token", public=True)
def _refresh(sandbox: Sandbox, call: Call) -> object:
    return sandbox.sessions.renew(call.form)


@route("DELETE", "/session/token", public=True)
def _logout(sandbox: Sandbox, call: Call) -> object:
    return sandbox.sessions.end(call.words)


@route("GET", "/user/profile")
def _profile(sandbox: Sandbox, _: Call) -> object:
    return sandbox.sessions.profile()


# -- market data ------------------------------------------------------------------------------


@route("GET", "/instruments")
def _all_instruments(sandbox: Sandbox, call: Call) -> object:
    return _csv(sandbox.listing.csv(), call)


@route("GET", "/instruments/{exchange}")
def _instruments(sandbox: Sandbox, call: Call, exchange: str) -> object:
    return _csv(sandbox.listing.csv(exchange), call)


def _csv(text: bytes, call: Call) -> Reply:
    if "gzip" in call.headers.get("accept-encoding", ""):
        zipped = gzip.compress(text, compresslevel=1, mtime=0)
        return Reply(body=zipped, kind="text/csv", headers={"Content-Encoding": "gzip"})
    return Reply(body=text, kind="text/csv")


@route("GET", "/quote")
def _quote(sandbox: Sandbox, call: Call) -> object:
    return _told(sandbox, call, facts.quote_batch, quoting.full)


@route("GET", "/quote/ohlc")
def _ohlc(sandbox: Sandbox, call: Call) -> object:
    return _told(sandbox, call, _brief_batch, lambda item, q: quoting.brief(item, q, day=True))


@route("GET", "/quote/ltp")
def _ltp(sandbox: Sandbox, call: Call) -> object:
    return _told(sandbox, call, _brief_batch, lambda item, q: quoting.brief(item, q, day=False))


def _brief_batch(on: date) -> int:
    return facts.whole("quotes.brief", on)


def _told(
    sandbox: Sandbox, call: Call, batch: Callable[[date], int],
    tell: Callable[..., dict[str, Any]],
) -> object:  # fmt: skip
    """Return what is told of the instruments asked for, by key or token; unknown ones left out."""
    asked = call.query.get("i", [])
    if not asked:
        raise bad("No instruments specified")
    most = batch(sandbox.today())
    if len(asked) > most:
        raise bad(f"Number of instruments exceeds the limit of {most}")
    items = {word: _item(sandbox, word) for word in asked}
    quotes = sandbox.quotes([item.key for item in items.values() if item is not None])
    return {
        word: tell(item, quotes[item.key])
        for word, item in items.items()
        if item is not None and item.key in quotes and quotes[item.key].last_price is not None
    }


def _item(sandbox: Sandbox, word: str) -> Listed | None:
    token = figures.digits(word)
    return sandbox.item(word) if token is None else sandbox.by_token(token)


def _another(sandbox: Sandbox, item: Listed) -> Listed:
    """Return the first instrument of the same kind, on another underlying; else the item itself."""

    def kind(listed: Listed) -> tuple[object, ...]:
        of = listed.instrument
        return of.asset_type, of.option_type, of.expiry is None

    same = (other for other in sandbox.listing.by_key.values() if kind(other) == kind(item))
    mine = item.instrument.underlying
    return next((o for o in same if o != item and (not mine or o.instrument.underlying != mine)),
                item)  # fmt: skip


@route("GET", "/instruments/historical/{token}/{interval}")
def _history(sandbox: Sandbox, call: Call, token: str, interval: str) -> object:
    words = call.words
    known = figures.digits(token)
    item = None if known is None else sandbox.by_token(known)
    length, start, end = history.span(interval, words, sandbox.today())
    if item is None:
        raise bad("invalid token")
    if sandbox.faults.roll("candle-wrong", call.path):
        item = _another(sandbox, item)
    continuous = words.get("continuous") == "1"
    if continuous and history.joins(item):
        item = sandbox.listing.nearest_future(item)
    rows = history.candles(
        sandbox.market, item, length, start, end, oi=words.get("oi") == "1",
        continuous=continuous, now=sandbox.clock.now(),
    )  # fmt: skip
    return {"candles": spoil.candles(sandbox.faults, call.path, rows)}


# -- the sandbox's own ------------------------------------------------------------------------


@route("GET", "/sandbox/faults", public=True)
def _faults(sandbox: Sandbox, _: Call) -> object:
    return {
        "faults": sandbox.faults.words(), "seed": sandbox.faults.seed,
        "played": dict(sandbox.faults.played),
    }  # fmt: skip


@route("PUT", "/sandbox/faults", public=True)
@route("POST", "/sandbox/faults", public=True)
def _set_faults(sandbox: Sandbox, call: Call) -> object:
    try:
        wanted = faults.parse(call.form.get("faults", ""))
    except AlphaStockError as error:
        raise bad(f"{error.what}. {error.hint}") from error
    words = call.form.get("seed", "")
    seed = figures.digits(words)
    if words and seed is None:
        raise bad("seed: give a whole number from 0")
    sandbox.faults.set(wanted, seed=seed)
    return _faults(sandbox, call)


@route("POST", "/sandbox/login", public=True)
def _short_login(sandbox: Sandbox, _: Call) -> object:
    """Open a session without page and checksum, for tests."""
    return sandbox.sessions.begin()


@route("POST", "/sandbox/expire", public=True)
def _expire(sandbox: Sandbox, _: Call) -> object:
    sandbox.sessions.end_all()
    return True


@route("GET", "/sandbox/counts", public=True)
def _counts(sandbox: Sandbox, _: Call) -> object:
    return {
        "calls": dict(sandbox.limiter.counts), "over_limit": dict(sandbox.limiter.refused),
        "connections": len(sandbox.subscribers),
    }  # fmt: skip


@route("GET", wreck.ELSEWHERE, public=True)
def _elsewhere(_: Sandbox, __: Call) -> object:
    """Answer who follows a redirect: an order id that nobody placed."""
    return {"order_id": "1000000000000000001"}
