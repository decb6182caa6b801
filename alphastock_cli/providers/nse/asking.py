"""Ask a host for a file politely: one request a second, few repetitions, an end at the first no.

Standard library only. What an answer must hold and where it is kept is `download.py`'s business;
how bytes travel is `transport.py`'s.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

from alphastock_cli import __version__
from alphastock_cli.domain.eod_archive import Outcome
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import ConfigError, ProviderError
from alphastock_cli.providers.nse.transport import Answer, NoAnswerError, Transport, Trouble
from alphastock_cli.safety import safe_text

MOST_BYTES = 64 << 20  # of one answer; the largest real one is under 10 MB
DEADLINE = 20.0  # seconds of one request, connection to last byte
_TRIES = 4  # of one file
_BUDGET = 60.0  # seconds for all of them
_LONGEST_WAIT = 8.0  # between two tries, before the lot is drawn
_REDIRECTS = 3
_TIMEOUTS = 3  # in a row from one host: it lets us hang
_TROUBLES = 3  # files in a row without a whole answer from one host: more would be no better
_OK = 200
_MOVED = frozenset({301, 302, 303, 307, 308})
_REFUSALS = frozenset({401, 403, 407, 451})
_GONE = frozenset({404, 410})
_TOO_MANY = 429
_SERVER = 500
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    f" alphastock/{__version__}",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-IN,en;q=0.9",
    "Accept-Encoding": "identity",
}
_ELSE = "or download the files with a browser and use --from-dir FOLDER."

Sink = Callable[[bytes], object]
Get = Callable[[Sink], Answer]
Keep = Callable[[Get], None]


class NotTheFileError(Exception):
    """What came is not the file, or nothing whole came; asking again now would not help."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


class _AgainError(Exception):
    """A failure that may pass; `after` seconds is what the server asked us to wait."""

    def __init__(
        self, why: str, *, trouble: Trouble | None = None, status: int = 0, after: float = 0.0
    ) -> None:
        super().__init__(why)
        self.trouble = trouble
        self.status = status
        self.after = after


