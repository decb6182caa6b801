"""Which connection carries which instrument: three connections of 3,000 each.

Connections are shared by all programs of an api key, so there are no more than needed; and what
is subscribed stays where it is, since moving it would lose ticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from alphastock_cli.errors import UsageError

CONNECTIONS, EACH = 3, 3000  # kite.trade/docs/connect/v3/websocket, read 2026-11-20


def plan(
    wanted: Collection[int],
    held: Mapping[int, int] | None = None,
    *,
    connections: int = CONNECTIONS,
    each: int = EACH,
) -> dict[int, int]:
    """Return the connection, from 0, of each wanted token.

    A token that is held and still wanted stays. Others go, in ascending order, to the connection
    with the fewest among those in use; one more is used only where those are full. The order of
    `wanted` does not matter.

    Raises
    ------
    UsageError
        There are more than all connections carry.
    """
    tokens = sorted(set(wanted))
    if len(tokens) > connections * each:
        raise UsageError(
            f"{len(tokens):,} instruments are more than Kite's ticker carries:"
            f" {connections} connections of {each:,} each, {connections * each:,} in all",
            safe="Nothing was subscribed.",
            hint="Follow fewer, or ask for quotes in turns.",
        )
    found = {token: held[token] for token in tokens if token in held} if held else {}
    loads = Counter(found.values())
    needed = -(-len(tokens) // each)
    used = set(loads)
    for number in range(connections):
        if len(used) < needed:
            used.add(number)
    for token in tokens:
        if token not in found:
            number = min(used, key=lambda n: (loads[n], n))
            found[token] = number
            loads[number] += 1
    return found
