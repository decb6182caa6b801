"""Which connection carries which instrument: a few connections of some thousand each.

Connections are shared by all programs of an api key, so there are no more than needed; and what
is subscribed stays where it is, since moving it would lose ticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from alphastock_cli.errors import UsageError
from alphastock_cli.providers.kite.facts import whole


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections an api key has, and how many instruments each of them carries."""

    connections: int
    each: int


def room(on: date) -> Room:
    """Return what Kite allows on a day."""
    return Room(whole("ticker.connections", on), whole("ticker.instruments", on))


def plan(
    wanted: Collection[int],
    held: Mapping[int, int] | None = None,
    *,
    within: Room,
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
    connections, each = within.connections, within.each
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
