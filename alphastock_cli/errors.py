"""The error tree and the exit codes; what may be retried is a type, not a string.

    AlphaStockError                    1   unexpected: a defect
    ├─ ConfigError                     2   bad TOML, unknown key or parameter
    ├─ UsageError                      2   the command's words are off
    ├─ UnknownName                     2   runner, provider, symbol, column; nearest names listed
    ├─ OutOfRange                      2   our facts do not reach that date; says how far they do
    ├─ NothingFound                    3   an empty result, only where --fail-empty asked for it
    ├─ AuthError                       4   no or expired access token
    ├─ ProviderError                   5
    │  ├─ TransientError               5   time-out, too many requests: the only kind retried
    │  ├─ BadReply                     5   an answer or file that breaks its schema
    │  └─ NotOffered                   5   this provider lacks the capability
    ├─ Refused                         6   risk engine, exchange rule or broker
    ├─ MarketClosed                    7   only where a command was asked to require an open market
    ├─ DamagedData                     8   local data damaged, stale, or failing its checks
    ├─ StorageError                    9   disk full, permission
    ├─ Locked                         11   another run holds the lock
    └─ PartlyDone                     75   run again to resume

No printing here: `cli/app.py` is the only place that shows an error to a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

EXIT_OK = 0
EXIT_INTERRUPTED = 130


class AlphaStockError(Exception):
    """Something a person should read: what happened, what is safe, what to do.

    Parameters
    ----------
    what : str
        One sentence: what happened, with the name or number it happened to.
    safe : str, optional
        One sentence: what is known to be unharmed.
    hint : str, optional
        One sentence: what to do next, a command where there is one.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, safe: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.safe = safe
        self.hint = hint


class ConfigError(AlphaStockError):
    """A configuration that cannot be used: syntax, unknown key, wrong type."""

    exit_code = 2


class UsageError(AlphaStockError):
    """The words of a command contradict each other or cannot be read."""

    exit_code = 2


class UnknownName(AlphaStockError):
    """A name nobody knows; the nearest known ones are listed."""

    exit_code = 2

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> UnknownName:
        """Build the error for `name`, naming up to three close matches among `known`."""
        near = nearest(name, known)
        guess = f"Did you mean {' or '.join(near)}?" if near else hint
        return cls(f"unknown {kind} {name!r}", hint=guess)


class OutOfRange(AlphaStockError):
    """A date our dated tables do not reach."""

    exit_code = 2


class NothingFound(AlphaStockError):
    """An empty result where the caller asked for that to be an error."""

    exit_code = 3


class AuthError(AlphaStockError):
    """No access token, or one the broker no longer accepts."""

    exit_code = 4


class ProviderError(AlphaStockError):
    """A source of data could not answer."""

    exit_code = 5


class TransientError(ProviderError):
    """A failure that may pass: time-out, too many requests, server failure."""

    retryable = True


class BadReply(ProviderError):
    """An answer or a file that breaks its schema: file, row, column and value are named."""


class NotOffered(ProviderError):
    """The provider lacks this capability; the message says which one has it."""


class Refused(AlphaStockError):
    """A rule said no: risk engine, exchange or broker, every reason with its numbers."""

    exit_code = 6


class MarketClosed(AlphaStockError):
    """The market is closed and an open one was required."""

    exit_code = 7


class DamagedData(AlphaStockError):
    """Local data are damaged, stale, or fail their checks."""

    exit_code = 8


class StorageError(AlphaStockError):
    """The local disk said no: full, read-only, or a permission is missing."""

    exit_code = 9


class Locked(AlphaStockError):
    """Another run holds the lock; who and since when is in the message."""

    exit_code = 11
    retryable = True


class PartlyDone(AlphaStockError):
    """Part of the work is done and stored; the same command resumes it."""

    exit_code = 75
    retryable = True


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return up to `most` of `known` that look like `name`, best first, compared without case."""
    by_fold = {item.casefold(): item for item in known}
    return [by_fold[key] for key in get_close_matches(name.casefold(), by_fold, n=most, cutoff=0.6)]
