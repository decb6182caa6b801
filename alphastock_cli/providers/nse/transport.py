"""One GET over HTTP or HTTPS: a total deadline, a cap on the body, TLS always verified.

Standard library only. No redirect is followed, nothing is repeated and nothing is stored here:
`download.py` decides. There is no way to switch the verification of certificates off.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

from alphastock_cli.deadlines import Watch

_CHUNK = 64 << 10


class Trouble(StrEnum):
    """Why there is no whole answer."""

    TIMEOUT = "no whole answer in time"
    RESET = "the connection broke"
    SHORT = "the answer broke off"
    UNREACHABLE = "cannot be reached"
    UNTRUSTED = "its certificate cannot be verified"
    TOO_LARGE = "the answer is larger than any such file"


class NoAnswerError(Exception):
    """A request without a whole answer; `trouble` says of which sort."""

    def __init__(self, trouble: Trouble, more: str = "") -> None:
        super().__init__(f"{trouble.value}: {more}" if more else trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers (names in small letters) of an answer whose body went to the sink."""

    status: int
    headers: Mapping[str, str]


class Transport(Protocol):
    """Sends one GET."""

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        seconds: float,
        most: int,
        sink: Callable[[bytes], object],
    ) -> Answer:
        """Return the answer; of status 200 the body goes to `sink`, of others it is not read.

        Parameters
        ----------
        seconds : float
            For everything together, from the connection to the last byte.
        most : int
            Bytes of body; one more ends it.

        Raises
        ------
        NoAnswerError
            There is no whole answer.
        """
        ...


class WebTransport:
    """The machine's network, through the proxy the environment names, if any."""

    def __init__(self) -> None:
        self._context = ssl.create_default_context()

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        seconds: float,
        most: int,
        sink: Callable[[bytes], object],
    ) -> Answer:
        """Send one GET; see `Transport.get`."""
        with Watch(seconds) as watch:
            opener = urllib.request.OpenerDirector()  # no redirects, no file:, no ftp:
            handlers: list[urllib.request.BaseHandler] = [
                urllib.request.UnknownHandler(),
                _Plain(watch),
                _Secure(watch, self._context),
            ]
            if not is_loopback(urlsplit(url).hostname or ""):
                handlers.append(urllib.request.ProxyHandler())
            for handler in handlers:
                opener.add_handler(handler)
            request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - see above
            try:
                response = opener.open(request, timeout=seconds)
            except (OSError, http.client.HTTPException) as error:
                raise _told(error, watch) from error
            with contextlib.closing(response):
                answer = Answer(
                    response.status, {name.lower(): text for name, text in response.headers.items()}
                )
                if answer.status == http.HTTPStatus.OK:
                    _read(response, watch, most, sink)
                return answer


def _read(
    response: http.client.HTTPResponse, watch: Watch, most: int, sink: Callable[[bytes], object]
) -> None:
    """Read the body in pieces; count them against the cap and against what the server promised."""
    promised = response.length
    if promised is not None and promised > most:
        raise NoAnswerError(Trouble.TOO_LARGE, f"{promised} bytes, at most {most} are taken")
    size = 0
    while True:
        try:
            chunk = response.read1(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _told(error, watch) from error
        if watch.rang:
            raise NoAnswerError(Trouble.TIMEOUT, f"{watch.seconds:g} s, {size} bytes")
        if not chunk:
            break
        size += len(chunk)
        if size > most:
            raise NoAnswerError(Trouble.TOO_LARGE, f"more than {most} bytes")
        sink(chunk)  # the disk's errors are not the network's: outside the try
    if promised is not None and size != promised:
        raise NoAnswerError(Trouble.SHORT, f"{size} of {promised} bytes")


def _told(error: Exception, watch: Watch) -> NoAnswerError:
    """Say in our words what the network did."""
    cause: object = error.reason if isinstance(error, urllib.error.URLError) else error
    if watch.rang or isinstance(cause, TimeoutError):
        return NoAnswerError(Trouble.TIMEOUT, f"{watch.seconds:g} s")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NoAnswerError(Trouble.UNTRUSTED, cause.verify_message)
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        return NoAnswerError(Trouble.UNTRUSTED, cause.reason or str(cause))
    if isinstance(cause, http.client.IncompleteRead):
        return NoAnswerError(Trouble.SHORT)
    if isinstance(cause, http.client.HTTPException | ConnectionResetError | BrokenPipeError
                  | ConnectionAbortedError | ssl.SSLEOFError):  # fmt: skip
        return NoAnswerError(Trouble.RESET, type(cause).__name__)
    text = cause.strerror if isinstance(cause, OSError) else str(cause)
    return NoAnswerError(Trouble.UNREACHABLE, text or type(cause).__name__)


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine's own: no request to it leaves the machine."""
    return host in {"localhost", "127.0.0.1", "::1"}


class _PlainConnection(http.client.HTTPConnection):
    def __init__(self, host: str, *, watch: Watch, **more: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(host, **more)
        self._watch = watch

    def connect(self) -> None:
        super().connect()
        self._watch.hold(self.sock)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, watch: Watch, **more: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(host, **more)
        self._watch = watch

    def connect(self) -> None:
        super().connect()
        self._watch.hold(self.sock)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PlainConnection, req, watch=self._watch)  # type: ignore[arg-type]


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, watch: Watch, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._watch, self._verified = watch, context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req, watch=self._watch, context=self._verified)  # type: ignore[arg-type]
