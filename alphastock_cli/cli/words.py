"""Words of the command line that several commands read the same way."""

from __future__ import annotations

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UnknownName


def exchange_named(text: str, *allowed: str) -> Exchange:
    """Return the exchange meant by `text`; upper or lower case, one of `allowed`."""
    name = text.strip().upper()
    if name not in allowed:
        raise UnknownName.of("exchange", text, allowed, hint=f"One of: {', '.join(allowed)}.")
    return Exchange(name)
