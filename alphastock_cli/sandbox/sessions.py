"""Who may call: apps, the login page's request tokens, and access tokens while they last.

How long each lasts are rows of the broker's facts. Time is the caller's own (the wall clock), not
the market's: a replayed day does not shorten a session.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from alphastock_cli.domain.ports import Clock
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite import facts
from alphastock_cli.sandbox.order_form import PRODUCTS
from alphastock_cli.sandbox.replies import CallError, bad, stamp

EXCHANGES = ["NSE", "NFO", "BFO", "CDS", "BSE", "BCD", "MCX"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A registered app, and the one person who uses it."""

    api_key: str = "sandboxkey"
    api_secret: str = "sandboxsecret"  # noqa: S105 - of a local exchange without an account
    redirect_url: str = "http://127.0.0.1:5000/"
    user_id: str = "SB0001"
    refreshable: bool = False  # only specially approved platforms may refresh


@dataclass
class Sessions:
    """The tokens of one app."""

    app: App
    clock: Clock
    life: float | None = None  # seconds; None is until the broker ends all
    _requests: dict[str, datetime] = field(default_factory=dict)
    _access: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    _refresh: set[str] = field(default_factory=set)

    # -- the login page -----------------------------------------------------------------------

    def login(self, query: dict[str, str], *, echo: bool = True, denied: bool = False) -> str:
        """Return where the login page sends the browser: the app's own URL with a request token.

        Raises
        ------
        CallError
            Another app's key, or another version.
        """
        if query.get("api_key") != self.app.api_key:
            raise bad("Invalid `api_key`.")
        if query.get("v") != "3":
            raise bad("Invalid `v`: this is version 3.")
        token = secrets.token_hex(16)
        now = self.clock.now()
        lives = timedelta(minutes=facts.whole("request_token.minutes", now.astimezone(IST).date()))
        self._requests[token] = now + lives
        extra = parse_qsl(query.get("redirect_params", ""), keep_blank_values=True) if echo else []
        said = [("action", "login"), ("type", "login"), ("status", "success")]
        if denied:
            said[2] = ("status", "error")
            del self._requests[token]
        else:
            said.append(("request_token", token))
        address = urlsplit(self.app.redirect_url)
        words = urlencode([*parse_qsl(address.query), *extra, *said])
        return urlunsplit((address.scheme, address.netloc, address.path or "/", words, ""))

    # -- tokens -------------------------------------------------------------------------------

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """Turn a request token into a session, once.

        Raises
        ------
        CallError
            Missing words, a wrong checksum, or a token that is used, old or unknown.
        """
        self._require(form, "api_key", "request_token", "checksum")
        asked = form["request_token"]
        expected = sha256((self.app.api_key + asked + self.app.api_secret).encode()).hexdigest()
        if form["api_key"] != self.app.api_key:
            raise CallError(403, "TokenException", "Invalid `api_key`.")
        if not secrets.compare_digest(form["checksum"].encode(), expected.encode()):
            raise CallError(403, "TokenException", "Invalid `checksum`.")
        until = self._requests.pop(asked, None)
        if until is None or until <= self.clock.now():
            raise CallError(403, "TokenException", "Token is invalid or has expired.")
        return self.begin()

    def begin(self) -> dict[str, Any]:
        """Open a session and return what the login call answers."""
        now = self.clock.now().astimezone(IST)
        token = secrets.token_hex(16)
        self._access[token] = (now, self._ends(now))
        refresh = secrets.token_hex(16) if self.app.refreshable else ""
        if refresh:
            self._refresh.add(refresh)
        user = self.profile()
        user["avatar_url"] = ""
        return user | {
            "api_key": self.app.api_key, "access_token": token,
            "public_token": secrets.token_hex(16), "enctoken": secrets.token_hex(16),
            "refresh_token": refresh, "silo": "", "login_time": stamp(now),
        }  # fmt: skip

    def renew(self, form: dict[str, str]) -> dict[str, Any]:
        """Turn a refresh token into a session, for apps that may.

        Raises
        ------
        CallError
            The app may not, or token or checksum are wrong.
        """
        self._require(form, "api_key", "refresh_token", "checksum")
        asked = form["refresh_token"]
        expected = sha256((self.app.api_key + asked + self.app.api_secret).encode()).hexdigest()
        if asked not in self._refresh or form["checksum"] != expected:
            raise CallError(403, "TokenException", "Token is invalid or has expired.")
        self._refresh.discard(asked)
        return self.begin()

    def end(self, query: dict[str, str]) -> bool:
        """Log a session out, by its access token or by its refresh token."""
        self._require(query, "api_key")
        self._access.pop(query.get("access_token", ""), None)
        self._refresh.discard(query.get("refresh_token", ""))
        return True

    def end_all(self) -> None:
        """End every session, as the broker does each morning."""
        self._access.clear()

    def check(self, authorization: str) -> str:
        """Return the app's key for a header ``token KEY:TOKEN``.

        Raises
        ------
        CallError
            403: no such session, or it is over.
        """
        kind, _, pair = authorization.partition(" ")
        key, _, token = pair.partition(":")
        if kind != "token" or not self.valid(key, token):
            raise CallError(403, "TokenException", "Incorrect `api_key` or `access_token`.")
        return key

    def valid(self, key: str, token: str) -> bool:
        """Tell whether a session is alive."""
        if key != self.app.api_key or token not in self._access:
            return False
        begun, ends = self._access[token]
        if self.life is not None:
            ends = min(ends, begun + timedelta(seconds=self.life))
        return self.clock.now() < ends

    def profile(self) -> dict[str, Any]:
        """Return the person behind the session."""
        return {
            "user_id": self.app.user_id, "user_type": "individual",
            "email": "sandbox@example.com", "user_name": "Sandbox Trader",
            "user_shortname": "Sandbox", "broker": "ZERODHA", "exchanges": list(EXCHANGES),
            "products": list(PRODUCTS), "order_types": list(ORDER_TYPES), "avatar_url": None,
            "meta": {"demat_consent": "physical"},
        }  # fmt: skip

    def _ends(self, now: datetime) -> datetime:
        ends = datetime.combine(now.date(), facts.token_ends(now.date()), IST)
        return ends if now < ends else ends + timedelta(days=1)

    def _require(self, words: dict[str, str], *names: str) -> None:
        missing = [name for name in names if not words.get(name)]
        if missing:
            raise bad(f"Missing or empty field `{missing[0]}`")
