"""What was announced about listed contracts between two days, by the dated tables.

A list of contracts is right on its own day. What the exchange announced afterwards, a new lot, an
expiry moved by a holiday, is newer than it; these functions say what that is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import contracts
from alphastock_cli.exchange.expiries import expiry_rules, has_rules, listed_expiries


def expiries_by_rule(name: str, day: date) -> frozenset[date]:
    """Return the expiries the rules list on a day; none where they do not reach it."""
    if not has_rules(name):
        return frozenset()
    try:
        return frozenset(item.day for item in listed_expiries(name, day))
    except OutOfRange:
        return frozenset()


def moved(name: str, expiries: Iterable[date], then: date, now: date) -> set[date]:
    """Return those of the expiries listed on `then` that are no longer any on `now`.

    A rule or a holiday announced in between has moved or ended them.

    Parameters
    ----------
    name : str
        A symbol of the tables, or `contracts.STOCKS`.
    """
    listed = expiries_by_rule(name, now)
    if then >= now or not listed:
        return set()
    before = expiries_by_rule(name, then)
    fresh = [rule for rule in expiry_rules(name, now) if rule.known > then]
    return {
        day
        for day in expiries
        if day not in listed
        and (day in before or any(rule.first <= day <= rule.last for rule in fresh))
    }


def new_lot(symbol: str, expiry: date, then: date, now: date) -> int | None:
    """Return the lot of an expiry announced after `then` and valid on `now`, or None."""
    ours = contracts.lot_size(symbol, expiry, now)
    changed = then < now and ours != contracts.lot_size(symbol, expiry, then)
    return ours if changed else None
