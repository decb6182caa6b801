"""The texts of the ticker: what the client asks, and what the server says.

Kite notes a subscription as ``quote``; a message of its own sets the mode, of new tokens too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

MODES = ("ltp", "quote", "full")
_A_MESSAGE = 500  # tokens named in one request


def changes(
    sent: Mapping[int, str], wanted: Mapping[int, str], *, again: Collection[int] = ()
) -> list[str]:
    """Return the requests that make of the modes by token in `sent` those in `wanted`.

    Those in `again` are asked for as if they were new.
    """
    gone = sorted(sent.keys() - wanted.keys())
    fresh = {token for token, mode in wanted.items() if sent.get(token) != mode}
    repeated = {token for token in again if token in wanted}
    new = sorted((fresh - sent.keys()) | repeated)
    texts = [_request("unsubscribe", part) for part in _parts(gone)]
    texts += [_request("subscribe", part) for part in _parts(new)]
    for mode in MODES:
        named = sorted(token for token in fresh | repeated if wanted[token] == mode)
        texts += [_request("mode", [mode, part]) for part in _parts(named)]
    return texts


def parsed(text: str) -> dict[str, Any]:
    """Return a JSON object; an empty one where the text is none."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _request(action: str, value: Any) -> str:  # noqa: ANN401 - tokens, or a mode and tokens
    return json.dumps({"a": action, "v": value}, separators=(",", ":"))


def _parts(tokens: list[int]) -> Iterable[list[int]]:
    return (tokens[at : at + _A_MESSAGE] for at in range(0, len(tokens), _A_MESSAGE))
