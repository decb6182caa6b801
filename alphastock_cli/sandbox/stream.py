"""One WebSocket connection of the ticker: what it asked for, and the messages it is due.

No socket here: text comes in, messages go out as values; `web.py` carries them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.sandbox import packets
from alphastock_cli.sandbox.listing import Listed

_PER_FRAME = 300  # packets in one message, below the count's and a message's sensible size


@dataclass
class Subscriber:
    """One connection: its tokens with their modes, and the texts that wait for it."""

    lookup: Callable[[int], Listed | None]
    most: int  # instruments
    modes: dict[int, str] = field(default_factory=dict)
    outbox: deque[str] = field(default_factory=deque)
    fresh: set[int] = field(default_factory=set)  # due a snapshot, whatever the market does

    def hear(self, text: str) -> None:
        """Take in one message of the client; what cannot be obeyed is answered with an error."""
        try:
            message = json.loads(text)
            action, value = message["a"], message["v"]
        except (ValueError, TypeError, KeyError, RecursionError):
            self.complain('Invalid message: expected {"a": ..., "v": ...}')
            return
        if action == "subscribe" and _tokens(value):
            self._subscribe(value, "quote", keep=True)
        elif action == "unsubscribe" and _tokens(value):
            for token in value:
                self.modes.pop(token, None)
                self.fresh.discard(token)
        elif action == "mode" and _mode(value):
            self._subscribe(value[1], value[0], keep=False)
        else:
            self.complain(f"Invalid message: {str(message)[:100]}")

    def complain(self, what: str) -> None:
        """Put an error message into the outbox."""
        self.outbox.append(json.dumps({"type": "error", "data": what}))

    def order(self, row: Mapping[str, Any]) -> None:
        """Put an order update into the outbox."""
        self.outbox.append(json.dumps({"type": "order", "data": dict(row)}))

    def frames(self, quotes: Mapping[str, Quote], moved: Container[str] = ()) -> list[bytes]:
        """Return the binary messages of these quotes.

        Parameters
        ----------
        quotes : mapping
            By key.
        moved : container of str
            The keys whose quote is a new one; of others only new subscriptions get a snapshot.
        """
        bodies = []
        for token, mode in self.modes.items():
            item = self.lookup(token)
            if item is None or not (item.key in moved or token in self.fresh):
                continue
            quote = quotes.get(item.key)
            if quote is not None and quote.last_price is not None:
                bodies.append(packets.packet(item, quote, mode))
                self.fresh.discard(token)
        step = range(0, len(bodies), _PER_FRAME)
        return [packets.frame(bodies[at : at + _PER_FRAME]) for at in step]

    def wanted(self) -> list[str]:
        """Return the keys it wants quotes of."""
        found = (self.lookup(token) for token in self.modes)
        return [item.key for item in found if item is not None]

    def _subscribe(self, tokens: list[int], mode: str, *, keep: bool) -> None:
        for token in tokens:
            if token not in self.modes and len(self.modes) >= self.most:
                self.complain(f"Maximum instruments per connection is {self.most}")
                return
            if keep and token in self.modes:
                continue
            self.modes[token] = mode
            self.fresh.add(token)


def _tokens(value: Any) -> bool:  # noqa: ANN401 - anything the client sent
    return isinstance(value, list) and all(type(token) is int and token >= 0 for token in value)


def _mode(value: Any) -> bool:  # noqa: ANN401 - anything the client sent
    pair = isinstance(value, list) and len(value) == 2  # noqa: PLR2004 - mode and tokens
    return pair and value[0] in packets.MODES and _tokens(value[1])
