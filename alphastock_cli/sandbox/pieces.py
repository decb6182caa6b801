"""Orders that go out in pieces: the legs of an iceberg one after another, slices all at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alphastock_cli.exchange.limits import limits
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError, bad
from alphastock_cli.sandbox.safely import tell
from alphastock_cli.sandbox.tickets import Ticket

if TYPE_CHECKING:
    from alphastock_cli.sandbox.exchange import Sandbox


def leg_units(made: Form) -> int:
    """Return the units of a full leg of an iceberg: whole lots."""
    units, lot = -(-made.quantity // made.iceberg_legs), made.item.instrument.lot_size
    return -(-units // lot) * lot


def iceberg(sandbox: Sandbox, made: Form, leg: int, left: int) -> Ticket:
    """Place a leg of an iceberg of which so many units are left."""
    units = min(left, leg_units(made))
    meta = {
        "iceberg": {
            "leg": leg, "legs": made.iceberg_legs, "leg_quantity": units,
            "total_quantity": made.quantity, "remaining_quantity": left - units,
        }
    }  # fmt: skip
    ticket = sandbox.desk.open(replace(made, quantity=units), meta=meta)
    sandbox.icebergs[ticket.order_id] = (made, leg + 1, left - units)
    return ticket


def slices(sandbox: Sandbox, made: Form, most: int) -> dict[str, Any]:
    """Place an order in pieces of at most so many units.

    Raises
    ------
    CallError
        It would be more pieces than the broker makes.
    """
    count = -(-made.quantity // most)
    allowed = limits("max_slices", made.item.instrument, sandbox.today())
    if allowed and count > int(allowed[0]):
        raise bad(f"Quantity needs {count} slices, at most {allowed[0]} are taken.")
    parent = sandbox.desk.next_id()
    tags = ("autoslice", f"autoslice:{parent}")
    children = [
        _slice(sandbox, replace(made, quantity=min(most, made.quantity - done)), tags)
        for done in range(0, made.quantity, most)
    ]
    return {"order_id": parent, "children": children}


def _slice(sandbox: Sandbox, piece: Form, tags: tuple[str, ...]) -> dict[str, Any]:
    """Place one piece; what keeps it from being placed does not keep the others."""
    refused: CallError | None
    try:
        refused = sandbox.desk.judge(piece)
        if refused is None:
            return {"order_id": sandbox.desk.open(piece, tags=tags).order_id}
    except Exception as error:  # noqa: BLE001 - told, and an answer as any other refusal
        tell("a slice of an order", error)
        refused = CallError(500, "GeneralException", "The sandbox failed.")
    kind = {"code": refused.status, "error_type": refused.kind}
    return {"error": kind | {"message": refused.message, "data": None}}
