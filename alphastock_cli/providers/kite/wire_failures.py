"""What the network did, in words for a person: the libraries' own texts name address and token.

What Kite itself answered is the business of `wire.py`.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import zlib

from alphastock_cli.deadlines import Watch
from alphastock_cli.errors import AlphaStockError, ProviderError, TransientError

_MOST = 20  # no chain of causes is as long
_FAR = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_DAMAGED = "the answer is damaged"
# the first that fits one of the causes, subclasses before what they are subclasses of
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "nobody knows the host's name"),
    (ConnectionRefusedError, "the connection was refused"),
    (http.client.RemoteDisconnected, "the connection was closed without an answer"),
    (http.client.IncompleteRead, "the answer broke off"),
    (zlib.error, "the packed answer is damaged"),
    (EOFError, "the packed answer broke off"),
    (http.client.BadStatusLine, "what answered does not speak HTTP"),
    (http.client.HTTPException, _DAMAGED),
    (ssl.SSLError, "no encrypted connection came about"),
    (ConnectionError, "the connection broke off"),
)
_NAMES = {  # of urllib3, which is not imported for this
    "ProxyError": "the proxy does not answer",
    "NameResolutionError": "nobody knows the host's name",
    "IncompleteRead": "the answer broke off",
}


def told(error: Exception, watch: Watch, what: str) -> AlphaStockError:
    """Return our error for what the network did to the call `what`."""
    causes = _causes(error)
    verification = [e for e in causes if isinstance(e, ssl.SSLCertVerificationError)]
    if verification:
        return ProviderError(
            f"the certificate of Kite's host cannot be verified: {verification[0].verify_message}",
            safe="The login was not sent.",
            hint="Is a proxy in the way, or the machine's clock wrong? Verification stays on.",
        )
    if watch.rang or any(isinstance(e, TimeoutError) for e in causes):
        why = f"no whole answer within {watch.seconds:g} s"
    else:
        why = _why(causes)
    return TransientError(f"Kite could not be asked ({what}): {why}", safe="Nothing was changed.",
                          hint="Check the network, and try again.")  # fmt: skip


def _why(causes: list[BaseException]) -> str:
    for each in causes:
        if type(each).__name__ in _NAMES:
            return _NAMES[type(each).__name__]
    for kind, words in _WORDS:
        if any(isinstance(each, kind) for each in causes):
            return words
    if any(isinstance(each, OSError) and each.errno in _FAR for each in causes):
        return "the network cannot be reached"
    if any(isinstance(each, ValueError | ArithmeticError) for each in causes):
        return _DAMAGED
    return f"the connection failed ({type(causes[-1]).__name__})"


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and those inside it, the innermost last.

    Not by `__context__`: a call may be made while another error is dealt with, which is no cause.
    """
    found: list[BaseException] = []
    todo = [error]
    while todo and len(found) < _MOST:
        held = todo.pop(0)
        if held in found:
            continue
        found.append(held)
        inner = [*held.args, getattr(held, "reason", None), held.__cause__]
        todo += [each for each in inner if isinstance(each, BaseException)]
    return found
