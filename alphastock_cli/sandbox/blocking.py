"""What an account's positions and waiting orders block together.

An order that closes blocks nothing, one that opens what it would cost. What an order would free
counts only once it has filled: money that may never come is not lent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alphastock_cli.domain.instrument import Side
from alphastock_cli.sandbox.buckets import DELIVERED, Bucket
from alphastock_cli.sandbox.costs import Blocks, Held, product_of
from alphastock_cli.sandbox.listing import Listed

_RISK = ("span", "exposure")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Units that an order still wants, at the worst price it is going to have."""

    item: Listed
    product: str
    side: Side
    units: int
    price: float

    def held(self, units: int) -> Held:
        """Return so many of its units as what they would be once filled."""
        signed = units if self.side is Side.BUY else -units
        return Held(self.item, product_of(self.product), signed, self.price)


def blocked(
    blocks: Blocks, buckets: Mapping[tuple[str, str], Bucket], waiting: Iterable[Waiting]
) -> dict[str, float]:
    """Return the pieces in rupees of everything that is open or may come to be."""
    positions = [
        Held(made.item, product_of(made.product), made.net, made.average)
        for made in buckets.values()
        if made.net > 0 or (made.net < 0 and made.product not in DELIVERED)
    ]
    closing, opening = _parts(buckets, waiting)
    pieces = blocks.of([*positions, *(one for one in opening if one.is_share)])
    standing: defaultdict[str, list[Held]] = defaultdict(list)
    for one in positions:
        if not one.is_share:
            standing[one.item.instrument.underlying].append(one)
    for one in (*closing, *opening):
        if not one.is_share:
            _add(blocks, standing[one.item.instrument.underlying], one, pieces)
    return pieces


def _add(blocks: Blocks, standing: list[Held], one: Held, pieces: dict[str, float]) -> None:
    """Add what an order on a contract blocks beside what stands already."""
    if one.quantity > 0 and one.item.instrument.option_type is not None:
        pieces["option_premium"] += one.price * one.quantity * one.item.instrument.multiplier
        return
    before = blocks.of(standing)
    standing.append(one)
    after = blocks.of(standing)
    for name in _RISK:
        pieces[name] += max(0.0, after[name] - before[name])


def _parts(
    buckets: Mapping[tuple[str, str], Bucket], waiting: Iterable[Waiting]
) -> tuple[list[Held], list[Held]]:
    """Return what the orders would close and what they would open.

    Of several the cheapest close first: whichever of them fill, no more than told is needed. To
    buy a position back needs nothing of its own: the margin it frees pays for it.
    """
    groups: defaultdict[tuple[str, str, Side], list[Waiting]] = defaultdict(list)
    for one in waiting:
        groups[one.item.key, one.product, one.side].append(one)
    closing: list[Held] = []
    opening: list[Held] = []
    for (key, product, side), orders in groups.items():
        if product in DELIVERED and side is Side.SELL:
            continue  # out of what is held
        bucket = buckets.get((key, product))
        net = 0 if bucket is None or product in DELIVERED else bucket.net
        room = max(0, -net if side is Side.BUY else net)
        for one in sorted(orders, key=lambda each: each.price):
            part = min(room, one.units)
            room -= part
            if part and side is Side.SELL:
                closing.append(one.held(part))
            if one.units > part:
                opening.append(one.held(one.units - part))
    return closing, opening
