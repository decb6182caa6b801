"""What the counts of a stream mean to a person: which packets were not believed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_WORDS = MappingProxyType(
    {
        "outside_day": "outside the day's range",
        "jump": "ten times off",
        "zero_price": "a price of 0",
        "negative_price": "a negative price",
        "huge_price": "a huge price",
        "bad_price": "an impossible book",
        "volume_down": "a volume that fell",
        "future": "a time ahead of now",
        "older": "an earlier time",
        "truncated": "cut off",
        "trailing": "too long",
        "zero_length": "empty",
        "unknown_length": "of no known length",
        "unknown_segment": "of no known segment",
        "oversize": "too large",
        "bad_text": "no JSON",
    }
)


def disbelieved(counts: Mapping[str, int]) -> str:
    """Return how many ticks were not used and why, the commonest first; "" where none was.

    >>> disbelieved({"outside_day": 2, "zero_price": 10, "merged": 7})
    "12 ticks not used (10 a price of 0, 2 outside the day's range)"
    >>> disbelieved({"older": 1})
    '1 tick not used (an earlier time)'
    """
    found = {name: counts[name] for name in _WORDS if counts.get(name, 0) > 0}
    if not found:
        return ""
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    alone = len(ordered) == 1
    parts = ", ".join(_WORDS[n] if alone else f"{number:,} {_WORDS[n]}" for n, number in ordered)
    total = sum(found.values())
    return f"{total:,} tick{'s' * (total != 1)} not used ({parts})"
