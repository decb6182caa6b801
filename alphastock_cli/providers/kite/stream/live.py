"""Kite for a view that looks again and again: its ticks where they come, its calls elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import AuthError, UnknownName, UsageError
from alphastock_cli.providers.kite.provider import Kite
from alphastock_cli.providers.kite.stream.opening import open_stream
from alphastock_cli.providers.kite.stream.stream import Stream


class LiveKite(Kite):
    """Market data of Kite; what was asked for once is followed by the ticker from then on.

    A quote comes from a call as long as its first tick is awaited, while the ticker is not
    connected, or where the ticker refuses the login: the call then says whether it holds. There is
    no ticker where `kite.root` names another host and `kite.ws_root` does not.
    """

    _stream: Stream | None = None
    _tokens: dict[str, int | None]

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the newest quotes of the listed keys among `keys`.

        Raises
        ------
        NotOffered
            Of an earlier moment.
        AuthError
            Nobody is logged in.
        """
        ticks = self._ticks(keys)
        missing = [key for key in keys if key not in ticks]
        return ticks | (super().quotes(missing) if missing else {})

    def close(self) -> None:
        """End the ticker and the connection of the calls."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self.connection.close()

    def _ticks(self, keys: Sequence[str]) -> dict[str, Quote]:
        self._refuse_past("quotes")
        asked = self.connection.settings
        if asked.root and not asked.ws_root:  # a login of that host is nothing to show to Kite's
            return {}
        if self._stream is None:
            self._tokens = {}
            self._stream = open_stream(self.connection).start()
        for key in keys:
            if key not in self._tokens:
                self._tokens[key] = self._token(key)
        wanted = {key: token for key in keys if (token := self._tokens[key]) is not None}
        try:
            self._stream.follow(dict.fromkeys(wanted.values(), "full"))
            found = self._stream.quotes(wanted)
        except (AuthError, UsageError):  # refused, or more than it carries: a call can tell more
            return {}
        return found if self._stream.health().is_current else {}

    def _token(self, key: str) -> int | None:
        """Return the number of a key in today's list; None where it is not listed."""
        code, _, symbol = key.partition(":")
        if code not in Exchange.__members__ or not symbol:
            return None
        try:
            return int(self.dump.find(Exchange(code), symbol)["instrument_token"])
        except UnknownName:
            return None
