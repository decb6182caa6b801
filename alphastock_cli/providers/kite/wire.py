"""One call over the wire, under the SDK: deadline, no redirect, a cap, and what the answer means.

Stands where the SDK has its `requests` session. Whatever goes wrong leaves as an error of ours,
without the address: it carries tokens. Only the routes named here exist; none of them places,
changes or cancels an order. Repeating and waiting is the business of `rest.py`.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import (
    AlphaStockError,
    AuthError,
    BadReply,
    ProviderError,
    Refused,
    TransientError,
)
from alphastock_cli.providers.kite import replies
from alphastock_cli.providers.kite.notes import ENDED, Notes, reason
from alphastock_cli.providers.kite.sockets import Watch, open_session
from alphastock_cli.providers.kite.wire_failures import told
from alphastock_cli.safety import redacted, safe_text

ROUTES = (
    re.compile(r"GET /user/profile"),
    re.compile(r"GET /instruments(/[A-Z]{2,8})?"),
    re.compile(r"GET /instruments/historical/[0-9]{1,18}/[0-9a-z]{3,8}"),
    re.compile(r"GET /quote"),
    re.compile(r"(POST|DELETE) /session/token"),
)
_BIG = "/instruments"
_MOST, _MOST_BIG = 8 << 20, 64 << 20
_SLOW = 6.0  # the whole list is a hundred times as long as another answer
_LONGEST_PAUSE = 60.0
_LONGEST = 3600.0
_CHUNK = 64 << 10


class Throttled(TransientError):
    """Kite said that it was too much; `seconds` is how long it wants to be left alone, if known."""

    def __init__(self, what: str, seconds: float | None) -> None:
        super().__init__(what, safe="Nothing was changed.", hint="Try again in a minute.")
        self.seconds = seconds


class DeadToken(AuthError):
    """Kite does not take the access token that was sent.

    `lasting` tells whether that is said in the way that leaves no doubt: then it never will again.
    """

    lasting = False


class NotEntitled(ProviderError):
    """The api key's plan lacks what was asked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as the SDK reads one; the object of a JSON body is parsed and checked already."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    parsed: dict[str, Any] | None

    def json(self) -> dict[str, Any]:
        """Return the object of the body."""
        if self.parsed is None:
            raise ValueError("no JSON")
        return self.parsed


