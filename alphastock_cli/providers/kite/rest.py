"""Kite's reads: the SDK over a guarded wire, inside the shared budget, repeated where that is safe.

There is no method and no route for orders here: paper trading cannot reach a live one through this
client. What the answers mean for the market is the business of the other modules.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from alphastock_cli.domain.instrument import Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, AuthError, BadReply, TransientError
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite import replies
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.credentials import Credentials
from alphastock_cli.providers.kite.notes import Notes
from alphastock_cli.providers.kite.session import Session, SessionStore, fingerprint, session_of
from alphastock_cli.providers.kite.wire import DeadToken, Throttled, Wire

T = TypeVar("T")

TRIES = 5
_SECONDS = 60.0  # all tries of one read together, waiting for the budget left out
_LEAST = 1.0  # seconds for the last try, at least
_READS = frozenset(
    {"user.profile", "market.instruments.all", "market.instruments", "market.quote",
     "market.historical", "api.token", "api.token.invalidate"}
)  # fmt: skip


class KiteRest:
    """Reads of one api key.

    Parameters
    ----------
    sessions : SessionStore
        Where the login rests; read before every call.
    root : str
        Another address than Kite's, "" for Kite's own.
    random : callable, optional
        Gives numbers from 0 to 1 for the waits.
    """

    def __init__(
        self,
        credentials: Credentials,
        sessions: SessionStore,
        budget: Budget,
        notes: Notes,
        clock: Clock,
        *,
        root: str = "",
        seconds: float = 10.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._credentials, self._sessions = credentials, sessions
        self._budget, self._notes, self._clock = budget, notes, clock
        self._root, self._chance = root, chance
        self._wire = Wire(clock, notes, seconds=seconds)
        self._kite: Any = None

    def __repr__(self) -> str:
        """Tell no secret."""
        return f"KiteRest({self._root or 'api.kite.trade'})"

    @property
    def budget(self) -> Budget:
        """The shared count of calls."""
        return self._budget

    @property
    def skew(self) -> float | None:
        """Seconds by which Kite's clock was ahead of ours in the last answer; None before one."""
        return self._wire.skew

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # -- reads --------------------------------------------------------------------------------

    def profile(self) -> dict[str, Any]:
        """Return who is logged in."""
        data = self._read("other", lambda kite: kite.profile())
        return replies.profile(data, "GET /user/profile")

    def instruments(self) -> bytes:
        """Return the list of instruments of all exchanges, as CSV."""
        body = self._read("other", lambda kite: kite.instruments())
        if not isinstance(body, bytes):
            raise BadReply("Kite's list of instruments is no CSV", safe="Nothing was stored.")
        return body

    def quotes(self, keys: Sequence[str], *, tries: int = TRIES) -> dict[str, dict[str, Any]]:
        """Return full quotes by key of as many instruments as one call may name."""
        data = self._read("quote", lambda kite: kite.quote(*keys), tries=tries)
        found = replies.quotes(data, "GET /quote")
        self._notes.entitled(yes=True)
        return {key: row for key, row in found.items() if key in set(keys)}

    def candles(
        self,
        token: int,
        interval: Interval,
        start: datetime,
        end: datetime,
        *,
        continuous: bool = False,
        oi: bool = False,
    ) -> list[list[Any]]:
        """Return the rows of candles of one span, as Kite tells them."""
        begin, finish = (each.astimezone(IST) for each in (start, end))
        data = self._read(
            "historical",
            lambda kite: kite.historical_data(
                token, begin, finish, interval.value, continuous=continuous, oi=oi
            ),
        )
        self._notes.entitled(yes=True)
        return replies.candles(data, f"GET /instruments/historical/{token}/{interval.value}")

    # -- the login ----------------------------------------------------------------------------

    def begin_session(self, request_token: str) -> Session:
        """Turn a request token into a login and store it; asked once, never repeated."""
        key, secret = self._credentials.api_key, self._credentials.api_secret
        with self._budget.call("other"):
            data = _asked(lambda: self._sdk("").generate_session(request_token, secret))
        if not isinstance(data, dict):
            raise BadReply("Kite's answer to the login is no object")
        session = session_of(data, key, self._clock.now())
        self._sessions.save(session)
        return session

    def end_session(self) -> bool:
        """Tell Kite that the login is over; False where it was over already.

        Its file may be open to others: then it is all the more to be ended.

        Raises
        ------
        AuthError
            The file is damaged, or the login is of another api key.
        AlphaStockError
            Kite could not be told: the login holds.
        """
        held = self._sessions.peek(also_open=True)
        if held is None or held.expires <= self._clock.now() or self._sessions.refused_at(held):
            return False
        if held.app != fingerprint(self._credentials.api_key):
            raise AuthError("the stored login is of another api key",
                            hint="Set the key it was made with.")  # fmt: skip
        try:
            self._read("other", lambda kite: kite.invalidate_access_token(), held.access_token)
        except DeadToken:
            return False
        return True

    # -- asking -------------------------------------------------------------------------------

    def _read(self, name: str, ask: Callable[[Any], T], only: str = "", *, tries: int = TRIES) -> T:
        """Ask within the budget; wait and ask again where that may help, a bounded time.

        `only` is the one access token to do so with; else it is that of the login that holds.
        """
        used = only or self._token()
        spent, renewed, number = 0.0, False, 0
        while True:
            begun = self._clock.monotonic()
            try:
                with self._budget.call(name):
                    begun = self._clock.monotonic()
                    if spent:
                        self._wire.limit(max(_LEAST, _SECONDS - spent))
                    return _asked(lambda: ask(self._sdk(used)))  # noqa: B023 - called at once
            except DeadToken as error:
                fresh = only or self._token()
                if renewed or fresh == used:  # a token that is known to be dead is not sent again
                    if error.lasting:
                        self._sessions.refuse(used)
                    raise
                used, renewed = fresh, True
            except TransientError as error:
                wait = self._wait(error, name, number)
                number += 1
                spent += self._clock.monotonic() - begun + wait
                if number >= tries or spent > _SECONDS:
                    raise
                self._clock.sleep(wait)
                used = only or self._token()
            finally:
                self._wire.limit()

    def _token(self) -> str:
        """Return the access token of the login that holds now, whoever logged in."""
        return self._sessions.alive(self._credentials.api_key).access_token

    def _wait(self, error: TransientError, name: str, number: int) -> float:
        """Return how long to leave Kite alone: as it says, else longer each time, by chance."""
        wait = self._chance() * 2.0**number
        if not isinstance(error, Throttled):
            return wait
        if error.seconds is not None:
            wait = error.seconds + 0.1 * self._chance()
        self._budget.pause(name, wait)  # nobody else is to ask either
        return wait

    def _sdk(self, token: str) -> Any:  # noqa: ANN401 - the SDK has no types
        """Return the SDK, its session replaced by the wire and its routes cut down to reads."""
        if self._kite is None:
            from kiteconnect import KiteConnect

            class Reads(KiteConnect):  # type: ignore[misc]
                """The SDK without its own reading of answers: ours is stricter and faster."""

                _routes = {  # noqa: RUF012 - as in the SDK
                    name: path for name, path in KiteConnect._routes.items() if name in _READS  # noqa: SLF001 - the SDK's table
                }  # fmt: skip

                def quote(self, *keys: str) -> Any:  # noqa: ANN401 - it looks inside unasked
                    return self._get("market.quote", params={"i": list(keys)})

                def _format_response(self, data: Any) -> Any:  # noqa: ANN401
                    return data

                def _format_historical(self, data: Any) -> Any:  # noqa: ANN401
                    return data

                def _parse_instruments(self, data: Any) -> Any:  # noqa: ANN401
                    return data

            self._kite = Reads(self._credentials.api_key, root=self._root or None)
            self._kite.reqsession.close()
            self._kite.reqsession = self._wire
        self._kite.set_access_token(token)
        return self._kite


def _asked(call: Callable[[], T]) -> T:
    """Return what the SDK answers; its own exceptions do not pass."""
    try:
        return call()
    except AlphaStockError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: whatever the SDK raises is translated
        name = type(error).__name__
    raise BadReply(
        f"Kite's answer could not be read by the SDK ({name})",
        safe="Nothing of it was stored.",
        hint="Try again later; if it stays so, the protocol has changed.",
    )