class Asker:
    """Remembers how each host has behaved, and when it may be asked again.

    Parameters
    ----------
    hosts : iterable of str
        Addresses; nothing but their scheme, host and port may ever be asked.
    seconds_between : float
        Between the beginnings of two requests to one host.
    deadline : float
        Seconds of one request.
    most : int
        Bytes of one answer.
    jitter : callable
        A number from 0 to 1, drawn anew at each call: its share of a wait is waited.
    """

    def __init__(
        self,
        clock: Clock,
        transport: Transport,
        hosts: Iterable[str],
        *,
        seconds_between: float = 1.0,
        deadline: float = DEADLINE,
        most: int = MOST_BYTES,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.requests = 0
        self._clock = clock
        self._transport = transport
        self._hosts = frozenset(map(site, hosts))
        self._between = seconds_between
        self._deadline = deadline
        self._most = most
        self._jitter = jitter
        self._next: dict[str, float] = {}  # by host: when it may be asked again
        self._timeouts: Counter[str] = Counter()  # by host, in a row
        self._troubles: Counter[str] = Counter()

    def ask(self, url: str, *, referer: str, keep: Keep) -> None:
        """Try until the file is there, it is clear that it will not be, or patience ends.

        Parameters
        ----------
        keep : callable
            One try: is given a function that sends the request and fills a sink, verifies what
            came and keeps it, or raises `NotTheFileError`.

        Raises
        ------
        NotTheFileError
            It will not be there; the outcome is missing, wrong or failed.
        ProviderError
            The host refuses us, cannot be reached or verified, or gave no whole answer for
            three files in a row.
        """
        host = site(url)
        try:
            self._repeat(url, referer, keep)
        except NotTheFileError as error:
            if error.outcome is Outcome.FAILED:  # others are about the file, not about the host
                self._count_trouble(host, str(error))
            raise
        self._troubles[host] = 0

    def _repeat(self, url: str, referer: str, keep: Keep) -> None:
        host = site(url)
        end = self._clock.monotonic() + _BUDGET
        for attempt in range(1, _TRIES + 1):
            seconds = min(self._deadline, end - self._clock.monotonic())
            try:
                keep(lambda sink, most=seconds: self._get(url, referer, most, sink))  # type: ignore[misc]
            except _AgainError as error:
                last = error
                self._note_timeout(host, error)
            else:
                return
            drawn = self._jitter() * min(_LONGEST_WAIT, 2.0 ** (attempt - 1))
            wait = max(last.after, drawn)
            if attempt == _TRIES or max(wait, self._due(host)) >= end - self._clock.monotonic():
                break
            self._clock.sleep(wait)
        if last.trouble is Trouble.UNREACHABLE:
            _give_up(f"{_name(host)} {last}", "Check the connection, then run it again.")
        if last.status == _TOO_MANY:
            _blocked(host, f"answered {_TOO_MANY}, too many requests")
        times = "once" if attempt == 1 else f"{attempt} times"
        raise NotTheFileError(Outcome.FAILED, f"{last}; asked {times}")

    def _get(self, url: str, referer: str, seconds: float, sink: Sink) -> Answer:
        """Return the answer of status 200 to the request or to where its host sends us on."""
        for _ in range(_REDIRECTS + 1):
            answer = self._send(url, referer, seconds, sink)
            if answer.status not in _MOVED:
                _judge(answer, site(url))
                return answer
            onward = urljoin(url, answer.headers.get("location", ""))
            if site(onward) != site(url):
                shown = safe_text(_name(site(onward)), limit=100)
                why = f"sent on to another host, not followed: {shown}"
                raise NotTheFileError(Outcome.WRONG, why)
            url = onward
        raise NotTheFileError(Outcome.WRONG, f"sent on more than {_REDIRECTS} times")

    def _send(self, url: str, referer: str, seconds: float, sink: Sink) -> Answer:
        """Wait for our turn and send one request."""
        host = site(url)
        if host not in self._hosts:
            raise ConfigError(f"{safe_text(host)} is no host of the archives")
        self._clock.sleep(self._due(host))
        self._next[host] = self._clock.monotonic() + self._between
        self.requests += 1
        headers: Mapping[str, str] = {**_HEADERS, "Referer": referer} if referer else _HEADERS
        try:
            answer = self._transport.get(url, headers, seconds=seconds, most=self._most, sink=sink)
        except NoAnswerError as error:
            if error.trouble is Trouble.TOO_LARGE:
                raise NotTheFileError(Outcome.FAILED, str(error)) from error
            if error.trouble is Trouble.UNTRUSTED:
                _give_up(
                    f"{_name(host)}: {error}",
                    "Check the machine's clock and its list of authorities: a proxy may stand"
                    " between. Verification cannot be switched off.",
                )
            raise _AgainError(str(error), trouble=error.trouble) from error
        self._timeouts[host] = 0
        return answer

    def _due(self, host: str) -> float:
        """Return in how many seconds a host may be asked again."""
        return max(0.0, self._next.get(host, 0.0) - self._clock.monotonic())

    def _note_timeout(self, host: str, error: _AgainError) -> None:
        """Count time-outs in a row: they are how some hosts refuse."""
        if error.trouble is not Trouble.TIMEOUT:
            self._timeouts[host] = 0
            return
        self._timeouts[host] += 1
        if self._timeouts[host] >= _TIMEOUTS:
            _blocked(host, f"let {_TIMEOUTS} requests in a row hang")

    def _count_trouble(self, host: str, why: str) -> None:
        self._troubles[host] += 1
        if self._troubles[host] >= _TROUBLES:
            _give_up(
                f"{_name(host)} gave no whole answer for {_TROUBLES} files in a row,"
                f" the last: {why}",
                f"Try again later, {_ELSE}",
            )


def site(url: str) -> str:
    """Return scheme, host and port of an address: what may be asked is compared by it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _name(host: str) -> str:
    return urlsplit(host).netloc or host


def _judge(answer: Answer, host: str) -> None:
    """Raise what a status means; 200 passes."""
    status = answer.status
    if status in _REFUSALS:
        _blocked(host, f"answered {status}")
    if status in _GONE:
        raise NotTheFileError(Outcome.MISSING, f"not there: status {status}")
    if status == _TOO_MANY or status >= _SERVER:
        asked = answer.headers.get("retry-after", "").strip()
        after = float(asked[:9]) if asked.isdecimal() and asked.isascii() else 0.0
        raise _AgainError(f"status {status}", status=status, after=after)
    if status != _OK:
        raise NotTheFileError(Outcome.WRONG, f"not a file: status {status}")


def _blocked(host: str, what: str) -> NoReturn:
    _give_up(
        f"blocked: {_name(host)} {what}; no further request was sent",
        "Leave it alone for an hour, then run the same command: it goes on where it stopped."
        f" Foreign and cloud addresses are often refused: try another connection, {_ELSE}",
    )


def _give_up(what: str, hint: str) -> NoReturn:
    raise ProviderError(what, safe="Nothing that was not verified was kept.", hint=hint)