class Wire:
    """What the SDK takes for its session of `requests`.

    Parameters
    ----------
    seconds : float
        For a whole call, from the connection to the last byte.
    """

    def __init__(self, clock: Clock, notes: Notes, *, seconds: float) -> None:
        self._clock, self._notes, self._seconds = clock, notes, seconds
        self._session: Any = None
        self._mine = threading.local()
        self.skew: float | None = None

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,  # noqa: ANN401 - the SDK's
        data: Any = None,  # noqa: ANN401 - the SDK's
        headers: Mapping[str, str] | None = None,
        **ignored: Any,  # noqa: ANN401 - verify, redirects, time-outs: decided here alone
    ) -> Reply:
        """Send one call and return its answer, if it is a good one.

        Raises
        ------
        Throttled, TransientError
            It may be asked again later.
        DeadToken, NotEntitled, ProviderError, BadReply
            It may not.
        Refused
            No route of this client.
        """
        del ignored
        path = urlsplit(url).path
        what = f"{method} {path}"
        if not any(route.fullmatch(what) for route in ROUTES):
            raise Refused(f"{what} is no route of this client", safe="Nothing was sent.")
        big = path.startswith(_BIG) and "historical" not in path
        seconds = min(
            self._seconds * (_SLOW if big else 1.0), getattr(self._mine, "left", _LONGEST)
        )
        if self._session is None:
            self._session = open_session()
        before = self._clock.now()
        status, heads, body = self._exchange(
            method, url, what, seconds, _MOST_BIG if big else _MOST,
            params=params, data=data, headers=dict(headers or {}),
        )  # fmt: skip
        self._compare_clocks(heads, before)
        return self._judged(status, heads, body, what)

    def limit(self, seconds: float = _LONGEST) -> None:
        """Let each call of this thread last no longer, from now on."""
        self._mine.left = seconds

    def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    # -- the exchange -------------------------------------------------------------------------

    def _exchange(
        self, method: str, url: str, what: str, seconds: float, most: int, **more: Any  # noqa: ANN401 - passed on
    ) -> tuple[int, Mapping[str, str], bytes]:  # fmt: skip
        import requests
        import urllib3

        failure: AlphaStockError
        with Watch(seconds) as watch:
            try:
                with self._session.request(
                    method, url, stream=True, allow_redirects=False, verify=True,
                    timeout=(min(5.0, seconds), seconds), **more,
                ) as answer:  # fmt: skip
                    body = _read(answer, most, what)
                    watch.check()
                    heads = {name.lower(): text for name, text in answer.headers.items()}
                    return answer.status_code, heads, body
            except AlphaStockError:
                raise
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError,
                    ArithmeticError, EOFError, zlib.error) as error:  # fmt: skip
                failure = told(error, watch, what)
        raise failure  # outside the handler: the foreign one names the address, and so the token

    # -- what it means ------------------------------------------------------------------------

    def _judged(self, status: int, heads: Mapping[str, str], body: bytes, what: str) -> Reply:
        kind = heads.get("content-type", "").lower()
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            raise BadReply(
                f"Kite answered {what} with a redirect ({status}), which is not followed",
                safe="The login was sent nowhere else.",
                hint="Is a proxy or a captive portal in the way?",
            )
        parsed: dict[str, Any] | None = None
        if "json" in kind:
            try:
                parsed = replies.parse(body, what)
            except BadReply:
                if status < HTTPStatus.BAD_REQUEST:
                    raise  # of an error without words the status says enough
        failed = parsed is not None and (
            parsed.get("status") == "error" or bool(parsed.get("error_type"))
        )
        if status != HTTPStatus.OK or failed:
            raise self._failure(status, heads, parsed or {}, what)
        if parsed is not None:
            if parsed.get("status") != "success" or "data" not in parsed:
                raise BadReply(f"Kite's answer to {what} has no status and data",
                               safe="Nothing of it was stored.")  # fmt: skip
        elif "csv" not in kind:
            shown = safe_text(kind or "nothing", limit=40)
            raise BadReply(f"Kite answered {what} with {shown}, not with data",
                           safe="Nothing of it was stored.",
                           hint="Is a proxy or a captive portal in the way?")  # fmt: skip
        return Reply(status, {"content-type": kind}, body, parsed)

    def _failure(
        self, status: int, heads: Mapping[str, str], said: Mapping[str, Any], what: str
    ) -> AlphaStockError:
        """Return the error that status, type and message together mean."""
        name = said.get("error_type")
        kind = name if isinstance(name, str) else ""
        words = said.get("message")
        raw = words if isinstance(words, str) else ""
        message = safe_text(redacted(raw), limit=160)
        told = f"Kite refused {what}: {message or 'no reason given'} ({status} {kind})".rstrip()
        too_many = "too many" in raw.lower()
        if status == HTTPStatus.TOO_MANY_REQUESTS or (kind == "NetworkException" and too_many):
            self._notes.refused(status, kind or "429", raw or "Too many requests")
            return Throttled("Kite says that it was asked too often",
                             _retry_after(heads, self._clock))  # fmt: skip
        if kind == "TokenException":
            self._notes.refused(status, kind, raw)
            dead = DeadToken(f"Kite does not accept the login: {message or 'no reason given'}",
                             hint="Run `alphastock login`.")  # fmt: skip
            dead.lasting = status == HTTPStatus.FORBIDDEN and reason(raw) in {"", ENDED}
            return dead
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or kind in {
            "NetworkException", "DataException", "GeneralException",
        }:  # fmt: skip
            return TransientError(told, safe="Nothing was changed.", hint="Try again later.")
        self._notes.refused(status, kind or str(status), raw)
        meaning = reason(raw)
        if kind == "PermissionException":
            self._notes.entitled(yes=False)
            return NotEntitled(told, safe="Nothing was changed.", hint=meaning.capitalize() + ".")
        return ProviderError(
            told, safe="Nothing was changed.",
            hint=meaning.capitalize() + "." if meaning else "`alphastock doctor` says more.",
        )  # fmt: skip

    def _compare_clocks(self, heads: Mapping[str, str], before: Any) -> None:  # noqa: ANN401 - datetime
        """Remember how far the server's clock is ahead; it tells whole seconds."""
        try:
            told = parsedate_to_datetime(heads["date"])
            middle = before + (self._clock.now() - before) / 2
            skew = (told - middle).total_seconds() + 0.5
        except (KeyError, TypeError, ValueError):
            return
        self.skew = skew
        self._notes.skew(skew)


def _read(answer: Any, most: int, what: str) -> bytes:  # noqa: ANN401 - of requests
    """Return the body, at most so many bytes after unpacking.

    Unpacked here: requests takes a gzip that breaks off for a whole one, and half a list of
    instruments is one as well.
    """
    packed = answer.headers.get("Content-Encoding", "").strip().lower() in {"gzip", "x-gzip"}
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if packed else None
    parts, size = [], 0
    for chunk in answer.raw.stream(_CHUNK, decode_content=False):
        part = unpacker.decompress(chunk, most + 1 - size) if unpacker else chunk
        size += len(part)
        if size > most:
            raise BadReply(f"Kite's answer to {what} is larger than {most >> 20} MB: cut off",
                           safe="Nothing of it was stored.")  # fmt: skip
        parts.append(part)
    if unpacker and unpacker.unused_data:
        raise zlib.error("there is more behind the end")
    if unpacker and not unpacker.eof:
        raise EOFError
    return b"".join(parts)


def _retry_after(heads: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds a server asks for, at most a minute; None where it says nothing usable."""
    text = heads.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:6]), _LONGEST_PAUSE)
    try:
        seconds = (parsedate_to_datetime(text) - clock.now()).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE)
