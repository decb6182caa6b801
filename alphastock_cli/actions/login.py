"""Log in to Kite and out again: the one-time token becomes a stored login, or a login ends.

How the token comes to us (page, listener, paste) is the caller's; secrets pass through unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, AuthError

_BY_HAND = "end it at kite.zerodha.com"


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

    def profile(self) -> dict[str, Any]:
        """Return who is logged in, as Kite says."""


class Kept(Protocol):
    """Where the login rests."""

    def peek(self) -> Held | None:
        """Return the stored login, also an expired one."""

    def exists(self) -> bool:
        """Tell whether there is a file of it, of whatever kind."""

    def check_ours(self) -> None:
        """Refuse a link or a file of somebody else."""

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


def log_out(end: Callable[[], bool], kept: Kept, *, forget: bool = False) -> Result:
    """End the login at Kite, and then shred it here.

    Parameters
    ----------
    end : callable
        Tells Kite; returns False where the login was over already.
    forget : bool
        Shred it also where Kite could not be told.

    Raises
    ------
    ConfigError
        The stored login is a link or of somebody else; it is left as it is.
    AlphaStockError
        Kite could not be told, and nothing was said of forgetting: the stored login is kept.
    """
    if not kept.exists():
        row = {"logged_out": False, "kite_told": False}
        return Result(kind="logout", rows=[row], source="kite",
                      warnings=("nobody was logged in here",))  # fmt: skip
    try:
        kept.check_ours()
    except AlphaStockError as error:
        error.safe = "Nothing was sent, changed or removed; a login in it holds until 6 AM."
        error.hint = f"{error.hint} Put it right and log out again, or {_BY_HAND} and remove it."
        raise
    warnings: tuple[str, ...] = ()
    told = False
    try:
        told = end()
    except AlphaStockError as error:
        if not forget:
            error.safe = "The stored login is kept for another try; at Kite it holds until 6 AM."
            hint = "" if "alphastock login" in error.hint else error.hint  # that is no way out
            error.hint = (
                f"{hint} Run `alphastock logout` again; or {_BY_HAND}, and give --forget."
            ).strip()
            raise
        so = f"the login holds there until 6 AM unless you {_BY_HAND}"
        warnings = (f"Kite was not told: {error.what}; {so}",)
    try:
        gone = kept.remove()
    except AlphaStockError as error:
        error.safe = "" if warnings else "At Kite the login is over."
        raise
    rows = [{"logged_out": gone, "kite_told": told}]
    return Result(kind="logout", rows=rows, source="kite", warnings=warnings)


def _result(held: Held, clock: Clock) -> Result:
    left = (held.expires - clock.now()).total_seconds() / 3600
    row = {
        "user_id": held.user_id, "login_time": held.login_time, "expires": held.expires,
        "hours_left": round(left, 1), "exchanges": ",".join(held.exchanges),
    }  # fmt: skip
    return Result(kind="login", rows=[row], source="kite", as_of=clock.now())
