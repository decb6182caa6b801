"""Words of the command line that several commands read the same way."""

from __future__ import annotations

from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import UnknownName


def exchange_named(text: str, *allowed: str) -> Exchange:
    """Return the exchange meant by `text`; upper or lower case, one of `allowed`."""
    name = text.strip().upper()
    if name not in allowed:
        raise UnknownName.of("exchange", text, allowed, hint=f"One of: {', '.join(allowed)}.")
    return Exchange(name)


def interval_named(text: str) -> Interval:
    """Return the length of a candle meant by `text`: ``day``, ``15minute`` and so on."""
    words = {each.value: each for each in Interval}
    if text.strip().lower() not in words:
        raise UnknownName.of("interval", text, words, hint=f"Known: {', '.join(words)}.")
    return words[text.strip().lower()]
