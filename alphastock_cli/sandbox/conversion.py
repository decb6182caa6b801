"""The conversion of a position: one move, read and judged as a whole before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from alphastock_cli.domain.instrument import Side
from alphastock_cli.sandbox import figures
from alphastock_cli.sandbox.buckets import Moved
from alphastock_cli.sandbox.order_form import PRODUCTS, product_fits
from alphastock_cli.sandbox.replies import bad

if TYPE_CHECKING:
    from alphastock_cli.sandbox.exchange import Sandbox

_NAMES = ("exchange", "tradingsymbol", "transaction_type", "position_type", "quantity",
          "old_product", "new_product")  # fmt: skip


def convert(sandbox: Sandbox, form: Mapping[str, str]) -> bool:
    """Move units of a position into another product; account and desk learn of it together.

    Raises
    ------
    CallError
        No such position, not so many units, a product the segment has not, or too little money or
        too few holdings for it.
    """
    moved = _read(sandbox, form)
    if refused := sandbox.account.unconvertible(moved):
        raise refused
    sandbox.desk.convert(moved)
    sandbox.account.moved.append(moved)
    return True


def _read(sandbox: Sandbox, form: Mapping[str, str]) -> Moved:
    for name in _NAMES:
        if not form.get(name):
            raise bad(f"Missing or empty field `{name}`")
    old, new, side = form["old_product"], form["new_product"], form["transaction_type"]
    if side not in set(Side) or form["position_type"] not in {"day", "overnight"}:
        raise bad("Invalid `transaction_type` or `position_type`.")
    units = figures.units(form["quantity"], "quantity", least=1)
    key = f"{form['exchange']}:{form['tradingsymbol']}"
    bucket = sandbox.account.buckets().get((key, old))
    open_units = 0 if bucket is None else bucket.net * (1 if side == Side.BUY else -1)
    if bucket is None or units > open_units or form["position_type"] != "day":
        raise bad("Invalid quantity: no such open position to convert.")
    day = sandbox.clock.now().date()
    if new not in PRODUCTS or new == old or not product_fits(bucket.item, new, day):
        raise bad("Invalid `new_product`.")
    lot = bucket.item.instrument.lot_size
    if units % lot:
        raise bad(f"Invalid `quantity`. It is a multiple of the lot size {lot}.")
    return Moved(bucket.item, old, new, Side(side), units, bucket.average)
