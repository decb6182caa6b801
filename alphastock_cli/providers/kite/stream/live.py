"""Kite for a view that looks again and again: its ticks where they come, its calls elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, AuthError, UnknownName, UsageError
from alphastock_cli.providers.kite.kept_session import kept_session
from alphastock_cli.providers.kite.provider import Kite
from alphastock_cli.providers.kite.stream.aside import Aside
from alphastock_cli.providers.kite.stream.dialling import LoginRefused
from alphastock_cli.providers.kite.stream.opening import open_stream
from alphastock_cli.providers.kite.stream.stream import Stream
from alphastock_cli.providers.kite.stream.words import disbelieved
from alphastock_cli.store.lake import Lake

if TYPE_CHECKING:
    from alphastock_cli.config.settings import Settings

_BEGIN = 5.0  # seconds in which a first connection need not stand yet
_LATELY = 10.0  # seconds for which packets that were not believed are told
_PATIENCE, _FIRST_PATIENCE = 1.5, 15.0  # seconds a look waits for a call; the first has to list
_TRIES, _FIRST_TRIES = 1, 3  # the next look is the retry


class LiveKite(Kite):
    """Market data of Kite; what was asked for once is followed by the ticker from then on.

    A quote comes from a call as long as its first tick is awaited, while the ticker is not
    connected, silent, or refuses the login: the call then says whether it holds. A new login is
    taken up. There is no ticker where `kite.root` names another host and `kite.ws_root` does not.
    """

    def __init__(  # noqa: PLR0917 - given by name, see bootstrap
        self,
        clock: Clock,
        settings: Settings,
        lake: Lake,
        as_of: datetime | None = None,
        notify: Callable[[str], None] = lambda _: None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(clock, settings, lake, as_of, notify, progress)
        self._stream: Stream | None = None
        self._begun = 0.0
        self._refused = ""  # the token that the ticker did not take
        self._tokens: dict[str, int | None] = {}
        self._calls: Aside[dict[str, Quote]] = Aside(self._clock, what="a call for quotes")
        self._answered = self._failed = False  # a call ever, and the last one
        self._words: list[str] = []
        self._counted: list[tuple[float, Counter[str]]] = []

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the newest quotes of the listed keys among `keys`.

        Calls run aside and are tried once: a look waits 1.5 seconds for one, the first look longer.
        Where one fails and there are ticks these are returned; `remarks` says so.

        Raises
        ------
        NotOffered
            Of an earlier moment.
        AuthError
            Nobody is logged in.
        TransientError
            There are no ticks, and a call failed or is still under way.
        """
        self._refuse_past("quotes")
        self._words, self._failed = [], False
        ticks = self._ticks(keys)
        missing = [key for key in keys if key not in ticks]
        if not missing:
            return ticks
        try:
            called = self._calls.ask(
                lambda: self._called(keys, missing),
                seconds=_PATIENCE if self._answered else _FIRST_PATIENCE,
            )
        except AlphaStockError as error:
            self._failed = True
            if not ticks:
                raise
            self._words.append(f"{self.name}: {error.what}")
            return ticks
        self._answered = True
        self._follow(keys)
        for key in keys:  # the answer may be to an earlier look, and the ticks newer
            quote = called.get(key)
            if quote is not None and (key not in ticks or ticks[key].time < quote.time):
                ticks[key] = quote
        return ticks

    def session_kept(self) -> pl.DataFrame | None:
        """Return the last session of the shares whose days are kept; nobody is asked for it."""
        file = self.connection.folder / "days" / f"{Exchange.NSE}.parquet"
        return kept_session(file, self.as_of(), self.grace)

    def remarks(self) -> list[str]:
        """Return what is wrong with the ticker or the calls now, and what was before."""
        return [*super().remarks(), *self._words, *self._told()]

    def close(self) -> None:
        """End the ticker and the connection of the calls."""
        self._end()
        self.connection.close()

    # -- calls, in a thread of their own --------------------------------------------------------

    def _called(self, keys: Sequence[str], missing: Sequence[str]) -> dict[str, Quote]:
        """Ask for what is missing, and look up what the ticker calls all of them."""
        for key in keys:
            if key not in self._tokens:
                self._tokens[key] = self._token(key)
        self.tries = _TRIES if self._answered else _FIRST_TRIES
        return super().quotes(missing)

    def _token(self, key: str) -> int | None:
        """Return the number of a key in today's list; None where it is not listed."""
        code, _, symbol = key.partition(":")
        if code not in Exchange.__members__ or not symbol:
            return None
        try:
            return int(self.dump.find(Exchange(code), symbol)["instrument_token"])
        except UnknownName:
            return None

    # -- the ticker -----------------------------------------------------------------------------

    def _ticks(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the quotes of keys that tick now."""
        self._open()
        wanted = self._follow(keys)
        if self._stream is None:
            return {}
        try:
            return self._stream.current(wanted)
        except AuthError as error:  # a call can tell more
            if isinstance(error, LoginRefused):
                self._refused = error.login.access_token
            self._end()
            return {}

    def _follow(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Let the ticker follow what it can name, and return that."""
        wanted = {key: t for key in keys if (t := self._tokens.get(key)) is not None}
        if self._stream is not None and wanted:
            try:
                self._stream.follow(dict.fromkeys(wanted.values(), "full"))
            except UsageError as error:  # more than it carries: calls have no such bound
                self._words.append(f"{self.name}: {error.what}; the rest comes from calls")
        return wanted

    def _open(self) -> None:
        """Open the ticker with a login that it did not refuse, where there is one."""
        asked = self.connection.settings
        if asked.root and not asked.ws_root:  # a login of that host is nothing to show to Kite's
            return
        if self._stream is not None:
            return
        try:
            key = self.connection.credentials.api_key
            if self.connection.sessions.alive(key).access_token == self._refused:
                return
            self._stream = open_stream(self.connection, who="watch").start()
        except AuthError:  # the call that is made instead says so
            return
        self._begun, self._refused = self._clock.monotonic(), ""

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    # -- what is wrong --------------------------------------------------------------------------

    def _told(self) -> list[str]:
        instead = "" if self._failed else "; prices come from calls"
        if self._stream is None:
            if not self._refused:
                return []
            return [f"{self.name}: the ticker refused the login{instead}. Run `alphastock login`."]
        now, health = self._clock.monotonic(), self._stream.health()
        self._counted = [each for each in self._counted if now - each[0] < _LATELY]
        counts = Counter(health.counts)
        before = self._counted[0][1] if self._counted else counts
        self._counted.append((now, counts))
        words = disbelieved(counts - before)
        told = [f"{self.name}: {words} in the last {_LATELY:.0f} s"] if words else []
        stood = any(each.connections for each in health.connections)
        if stood or now - self._begun > _BEGIN:
            wrong = dict.fromkeys(self._stream.troubles().values())
            told += [f"{self.name}: the ticker is {words}{instead}" for words in wrong]
        return told
