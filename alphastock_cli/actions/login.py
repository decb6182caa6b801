"""Log in to Kite and out again: the one-time token becomes a stored login, or a login ends.

How the token comes to us (page, listener, paste) is the caller's; secrets pass through unseen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, AuthError


class Held(Protocol):
    """A login as it is told: never its token."""

    @property
    def user_id(self) -> str:
        """Whose."""

    @property
    def login_time(self) -> datetime:
        """When it began."""

    @property
    def expires(self) -> datetime:
        """When it ends."""

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Where that person may trade."""


class Account(Protocol):
    """What can be asked about a login."""

    def begin_session(self, request_token: str) -> Held:
        """Turn a request token into a stored login."""

    def end_session(self) -> None:
        """Tell Kite that the login is over."""

    def profile(self) -> dict[str, Any]:
        """Return who is logged in, as Kite says."""


class Kept(Protocol):
    """Where the login rests."""

    def peek(self) -> Held | None:
        """Return the stored login, also an expired one."""

    def remove(self) -> bool:
        """Shred it; tell whether there was one."""


def log_in(account: Account, clock: Clock, request_token: str) -> Result:
    """Exchange a request token and return who is logged in until when.

    Raises
    ------
    AuthError
        Kite does not accept the token: it is used, old, or of another app.
    """
    try:
        held = account.begin_session(request_token)
    except AuthError as error:
        raise AuthError(
            error.what,
            safe="The login before, if any, is unchanged.",
            hint="A request token works once and for a few minutes: run `alphastock login` again;"
            " if it stays so, check api key and secret.",
        ) from None
    return _result(held, clock)


def check(account: Account, kept: Kept, clock: Clock) -> Result:
    """Ask Kite whether the stored login holds.

    Raises
    ------
    AuthError
        There is none, or Kite does not accept it.
    """
    said = account.profile()
    held = kept.peek()
    if held is None or said["user_id"] != held.user_id:
        raise AuthError("Kite knows another user by the stored login: login needed",
                        hint="Run `alphastock login`.")  # fmt: skip
    return _result(held, clock)


def log_out(account: Account, kept: Kept) -> Result:
    """End the login at Kite and shred it here; what Kite could not be told is a warning."""
    warnings: tuple[str, ...] = ()
    told = False
    try:
        account.end_session()
        told = True
    except AuthError:
        pass  # it has ended already
    except AlphaStockError as error:
        warnings = (f"Kite was not told: {error.what}; the login ends there by itself at 6 AM",)
    finally:
        gone = kept.remove()
    rows = [{"logged_out": gone, "kite_told": told}]
    if not gone:
        warnings = ("nobody was logged in here",)
    return Result(kind="logout", rows=rows, source="kite", warnings=warnings)


def _result(held: Held, clock: Clock) -> Result:
    left = (held.expires - clock.now()).total_seconds() / 3600
    row = {
        "user_id": held.user_id, "login_time": held.login_time, "expires": held.expires,
        "hours_left": round(left, 1), "exchanges": ",".join(held.exchanges),
    }  # fmt: skip
    return Result(kind="login", rows=[row], source="kite", as_of=clock.now())
